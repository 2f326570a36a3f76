"""Shipped fakes and strategies for tests; production code may not import them."""
