"""Scans: found by code, short code or id, and judged on what is recorded now, whatever is damaged or kept."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.adapters.home import Settings
from ledger.application import standings as module
from ledger.application.ports import Appended
from ledger.application.scanning import Scanning
from ledger.domain.codes import format_link_code
from ledger.domain.types import Did, Kid
from ledger.domain.values import Reason, Role
from ledger.publication import published_log
from ledger.record.entry import parse_entry
from ledger.record.sealing import seal
from ledger.signing.signer import Ed25519Signer
from ledger.tlog.cosignature import CosignerKey, cosign, with_lines
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.proofs import check_inclusion
from ledger.verification.verdict import Outcome, State, Verdict
from tests.unit.application.office import OPERATOR, Office, run


@pytest.fixture
def award(office: Office) -> Appended:
    return run(office.issue())


def test_award_is_found_by_code_short_code_and_id(office: Office, award: Appended) -> None:
    receipt, scanning = office.ledger.awards.receipt(OPERATOR, award), office.ledger.scanning()
    code = format_link_code(receipt.code)
    verdicts = [scanning.scan(code, 1), scanning.scan_short(receipt.short_code), scanning.scan_id(award.stream)]
    assert [verdict.state for verdict in verdicts] == [State.VALID] * 3
    assert [verdict.findings[0].reason for verdict in verdicts] == ["ok", "short_code", "asked_by_id"]
    assert verdicts[1].findings[0].detail == "The award was found by its short code."


@pytest.mark.parametrize("code", ["", "x", "0" * 36, "Z" * 36, "a" * 10_000, "\ud800", "\x00" * 36])
def test_code_that_leads_nowhere_is_not_found(office: Office, award: Appended, code: str) -> None:
    scanning = office.ledger.scanning()
    assert scanning.scan(code, None).state is State.NOT_FOUND
    assert scanning.scan_short(code).state is State.NOT_FOUND


def test_one_changed_letter_of_a_code_finds_nothing(office: Office, award: Appended) -> None:
    code = format_link_code(office.ledger.awards.receipt(OPERATOR, award).code)
    changed = code[:20] + ("A" if code[20] != "A" else "B") + code[21:]
    assert office.ledger.scanning().scan(changed, None).state is State.NOT_FOUND


def test_one_scanner_shows_every_change_at_once(office: Office, award: Appended) -> None:
    """Its cache of an issuer's standing lasts only while the issuer's streams stand still."""
    scanning, code = office.ledger.scanning(), format_link_code(office.ledger.awards.receipt(OPERATOR, award).code)

    def state() -> State:
        return scanning.scan(code, None).state

    assert state() is State.VALID
    run(office.ledger.changing.suspend(office.registrar, award.stream, Reason.OTHER))
    assert state() is State.SUSPENDED
    run(office.ledger.changing.reinstate(office.registrar, award.stream))
    assert state() is State.VALID
    (kid,) = office.kids(Role.SIGNING)
    run(office.ledger.issuers.report_compromised(OPERATOR, office.college, Kid(kid), None))
    assert state() is State.KEY_COMPROMISED


def test_key_of_the_recognising_body_that_was_stolen_shows_at_once(office: Office, award: Appended) -> None:
    scanning = office.ledger.scanning()
    assert scanning.scan_id(award.stream).state is State.VALID
    (kid,) = office.kids(Role.SIGNING, office.board)
    run(office.ledger.issuers.report_compromised(OPERATOR, office.board, Kid(kid), None))
    assert scanning.scan_id(award.stream).state is State.ISSUER_UNRECOGNISED


def test_settings_that_no_longer_name_the_body_show_at_once(office: Office, award: Appended) -> None:
    scanning, home = office.ledger.scanning(), office.ledger.home
    assert scanning.scan_id(award.stream).state is State.VALID
    old = home.settings()
    home.write_settings(Settings(base_url=old.base_url, origin=old.origin, operator=old.operator, registries=()))
    assert scanning.scan_id(award.stream).state is State.ISSUER_UNRECOGNISED


def test_cache_of_standings_stays_small(office: Office, award: Appended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHED", 1)
    scanning = office.ledger.scanning()
    for _ in range(2):
        assert scanning.scan_id(award.stream).state is State.VALID
        assert scanning.scan("nothing", None).state is State.NOT_FOUND
    assert len(scanning._standings) == 1


@pytest.mark.usefixtures("files_alone")
def test_award_whose_part_is_gone_is_not_called_valid(office: Office, award: Appended) -> None:
    for statement in (
        "UPDATE private_parts SET box = zeroblob(length(box)) WHERE part = 'facts'",
        "DELETE FROM private_parts WHERE part = 'facts'",
    ):
        with office.store._writing() as connection:
            connection.execute(statement)
        assert office.ledger.scanning().scan_id(award.stream).state not in (State.VALID, State.AMENDED)


def test_award_that_waits_too_long_for_its_checkpoint_is_not_called_valid(office: Office) -> None:
    office.ledger.publisher.close()
    award = run(office.issue())
    scanning = office.ledger.scanning()
    assert (scanning.scan_id(award.stream).state, scanning.scan_id(award.stream).notices) == (
        State.VALID,
        ("pending",),
    )
    office.clock.at += timedelta(seconds=61)
    assert scanning.scan_id(award.stream).state is not State.VALID
    office.ledger.publishing.publish()
    assert scanning.scan_id(award.stream).state is State.VALID


def test_checkpoint_served_is_the_one_published(office: Office, folder: Path, award: Appended) -> None:
    office.ledger.publishing.publish()
    assert office.ledger.scanning().checkpoint() == (folder / "log" / "checkpoint").read_bytes()


def test_entry_that_waits_for_a_checkpoint_for_a_minute_is_overdue(office: Office) -> None:
    scanning = office.ledger.scanning()
    office.ledger.publisher.close()
    office.ledger.publishing.publish()
    assert not scanning.overdue()
    run(office.issue())
    office.clock.at += timedelta(seconds=59)
    assert not scanning.overdue()
    office.clock.at += timedelta(seconds=1)
    assert scanning.overdue()
    office.ledger.publishing.publish()
    assert not scanning.overdue()


# ---- the place in the log


def afresh(office: Office) -> Scanning:
    """A scanner of a process that has read nothing of the published log yet."""
    return replace(office.ledger, published=published_log(office.ledger.home)).scanning()


def place(verdict: Verdict) -> str:
    """What was found of the award's place in the log."""
    return next(finding.reason for finding in verdict.findings if finding.check == "log")


def test_place_of_a_published_award_is_proved(office: Office, award: Appended) -> None:
    office.ledger.publishing.publish()
    for scanning in (office.ledger.scanning(), afresh(office)):
        verdict = scanning.scan_id(award.stream)
        assert (verdict.state, place(verdict)) == (State.VALID, "ok")
        log = verdict.log
        assert (log.position, log.size) == (award.position, office.size())
        assert log.path is not None
        assert log.root is not None
        with office.ledger.store.snapshot() as snapshot:
            leaf = leaf_hash(snapshot.stream(award.stream)[0].raw)
        check_inclusion(leaf, award.position - 1, log.size, Hash(log.root), [Hash(each) for each in log.path])


def test_award_beyond_what_is_published_here_is_pending_though_it_was_signed_elsewhere(
    office: Office, folder: Path
) -> None:
    office.ledger.publisher.close()
    office.ledger.publishing.publish()
    kept = (folder / "log" / "checkpoint").read_bytes()
    award = run(office.issue())
    office.ledger.publishing.publish()
    (folder / "log" / "checkpoint").write_bytes(kept)
    verdict = afresh(office).scan_id(award.stream)
    assert (verdict.state, verdict.notices, place(verdict)) == (State.VALID, ("pending",), "pending")


def test_award_whose_tiles_are_lost_is_not_called_valid(office: Office, folder: Path, award: Appended) -> None:
    office.ledger.publishing.publish()
    shutil.rmtree(folder / "log" / "tile" / "0")
    verdict = afresh(office).scan_id(award.stream)
    assert (verdict.state, place(verdict)) == (State.LOG_INCONSISTENT, "proof_missing")


def test_award_whose_tile_is_damaged_is_not_called_valid(office: Office, folder: Path, award: Appended) -> None:
    office.ledger.publishing.publish()
    tile = folder / "log" / "tile" / "0" / "000.p" / str(office.size())
    content = bytearray(tile.read_bytes())
    content[32 * (award.position - 1)] ^= 1
    tile.write_bytes(content)
    verdict = afresh(office).scan_id(award.stream)
    assert (verdict.state, place(verdict)) == (State.LOG_INCONSISTENT, "proof_missing")


@pytest.mark.usefixtures("files_alone")
def test_award_that_its_issuer_signed_anew_in_place_of_the_published_one_is_a_contradiction(
    office: Office, award: Appended
) -> None:
    office.ledger.publishing.publish()
    with office.ledger.store.snapshot() as snapshot:
        entry = parse_entry(snapshot.stream(award.stream)[0].raw)
    later = replace(entry.recorded(award.position), at=entry.at + timedelta(milliseconds=1))
    forged = seal(later, prev=entry.prev, signer=office.ledger.desk.keys.signer(entry.kid))
    with office.store._writing() as connection:
        connection.execute("DROP TRIGGER stored_events_are_not_updated")
        statement = "UPDATE stored_events SET state = ? WHERE notification_id = ?"
        connection.execute(statement, (forged.entry, award.position))
    verdict = office.ledger.scanning().scan_id(award.stream)
    assert (verdict.state, place(verdict), verdict.award) == (State.LOG_INCONSISTENT, "not_in_log", None)
    passed = [finding.check for finding in verdict.findings if finding.outcome is Outcome.PASSED]
    assert {"entries", "signatures", "parts", "signers", "history"} <= set(passed)


def test_witnesses_of_the_policy_are_counted(
    office: Office, folder: Path, award: Appended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.ledger.publisher.close()
    office.ledger.publishing.publish()
    assert office.ledger.scanning().scan_id(award.stream).log.witnesses == 0
    witness = Ed25519Signer(bytes(32))
    key = CosignerKey.of("witness.example/w", witness.public_key)
    policy = tmp_path / "policy"
    policy.write_text(f"witness harbour {key}\nquorum harbour\n")
    monkeypatch.setenv("TESTAMUR_WITNESS_POLICY", str(policy))
    note = (folder / "log" / "checkpoint").read_bytes()
    text = note[: note.rindex(b"\n\n") + 1].decode()
    (folder / "log" / "checkpoint").write_bytes(
        with_lines(note, cosign(text, witness, "witness.example/w", 1_795_000_000))
    )
    verdict = afresh(office).scan_id(award.stream)
    assert (verdict.state, verdict.log.witnesses, verdict.log.witnessed_by) == (State.VALID, 1, ("harbour",))
    assert verdict.log.witnessed_at == datetime.fromtimestamp(1_795_000_000, UTC)


def test_registries_that_count_are_named(office: Office) -> None:
    assert office.ledger.scanning().registries() == ("Board",)
    home = office.ledger.home
    old = home.settings()
    home.write_settings(replace(old, registries=(Did("did:web:localhost%3A8000:issuers:nobody"), *old.registries)))
    assert office.ledger.scanning().registries() == ("Board",)
