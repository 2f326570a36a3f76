"""Reads `views.db`: searches for people, and every cell as it stands for those who compare."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast
from uuid import UUID

from ledger.domain.types import Position, StreamId
from projections.cells import Cell, DamagedCells, row_of
from projections.credential_status import NAME
from projections.rows import CredentialRow, Parked, Search, Status
from projections.stores.sqlite import BUSY_MILLISECONDS, SCHEMA_VERSION, ViewStoreFailed, cells_of

_OF_STATUS = {
    Status.EXPIRED: "valid_until < :today",
    Status.NOT_YET_VALID: "valid_from > :today AND (valid_until IS NULL OR valid_until >= :today)",
    Status.IN_FORCE: "valid_from <= :today AND (valid_until IS NULL OR valid_until >= :today)",
}  # beside a recorded status of in_force
_IS_PARKED = "EXISTS(SELECT 1 FROM parked WHERE parked.stream = credentials.credential_id)"
_TABLES = {"credentials": "issued_position", "issuer_entries": "position", "parked": "position"}  # and their order


class ViewReader:
    """One connection to the file, which it never changes. Everything it answers is of one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def position(self) -> Position:
        """The last position folded; 0 before the first."""
        statement = "SELECT MAX(notification_id) FROM tracking WHERE application_name = :name"
        return Position(self._rows(statement, {"name": NAME})[0][0] or 0)

    def search(self, search: Search, *, before: Position | None, limit: int) -> list[CredentialRow]:
        """At most `limit` rows, the last issued first, of those issued before the position `before`."""
        condition, parameters = _where(search)
        if before is not None:
            condition += " AND issued_position < :before"
            parameters["before"] = before
        statement = (
            f"SELECT *, {_IS_PARKED} AS is_parked FROM credentials WHERE {condition} "  # noqa: S608 - our own words
            "ORDER BY issued_position DESC LIMIT :limit"
        )
        rows = self._rows(statement, {**parameters, "limit": max(limit, 0)})
        return [row_of(cells_of(row), parked=bool(row["is_parked"])) for row in rows]

    def count(self, search: Search) -> int:
        """How many rows there are."""
        condition, parameters = _where(search)
        statement = f"SELECT COUNT(*) FROM credentials WHERE {condition}"  # noqa: S608 - our own words
        return cast("int", self._rows(statement, parameters)[0][0])

    def parked(self) -> Sequence[Parked]:
        """The events that could not be applied, by position."""
        return [
            Parked(position=Position(row[0]), stream=None if row[1] is None else StreamId(UUID(row[1])), reason=row[2])
            for row in self._rows("SELECT position, stream, reason FROM parked ORDER BY position", {})
        ]

    def cells(self, table: str) -> Iterator[dict[str, Cell]]:
        """Every row of a table exactly as it stands, by the names of its columns."""
        statement = f"SELECT * FROM {table} ORDER BY {_TABLES[table]}"  # noqa: S608 - our own words
        for row in self._connection.execute(statement):
            yield {column: cast("Cell", row[column]) for column in row.keys()}  # noqa: SIM118 - a Row is no mapping

    def _rows(self, statement: str, parameters: dict[str, str | int]) -> list[sqlite3.Row]:
        return self._connection.execute(statement, parameters).fetchall()


def _where(search: Search) -> tuple[str, dict[str, str | int]]:
    conditions, parameters = ["1"], cast("dict[str, str | int]", {})
    if search.issuer is not None:
        conditions.append("issuer = :issuer")
        parameters["issuer"] = search.issuer
    for number, term in enumerate(search.terms):
        conditions.append(f"instr(search, :term{number})")
        parameters[f"term{number}"] = term
    if search.achievement is not None:
        conditions.append("(achievement = :achievement OR achievement_slug = :achievement)")
        parameters["achievement"] = search.achievement
    if search.status is not None:
        dated = _OF_STATUS.get(search.status)
        conditions.append("status = :status" + ("" if dated is None else f" AND {dated}"))
        parameters["status"] = Status.IN_FORCE if dated is not None else search.status
        parameters["today"] = search.today.isoformat()
    return " AND ".join(conditions), parameters


@contextmanager
def reading(path: Path) -> Iterator[ViewReader]:
    """A reader of the file, its write-ahead log included; nothing is changed and nothing is made.

    Raises:
        ViewStoreFailed: there is no such file, it is of another version, or it cannot be read.
    """
    try:
        with ExitStack() as stack:
            try:
                connection = _connect(path)
            except sqlite3.OperationalError:
                # SQLite wants to make the index of the write-ahead log beside it, and this folder does not let it.
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="testamur-views-")))
                connection = _connect(_copied(path, folder))
            stack.callback(connection.close)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != SCHEMA_VERSION:
                raise ViewStoreFailed(f"{path.name} is of version {version}, this program reads {SCHEMA_VERSION}")
            yield ViewReader(connection)
    except (sqlite3.Error, OSError, DamagedCells, ValueError) as error:
        raise ViewStoreFailed(f"{path.name} cannot be read: {error}") from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # from this read on, nothing changes
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _copied(path: Path, folder: Path) -> Path:
    """A copy of the file and its write-ahead log; nobody writes them where the folder lets nobody write."""
    for name in (path.name, f"{path.name}-wal"):
        if name == path.name or path.with_name(name).is_file():
            shutil.copyfile(path.with_name(name), folder / name)
    return folder / path.name
