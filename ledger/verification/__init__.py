"""Pure checks over evidence that somebody else fetched: numbered findings, and the one verdict they add up to."""
