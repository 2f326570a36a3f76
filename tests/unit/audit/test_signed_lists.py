"""Signed status lists that were kept are held against the log: bits, keys, times, and whose they are."""

from datetime import timedelta
from pathlib import Path

import pytest

from ledger.domain.events import CredentialAwarded
from ledger.domain.values import Role
from ledger.testing.forge import Forge
from tests.unit.audit.forged_database import Database, did_of, put, signed_list, statuses_at

_CHECK = "status_list"


class Scene:
    """A college with an award that is suspended and reinstated, each under a statement of its own."""

    def __init__(self, path: Path) -> None:
        self.forge = forge = Forge()
        self.college = forge.register("college")
        award = forge.award(forge.define(self.college))
        stream = forge.issue(self.college, award)
        self.places = [forge.state()]
        forge.suspend(stream)
        self.places.append(forge.state())
        forge.reinstate(stream)
        self.places.append(forge.state())
        (issued,) = (each.recorded.event for each in forge.log if isinstance(each.recorded.event, CredentialAwarded))
        self.list, self.slot = issued.list, issued.slot
        self.database = put(forge, path)

    def keep(
        self, number: int, *, key: str = "college/signing", bits: bytes | None = None, after: timedelta = timedelta(0)
    ) -> tuple[bytes, str, int, bytes]:
        """Keep the list that follows from a statement; what was kept."""
        place = self.places[number]
        made = self.forge.log[place - 1].recorded.at + after
        row = signed_list(self.forge, self.college, self.list, place, key=key, made=made, bits=bits)
        self.put(row)
        return row

    def put(self, row: tuple[object, ...]) -> None:
        self.database.change("INSERT INTO status_credentials VALUES (?,?,?,?)", *row)

    def first(self) -> tuple[int, str, str] | None:
        """Position, check and the end of the reason of the first problem."""
        found = self.database.audit().first_bad
        return None if found is None else (found.position, found.check.value, found.reason.rpartition(": ")[2])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "ledger.db")


def test_lists_that_say_what_was_stated_are_sound(scene: Scene) -> None:
    for number in range(3):
        scene.keep(number)
    scene.keep(2, after=timedelta(hours=6))
    assert scene.first() is None


def test_first_list_with_another_bit_is_reported_at_its_statement(scene: Scene) -> None:
    scene.keep(0)
    bits = bytearray(statuses_at(scene.forge, scene.places[1]).list_bits(scene.list))
    bits[scene.slot >> 3] ^= 0x80 >> (scene.slot & 7)
    scene.keep(1, bits=bytes(bits))
    bits = bytearray(statuses_at(scene.forge, scene.places[2]).list_bits(scene.list))
    bits[-1] ^= 1
    scene.keep(2, bits=bytes(bits))
    report = scene.database.audit()
    assert [(each.position, each.check.value) for each in report.problems] == [
        (scene.places[1], _CHECK),
        (scene.places[2], _CHECK),
    ]
    assert scene.first() == (scene.places[1], _CHECK, "bits_differ")


def test_list_that_follows_from_an_earlier_statement_is_not_passed_off_for_a_later_one(scene: Scene) -> None:
    row = scene.keep(0)
    scene.database.change("UPDATE status_credentials SET size = ?", scene.places[1])
    assert scene.first() == (scene.places[1], _CHECK, "bits_differ")
    assert row[2] == scene.places[0]


@pytest.mark.parametrize(
    ("key", "reason"),
    [("thief", "key_not_found"), ("college/root", "key_not_found"), ("operator", "key_not_found")],
)
def test_list_signed_by_another_key_is_located(scene: Scene, key: str, reason: str) -> None:
    scene.keep(1, key=key)
    assert scene.first() == (scene.places[1], _CHECK, reason)


@pytest.mark.parametrize("act", ["retire", "compromise", "late"])
def test_list_signed_by_a_key_that_was_not_in_force_then_is_located(tmp_path: Path, act: str) -> None:
    scene = Scene(tmp_path / "other.db")
    forge, college, key = scene.forge, scene.college, "college/signing"
    if act == "late":
        key = "college/next"
        forge.add_key(college, key, Role.SIGNING)
    elif act == "retire":
        forge.retire_key(college, key)
        scene.places.append(forge.state())
    else:
        forge.compromise(college, key, len(forge.log))
        scene.places.append(forge.state())
    scene.database = put(forge, tmp_path / "ledger.db")
    scene.keep(0 if act == "late" else 3, key=key)
    reason = "key_not_found" if act == "late" else "no_key_in_force"
    assert scene.first() == (scene.places[0 if act == "late" else 3], _CHECK, reason)


def test_list_signed_before_its_key_was_reported_stands(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "other.db")
    scene.forge.compromise(scene.college, "college/signing", 1)
    scene.forge.state()
    scene.database = put(scene.forge, tmp_path / "ledger.db")
    scene.keep(2)
    assert scene.first() is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ("raw = x'7b7d'", "status_list_malformed"),
        ("raw = x'00'", "document_malformed"),
        ("raw = 'text'", "columns_malformed"),
        ("raw = NULL", "columns_malformed"),
        ("made_at = '2026-11-21T13:00:00.000Z'", "document_differs"),
        ("made_at = '9999-12-31T23:59:59.999Z'", "document_differs"),
        ("made_at = '2026-11-21'", "columns_malformed"),
        ("made_at = 7", "columns_malformed"),
        ("list = x'00'", "columns_malformed"),
        ("list = x'000102030405060708090a0b0c0d0e0f'", "list_unknown"),
    ],
)
def test_changed_row_is_located(scene: Scene, changed: str, reason: str) -> None:
    scene.keep(1)
    scene.database.loosen("status_credentials")
    scene.database.change(f"UPDATE status_credentials SET {changed}")
    assert scene.first() == (scene.places[1], _CHECK, reason)


@pytest.mark.parametrize("size", ["1", "9999", "0", "-5", "NULL", "'8'", "x'08'", "7.5", "1e300"])
def test_list_of_a_size_that_has_no_statement_is_reported_at_the_end(scene: Scene, size: str) -> None:
    scene.keep(0)
    scene.keep(1)
    scene.database.loosen("status_credentials")
    scene.database.change(f"UPDATE status_credentials SET size = {size} WHERE size = {scene.places[1]}")
    end = len(scene.forge.log) + 1
    assert [(each.position, each.check.value) for each in scene.database.audit().problems] == [(end, _CHECK)]


def test_two_lists_of_one_time_are_reported(scene: Scene) -> None:
    row = scene.keep(0)
    scene.database.loosen("status_credentials")
    scene.put(row)
    assert scene.first() == (scene.places[0], _CHECK, "made_before_the_last")


def test_list_made_before_the_one_of_an_earlier_statement_is_reported(scene: Scene) -> None:
    scene.keep(0, after=timedelta(days=1))
    scene.keep(1)
    assert scene.first() == (scene.places[1], _CHECK, "made_before_the_last")


def test_list_of_another_issuer_is_located(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "other.db")
    academy = scene.forge.register("academy")
    scene.places.append(scene.forge.state())
    scene.database = put(scene.forge, tmp_path / "ledger.db")
    made = scene.forge.log[-1].recorded.at
    row = signed_list(scene.forge, academy, scene.list, scene.places[-1], key="academy/signing", made=made)
    scene.put(row)
    assert scene.first() == (scene.places[-1], _CHECK, "document_differs")


def test_honest_database_is_sound_with_its_signed_lists(honest: Database) -> None:
    assert len(honest.rows("SELECT size FROM status_credentials")) == 3
    assert honest.first() is None
    assert did_of(honest.forge, "college")
