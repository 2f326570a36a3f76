"""The exact bytes that are stored, hashed, signed and published: entries, chains, commitments and private parts."""
