"""How a command ends when it does not end well: one sentence, and an exit code."""

from collections.abc import Mapping

from ledger.canonical import Json
from ledger.errors import LedgerError

REFUSED, USAGE, UNDECIDED = 1, 2, 3


class CommandError(LedgerError):
    """The command did not do what it was asked; the message says what, where and what to do."""

    exit_code = REFUSED


class WrongUsage(CommandError):
    """The command was called in a way that cannot work, or names something that cannot be read."""

    exit_code = USAGE


class NotReached(CommandError):
    """Nothing could be decided: the service was not reached, or does not know."""

    exit_code = UNDECIDED


class ProblemAnswer(CommandError):
    """The service answered with an RFC 9457 problem."""

    def __init__(self, sentence: str, document: Mapping[str, Json], exit_code: int) -> None:
        super().__init__(sentence)
        self.document = document
        self.exit_code = exit_code

    def advising(self, option: str) -> "ProblemAnswer":
        """The same, naming the option of the command that the sentence speaks of."""
        return ProblemAnswer(f"{self} ({option})", self.document, self.exit_code)
