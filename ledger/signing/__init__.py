"""Keys and signatures: Ed25519 with its point checks, Multikey spelling, and the port of a private key."""
