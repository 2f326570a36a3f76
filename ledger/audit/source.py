"""What an audit reads, as ports: rows exactly as the database holds them, believed by nobody.

A column may hold a value of any type and any size, since whoever owns the file can write anything into it. Which
database that is, and how it is opened without changing it, is for `ledger.adapters.audit_source`.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeAlias

from ledger.domain.types import Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening

Column: TypeAlias = int | float | str | bytes | None
EntryRow: TypeAlias = tuple[Column, Column, Column, Column, Column]
CheckpointRow: TypeAlias = tuple[Column, Column, Column]
PartRow: TypeAlias = tuple[Column, Column, Column]


_LONGEST = 80  # characters of a column that a sentence quotes


def shown(column: Column) -> str:
    """A column as a sentence quotes it: bytes in base64url without padding, text in quotation marks and ASCII."""
    if isinstance(column, bytes):
        return urlsafe_b64encode(column[:_LONGEST]).decode("ascii").rstrip("=")[:_LONGEST]
    return ascii(column[:_LONGEST] if isinstance(column, str) else column)[:_LONGEST]


class CannotBeAudited(LedgerError):
    """What was given cannot be audited at all: it cannot be read, is no ledger, or contradicts itself."""


class AuditSource(Protocol):
    """One unchanging view of a ledger's database.

    Every call sees the same state, whoever writes meanwhile. Iterators hold a few rows at a time, whatever the size of
    the database, and several may be open at once. Nothing is written.

    Raises:
        CannotBeAudited: from any call or iteration, where the database cannot be read (any further).
    """

    def entries(self) -> Iterator[EntryRow]:
        """Position, originator id, originator version, topic, state: every row by position."""
        ...

    def entries_by_stream(self) -> Iterator[EntryRow]:
        """The same rows by originator id and originator version."""
        ...

    def heads(self) -> Sequence[tuple[Column, Column]]:
        """Size and time of every head there is, three at most; there should be one."""
        ...

    def checkpoints(self) -> Iterator[CheckpointRow]:
        """Size, note and compact range, by size."""
        ...

    def part_names(self) -> Iterator[tuple[Column, Column]]:
        """Position and name of every private part, by both."""
        ...

    def parts_at(self, position: int) -> Sequence[PartRow]:
        """Name, key id and box of the private parts at a position."""
        ...

    def definitions(self) -> Iterator[tuple[Column, Column]]:
        """Digest and content of every definition and profile."""
        ...

    def names(self) -> Iterator[tuple[Column, Column, Column]]:
        """Scope, name and stream of every short name."""
        ...

    def status_lists(self) -> Iterator[tuple[Column, Column, Column]]:
        """List, issuer's stream and number of slots used, of every status list."""
        ...

    def slot_holders(self, status_list: bytes, slot: int) -> Sequence[tuple[Column, Column]]:
        """Stream and seq of every version that holds the slot, three at most; there should be one."""
        ...

    def slot_count(self) -> int:
        """How many slots are held."""
        ...

    def short_code_count(self) -> int:
        """How many short codes there are."""
        ...

    def idempotency_count(self) -> int:
        """How many idempotency keys are remembered."""
        ...

    def api_key_count(self) -> int:
        """How many API keys there are, revoked ones too."""
        ...

    def damage(self) -> Sequence[str]:
        """What the database itself finds wrong with its file: pages, and indexes that leave rows out or hold others."""
        ...

    def missing_guards(self) -> Sequence[str]:
        """The triggers of a ledger that are not there, or say something else here."""
        ...


class PartOpener(Protocol):
    """Opens private parts; only where the vault and its master key can be read is there one."""

    def __call__(self, stream: StreamId, seq: Seq, part: Part, key_id: bytes, box: bytes) -> Opening | None:
        """What the box holds; None where there is no key of this id.

        Raises:
            LedgerError: the box cannot be opened with its key, at this place.
        """
        ...
