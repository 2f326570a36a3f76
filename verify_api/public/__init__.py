"""QR links, pages and JSON for anyone who scans: read-only, without a signing key."""
