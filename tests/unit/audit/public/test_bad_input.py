"""What a log shows that is damaged, swapped, forged or from elsewhere is refused, each for what it is."""

import shutil
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.audit.public.follow import Asked
from ledger.audit.public.log import LogNotReadable
from ledger.audit.public.state import StateOfAnotherLog
from ledger.domain.types import Origin
from ledger.testing.forge import How
from ledger.tlog.checkpoint import Checkpoint, CheckpointOriginMismatch, MalformedCheckpoint, sign_checkpoint
from ledger.tlog.cosignature import CosignerKey, cosign, with_lines
from ledger.tlog.merkle import EMPTY_ROOT, CompactRange, leaf_hash
from ledger.tlog.note import MalformedNote, NoteSignatureInvalid, NoteUnsigned, sign_note
from ledger.tlog.policy import parse_policy
from ledger.tlog.tiles import FULL_WIDTH, encode_bundle
from tests.unit.audit.public.site import Auditor, Log, publish, told

OTHER = Origin("other.example/log")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Log, Path]:
    """A log of more than two bundles, and the folder where it is shown."""
    folder = tmp_path_factory.mktemp("template")
    forge = Log()
    forge.fill(520)
    forge.state()
    publish(forge, folder)
    return forge, folder


@pytest.fixture
def log(template: tuple[Log, Path], tmp_path: Path) -> Log:
    """The same, in tmp_path/log."""
    forge, folder = template
    shutil.copytree(folder, tmp_path / "log")
    return forge.fork()


# ---- checkpoints


def _resigned(log: Log, change: Callable[[str], str]) -> bytes:
    """A checkpoint with another text, signed by the log's own key."""
    return sign_note(
        change(log.checkpoint().decode().split("\n\n")[0] + "\n"), log.key("operator/checkpoint"), log.origin
    )


CHECKPOINTS: dict[str, tuple[Callable[[Log], bytes], type[Exception] | None]] = {
    "empty": (lambda _: b"", MalformedNote),
    "noise": (lambda _: bytes(range(256)), MalformedNote),
    "too long": (lambda log: log.checkpoint() + b"x" * 70_000, MalformedNote),
    "cut off": (lambda log: log.checkpoint()[:-40], MalformedNote),
    "unsigned": (lambda log: log.checkpoint().split(b"\n\n")[0] + b"\n\n", MalformedNote),
    "of a stranger's key": (lambda log: log.checkpoint(key="stranger"), NoteUnsigned),
    "with a flipped bit in its signature": (lambda log: _flipped(log.checkpoint()), NoteSignatureInvalid),
    "with another size than was signed": (
        lambda log: log.checkpoint().replace(b"\n%d\n" % len(log.log), b"\n%d\n" % (len(log.log) + 1)),
        NoteSignatureInvalid,
    ),
    "with a leading zero": (lambda log: _resigned(log, lambda text: text.replace("\n5", "\n05")), MalformedCheckpoint),
    "with a plus": (lambda log: _resigned(log, lambda text: text.replace("\n5", "\n+5")), MalformedCheckpoint),
    "with a line more": (lambda log: _resigned(log, lambda text: text + "more\n"), MalformedCheckpoint),
    "with a root of 31 bytes": (
        lambda log: _resigned(log, lambda text: "\n".join(text.split("\n")[:2]) + "\nAAAA\n"),
        MalformedCheckpoint,
    ),
    "of another log": (lambda log: log.checkpoint(name=OTHER), None),
    "of another log, in this one's name": (
        lambda log: sign_note(f"{OTHER}\n1\n{'A' * 43}=\n", log.key("operator/checkpoint"), log.origin),
        None,
    ),
}


def _flipped(note: bytes) -> bytes:
    head, _, signature = note.decode().rstrip("\n").rpartition(" ")
    other = "A" if signature[40] != "A" else "B"
    return f"{head} {signature[:40]}{other}{signature[41:]}\n".encode()


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoint_that_is_none_of_this_log_is_refused_for_what_it_is(
    log: Log, tmp_path: Path, name: str, key: bool
) -> None:
    make, cause = CHECKPOINTS[name]
    auditor = Auditor(tmp_path / "state", Asked(keys=(log.vkey(),) if key else ()))
    (tmp_path / "log" / "checkpoint").write_bytes(make(log))
    if not key and (cause is None or "size" in name):  # nobody can tell who should have signed what is not shown
        report = auditor.audit(tmp_path / "log")
        assert told(report)[0] in ((1, "log"), (1, "tile"))
    else:
        with pytest.raises(LogNotReadable) as raised:
            auditor.audit(tmp_path / "log")
        if cause is NoteUnsigned and key:
            assert "did not sign" in str(raised.value)
        elif cause not in (None, NoteUnsigned):
            assert isinstance(raised.value.__cause__, cause)
    (tmp_path / "log" / "checkpoint").write_bytes(log.checkpoint())
    assert auditor.audit(tmp_path / "log").report.sound  # nothing of it was remembered
    (tmp_path / "log" / "checkpoint").write_bytes(make(log))
    with pytest.raises((LogNotReadable, StateOfAnotherLog)):
        auditor.audit(tmp_path / "log")
    (tmp_path / "log" / "checkpoint").write_bytes(log.checkpoint())
    assert auditor.audit(tmp_path / "log").report.sound


def test_origin_that_the_key_does_not_have_is_refused(log: Log, tmp_path: Path) -> None:
    note = sign_note(f"{OTHER}\n1\n{'A' * 43}=\n", log.key("operator/checkpoint"), log.origin)
    (tmp_path / "log" / "checkpoint").write_bytes(note)
    with pytest.raises(LogNotReadable, match="calls itself"):
        Auditor(None, Asked(keys=(log.vkey(),))).audit(tmp_path / "log")
    kept = Auditor(None, Asked(keys=(log.vkey(),), kept=note))
    publish(log, tmp_path / "log")
    with pytest.raises(LogNotReadable) as raised:
        kept.audit(tmp_path / "log")
    assert isinstance(raised.value.__cause__, CheckpointOriginMismatch)


@pytest.mark.parametrize("off", [-1, 1])
@pytest.mark.parametrize("known", [True, False])
def test_size_that_is_one_off_under_a_good_signature_is_unsound(
    log: Log, tmp_path: Path, off: int, known: bool
) -> None:
    auditor = Auditor(tmp_path / "state")
    if known:
        assert auditor.audit(tmp_path / "log").report.sound
    honest = log.checkpoint().decode().split("\n")
    note = _resigned(log, lambda text: text.replace(f"\n{honest[1]}\n", f"\n{int(honest[1]) + off}\n"))
    (tmp_path / "log" / "checkpoint").write_bytes(note)
    assert told(auditor.audit(tmp_path / "log"))[0][1] in ("tile", "history")


def test_empty_log_is_unsound(log: Log, tmp_path: Path) -> None:
    note = sign_checkpoint(Checkpoint(origin=log.origin, size=0, root=EMPTY_ROOT), log.key("operator/checkpoint"))
    (tmp_path / "log" / "checkpoint").write_bytes(note)
    report = Auditor(None).audit(tmp_path / "log")
    assert told(report) == [(1, "log")]
    assert (report.report.events, report.report.root) == (0, EMPTY_ROOT)


def test_address_without_a_log_is_not_readable(tmp_path: Path) -> None:
    with pytest.raises(LogNotReadable, match="no log is published"):
        Auditor(None).audit(tmp_path)


def test_log_that_names_another_origin_than_its_checkpoint_is_unsound(tmp_path: Path) -> None:
    log = Log()
    log.state()
    publish(log, tmp_path, note=log.checkpoint(name=OTHER))
    assert told(Auditor(None).audit(tmp_path)) == [(1, "log")]


@pytest.mark.parametrize("how", [How(key="thief"), How(key="thief", named="operator"), How(seq=1)])
def test_log_that_does_not_begin_as_a_log_does_is_unsound(tmp_path: Path, how: How) -> None:
    log = Log(how=how)
    publish(log, tmp_path)
    assert told(Auditor(None).audit(tmp_path)) == [(1, "log")]


def test_log_whose_first_entry_is_none_is_unsound(log: Log, tmp_path: Path) -> None:
    first, *rest = log.log
    del first
    log.log[:] = rest
    publish(log, tmp_path / "log")
    assert told(Auditor(None).audit(tmp_path / "log")) == [(1, "log")]


def test_log_that_names_another_key_than_the_one_given_is_unsound(tmp_path: Path) -> None:
    log = Log()
    log.state()
    publish(log, tmp_path, note=log.checkpoint(key="other"))
    found = told(Auditor(None, Asked(keys=(log.vkey("other"),))).audit(tmp_path))
    assert found == [(1, "log"), (2, "checkpoint")]


# ---- bundles and tiles


def _swap(folder: Path, one: str, other: str) -> None:
    first, second = (folder / one).read_bytes(), (folder / other).read_bytes()
    (folder / one).write_bytes(second)
    (folder / other).write_bytes(first)


def _cut(folder: Path, path: str, count: int) -> None:
    (folder / path).write_bytes((folder / path).read_bytes()[:-count])


def _changed(folder: Path, path: str, place: int) -> None:
    content = bytearray((folder / path).read_bytes())
    content[place] ^= 1
    (folder / path).write_bytes(content)


PARTIAL = "tile/entries/002.p/13"
DAMAGE: dict[str, tuple[Callable[[Path], object], int]] = {
    "a bundle cut by a byte": (lambda folder: _cut(folder, "tile/entries/001", 1), 257),
    "a bundle cut by much": (lambda folder: _cut(folder, "tile/entries/001", 5_000), 257),
    "an empty bundle": (lambda folder: (folder / "tile/entries/001").write_bytes(b""), 257),
    "a bundle with more": (
        lambda folder: (folder / "tile/entries/001").write_bytes((folder / "tile/entries/001").read_bytes() + b"\0\1x"),
        257,
    ),
    "a bundle that is too long": (lambda folder: (folder / "tile/entries/001").write_bytes(bytes(2_000_000)), 257),
    "bundles swapped": (lambda folder: _swap(folder, "tile/entries/000", "tile/entries/001"), 1),
    "a bundle that is gone": (lambda folder: (folder / "tile/entries/001").unlink(), 257),
    "the last bundle gone": (lambda folder: (folder / PARTIAL).unlink(), 513),
    "an entry changed": (lambda folder: _changed(folder, "tile/entries/001", 300), 257),
    "an entry of the last bundle changed": (lambda folder: _changed(folder, PARTIAL, 300), 513),
    "a length changed": (lambda folder: _changed(folder, "tile/entries/000", 1), 1),
    "entries of another log": (
        lambda folder: (folder / "tile/entries/000").write_bytes(
            encode_bundle([sealed.entry for sealed in _elsewhere().log[:256]])
        ),
        1,
    ),
    "a tile above gone": (lambda folder: (folder / "tile/1/000.p/2").unlink(), 1),
    "a tile above changed": (lambda folder: _changed(folder, "tile/1/000.p/2", 5), 1),
    "a tile of leaves changed": (lambda folder: _changed(folder, "tile/0/002.p/13", 5), 1),
    "a tile of leaves cut": (lambda folder: _cut(folder, "tile/0/002.p/13", 1), 1),
}


def _elsewhere() -> Log:
    other = Log(origin=OTHER)
    other.fill(300)
    return other


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_where_it_is_and_what_was_good_is_kept(
    log: Log, tmp_path: Path, name: str, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.adapters.bundle_workers._WORTH_IT", 1)
    assert len(log.log) == 525
    damage, position = DAMAGE[name]
    damage(tmp_path / "log")
    auditor = Auditor(tmp_path / "state", jobs=jobs)
    report = auditor.audit(tmp_path / "log")
    assert told(report) == [(position, "tile")]
    assert report.report.events == position - 1
    publish(log, tmp_path / "log")
    mended = auditor.audit(tmp_path / "log")
    assert (mended.report.sound, mended.read) == (True, len(log.log) - position + 1)


def test_old_part_of_a_bundle_that_was_changed_since_is_found(tmp_path: Path) -> None:
    log = Log()
    log.fill(5)
    log.state()
    publish(log, tmp_path / "log")
    auditor = Auditor(tmp_path / "state")
    auditor.audit(tmp_path / "log")
    log.fill(5)
    log.state()
    publish(log, tmp_path / "log")
    _changed(tmp_path / "log", f"tile/entries/000.p/{len(log.log)}", 200)
    assert told(auditor.audit(tmp_path / "log"))[0][1] == "tile"


def test_size_that_no_log_has_costs_no_more_than_what_is_shown(log: Log, tmp_path: Path) -> None:
    """A tree of 2^28 entries, of which the first bundle is there, in four small files under a good signature."""
    entries = [sealed.entry for sealed in log.log[:FULL_WIDTH]]
    tiles = {"tile/entries/000": encode_bundle(entries)}
    hashes = [leaf_hash(entry) for entry in entries]
    for level in range(3):
        tiles[f"tile/{level}/000"] = b"".join(hashes)
        top = CompactRange.empty().extended(hashes).root()
        hashes = [top, *[leaf_hash(b"junk")] * (FULL_WIDTH - 1)]
    tiles["tile/3/000.p/16"] = b"".join(hashes[:16])
    claimed = Checkpoint(origin=log.origin, size=16 << 24, root=CompactRange.empty().extended(hashes[:16]).root())
    tiles["checkpoint"] = sign_checkpoint(claimed, log.key("operator/checkpoint"))
    for path, content in tiles.items():
        place = tmp_path / "huge" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    tracemalloc.start()
    try:
        report = Auditor(None).audit(tmp_path / "huge")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told(report) == [(FULL_WIDTH + 1, "tile")]
    assert most < 32 << 20


# ---- what the auditor gives


@pytest.mark.parametrize("raw", [b"", b"noise", b"a\n1\nb\n\n"])
def test_kept_checkpoint_that_is_none_is_refused(log: Log, tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(LogNotReadable, match="kept checkpoint"):
        Auditor(None, Asked(kept=raw)).audit(tmp_path / "log")


def test_kept_checkpoint_of_a_stranger_is_refused(log: Log, tmp_path: Path) -> None:
    with pytest.raises(LogNotReadable, match="kept checkpoint"):
        Auditor(None, Asked(kept=log.checkpoint(key="stranger"))).audit(tmp_path / "log")


def _policy(log: Log, quorum: str) -> Asked:
    keys = [CosignerKey.of(f"{name}.example", log.key(name).public_key) for name in ("north", "south")]
    lines = [f"log {log.vkey().to_text()}", f"witness north {keys[0]}", f"witness south {keys[1]}"]
    lines += ["group both all north south", f"quorum {quorum}"]
    return Asked(policy=parse_policy("\n".join([*lines, ""])))


def _cosigned(log: Log, name: str) -> bytes:
    text = log.checkpoint().decode().split("\n\n")[0] + "\n"
    at = int(datetime(2026, 11, 21, 15, tzinfo=UTC).timestamp())
    return with_lines(log.checkpoint(), cosign(text, log.key(name), f"{name}.example", at))


def test_witnesses_of_the_policy_are_told_and_asked_for(log: Log, tmp_path: Path) -> None:
    place = tmp_path / "log" / "checkpoint"
    place.write_bytes(_cosigned(log, "north"))
    report = Auditor(None, _policy(log, "north")).audit(tmp_path / "log")
    assert report.report.sound
    assert report.agreement is not None
    assert (report.agreement.names, report.agreement.reached) == (("north",), True)
    assert "whether others are shown the same log" not in {each.what for each in report.report.not_checked}
    for quorum in ("south", "both"):
        assert told(Auditor(None, _policy(log, quorum)).audit(tmp_path / "log")) == [(len(log.log), "witness")]
    place.write_bytes(_cosigned(log, "north").replace(b"north.example", b"south.example"))
    assert Auditor(None, _policy(log, "none")).audit(tmp_path / "log").report.sound


def test_false_cosignature_of_a_witness_of_the_policy_is_found(log: Log, tmp_path: Path) -> None:
    (tmp_path / "log" / "checkpoint").write_bytes(_flipped(_cosigned(log, "north")))
    assert told(Auditor(None, _policy(log, "none")).audit(tmp_path / "log")) == [(len(log.log), "witness")]
    assert Auditor(None).audit(tmp_path / "log").report.sound


def test_witness_of_the_policy_whose_time_has_not_come_is_not_counted(log: Log, tmp_path: Path) -> None:
    (tmp_path / "log" / "checkpoint").write_bytes(_cosigned(log, "north"))
    early = datetime(2026, 11, 21, 14, 54, 59, tzinfo=UTC)
    asked = replace(_policy(log, "north"), now=early + timedelta(seconds=1))
    assert Auditor(None, asked).audit(tmp_path / "log").report.sound
    report = Auditor(None, replace(asked, now=early)).audit(tmp_path / "log")
    assert told(report) == [(len(log.log), "witness")]
    assert "a time that has not come" in report.report.problems[0].reason
    assert report.agreement is not None
    assert (report.agreement.names, report.agreement.as_of) == ((), None)
    assert "has not come" not in Auditor(None, _policy(log, "south")).audit(tmp_path / "log").report.problems[0].reason
