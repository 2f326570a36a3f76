"""What an audit reads, as ports: rows exactly as the database holds them, believed by nobody.

A column may hold a value of any type and any size, since whoever owns the file can write anything into it. Which
database that is, and how it is opened without changing it, is for `ledger.adapters.sqlite.audit_source`.
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
SignedListRow: TypeAlias = tuple[Column, Column, Column, Column]


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

    def entries(self, after: int | None = None, last: int | None = None) -> Iterator[EntryRow]:
        """Position, originator id, originator version, topic, state: rows by position, `after` < position <= `last`.

        Without `after` and `last` every row there is, also those whose position is no number.
        """
        ...

    def entries_by_stream(self, last: int, low: str | None = None, high: str | None = None) -> Iterator[EntryRow]:
        """The rows up to position `last` by originator id and originator version, `low` <= originator id < `high`.

        A range without `low` begins, one without `high` ends with whatever the column may hold.
        """
        ...

    def entries_of(self, originator: str, last: int) -> Iterator[EntryRow]:
        """The rows of one originator id up to position `last`, by originator version and position."""
        ...

    def entry_count(self) -> int:
        """How many rows there are, whatever stands in them."""
        ...

    def places(self, every: int) -> Sequence[int]:
        """The position of every so-maniest row that has one, 1 or more, in their order; and that of the last one."""
        ...

    def heads(self) -> Sequence[tuple[Column, Column]]:
        """Size and time of every head there is, three at most; there should be one."""
        ...

    def checkpoints(self) -> Iterator[CheckpointRow]:
        """Size, note and compact range, by size."""
        ...

    def part_names(self, after: int | None = None, last: int | None = None) -> Iterator[tuple[Column, Column]]:
        """Position and name of private parts by both, `after` < position <= `last`.

        Without `after` also those at no position that sort before; without `last` also those that sort behind.
        """
        ...

    def parts_at(self, position: int) -> Sequence[PartRow]:
        """Name, key id and box of the private parts at a position."""
        ...

    def parts_of(self, positions: Sequence[int]) -> Iterator[tuple[Column, Column, Column, Column]]:
        """Position, name, key id and box of the private parts at these positions, by position and name."""
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

    def signed_lists(self) -> Iterator[SignedListRow]:
        """List, time, size of the log, and credential of every signed status list, by size, list and time."""
        ...

    def definition(self, digest: bytes) -> Column:
        """The content under that digest, as it stands; None where there is none."""
        ...

    def slot_holders(self, status_list: bytes, slots: Sequence[int]) -> Iterator[tuple[Column, Column, Column]]:
        """Slot, stream and seq of every version that holds one of these slots; there should be one for each."""
        ...

    def slot_count(self) -> int:
        """How many slots are held."""
        ...

    def short_code_count(self) -> int:
        """How many short codes there are."""
        ...

    def stack_count(self) -> int:
        """How many awards are remembered as built from others."""
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
        """What should keep accidents out and is not there, or says something else here; each in words."""
        ...


class PartOpener(Protocol):
    """Opens private parts; only where the vault and its master key can be read is there one."""

    def __call__(self, stream: StreamId, seq: Seq, part: Part, key_id: bytes, box: bytes) -> Opening | None:
        """What the box holds; None where there is no key of this id.

        Raises:
            LedgerError: the box cannot be opened with its key, at this place.
        """
        ...
