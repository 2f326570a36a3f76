"""What may be spent on the documents that somebody brings at once, whatever they are.

Each document has limits of its own. Many that stay just below them would still take many times as long, so all forms
of all documents of one request draw on one budget, and whoever judges the request hands it on.
"""

from typing import Final

from ledger.vc.reading import DocumentError

DOCUMENT: Final = 50_000  # of reading one document of JSON-LD, as `ledger.vc.rdf` counts it
COST: Final = 75_000  # of reading all that comes at once: the largest document, and half of one
_OWN: Final = 4  # times what is spent on a document of somebody else
WORK: Final = 100_000  # of telling blank nodes apart, as `ledger.vc.rdf_canon` counts it: that of one document


class OverBudget(DocumentError):
    """Reading the documents takes more work than is done for one request."""

    def __init__(self) -> None:
        super().__init__("reading what was sent takes more work than is done for one request")


class Budget:
    """What is left to spend. Mutable, and of one request: not for two threads at a time."""

    __slots__ = ("cost", "document", "work")

    def __init__(self, *, cost: int = COST, work: int = WORK, document: int = DOCUMENT) -> None:
        """Have spent nothing.

        Args:
            document: what reading one document may cost.
        """
        self.cost = cost
        self.document = document
        self.work = work

    @classmethod
    def for_own(cls) -> "Budget":
        """For one document that was made here: a learner record with as many rich badges as a pathway may ask for."""
        return cls(cost=_OWN * DOCUMENT, work=_OWN * WORK, document=_OWN * DOCUMENT)

    def read(self, cost: int) -> None:
        """Spend on reading.

        Raises:
            OverBudget: there is not so much left; from then on there is nothing.
        """
        self.cost -= cost
        if self.cost < 0:
            raise OverBudget

    def tell_apart(self, work: int) -> None:
        """Spend on telling blank nodes apart.

        Raises:
            OverBudget: there is not so much left; from then on there is nothing.
        """
        self.work -= work
        if self.work < 0:
            raise OverBudget
