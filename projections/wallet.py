"""The view `wallet`: what each version of an award says, as registrar and learner read it. All personal data is here.

One row for each version, whoever signed it and whatever became of it: which one is shown, and how it stands, is for the
view `credential_status` to say when both are read. So a key reported as stolen changes no row here.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import cast

import orjson

from ledger.domain.values import Part
from ledger.record.commitment import SALT, Opening, commitment
from ledger.record.encoding import to_text
from projections.award_acts import BEGINNINGS
from projections.family import Cell, Fed, NotApplicable, Row, Table, Tables, Titles, columns
from projections.rows import folded

NAME = "wallet"
MOST_COMPONENTS = 1_000  # of one award, in this view's keys; the ledger allows far fewer

VERSIONS = Table(
    name="wallet",
    columns=columns(
        "position INTEGER PRIMARY KEY,"  # of the entry that brought the version
        "credential_id TEXT NOT NULL,"
        "seq INTEGER NOT NULL,"
        "learner TEXT NOT NULL,"
        "learner_name TEXT NOT NULL,"
        "student_number TEXT NOT NULL,"
        "email TEXT,"
        "achievement TEXT NOT NULL,"
        "achievement_version INTEGER NOT NULL,"
        "achievement_slug TEXT,"  # NULL where the wording was taken down; so are the name, the credit, the minutes
        "achievement_name TEXT,"
        "credit TEXT,"  # decimal
        "minutes INTEGER,"
        "awarded_on TEXT NOT NULL,"
        "valid_from TEXT NOT NULL,"  # first day
        "valid_until TEXT,"  # last day
        "result TEXT,"
        "score TEXT,"
        "components INTEGER NOT NULL,"  # how many awards it was built from
        "search TEXT NOT NULL",  # folded: what a query is looked for in
        personal="learner learner_name student_number email achievement achievement_version achievement_slug "
        "achievement_name credit minutes awarded_on valid_from valid_until result score components search",
    ),
    indexes=(("credential_id",), ("learner",), ("student_number",)),
)
COMPONENTS = Table(
    name="wallet_components",
    columns=columns(
        "id INTEGER PRIMARY KEY,"  # position of the version * MOST_COMPONENTS + number
        "position INTEGER NOT NULL, credential_id TEXT NOT NULL, number INTEGER NOT NULL,"
        "component TEXT NOT NULL, component_seq INTEGER NOT NULL",
        personal="component component_seq",
    ),
    indexes=(("position",), ("component",)),
)
_VERSION_TYPES = frozenset((*BEGINNINGS, "credential.amended/1"))  # those that commit to what an award says
_OTHER_ACTS = frozenset(("credential.suspended/1", "credential.reinstated/1", "credential.revoked/1"))
_Json = dict[str, object]
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


class Wallet:
    """The view, as the family knows it."""

    name = NAME
    tables = (VERSIONS, COMPONENTS)
    opens = _VERSION_TYPES

    def takes(self, wire: str) -> bool:
        """Whether events of this wire type can change a row."""
        return wire in _VERSION_TYPES or (wire.startswith("credential.") and wire not in _OTHER_ACTS)

    def seeks(self, fed: Fed) -> tuple[Table, Cell] | None:
        """Nothing: the fold reads no row."""
        del fed
        return None

    def fold(self, titles: Titles) -> "WalletFold":
        """A fold that has seen nothing yet."""
        return WalletFold(titles)


class WalletFold:
    """The fold: each version is a row of its own, so it reads no row and changes none."""

    def __init__(self, titles: Titles) -> None:
        self._titles = titles

    def apply(self, tables: Tables, fed: Fed, openings: Mapping[Part, Opening]) -> None:
        """Add the row of a version.

        Raises:
            LedgerError: its private parts are missing, not the ones committed to, or not of their shape.
        """
        if fed.entry.type not in _VERSION_TYPES:
            raise NotApplicable("this version knows no such event")
        facts = _opened(fed, openings, Part.FACTS)
        internal = _opened(fed, openings, Part.INTERNAL)
        try:
            award = cast("_Json", facts["award"])
            parts = list(_components(fed, award))
            row = _row(fed, award, internal, self._titles, len(parts))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotApplicable("the private parts are those of another kind of act") from error
        tables.add(VERSIONS, row)
        for part in parts:
            tables.add(COMPONENTS, part)


def _opened(fed: Fed, openings: Mapping[Part, Opening], part: Part) -> _Json:
    """The JSON object of a part. It is what the entry committed to: its one spelling was checked when it was sealed."""
    opening = openings.get(part)
    if opening is None:
        raise NotApplicable(f"the private part {part} is missing or cannot be opened")
    try:
        if len(opening.salt) != SALT or to_text(commitment(part, opening)) != fed.entry.commit[part.value]:
            raise NotApplicable(f"the private part {part} is not the one that the entry committed to")
        found = orjson.loads(opening.content)
    except (ValueError, KeyError) as error:
        raise NotApplicable(f"the private part {part} cannot be read") from error
    if type(found) is not dict or found.get("v") != 1:
        raise NotApplicable(f"the private part {part} cannot be read")
    return found


def _row(fed: Fed, award: _Json, internal: _Json, titles: Titles, components: int) -> Row:
    achievement = cast("_Json", award["achievement"])
    name, number, email = _text(award["name"]), _text(internal["student_number"]), _optional(internal["email"])
    begins, until = _day(award["awarded_on"]), award["valid_until"]
    title = titles(_text(achievement["digest"]))
    called: tuple[Cell, ...] = (None, None, None, None)
    searched = [name, number, *([] if email is None else [email])]
    if title is not None:
        called = (title.slug, title.name, title.credit, title.minutes)
        searched += [title.name, title.slug]
    return (
        fed.position,
        _text(fed.entry.stream),
        _whole(fed.entry.seq),
        _uuid(internal["learner"]),
        name,
        number,
        email,
        _uuid(achievement["stream"]),
        _whole(achievement["version"]),
        *called,
        begins,
        begins if award["valid_from"] is None else _day(award["valid_from"]),
        None if until is None else _day(until),
        _optional(award["result"]),
        _optional(award["score"]),
        components,
        folded("\n".join(searched)),
    )


def _components(fed: Fed, award: _Json) -> Iterator[Row]:
    for number, each in enumerate(cast("list[_Json]", award["components"])):
        if number >= MOST_COMPONENTS:
            raise ValueError("more components than an award can have")
        stream, seq = _uuid(each["stream"]), _whole(each["seq"])
        yield fed.position * MOST_COMPONENTS + number, fed.position, fed.entry.stream, number, stream, seq


def _text(value: object) -> str:
    if type(value) is not str or "\0" in value:
        raise TypeError("not text that every database keeps")
    return value


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)


def _whole(value: object) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise TypeError("not a whole number that every database keeps")
    return value


def _day(value: object) -> str:
    text = _text(value)
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError("not a day in its one spelling")
    return text


def _uuid(value: object) -> str:
    text = _text(value)
    if not _UUID(text):
        raise ValueError("not a UUID in its one spelling")
    return text
