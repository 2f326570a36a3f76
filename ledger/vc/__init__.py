"""Credential documents: Open Badges 3.0 on the W3C data model, their proofs, keys, status lists and images."""
