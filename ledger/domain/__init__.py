"""The rules of awarding, withdrawing and recognising. Standard library only: no clock, store, key or randomness."""
