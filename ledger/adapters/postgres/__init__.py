"""A ledger in a PostgreSQL database, used by any number of processes at once."""
