"""How a command ends when it does not end well: one sentence, and an exit code."""

from collections.abc import Mapping

from ledger.canonical import Json
from ledger.errors import LedgerError

REFUSED, USAGE, UNDECIDED = 1, 2, 3
PIPE_CLOSED = 141  # as a shell names the end of a program whose reader has gone


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


class Unprintable(CommandError):
    """The result is there, but cannot be printed."""

    exit_code = UNDECIDED

    def __init__(self, why: str, done: str = "") -> None:
        """
        Args:
            why: the system's word for it.
            done: what was done already.
        """
        told = f"what there is to tell cannot be printed: {why}"
        super().__init__(f"{done}, but {told}" if done else told)
        self.why = why


class PipeClosed(CommandError):
    """Whoever read what the command prints has gone, and is told nothing more."""

    exit_code = PIPE_CLOSED

    def __init__(self) -> None:
        super().__init__("nobody reads what is printed any more")
