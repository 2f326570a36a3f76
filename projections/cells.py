"""The view's rows as the cells of a table, and back. Live tables and rebuilt ones share this one spelling."""

from collections.abc import Mapping
from datetime import date
from typing import TypeAlias
from uuid import UUID

from ledger import canonical
from ledger.canonical import Json
from ledger.domain.events import CredentialEvent
from ledger.domain.types import Did, Kid, LearnerId, Position, Seq, StreamId
from ledger.domain.values import format_time, parse_time
from ledger.errors import LedgerError
from ledger.record.schema import SCHEMA_OF, SCHEMAS, Data, text, whole
from projections.credential_status import ActKept, IssuerEntry, Kept, Shown, Title
from projections.rows import CredentialRow, Parked, Status, folded

Cell: TypeAlias = int | float | str | bytes | None

COLUMNS = (
    "issued_position",
    "credential_id",
    "issuer",
    "achievement",
    "achievement_version",
    "achievement_slug",
    "achievement_name",
    "learner",
    "learner_name",
    "student_number",
    "email",
    "status",
    "version",
    "awarded_on",
    "valid_from",
    "valid_until",
    "revision",
    "issued_at",
    "position",
    "search",  # folded: what a query is looked for in
    "acts",  # canonical JSON
)

ISSUER_COLUMNS = ("position", "issuer", "stream", "entry")
PARKED_COLUMNS = ("position", "stream", "reason")


class DamagedCells(LedgerError):
    """The table holds what no fold puts there: rebuild the view."""


def to_cells(kept: Kept) -> tuple[Cell, ...]:
    """The cells of an award, in the order of `COLUMNS`."""
    row = kept.row
    searched = (row.learner_name, row.student_number, row.email, row.achievement_name, row.achievement_slug)
    return (
        row.issued_position,
        str(row.credential_id),
        row.issuer,
        str(row.achievement),
        row.achievement_version,
        row.achievement_slug,
        row.achievement_name,
        str(row.learner),
        row.learner_name,
        row.student_number,
        row.email,
        row.status.value,
        row.version,
        row.awarded_on.isoformat(),
        row.valid_from.isoformat(),
        _iso(row.valid_until),
        row.revision,
        format_time(row.issued_at),
        row.position,
        folded("\n".join(each for each in searched if each is not None)),
        canonical.encode([_act_json(act) for act in kept.acts]).decode(),
    )


def issuer_cells(entry: IssuerEntry) -> tuple[Cell, ...]:
    """The cells of an issuer's entry, in the order of `ISSUER_COLUMNS`."""
    return entry.position, entry.issuer, str(entry.stream), entry.raw


def parked_cells(parked: Parked) -> tuple[Cell, ...]:
    """The cells of a parked event, in the order of `PARKED_COLUMNS`."""
    return parked.position, None if parked.stream is None else str(parked.stream), parked.reason


def row_of(cells: Mapping[str, Cell], *, parked: bool) -> CredentialRow:
    """The row that cells, by name of their columns, show.

    Raises:
        DamagedCells.
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
            status=Status(_text(cells, "status")),
            version=_whole(cells, "version"),
            awarded_on=date.fromisoformat(_text(cells, "awarded_on")),
            valid_from=date.fromisoformat(_text(cells, "valid_from")),
            valid_until=_day(_optional(cells, "valid_until")),
            revision=Seq(_whole(cells, "revision")),
            issued_at=parse_time(_text(cells, "issued_at")),
            issued_position=Position(_whole(cells, "issued_position")),
            position=Position(_whole(cells, "position")),
            parked=parked,
        )
    except (LedgerError, ValueError) as error:
        raise DamagedCells("a row of the view cannot be read; rebuild the view") from error


def kept_of(cells: Mapping[str, Cell]) -> Kept:
    """The award that `to_cells` spelled.

    Raises:
        DamagedCells.
    """
    try:
        listed = canonical.decode(_text(cells, "acts").encode())
        if type(listed) is not list:
            raise DamagedCells("the acts of an award are not a list; rebuild the view")
        acts = tuple(_act(each) for each in listed)
    except (LedgerError, ValueError, KeyError, TypeError) as error:
        raise DamagedCells("the acts of an award cannot be read; rebuild the view") from error
    return Kept(row=row_of(cells, parked=False), acts=acts)


def _act_json(act: ActKept) -> dict[str, Json]:
    return {
        "type": SCHEMA_OF[act.type].wire,
        "seq": act.seq,
        "position": act.position,
        "at": format_time(act.at),
        "kid": act.kid,
        "shown": None if act.shown is None else _shown_json(act.shown),
    }


def _shown_json(shown: Shown) -> dict[str, Json]:
    return {
        "achievement": str(shown.achievement),
        "achievement_version": shown.achievement_version,
        "title": None if shown.title is None else {"slug": shown.title.slug, "name": shown.title.name},
        "learner": str(shown.learner),
        "learner_name": shown.learner_name,
        "student_number": shown.student_number,
        "email": shown.email,
        "awarded_on": shown.awarded_on.isoformat(),
        "valid_from": shown.valid_from.isoformat(),
        "valid_until": _iso(shown.valid_until),
    }


def _act(value: Json) -> ActKept:
    fields = _object(value)
    event = SCHEMAS[text(fields, "type")].event
    if not issubclass(event, CredentialEvent):
        raise DamagedCells("an act on an award is of another kind; rebuild the view")
    shown = fields["shown"]
    return ActKept(
        type=event,
        seq=Seq(whole(fields, "seq", 0)),
        position=Position(whole(fields, "position", 1)),
        at=parse_time(text(fields, "at")),
        kid=Kid(text(fields, "kid")),
        shown=None if shown is None else _shown(_object(shown)),
    )


def _shown(fields: Data) -> Shown:
    title = None if fields["title"] is None else _object(fields["title"])
    return Shown(
        achievement=StreamId(UUID(text(fields, "achievement"))),
        achievement_version=whole(fields, "achievement_version", 1),
        title=None if title is None else Title(slug=text(title, "slug"), name=text(title, "name")),
        learner=LearnerId(UUID(text(fields, "learner"))),
        learner_name=text(fields, "learner_name"),
        student_number=text(fields, "student_number"),
        email=None if fields["email"] is None else text(fields, "email"),
        awarded_on=date.fromisoformat(text(fields, "awarded_on")),
        valid_from=date.fromisoformat(text(fields, "valid_from")),
        valid_until=None if fields["valid_until"] is None else date.fromisoformat(text(fields, "valid_until")),
    )


def _object(value: Json) -> Data:
    if type(value) is not dict:
        raise DamagedCells("the acts of an award cannot be read; rebuild the view")
    return value


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(spelled: str | None) -> date | None:
    return None if spelled is None else date.fromisoformat(spelled)


def _text(cells: Mapping[str, Cell], column: str) -> str:
    cell = cells[column]
    if type(cell) is not str:
        raise DamagedCells(f"the column {column} holds no text; rebuild the view")
    return cell


def _optional(cells: Mapping[str, Cell], column: str) -> str | None:
    return None if cells[column] is None else _text(cells, column)


def _whole(cells: Mapping[str, Cell], column: str) -> int:
    cell = cells[column]
    if type(cell) is not int:
        raise DamagedCells(f"the column {column} holds no number; rebuild the view")
    return cell
