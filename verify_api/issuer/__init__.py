"""The issuer's API under /api/v1: authenticated, and the only way in that changes anything."""
