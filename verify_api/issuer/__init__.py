"""The issuer's authenticated API."""
