"""A witness: it cosigns what continues the logs it knows, and nothing else. Knows nothing about credentials."""
