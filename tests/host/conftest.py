"""Places for ledgers; what the tests of this folder do to the machine needs root, and strace."""

from tests.crash.conftest import seed, stand

__all__ = ["seed", "stand"]
