"""Read models: folds over the ledger's events and the tables they maintain."""
