"""Opens one private part, and holds it against the entry that commits to it."""

from ledger.audit.report import Check
from ledger.audit.source import PartOpener, PartRow
from ledger.domain.events import Recorded
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import opens


class Unopened(LedgerError):
    """A private part cannot be read, or is not the one committed to."""

    def __init__(self, check: Check, reason: str) -> None:
        super().__init__(reason)
        self.check = check  # that failed


def open_part(row: PartRow, opener: PartOpener, recorded: Recorded) -> tuple[Part, bytes] | None:
    """The part in a row and what it holds; None where the entry commits to no such part.

    Raises:
        Unopened.
    """
    name, key_id, box = row
    part = next((each for each in recorded.commit if each == name), None)
    if part is None:
        return None
    if type(key_id) is not bytes or type(box) is not bytes:
        raise Unopened(Check.PARTS, f"the part {part} or the id of its key is not stored as bytes")
    try:
        opening = opener(recorded.stream, recorded.seq, part, key_id, box)
    except LedgerError as error:
        raise Unopened(Check.PARTS, f"the part {part} does not open: {error}") from error
    if opening is None:
        reason = f"the key of the part {part} is not in the vault, and no erasure is on record"
        raise Unopened(Check.PARTS, reason)
    if not opens(part, opening, recorded.commit[part]):
        raise Unopened(Check.COMMITMENT, f"the part {part} is not what the entry commits to")
    return part, opening.content
