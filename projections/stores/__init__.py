"""Tables that the projections maintain, each with its position in the same transaction."""
