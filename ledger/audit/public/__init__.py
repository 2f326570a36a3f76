"""The audit of a log that somebody else publishes: from its files alone, with a memory of what was seen before."""
