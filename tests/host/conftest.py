"""What the tests of this folder do to the machine needs root, and strace."""

from tests.crash.conftest import seed

__all__ = ["seed"]
