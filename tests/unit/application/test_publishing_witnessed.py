"""Publishing beside witnesses: what is served without their quorum, and who stops for what they have seen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from ledger.application.ports import LedgerHalted, SignedCheckpoint
from ledger.application.publishing import Publishing, QuorumMissing
from ledger.application.publishing_ports import WitnessAhead
from ledger.publication import publishing_of
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.tlog.merkle import Hash
from tests.unit.application.office import Office, run


@dataclass(slots=True)
class Scripted:
    """Witnesses that do as they are told; a cosigned note carries another line."""

    vouches: bool = True
    shown: bytes | None = None  # the checkpoint that one of them shows
    heard: bool = False
    asked: bool = True
    seen: list[int] = field(default_factory=list)

    def gather(
        self, note: bytes, prove: Callable[[int], tuple[Hash, ...]], opened: Callable[[bytes], Checkpoint]
    ) -> bytes:
        """The note, with a line if they vouch for it."""
        size = int(note.split(b"\n")[1])
        self.seen.append(size)
        self.heard = self.heard or self.vouches
        line = "— witness.example AAAAAAE=\n".encode() if self.vouches else b""
        if self.shown is not None:
            raise WitnessAhead("w", self.shown, opened(self.shown).size, size, note + line)
        return note + line

    def reached(self, note: bytes) -> bool:
        """Whether the line is there."""
        return b"witness.example" in note

    def due(self, now: datetime) -> bool:
        """Always, so that no test waits."""
        return True

    def close(self) -> None:
        """Nothing is open."""


def publishing(office: Office, witnesses: Scripted) -> Publishing:
    """A publisher of the same home, which knows nothing yet."""
    ledger = office.ledger
    return publishing_of(
        ledger.home,
        ledger.store,
        ledger.committer,
        ledger.operator,
        signer=ledger.desk.keys.signer,
        clock=ledger.clock,
        halt=ledger.fence.halt,
        witnessing=witnesses,
    )


def served(office: Office) -> int:
    """Entries under the served checkpoint."""
    return open_checkpoint(office.ledger.home.checkpoint.read_bytes(), office.ledger.verifier_key).size


def test_without_a_quorum_the_last_cosigned_checkpoint_is_served_on_until_there_is_one(office: Office) -> None:
    witnesses = Scripted()
    publisher = publishing(office, witnesses)
    before = publisher.publish()
    run(office.issue())
    witnesses.vouches = False
    for _ in range(2):
        with pytest.raises(QuorumMissing, match="too few witnesses"):
            publisher.publish()
        assert served(office) == before
    witnesses.vouches = True
    assert publisher.publish() == office.size() > before
    assert served(office) == office.size()


def test_nothing_new_is_signed_before_witnesses_were_heard_about_what_was_signed(office: Office) -> None:
    publishing(office, Scripted()).publish()
    run(office.issue())
    size = office.size()
    with pytest.raises(QuorumMissing):
        publishing(office, Scripted(vouches=False)).publish()  # the note that is served has their line already
    with office.store.snapshot() as snapshot:
        signed = snapshot.checkpoint()
    assert (office.size(), None if signed is None else signed.size < size) == (size, True)


def signed_elsewhere(office: Office, size: int) -> bytes:
    """A checkpoint of this log that is none of this store."""
    ledger = office.ledger
    checkpoint = Checkpoint(origin=ledger.operator.origin, size=size, root=Hash(bytes(32)))
    return sign_checkpoint(checkpoint, ledger.desk.keys.signer(ledger.operator.checkpoint_key))


@pytest.mark.parametrize("size", [9_999, 5])
def test_witness_that_shows_what_this_log_signed_and_the_store_does_not_hold_stops_the_ledger(
    office: Office, size: int
) -> None:
    run(office.issue())
    shown = signed_elsewhere(office, size)
    with pytest.raises(LedgerHalted, match=f"w shows a checkpoint over {size} entries"):
        publishing(office, Scripted(shown=shown)).publish()
    with pytest.raises(LedgerHalted):
        run(office.issue())
    kept = {each.read_bytes() for each in office.ledger.home.folder.glob("witness.evidence-*.checkpoint")}
    assert kept == {shown, office.ledger.home.guard.read_bytes()}


def test_witness_that_shows_what_the_store_holds_does_not_keep_the_others_from_being_believed(office: Office) -> None:
    before = publishing(office, Scripted()).publish()
    run(office.issue())
    after = publishing(office, Scripted()).publish()
    run(office.issue())
    witnesses = Scripted(shown=office.ledger.home.checkpoint.read_bytes())  # as if another process had published
    assert publishing(office, witnesses).publish() == office.size() > after > before
    assert served(office) == office.size()


def test_nothing_new_is_signed_while_not_enough_were_heard_though_what_was_signed_has_its_quorum(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = publishing(office, Scripted()).publish()
    run(office.issue())
    monkeypatch.setattr(Scripted, "heard", property(lambda _: False, lambda *_: None), raising=False)
    with pytest.raises(QuorumMissing, match="says that it has seen more and does not show it"):
        publishing(office, Scripted()).publish()
    assert served(office) == before
    with office.store.snapshot() as snapshot:
        signed = snapshot.checkpoint()
    assert signed is not None
    assert signed.size == before


def test_guard_that_holds_another_checkpoint_of_the_same_size_stops_the_ledger(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(office.issue())
    ledger, save = office.ledger, office.store.save_checkpoint
    signer = ledger.desk.keys.signer(ledger.operator.checkpoint_key)

    def save_beside(previous: int, checkpoint: SignedCheckpoint) -> None:
        save(previous, checkpoint)
        other = Checkpoint(origin=ledger.operator.origin, size=checkpoint.size, root=Hash(bytes(32)))
        ledger.home.guard.write_bytes(sign_checkpoint(other, signer))  # of a store that went on differently

    monkeypatch.setattr(office.store, "save_checkpoint", save_beside)
    with pytest.raises(LedgerHalted, match="another checkpoint over"):
        publishing(office, Scripted()).publish()
    with pytest.raises(LedgerHalted):
        run(office.issue())
