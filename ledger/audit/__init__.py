"""Replay of the whole history by someone who trusts nobody."""
