"""A Merkle log over opaque entries, after RFC 6962 and C2SP. Knows nothing about credentials."""
