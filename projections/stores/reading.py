"""What is read of the views, on every engine: searches for people, and every cell as it stands for those who compare.

What is shown of an award is a join: `credential_status` says how it stands and which version is current, `wallet` what
that version says. Where the wallet could not apply it, the last version before it that it has is shown, as parked.

Statements are written once. `{name}` is a table, which an engine may call otherwise; `:name` is a parameter; functions
are called as SQLite calls them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Protocol, cast
from uuid import UUID

from ledger.domain.types import Did, LearnerId, Position, Seq, StreamId
from ledger.domain.values import parse_time
from ledger.errors import LedgerError
from projections.family import Cell, DamagedRow, Parked, Row, Table, View
from projections.feed import stream_of
from projections.rows import CredentialRow, Search, Status

_OF_STATUS = {
    Status.EXPIRED: "w.valid_until < :today",
    Status.NOT_YET_VALID: "w.valid_from > :today AND (w.valid_until IS NULL OR w.valid_until >= :today)",
    Status.IN_FORCE: "w.valid_from <= :today AND (w.valid_until IS NULL OR w.valid_until >= :today)",
}  # beside a recorded status of in_force
_AWARDS = """{credential_status} s
    JOIN {credential_status_issuers} i ON i.position = s.issuer
    JOIN {wallet} w ON w.position = COALESCE(
        (SELECT position FROM {wallet} WHERE position = s.version_position),
        (SELECT MAX(position) FROM {wallet} WHERE credential_id = s.credential_id AND position < s.version_position))"""
_SHOWN = """s.credential_id, i.issuer, s.status, s.version, s.revision, s.issued_at, s.issued_position, s.position,
    w.achievement, w.achievement_version, w.achievement_slug, w.achievement_name, w.learner, w.learner_name,
    w.student_number, w.email, w.awarded_on, w.valid_from, w.valid_until, w.result, w.score, w.credit, w.minutes,
    w.components, w.position AS shown_position,
    w.position <> s.version_position
        OR EXISTS(SELECT 1 FROM {credential_status_parked} p WHERE p.stream = s.credential_id)
        OR EXISTS(SELECT 1 FROM {wallet_parked} p WHERE p.stream = s.credential_id) AS parked"""
Parameters = dict[str, str | int]
Found = Mapping[str, Cell]
NEVER_KEPT = "\0"  # no fold lets it into a row, as PostgreSQL keeps no text that holds it


class Asked(Protocol):
    """An engine's tables of one moment."""

    def rows(self, statement: str, parameters: Parameters) -> Sequence[Found]:
        """What a statement finds."""
        ...

    def cells(self, table: Table) -> Iterator[Row]:
        """Every row of a table exactly as it stands, by its key."""
        ...


class ViewReader:
    """Reads the tables, which it never changes. Everything it answers is of one moment."""

    def __init__(self, asked: Asked) -> None:
        self._rows = asked.rows
        self.cells = asked.cells

    def position(self, view: str) -> Position:
        """The last position that a view has folded; 0 before the first."""
        statement = f"SELECT MAX(notification_id) AS found FROM {{{view}_tracking}} WHERE application_name = :name"  # noqa: S608
        return Position(_number(self._rows(statement, {"name": view})))

    def size(self, table: Table) -> int:
        """How many rows a table has."""
        return _number(self._rows(f"SELECT COUNT(*) AS found FROM {{{table.name}}}", {}))  # noqa: S608 - our own words

    def search(self, search: Search, *, before: Position | None, limit: int) -> list[CredentialRow]:
        """At most `limit` rows, the last issued first, of those issued before the position `before`."""
        condition, parameters = _where(search)
        if before is not None:
            condition += " AND s.issued_position < :before"
            parameters["before"] = before
        statement = (
            f"SELECT {_SHOWN} FROM {_AWARDS} WHERE {condition} "  # noqa: S608 - our own words
            "ORDER BY s.issued_position DESC LIMIT :limit"
        )
        return [row_of(row) for row in self._rows(statement, {**parameters, "limit": max(limit, 0)})]

    def count(self, search: Search) -> int:
        """How many rows there are."""
        condition, parameters = _where(search)
        statement = f"SELECT COUNT(*) AS found FROM {_AWARDS} WHERE {condition}"  # noqa: S608 - our own words
        return _number(self._rows(statement, parameters))

    def of_learner(self, learner: LearnerId) -> list[CredentialRow]:
        """Every award of a learner record, the first issued first."""
        statement = (
            f"SELECT {_SHOWN} FROM {_AWARDS} WHERE s.credential_id IN "  # noqa: S608 - our own words
            "(SELECT credential_id FROM {wallet} WHERE learner = :learner) ORDER BY s.issued_position"
        )
        return [row_of(row) for row in self._rows(statement, {"learner": str(learner)})]

    def components(self, row: CredentialRow) -> list[tuple[StreamId, Seq]]:
        """The awards that an award was built from, as its row's version names them."""
        statement = (
            "SELECT component, component_seq FROM {wallet_components} WHERE position = :position ORDER BY number"
        )
        found = self._rows(statement, {"position": row.shown_position})
        return [(StreamId(UUID(_text(each, "component"))), Seq(_whole(each, "component_seq"))) for each in found]

    def learner(self, issuer: Did, student_number: str) -> LearnerId | None:
        """The learner record of an issuer with this student number."""
        statement = (
            "SELECT w.learner FROM {wallet} w JOIN {credential_status} s ON s.credential_id = w.credential_id "
            "JOIN {credential_status_issuers} i ON i.position = s.issuer "
            "WHERE w.student_number = :number AND i.issuer = :issuer ORDER BY w.position LIMIT 1"
        )
        if NEVER_KEPT in student_number + issuer:
            return None
        found = self._rows(statement, {"number": student_number, "issuer": issuer})
        return LearnerId(UUID(_text(found[0], "learner"))) if found else None

    def parked(self, view: View) -> Sequence[Parked]:
        """The events that a view could not apply, by position."""
        statement = f"SELECT position, stream, reason FROM {{{view.name}_parked}} ORDER BY position"  # noqa: S608
        return [
            Parked(
                view=view.name,
                position=Position(_whole(row, "position")),
                stream=None if row["stream"] is None else stream_of(str(row["stream"])),
                reason=str(row["reason"]),
            )
            for row in self._rows(statement, {})
        ]


def row_of(cells: Found) -> CredentialRow:
    """The row that the cells of the join show.

    Raises:
        DamagedRow.
    """
    try:
        return CredentialRow(
            credential_id=StreamId(UUID(_text(cells, "credential_id"))),
            issuer=Did(_text(cells, "issuer")),
            achievement=StreamId(UUID(_text(cells, "achievement"))),
            achievement_version=_whole(cells, "achievement_version"),
            achievement_slug=_optional(cells, "achievement_slug"),
            achievement_name=_optional(cells, "achievement_name"),
            learner=LearnerId(UUID(_text(cells, "learner"))),
            learner_name=_text(cells, "learner_name"),
            student_number=_text(cells, "student_number"),
            email=_optional(cells, "email"),
            result=_optional(cells, "result"),
            score=_optional(cells, "score"),
            credit=_optional(cells, "credit"),
            minutes=None if cells["minutes"] is None else _whole(cells, "minutes"),
            components=_whole(cells, "components"),
            status=Status(_text(cells, "status")),
            version=_whole(cells, "version"),
            awarded_on=date.fromisoformat(_text(cells, "awarded_on")),
            valid_from=date.fromisoformat(_text(cells, "valid_from")),
            valid_until=_day(_optional(cells, "valid_until")),
            revision=Seq(_whole(cells, "revision")),
            issued_at=parse_time(_text(cells, "issued_at")),
            issued_position=Position(_whole(cells, "issued_position")),
            position=Position(_whole(cells, "position")),
            shown_position=Position(_whole(cells, "shown_position")),
            parked=bool(cells["parked"]),
        )
    except (LedgerError, ValueError) as error:
        raise DamagedRow("a row of the views cannot be read; rebuild them") from error


def _day(spelled: str | None) -> date | None:
    return None if spelled is None else date.fromisoformat(spelled)


def _text(cells: Found, column: str) -> str:
    cell = cells[column]
    if type(cell) is not str:
        raise DamagedRow(f"the column {column} holds no text; rebuild the view")
    return cell


def _optional(cells: Found, column: str) -> str | None:
    return None if cells[column] is None else _text(cells, column)


def _number(found: Sequence[Found]) -> int:
    """The one number that a statement finds as `found`; 0 for none."""
    return 0 if found[0]["found"] is None else _whole(found[0], "found")


def _whole(cells: Found, column: str) -> int:
    cell = cells[column]
    if type(cell) is not int:
        raise DamagedRow(f"the column {column} holds no number; rebuild the view")
    return cell


def _where(search: Search) -> tuple[str, Parameters]:
    conditions, parameters = ["TRUE"], cast("Parameters", {})
    if search.issuer is not None:
        conditions.append(
            "s.issuer = (SELECT position FROM {credential_status_issuers} WHERE issuer = :issuer "
            "ORDER BY position LIMIT 1)"
        )
        parameters["issuer"] = search.issuer
    for number, term in enumerate(search.terms):
        conditions.append(f"instr(w.search, :term{number}) > 0")
        parameters[f"term{number}"] = term
    if search.achievement is not None:
        conditions.append("(w.achievement = :achievement OR w.achievement_slug = :achievement)")
        parameters["achievement"] = search.achievement
    if search.status is not None:
        dated = _OF_STATUS.get(search.status)
        conditions.append("s.status = :status" + ("" if dated is None else f" AND {dated}"))
        parameters["status"] = Status.IN_FORCE if dated is not None else search.status
        parameters["today"] = search.today.isoformat()
    if any(NEVER_KEPT in each for each in parameters.values() if isinstance(each, str)):
        return "FALSE", {}  # PostgreSQL would not even be asked
    return " AND ".join(conditions), parameters
