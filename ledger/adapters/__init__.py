"""Implementations of the ports: event store, key store, vault, checkpoint, clock."""
