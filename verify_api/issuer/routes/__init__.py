"""The routes of the issuer's API, one file for each kind of record."""
