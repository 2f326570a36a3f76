"""The tables of docs/spec/entry.md say what the code does."""

import re
from dataclasses import fields
from pathlib import Path

from ledger.domain.award import Act, Award, AwardInternal
from ledger.domain.values import STATUS_LIST_SLOTS, Custody, Mode, Reason, Role, Route
from ledger.record.entry import MAX_ENTRY
from ledger.record.schema import SCHEMAS
from tests.unit.record.sealed import EXAMPLES, body, sealed

_PAGE = (Path(__file__).parents[3] / "docs" / "spec" / "entry.md").read_text("utf-8")


def _table(heading: str) -> dict[str, list[str]]:
    """First cell -> the other cells, of the table under this head row."""
    rows = _PAGE.split(f"\n| {heading} |", 1)[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return {first.strip("` "): rest for first, *rest in cells}


def _names(cell: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", cell)


def test_every_type_is_listed_with_its_members_and_parts() -> None:
    table = _table("type | data | commit")
    assert list(table) == list(SCHEMAS)
    for wire, (data, commit) in table.items():
        schema = SCHEMAS[wire]
        assert set(_names(data)) == schema.fields, wire
        assert _names(commit) == [str(part) for part in schema.parts], wire


def test_every_member_of_data_is_explained() -> None:
    explained = set(_table("member | value"))
    assert explained == set().union(*(schema.fields for schema in SCHEMAS.values()))


def test_every_field_of_a_body_is_explained() -> None:
    assert set(_table("field | value")) == set(body(sealed(EXAMPLES[0])))


def test_every_member_of_the_private_parts_is_explained() -> None:
    assert set(_table("member of `award` | value")) == {field.name for field in fields(Award)}
    assert set(_table("member of `act` | value")) == {field.name for field in fields(Act)}
    assert set(_table("member of `internal` | value")) == {field.name for field in fields(AwardInternal)} | {"v"}


def test_closed_lists_are_listed_whole() -> None:
    act, award, data = _table("member of `act` | value"), _table("member of `award` | value"), _table("member | value")
    listed = [act["reason"], act["mode"], award["route"], data["custody"], data["role"]]
    for cells, members in zip(listed, (Reason, Mode, Route, Custody, Role), strict=True):
        assert all(f"`{member.value}`" in cells[0] for member in members)


def test_limits_are_those_of_the_code() -> None:
    limits = {name: cells[0] for name, cells in _table("what | limit").items()}
    assert limits["entry"] == f"{MAX_ENTRY:,} bytes"
    assert limits["slots of a status list"] == f"{STATUS_LIST_SLOTS:,}"


def test_the_reserved_name_is_no_type() -> None:
    reserved = re.findall(r"`([a-z]+\.[a-z_]+)`", _PAGE.split("**Reserved name.**")[1].split("\n\n")[0])
    assert reserved == ["credential.erased"]
    assert not {f"{name}/1" for name in reserved} & set(SCHEMAS)
