"""The base class of every error that Testamur raises on purpose.

Each error lives beside the code that raises it; this module holds only the root, so that an edge can turn
"refused, and here is why" into an answer and let everything else fail loudly.
"""


class LedgerError(Exception):
    """Something was refused. The message is a sentence for the person who asked: what, where, what to do."""
