"""An issuer hears of every event in its name, and is alarmed where it did not do that itself or was told otherwise."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from ledger.adapters.bundle_workers import bundle_workers
from ledger.adapters.folder_log import FolderLog
from ledger.adapters.public_audit_file import open_watch
from ledger.adapters.watch_state import SqliteWatchState
from ledger.audit.public.follow import Asked, PublicReport, audit_published
from ledger.audit.public.receipts import ProvesReceipts
from ledger.audit.public.watched import Alarm, AlarmKind, Happened, Receipt
from ledger.audit.public.watching import IssuerUnknown, Watch
from ledger.domain.types import Position, StreamId
from ledger.domain.values import Role, issuer_did, slug
from ledger.record.schema import SCHEMA_OF
from ledger.testing.forge import BEGIN, OPERATOR, RECOVERY, How
from ledger.tlog.cosignature import CosignerKey, cosign, with_lines
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.policy import parse_policy
from ledger.tlog.proof_file import TlogProof
from ledger.tlog.proofs import inclusion_path, node_reader
from tests.unit.audit.public.site import Log, publish

COLLEGE = issuer_did(OPERATOR, slug("college"))
GUILD = issuer_did(OPERATOR, slug("guild"))
LATER = BEGIN + timedelta(days=1)


@dataclass
class Watcher:
    """Somebody at the college who looks at a log in a folder now and then."""

    folder: Path
    log: Log = field(default_factory=Log)
    receipts: bool = False
    asked: Asked = field(default_factory=Asked)

    def publish(self) -> None:
        """State how everything stands, and publish."""
        self.log.state()
        publish(self.log, self.folder / "log")

    @contextmanager
    def opened(self) -> Iterator[SqliteWatchState]:
        """The state."""
        with open_watch(self.folder / "state") as memory:
            yield memory

    def take(self, receipts: Iterable[Receipt]) -> None:
        """Be acknowledged changes."""
        with self.opened() as memory:
            memory.add_receipts(COLLEGE, receipts)
            memory.save()

    def receipt(self, position: int, since: datetime = LATER) -> Receipt:
        """What the college was told of the change at a position."""
        recorded = self.log.log[position - 1].recorded
        act = SCHEMA_OF[type(recorded.event)].wire
        return Receipt(recorded.stream, recorded.seq, Position(position), since, act=act)

    def acknowledge(self, *positions: int) -> None:
        """Know of events."""
        with self.opened() as memory:
            self._watch(memory).acknowledge(positions)
            memory.save()

    def look(self, now: datetime = LATER) -> tuple[list[Happened], list[Alarm]]:
        """What is told."""
        with self.opened() as memory:
            report = self._audited(memory)
            watch = self._watch(memory)
            events = [happened for happened, _ in watch.events(now)]
            alarms = list(watch.alarms(report, now))
            memory.save()
        return events, alarms

    def alarms(self, now: datetime = LATER) -> list[tuple[str, int | None]]:
        """Kind and position of every alarm."""
        return [(alarm.kind.value, alarm.position) for alarm in self.look(now)[1]]

    def _watch(self, memory: SqliteWatchState) -> Watch:
        proving = ProvesReceipts(FolderLog(self.folder / "log"), memory)
        return Watch(memory, memory, COLLEGE, proving=proving, with_receipts=self.receipts)

    def _audited(self, memory: SqliteWatchState) -> PublicReport:
        return audit_published(
            FolderLog(self.folder / "log"),
            memory,
            self.asked,
            hiring=partial(bundle_workers, 1),
            keep_note=lambda seen: f"note {seen.size}",
        )


@pytest.fixture
def watcher(tmp_path: Path) -> Watcher:
    """A college with an achievement and three awards, and a guild with one."""
    watching = Watcher(tmp_path)
    log = watching.log
    log.register("college")
    award = log.award(log.define(COLLEGE))
    for _ in range(3):
        log.issue(COLLEGE, award)
    log.register("guild")
    log.issue_at(GUILD, 1, b"list of a guild.")
    watching.publish()
    return watching


def awards_of(log: Log) -> list[StreamId]:
    """The streams of awards of the college."""
    return [each.recorded.stream for each in log.log if each.type == "credential.issued/1"][:3]


# ---- events


def test_every_event_in_the_issuers_name_or_stream_is_told_once_and_in_order(watcher: Watcher) -> None:
    log = watcher.log
    events, _ = watcher.look()
    assert [(each.position, each.type) for each in events] == [
        (2, "issuer.registered/1"),
        (3, "issuer.key_added/1"),
        (4, "achievement.defined/1"),
        (5, "credential.issued/1"),
        (6, "credential.issued/1"),
        (7, "credential.issued/1"),
    ]
    assert watcher.look()[0] == []
    log.revoke(awards_of(log)[0])
    log.recognise(COLLEGE, GUILD)
    log.add_key(COLLEGE, "college/next")
    log.amend(awards_of(log)[1], log.award(log.define(COLLEGE, "Soldering")))
    log.add_key(GUILD, "guild/next")
    watcher.publish()
    told = watcher.look()[0]
    assert [each.type for each in told] == [
        "credential.revoked/1",
        "issuer.recognised/1",
        "issuer.key_added/1",
        "achievement.defined/1",
        "credential.amended/1",
    ]
    recorded = [log.log[each.position - 1].recorded for each in told]
    assert [(each.stream, each.seq, each.by, each.kid, each.at) for each in recorded] == [
        (each.stream, each.seq, each.by, each.kid, each.at) for each in told
    ]


def test_stack_is_told_as_one(watcher: Watcher) -> None:
    log = watcher.log
    watcher.look()
    log.stack(COLLEGE, log.define(COLLEGE, "All of it"), [])
    watcher.publish()
    assert [each.type for each in watcher.look()[0]] == ["achievement.defined/1", "credential.stacked/1"]


def test_issuer_that_the_log_does_not_have_is_unknown(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    watcher.log.register("guild")
    watcher.publish()
    with pytest.raises(IssuerUnknown, match="college"):
        watcher.look()
    # Unless the issuer was told that it is there.
    watcher.take([Receipt(watcher.log.new_stream(), watcher.log.log[0].recorded.seq, Position(99), LATER)])
    assert watcher.alarms(LATER + timedelta(seconds=61)) == [("withheld", 99)]


# ---- keys


def test_events_of_keys_are_alarms_until_they_are_acknowledged(watcher: Watcher) -> None:
    assert watcher.alarms() == [("key", 2), ("key", 3)]
    watcher.acknowledge(2)
    assert watcher.alarms() == [("key", 3)]
    watcher.acknowledge(3, 99)
    assert watcher.alarms() == []


def test_each_event_of_keys_is_an_alarm_and_says_who_did_what(watcher: Watcher) -> None:
    log = watcher.log
    watcher.alarms()
    watcher.acknowledge(2, 3)
    first = len(log.log) + 1
    log.add_key(COLLEGE, "college/next")
    log.add_key(COLLEGE, "college/root2", Role.ROOT)
    log.retire_key(COLLEGE, "college/next")
    log.compromise(COLLEGE, "college/signing", first, how=RECOVERY)
    log.recognise(COLLEGE, GUILD)
    watcher.publish()
    alarms = watcher.look()[1]
    assert [(alarm.kind, alarm.position) for alarm in alarms] == [(AlarmKind.KEY, first + each) for each in range(4)]
    assert f"{COLLEGE} added the signing key {log.kid('college/next')}" in alarms[0].reason
    assert f"{OPERATOR} reported the key" in alarms[3].reason
    assert "in the issuer's stead" in alarms[3].reason
    assert "in the issuer's stead" not in alarms[0].reason


# ---- receipts


def test_entry_without_a_receipt_is_an_alarm_after_a_minute(watcher: Watcher) -> None:
    watcher.receipts = True
    log = watcher.log
    every = [watcher.receipt(position) for position in range(3, 8)]  # registering has one receipt, of its second entry
    watcher.take(every)
    assert watcher.alarms() == []
    log.revoke(awards_of(log)[0])
    position, at = len(log.log), log.log[-1].recorded.at
    watcher.publish()
    assert watcher.alarms(at + timedelta(seconds=60)) == []
    assert watcher.alarms(at + timedelta(seconds=61)) == [("unknown", position)]
    assert watcher.alarms(at + timedelta(seconds=62)) == [("unknown", position)]
    watcher.take([watcher.receipt(position)])
    assert watcher.alarms(at + timedelta(seconds=63)) == []
    assert watcher.alarms(at + timedelta(seconds=63)) == []


def test_operator_who_dates_an_entry_ahead_does_not_put_the_alarm_off(watcher: Watcher) -> None:
    watcher.receipts = True
    log = watcher.log
    watcher.take([watcher.receipt(position) for position in range(3, 8)])
    watcher.look()
    log.at += timedelta(days=3650)
    log.revoke(awards_of(log)[0])
    position = len(log.log)
    watcher.publish()
    assert watcher.alarms(LATER) == []
    assert watcher.alarms(LATER + timedelta(seconds=61)) == [("unknown", position)]


def test_award_of_the_thief_of_a_key_is_an_alarm(watcher: Watcher) -> None:
    watcher.receipts = True
    watcher.take([watcher.receipt(position) for position in range(3, 8)])
    watcher.log.issue_at(COLLEGE, 99)
    position = len(watcher.log.log)
    watcher.publish()
    assert watcher.alarms() == [("unknown", position)]


def test_entries_of_others_in_the_issuers_stream_need_no_receipt(watcher: Watcher) -> None:
    watcher.receipts = True
    watcher.take([watcher.receipt(position) for position in range(3, 8)])
    watcher.log.recognise(COLLEGE, GUILD)
    watcher.publish()
    assert watcher.alarms() == []


def test_acknowledged_revocation_that_is_withheld_is_an_alarm_after_a_minute(watcher: Watcher) -> None:
    log = watcher.log
    watcher.alarms()
    watcher.acknowledge(2, 3)
    log.revoke(awards_of(log)[0])  # recorded and acknowledged, and the old checkpoint is shown
    position = len(log.log)
    watcher.take([watcher.receipt(position)])
    assert watcher.alarms(LATER + timedelta(seconds=60)) == []
    assert watcher.alarms(LATER + timedelta(seconds=61)) == [("withheld", position)]
    assert "61 s ago" in watcher.look(LATER + timedelta(seconds=61))[1][0].reason
    watcher.publish()
    assert watcher.alarms(LATER + timedelta(seconds=62)) == []


@pytest.mark.parametrize("what", ["award", "act", "achievement", "issuer"])
def test_receipt_of_every_kind_of_change_is_found_where_it_says(watcher: Watcher, what: str) -> None:
    log = watcher.log
    watcher.alarms()
    watcher.acknowledge(2, 3)
    if what == "award":
        log.issue_at(COLLEGE, 99)
    elif what == "act":
        log.suspend(awards_of(log)[0])
        log.reinstate(awards_of(log)[0])
    elif what == "achievement":
        log.define(COLLEGE, "Soldering")
    else:
        log.change_profile(COLLEGE, description="Welders")
    position = len(log.log)
    watcher.take([watcher.receipt(position)])
    elsewhere = watcher.receipt(position)._replace(position=Position(position - 1))
    watcher.publish()
    assert watcher.alarms() == []
    with watcher.opened() as memory:
        assert list(memory.pending(COLLEGE)) == []
    watcher.take([elsewhere])
    assert watcher.alarms() == [("moved", position - 1)]


def test_change_that_another_history_replaced_is_an_alarm(watcher: Watcher) -> None:
    other = watcher.log.fork()
    watcher.log.revoke(awards_of(watcher.log)[0])
    receipt = watcher.receipt(len(watcher.log.log))
    watcher.alarms()
    watcher.acknowledge(2, 3)
    watcher.take([receipt])
    watcher.log = other
    other.issue_at(COLLEGE, 99)
    watcher.publish()
    assert watcher.alarms() == [("moved", receipt.position)]
    assert "another entry is published" in watcher.look()[1][0].reason


# ---- receipts with proofs


def proof_of(log: Log, position: int, size: int | None = None, *, key: str | None = None) -> bytes:
    """The proof of an entry under the checkpoint of a size."""
    leaves = [leaf_hash(sealed.entry) for sealed in log.log[:size]]
    path = inclusion_path(position - 1, len(leaves), node_reader(leaves))
    return TlogProof(index=position - 1, path=path, checkpoint=log.checkpoint(size, key=key)).to_bytes()


@pytest.fixture
def proved(watcher: Watcher) -> tuple[Watcher, int]:
    """A revocation that is published, and its position."""
    watcher.alarms()
    watcher.acknowledge(2, 3)
    watcher.log.revoke(awards_of(watcher.log)[0])
    position = len(watcher.log.log)
    watcher.publish()
    return watcher, position


def test_proof_of_a_receipt_is_good_under_the_same_and_under_a_later_checkpoint(proved: tuple[Watcher, int]) -> None:
    watcher, position = proved
    receipt = watcher.receipt(position)
    watcher.take([receipt._replace(proof=proof_of(watcher.log, position))])
    watcher.log.issue_at(COLLEGE, 99)
    watcher.publish()
    assert watcher.alarms() == []
    with watcher.opened() as memory:
        assert list(memory.pending(COLLEGE)) == []


@pytest.mark.parametrize(
    "what", ["another entry", "another history", "another position", "a stranger", "noise", "more"]
)
def test_proof_that_is_of_something_else_is_an_alarm(proved: tuple[Watcher, int], what: str) -> None:
    watcher, position = proved
    log, receipt = watcher.log, watcher.receipt(position)
    other = log.fork()
    del other.log[position - 1 :]
    other.log.append(log.log[position - 2])
    if what == "another history":
        other = log.fork()
        other.log.append(log.log[position - 2])
        log.issue_at(COLLEGE, 99)
        watcher.publish()
    if what == "more":
        other = log.fork()
        other.issue_at(COLLEGE, 99)
    proofs = {
        "another position": proof_of(log, position - 1),
        "a stranger": proof_of(log, position, key="stranger"),
        "noise": b"noise",
    }
    watcher.take([receipt._replace(proof=proofs.get(what) or proof_of(other, position))])
    assert watcher.alarms() == [("moved", position)]


# ---- the log itself


def test_unsound_log_is_an_alarm(watcher: Watcher) -> None:
    watcher.alarms()
    watcher.acknowledge(2, 3)
    watcher.log.issue_at(GUILD, 1, b"list of a guild.", how=How(key="thief"))
    position = len(watcher.log.log)
    watcher.publish()
    assert watcher.alarms() == [("unsound", position)]


def test_fork_is_an_alarm_and_events_of_the_other_history_are_not_believed(watcher: Watcher) -> None:
    watcher.alarms()
    watcher.acknowledge(2, 3)
    other = watcher.log.fork()
    watcher.log.issue_at(COLLEGE, 99)
    watcher.publish()
    watcher.look()
    watcher.log = other
    other.revoke(awards_of(other)[0])
    other.issue_at(COLLEGE, 100)
    watcher.publish()
    events, alarms = watcher.look()
    assert events == []
    assert [alarm.kind for alarm in alarms] == [AlarmKind.UNSOUND]


def test_witnesses_that_have_not_cosigned_for_hours_are_an_alarm(watcher: Watcher) -> None:
    watcher.alarms()
    watcher.acknowledge(2, 3)
    witness = CosignerKey.of("north.example", watcher.log.key("north").public_key)
    watcher.asked = Asked(policy=parse_policy(f"witness north {witness}\nquorum north\n"))
    note = watcher.log.checkpoint()
    text = note.decode().split("\n\n")[0] + "\n"
    line = cosign(text, watcher.log.key("north"), "north.example", int(LATER.timestamp()))
    (watcher.folder / "log" / "checkpoint").write_bytes(with_lines(note, line))
    assert watcher.alarms(LATER + timedelta(hours=3)) == []
    assert watcher.alarms(LATER + timedelta(hours=3, seconds=1)) == [("stale", None)]
    assert watcher.alarms(LATER - timedelta(minutes=5)) == []
    assert watcher.alarms(LATER - timedelta(minutes=5, seconds=1)) == [("stale", None)]  # a time that has not come
