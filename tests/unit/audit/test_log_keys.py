"""Checkpoints are good under any key that is in force at their size, and under no other."""

from pathlib import Path

import pytest

from ledger.audit.source import CannotBeAudited
from ledger.domain import events as ev
from ledger.domain.types import Position
from ledger.testing.forge import Forge, How
from ledger.tlog.note import VerifierKey
from tests.unit.audit.forged_database import Database, place_of, put

FIRST, NEXT = "operator/checkpoint", "operator/next"


class _Scene:
    """A log whose second key was added at `added`, and whose first one was retired at `retired`."""

    def __init__(self, path: Path) -> None:
        self.forge = Forge()
        self.college = self.forge.register("college")
        self.added = self.forge.add_checkpoint_key(NEXT)
        self.forge.state()
        self.retired = self.forge.retire_checkpoint_key(FIRST)
        self.forge.state()
        self.path = path / "ledger.db"

    def put(self) -> Database:
        """In a database, with a checkpoint of every size by all keys in force."""
        return put(self.forge, self.path)

    def replace(self, database: Database, size: int, key: str) -> None:
        """Another key signs that checkpoint, and it alone."""
        database.change("UPDATE checkpoints SET note = ? WHERE size = ?", self.forge.checkpoint(size, key=key), size)

    def key(self, name: str) -> VerifierKey:
        """The key as an auditor knows it."""
        return VerifierKey.of(self.forge.origin, self.forge.key(name).public_key)


@pytest.fixture
def scene(tmp_path: Path) -> _Scene:
    """Keys that follow one another."""
    return _Scene(tmp_path)


@pytest.mark.parametrize("name", [FIRST, NEXT])
def test_auditor_may_know_any_key_of_the_log(scene: _Scene, name: str) -> None:
    report = scene.put().audit(vkey=scene.key(name), own=scene.forge.checkpoint())
    assert report.sound
    assert report.checkpoint is not None
    assert report.checkpoint.source == "kept"


def test_key_that_the_log_never_had_is_not_its_key(scene: _Scene) -> None:
    assert scene.put().first(vkey=scene.key("thief"), kept=None) == (1, "log")


@pytest.mark.parametrize("name", [FIRST, NEXT])
def test_while_keys_overlap_one_of_both_is_enough(scene: _Scene, name: str) -> None:
    database = scene.put()
    for size in range(scene.added, scene.retired):
        scene.replace(database, size, name)
    assert database.first(kept=scene.forge.checkpoint(scene.added, key=name)) is None


def test_key_signs_nothing_before_it_was_added(scene: _Scene) -> None:
    database = scene.put()
    scene.replace(database, scene.added - 1, NEXT)
    assert database.first() == (scene.added - 1, "checkpoint")


def test_key_signs_nothing_from_its_retirement_on(scene: _Scene) -> None:
    database = scene.put()
    scene.replace(database, scene.retired, FIRST)
    assert database.first() == (scene.retired, "checkpoint")
    scene.replace(database, scene.retired, NEXT)
    assert database.first() is None
    with pytest.raises(CannotBeAudited, match="do not belong together"):
        database.audit(kept=scene.forge.checkpoint(scene.retired, key=FIRST))
    assert database.first(kept=None, own=scene.forge.checkpoint(key=FIRST)) == (len(scene.forge.log) + 1, "checkpoint")


def test_kept_checkpoint_of_a_key_whose_entry_is_damaged_leads_to_that_entry(scene: _Scene) -> None:
    database = scene.put()
    raw = scene.forge.log[scene.added - 1].entry
    database.change("UPDATE stored_events SET state = ? WHERE notification_id = ?", raw[:-3] + b"A=\n", scene.added)
    report = database.audit()
    assert place_of(report) == (scene.added, "entry")
    assert any("the kept checkpoint is not one of the log" in each.reason for each in report.problems)


def test_tail_that_was_cut_off_with_the_entry_that_named_the_key_is_missed_all_the_same(scene: _Scene) -> None:
    database = scene.put()
    size = scene.added - 1
    at = scene.forge.log[size - 1].recorded.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    database.change("DELETE FROM stored_events WHERE notification_id > ?", size)
    database.change("DELETE FROM checkpoints WHERE size > ?", size)
    database.change("UPDATE log_head SET size = ?, at = ?", size, at)
    assert database.first() == (size + 1, "checkpoint")
    assert database.first(vkey=scene.key(NEXT)) == (1, "log")
    assert database.first(kept=scene.forge.checkpoint(size)) is None


def test_kept_checkpoint_of_another_log_is_refused_at_once(scene: _Scene) -> None:
    with pytest.raises(CannotBeAudited, match="do not belong together"):
        scene.put().audit(kept=scene.forge.checkpoint(99, name="other.example/log"))


@pytest.mark.parametrize(
    ("how", "prover", "check"),
    [
        (How(key="college/root"), None, "signer"),
        (How(key=FIRST), None, "signer"),
        (How(key="thief", named="operator"), None, "signature"),
        (How(), "thief", "possession"),
    ],
)
def test_key_that_nobody_may_have_added_signs_nothing(tmp_path: Path, how: How, prover: str | None, check: str) -> None:
    forge = Forge()
    forge.register("college")
    place = forge.add_checkpoint_key(NEXT, how, prover=prover)
    database = put(forge, tmp_path / "ledger.db")
    assert database.first() == (place, check)
    database.change("UPDATE checkpoints SET note = ? WHERE size = ?", forge.checkpoint(place, key=NEXT), place)
    report = database.audit(kept=None)
    assert [each.check.value for each in report.problems if each.position == place] == ["checkpoint", check]


def test_order_of_keys_is_that_of_the_log(tmp_path: Path) -> None:
    forge = Forge()
    again = forge.add_checkpoint_key(FIRST)
    forge.signers[FIRST] = Position(1), None
    last = forge.retire_checkpoint_key(FIRST)
    forge.signers[FIRST] = Position(1), None
    unknown = forge.of_log(ev.LogKeyRetired(key=forge.kid("nobodys")))
    event_key = forge.add_checkpoint_key("operator")
    del forge.signers["operator"]
    report = put(forge, tmp_path / "ledger.db").audit()
    places = [again, last, unknown, event_key]
    assert [(each.position, each.check.value) for each in report.problems] == [(place, "order") for place in places]


def test_log_begins_once(tmp_path: Path) -> None:
    forge = Forge()
    started = forge.log[0].recorded.event
    assert isinstance(started, ev.LogStarted)
    place = forge.of_log(started)
    assert place_of(put(forge, tmp_path / "ledger.db").audit()) == (place, "signer")
