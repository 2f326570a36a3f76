"""What can be done with the ledger: one use case per command, over ports that adapters fill."""
