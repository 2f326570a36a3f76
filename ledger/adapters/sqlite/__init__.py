"""A ledger in files of one folder: SQLite databases, written by one process."""
