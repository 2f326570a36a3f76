"""What every entry is asked by itself: its bytes, the columns beside it, its signature.

Awards are many, and are asked where their stream is read; all other entries, few of them, in the order of positions,
since who may sign awards follows from them. Which is which shows in the last bytes of a canonical entry.
"""

from collections.abc import Mapping
from typing import get_args

from ledger.audit.report import Check, Findings, Step
from ledger.audit.source import EntryRow
from ledger.domain.events import CredentialAwarded, CredentialEvent, StatusCommitted
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.schema import SCHEMA_OF
from ledger.record.sealing import signature_is_good

_SIGNATURE = 88  # bytes at the end of an entry: a line feed, 86 characters and another line feed
_LONGEST = 64  # bytes before them that hold the type of an award's entry
_TYPE = b'"type":"'
# Keys of canonical JSON are sorted, so `type` and `v` come last; a value cannot hold an unescaped quotation mark.
_AWARDS: Mapping[bytes, list[str]] = {
    f'{SCHEMA_OF[event].wire}","v":1}}'.encode("ascii"): sorted(SCHEMA_OF[event].parts)
    for event in get_args(CredentialEvent)
}

_NEW = tuple(f'{SCHEMA_OF[event].wire}","v":1}}'.encode("ascii") for event in get_args(CredentialAwarded))
_FIRST = b'"seq":0,'
_STATEMENT = f'{SCHEMA_OF[StatusCommitted].wire}","v":1}}'.encode("ascii")


def award_parts(raw: bytes) -> list[str] | None:
    """The parts that an entry commits to, if it is of an award; None for any other entry, and for many that are none.

    For bytes that are an entry the answer is exact. What it says of others means nothing.
    """
    begin = raw.rfind(_TYPE, -_SIGNATURE - _LONGEST, -_SIGNATURE)
    return None if begin < 0 else _AWARDS.get(raw[begin + len(_TYPE) : -_SIGNATURE])


def is_new_award(raw: bytes) -> bool:
    """Whether an entry is the first of an award; of bytes that are no entry the answer means nothing."""
    return raw.endswith(_NEW, 0, -_SIGNATURE) and _FIRST in raw


def is_statement(raw: bytes) -> bool:
    """Whether an entry is a `status.committed`; of bytes that are no entry the answer means nothing."""
    return raw.endswith(_STATEMENT, 0, -_SIGNATURE)


def bytes_of(row: EntryRow) -> bytes:
    """The entry in a row; empty where the column holds something else."""
    return row[4] if type(row[4]) is bytes else b""


def read_entry(row: EntryRow, position: Position, found: Findings) -> Entry | None:
    """The entry in a row, or a report that there is none."""
    if type(row[4]) is not bytes:
        found.report(Check.COLUMNS, position, "the entry is not stored as bytes", step=Step.PLACE)
    try:
        return parse_entry(bytes_of(row))
    except LedgerError as error:
        found.report(Check.ENTRY, position, str(error), step=Step.ENTRY)
        return None


def check_entry(entry: Entry, row: EntryRow, position: Position, found: Findings) -> bool:
    """Report where columns or signature are not what the entry says; whether the signature is good."""
    _, originator, version, topic, _ = row
    said = (entry.stream.hex, entry.seq, entry.type)
    if (originator, version, topic) != said or type(version) is not int:
        reason = f"the columns beside the entry do not say {said}"
        found.report(Check.COLUMNS, position, reason, entry, Step.ENTRY)
    if signature_is_good(entry):
        return True
    found.report(Check.SIGNATURE, position, f"{entry.kid} did not sign these bytes", entry, Step.ENTRY)
    return False
