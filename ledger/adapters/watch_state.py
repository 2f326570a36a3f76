"""What a watch remembers, in the state of the audit that it follows a log with."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID

from ledger.adapters.public_audit_state import SqliteAuditState
from ledger.audit.public.bundles import milliseconds
from ledger.audit.public.watched import Happened, Place, Receipt
from ledger.domain import events as ev
from ledger.domain.types import Did, Kid, Position, Seq, StreamId
from ledger.record.schema import SCHEMA_OF

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES: Final = {
    "issued": SCHEMA_OF[ev.CredentialIssued].wire,
    "stacked": SCHEMA_OF[ev.CredentialStacked].wire,
    "amended": SCHEMA_OF[ev.CredentialAmended].wire,
    "suspended": SCHEMA_OF[ev.CredentialSuspended].wire,
    "reinstated": SCHEMA_OF[ev.CredentialReinstated].wire,
    "revoked": SCHEMA_OF[ev.CredentialRevoked].wire,
}
_ENTRIES: Final = """
    SELECT position, stream, 0, CASE stack WHEN 1 THEN 'stacked' ELSE 'issued' END, signers.by, kid, at FROM awards
        JOIN signers ON signers.id = signer WHERE signers.by = ?1 AND position > ?2
    UNION ALL
    SELECT position, stream, seq, kind, signers.by, kid, at FROM acts
        JOIN signers ON signers.id = signer WHERE signers.by = ?1 AND position > ?2
    ORDER BY 1"""
_RECEIPTS: Final = "SELECT stream, seq, position, act, asked, since, proof, kid FROM receipts WHERE issuer = ?"
_PLACE_OF_FIRST: Final = (
    "SELECT position, CASE stack WHEN 1 THEN 'stacked' ELSE 'issued' END FROM awards WHERE stream = ?"
)
_Row = tuple[int, bytes, int, str, str, str, int]


class SqliteWatchState(SqliteAuditState):
    """The `WatchState` beside an `AuditState`, on one connection and in one transaction."""

    def stream_of(self, issuer: Did) -> StreamId | None:
        """The issuer's own stream, once `begin` told it."""
        row = self._row("SELECT stream FROM watched WHERE issuer = ?", issuer)
        return None if row is None else _stream(cast("bytes", row[0]))

    def begin(self, issuer: Did, stream: StreamId) -> None:
        """The issuer is watched from the beginning of the log."""
        self._run("INSERT INTO watched VALUES (?, ?, 0, 0)", issuer, stream.bytes)

    def told(self, issuer: Did) -> tuple[Position, Position]:
        """Up to which position its events were told, and up to which they were held against receipts."""
        row = self._row("SELECT told, compared FROM watched WHERE issuer = ?", issuer)
        return (Position(0), Position(0)) if row is None else cast("tuple[Position, Position]", row)

    def tell(self, issuer: Did, told: Position, compared: Position) -> None:
        """They were told, and held against receipts, up to there."""
        self._run("UPDATE watched SET told = ?, compared = ? WHERE issuer = ?", told, compared, issuer)

    def entries_of(self, issuer: Did, after: Position) -> Iterator[Happened]:
        """What the issuer's awards say in its name, in order, from the position after that one on."""
        for row in self._some(_ENTRIES, issuer, after):
            position, stream, seq, kind, by, kid, at = cast("_Row", row)
            yield Happened(
                Position(position), _stream(stream), Seq(seq), _TYPES[kind], Did(by), Kid(kid), _time(at), None
            )

    def open(self, issuer: Did, happened: Happened, since: datetime) -> None:
        """An event waits for its receipt, or for somebody who knows of it."""
        position, stream, seq, wire, by, kid, at, about_keys = happened
        values = (issuer, position, stream.bytes, seq, wire, by, kid, milliseconds(at), about_keys)
        insert = "INSERT OR REPLACE INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._run(insert, *values, milliseconds(since))

    def opened(self, issuer: Did) -> Iterator[tuple[Happened, datetime]]:
        """The events that wait, in order, and since when."""
        for row in self._some("SELECT * FROM waiting WHERE issuer = ? ORDER BY position", issuer):
            position, stream, seq, wire, by, kid, at = cast("_Row", row[1:8])
            about_keys, since = cast("tuple[str | None, int]", row[8:])
            yield (
                Happened(Position(position), _stream(stream), Seq(seq), wire, Did(by), Kid(kid), _time(at), about_keys),
                _time(since),
            )

    def close(self, issuer: Did, positions: Iterable[Position]) -> None:
        """These events wait no more."""
        rows = [(issuer, position) for position in positions]
        self._many("DELETE FROM waiting WHERE issuer = ? AND position = ?", rows)

    def add_receipts(self, issuer: Did, receipts: Iterable[Receipt]) -> None:
        """Receipts to be held against the log; one that is there already keeps its time."""
        rows = [(issuer, *_spelled(each), milliseconds(each.since), each.proof, each.kid) for each in receipts]
        self._many("INSERT OR IGNORE INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)", rows)

    def receipts(self, issuer: Did, stream: StreamId, seq: Seq) -> Sequence[Receipt]:
        """The receipts of a change; more than one where it was acknowledged in different words."""
        return [
            _receipt(row) for row in self._rows(f"{_RECEIPTS} AND stream = ? AND seq = ?", issuer, stream.bytes, seq)
        ]

    def pending(self, issuer: Did) -> Iterator[Receipt]:
        """The receipts of changes that were not found in the log so far, by position."""
        return map(_receipt, self._some(f"{_RECEIPTS} AND found = 0 ORDER BY position", issuer))

    def settle(self, issuer: Did, receipts: Iterable[Receipt]) -> None:
        """These changes were found where they should be."""
        rows = [(issuer, *_spelled(receipt)) for receipt in receipts]
        update = (
            "UPDATE receipts SET found = 1, proof = NULL "
            "WHERE issuer = ? AND stream = ? AND seq = ? AND position = ? AND act = ? AND asked = ?"
        )
        self._many(update, rows)

    def place_of(self, stream: StreamId, seq: Seq) -> Place | None:
        """Where the log has an entry of an award; None where it has none."""
        row = (
            self._row(_PLACE_OF_FIRST, stream.bytes)
            if seq == 0
            else self._row("SELECT position, kind FROM acts WHERE stream = ? AND seq = ?", stream.bytes, seq)
        )
        if row is None:
            return None
        position, kind = cast("tuple[int, str]", row)
        return Place(Position(position), _TYPES[kind])

    def was_read(self, issuer: Did, path: str) -> tuple[int, bytes]:
        """How much of a file of receipts was read, and how that ended; nothing of one that is new."""
        row = self._row("SELECT length, ending FROM receipt_files WHERE issuer = ? AND path = ?", issuer, path)
        return (0, b"") if row is None else cast("tuple[int, bytes]", row)

    def read(self, issuer: Did, path: str, length: int, ending: bytes) -> None:
        """So much of a file of receipts was read."""
        self._run("INSERT OR REPLACE INTO receipt_files VALUES (?, ?, ?, ?)", issuer, path, length, ending)


def _spelled(receipt: Receipt) -> tuple[bytes, int, int, str, str]:
    return receipt.stream.bytes, receipt.seq, receipt.position, receipt.act or "", receipt.asked or ""


def _receipt(row: tuple[int | str | bytes | None, ...]) -> Receipt:
    stream, seq, position, act, asked, since = cast("tuple[bytes, int, int, str, str, int]", row[:6])
    proof, kid = cast("tuple[bytes | None, str | None]", row[6:])
    place = (_stream(stream), Seq(seq), Position(position))
    return Receipt(*place, _time(since), proof, act=act or None, asked=asked or None, kid=kid)


def _stream(raw: bytes) -> StreamId:
    return StreamId(UUID(bytes=raw))


def _time(at: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at)
