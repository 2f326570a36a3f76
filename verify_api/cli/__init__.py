"""The testamur command, one module per group."""
