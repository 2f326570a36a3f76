"""The append path as commands use it: decided again when something changed, recorded once however often it is sent."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.application.desk import NoUsableKey, UnknownDefinition
from ledger.application.ports import (
    Appended,
    Caller,
    IdempotencyMismatch,
    OutcomeUnknown,
    Proposal,
    VersionConflict,
)
from ledger.domain.codes import format_link_code, group, new_short_code
from ledger.domain.events import CredentialIssued, IssuerKeyRetired
from ledger.domain.reading import Refused
from ledger.domain.types import Kid, Slot, StreamId
from ledger.domain.values import Reason, Role
from ledger.errors import LedgerError
from ledger.testing.faults import (
    FailingConnection,
    InterveningAppender,
    InterveningStore,
    ScriptedEntropy,
    SpyVault,
    durable_key_ids,
)
from ledger.verification.verdict import State
from tests.unit.application.office import DEFINITION, OPERATOR, ROW, Office, open_office, run


def intervene(office: Office, *interventions: Callable[[], Awaitable[object]]) -> InterveningAppender:
    appender = InterveningAppender(office.ledger.committer, interventions)
    office.ledger.desk.appender = appender
    return appender


def kid_of(office: Office, stream: StreamId, seq: int = 0) -> Kid:
    """The key that signed an entry."""
    stored = office.store.load(stream)
    assert stored is not None
    return stored.recorded[seq].kid


def issued(office: Office, award: Appended) -> CredentialIssued:
    stored = office.store.load(award.stream)
    assert stored is not None
    event = stored.recorded[0].event
    assert isinstance(event, CredentialIssued)
    return event


# ------------------------------------------------------------------------------------------------------------ guards


def test_key_retired_between_signing_and_committing_is_replaced_by_the_new_one(office: Office) -> None:
    kids: list[str] = office.kids(Role.SIGNING)

    async def rotate() -> None:
        new = await office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING)
        await office.ledger.issuers.retire_key(OPERATOR, office.college, Kid(kids[0]))
        kids.append(new.kid)

    appender = intervene(office, rotate)
    award = run(office.issue())
    assert appender.calls[0][0].events[0].recorded.kid == kids[0]
    assert kid_of(office, award.stream) == kids[1]
    assert office.state(award) is State.VALID
    assert office.count("private_parts") == 3  # nothing is left of the first try
    office.assert_sound()


def prepared_retirement(office: Office, kid: Kid) -> Proposal:
    """What retiring a key would append now."""
    draft = office.ledger.desk.draft()
    event = IssuerKeyRetired(key=kid, recovery=False)
    answer = office.ledger.issuers._record_by_root(draft, draft.issuer(office.college), event, False)
    return draft.proposal(answer, None)


@pytest.mark.parametrize("command", ["issue", "revoke"])
def test_key_retired_after_the_head_was_read_does_not_sign(office: Office, command: str) -> None:
    """The draft knew the head before the retirement and the issuer after it: the position it guessed was too small."""
    (older,) = office.kids(Role.SIGNING)
    newer = run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING)).kid
    award = run(office.issue(student_number="S0"))
    retirement = prepared_retirement(office, newer)
    desk = office.ledger.desk
    desk.store = InterveningStore(office.store, office.college, lambda: office.store.append([retirement]))
    if command == "issue":
        assert kid_of(office, run(office.issue()).stream) == older
    else:
        run(office.ledger.changing.revoke(office.registrar, award.stream, Reason.OTHER))
        assert kid_of(office, award.stream, 1) == older
    assert [key.retired for key in office.issuer().keys.values() if key.kid == newer] == [award.position + 1]
    office.assert_sound()


def test_command_that_keeps_losing_is_refused_after_four_tries_and_records_nothing(office: Office) -> None:
    async def change_something() -> None:
        number = office.size()
        await office.ledger.issuers.change_profile(OPERATOR, office.college, {"name": f"College {number}"})

    appender = intervene(office, *[change_something] * 4)
    with pytest.raises(VersionConflict, match="keeps changing"):
        run(office.issue())
    assert len([call for call in appender.calls if isinstance(call[0].events[0].recorded.event, CredentialIssued)]) == 4
    assert office.count("private_parts") == 0
    run(office.issue())
    office.assert_sound()


def test_command_that_loses_three_times_is_recorded_at_the_fourth(office: Office) -> None:
    async def change_something() -> None:
        number = office.size()
        await office.ledger.issuers.change_profile(OPERATOR, office.college, {"name": f"College {number}"})

    intervene(office, *[change_something] * 3)
    assert office.state(run(office.issue())) is State.VALID
    office.assert_sound()


def test_awards_on_one_achievement_share_its_guard_in_one_commit(office: Office) -> None:
    async def main() -> list[Appended]:
        return await asyncio.gather(*(office.issue(student_number=f"S{number}") for number in range(50)))

    run(office.issue())  # begins the status list
    office.ledger.desk.entropy = ScriptedEntropy(numbers=range(1_000))
    appender = intervene(office)
    assert len({award.stream for award in run(main())}) == 50
    assert len(appender.calls) == 50  # none was decided twice
    office.assert_sound()


def test_achievement_retired_before_the_commit_refuses_the_award(office: Office) -> None:
    async def retire() -> None:
        await office.ledger.achievements.retire(office.college, office.achievement)

    intervene(office, retire)
    with pytest.raises(LedgerError, match="retired"):
        run(office.issue())
    assert office.count("private_parts") == 0


@pytest.mark.parametrize(
    "content", ["CAST(replace(content, '\"50\"', '\"10\"') AS BLOB)", "CAST(content AS TEXT)", "x''", "7"]
)
def test_definition_changed_in_the_store_is_not_awarded_on(office: Office, content: str) -> None:
    with office.store._writing() as connection:
        connection.execute(f"UPDATE definitions SET content = {content}")
    with pytest.raises(UnknownDefinition, match="changed in the store"):
        run(office.issue(score="20"))


def test_definition_that_was_taken_down_is_missed_in_a_sentence(office: Office) -> None:
    with office.store._writing() as connection:
        connection.execute("DELETE FROM definitions")
    with pytest.raises(UnknownDefinition, match="not in the ledger any more"):
        run(office.issue())


# ------------------------------------------------------------------------------------------------- slots, short codes


def test_used_slot_is_not_drawn_again(office: Office) -> None:
    first = issued(office, run(office.issue()))
    appender = intervene(office)
    office.ledger.desk.entropy = ScriptedEntropy(numbers=[first.slot, first.slot, 77])
    second = issued(office, run(office.issue(student_number="S2")))
    assert (second.list, second.slot) == (first.list, 77)
    assert len(appender.calls) == 1  # near half load, leaving it to the append would lose every second time
    office.assert_sound()


def test_slot_that_another_award_takes_first_is_decided_again(office: Office) -> None:
    run(office.issue(student_number="S0"))

    async def overtake() -> None:
        await asyncio.sleep(0)  # in the same turn it would draw another slot
        award = await office.issue(student_number="S1")
        assert issued(office, award).slot == 500

    appender = intervene(office, overtake)
    office.ledger.desk.entropy = ScriptedEntropy(numbers=[500, 500, 501])
    award = run(office.issue(student_number="S2"))
    assert issued(office, award).slot == 501
    assert len(appender.calls) == 3
    office.assert_sound()


def test_two_first_awards_of_an_issuer_begin_one_list(office: Office) -> None:
    async def overtake() -> None:
        await office.issue(student_number="S1")

    intervene(office, overtake)
    run(office.issue(student_number="S2"))
    assert office.count("status_lists") == 1
    assert office.count("status_slots") == 2
    office.assert_sound()


def test_short_code_that_is_taken_is_drawn_again(office: Office) -> None:
    taken = next(each for number in range(99) if new_short_code(each := number.to_bytes(8)) is not None)
    awards = []
    for number in (1, 2):
        office.ledger.desk.entropy = ScriptedEntropy(strings=[taken])
        awards.append(run(office.issue(student_number=f"S{number}")))
    codes = [office.ledger.awards.receipt(OPERATOR, award).short_code for award in awards]
    assert codes[0] == new_short_code(taken) != codes[1]
    office.assert_sound()


def test_every_draw_taken_leaves_it_to_the_appender(office: Office) -> None:
    """The search for a free slot ends, even with randomness that always gives the same number."""
    first = issued(office, run(office.issue()))
    office.ledger.desk.entropy = ScriptedEntropy(numbers=[Slot(first.slot)] * 10_000)
    with pytest.raises(VersionConflict):
        run(office.issue(student_number="S2"))


# ------------------------------------------------------------------------------------------------------- idempotency


def test_same_request_with_the_same_key_is_one_award(office: Office) -> None:
    first, again = run(office.issue("key")), run(office.issue("key"))
    assert (first.replayed, again.replayed) == (False, True)
    assert (first.stream, first.revision, first.position) == (again.stream, again.revision, again.position)
    one, two = office.ledger.awards.receipt(OPERATOR, first), office.ledger.awards.receipt(OPERATOR, again)
    assert (one.code, one.short_code, one.version) == (two.code, two.short_code, two.version)


@pytest.mark.parametrize("changed", [{"full_name": "Zoe Okonkwo"}, {"score": "84"}, {"email": ""}])
def test_same_key_for_another_request_is_refused(office: Office, changed: dict[str, str]) -> None:
    run(office.issue("key"))
    with pytest.raises(IdempotencyMismatch, match="another request"):
        run(office.issue("key", **changed))
    assert office.count("private_parts") == 3


def test_key_of_another_kind_of_command_is_refused(office: Office) -> None:
    award = run(office.issue("key"))
    with pytest.raises(IdempotencyMismatch):
        run(office.ledger.changing.revoke(office.registrar, award.stream, Reason.OTHER, idempotency_key="key"))
    assert office.state(award) is State.VALID


def test_requests_without_a_key_are_requests_of_their_own(office: Office) -> None:
    assert run(office.issue()).stream != run(office.issue()).stream


def test_a_key_counts_for_its_issuer_whoever_sends_it_and_for_no_other(office: Office) -> None:
    async def issue(caller: Caller) -> Appended:
        return await office.ledger.issuing.issue(caller, office.college, ROW, idempotency_key="key")

    awards = [run(issue(caller)) for caller in (office.registrar, OPERATOR)]
    assert [award.replayed for award in awards] == [False, True]
    other = run(office.ledger.achievements.define(office.board, DEFINITION, idempotency_key="key"))
    assert not other.replayed


def test_hundred_identical_requests_at_once_are_one_award(office: Office) -> None:
    async def main() -> list[Appended]:
        return await asyncio.gather(*(office.issue("key") for _ in range(100)))

    awards = run(main())
    assert len({award.stream for award in awards}) == 1
    assert [award.replayed for award in awards].count(False) == 1
    assert (office.count("private_parts"), office.count("idempotency")) == (3, 1)
    office.assert_sound()


def test_hundred_identical_revocations_at_once_all_get_the_one_answer(office: Office) -> None:
    """One that is decided just after the first was recorded is not told "already revoked", but what it asked for."""
    award = run(office.issue())

    async def revoke(number: int) -> Appended:
        await asyncio.sleep(number / 10_000)
        revoke = office.ledger.changing.revoke
        return await revoke(office.registrar, award.stream, Reason.OTHER, if_revision=0, idempotency_key="key")

    async def main() -> list[Appended]:
        return await asyncio.gather(*(revoke(number) for number in range(100)))

    answers = run(main())
    assert {(each.stream, each.revision) for each in answers} == {(award.stream, 1)}
    office.assert_sound()


def test_request_recorded_between_its_look_up_and_its_decision_gets_its_answer(office: Office) -> None:
    award = run(office.issue())
    changing, desk = office.ledger.changing, office.ledger.desk

    async def revoke() -> Appended:
        return await changing.revoke(office.registrar, award.stream, Reason.OTHER, idempotency_key="key")

    recorded: list[Proposal] = []

    async def look() -> None:
        (proposal,) = appender.calls[0]
        recorded.append(proposal)
        raise OutcomeUnknown("the reply was lost before anything was sent")

    appender = intervene(office, look)
    with pytest.raises(OutcomeUnknown):
        run(revoke())
    desk.store = InterveningStore(office.store, award.stream, lambda: office.store.append(recorded))
    assert run(revoke()).replayed
    assert office.size() == award.position + 1


@pytest.mark.parametrize("key", ["", "é", "\udcff", "a" * 10_000, "\x00", "'; DROP TABLE idempotency; --"])
def test_any_text_is_a_key(office: Office, key: str) -> None:
    first, again = run(office.issue(key)), run(office.issue(key))
    assert first.stream == again.stream
    assert run(office.issue(f"{key}x")).stream != first.stream


def test_request_that_no_record_can_hold_is_refused_with_a_key_and_without(office: Office) -> None:
    for key in (None, "key"):
        with pytest.raises(LedgerError):
            run(office.issue(key, full_name="\ud800"))
    assert office.count("idempotency") == 0


def test_refused_request_does_not_use_up_its_key(office: Office) -> None:
    with pytest.raises(Refused):
        run(office.issue("key", score="900"))
    assert not run(office.issue("key")).replayed


# ---------------------------------------------------------------------------------------------- conflicts, revisions


def test_of_many_changes_at_one_revision_exactly_one_wins(office: Office) -> None:
    award = run(office.issue())
    changing = office.ledger.changing

    async def main() -> list[Appended | BaseException]:
        by, stream, why = office.registrar, award.stream, Reason.OTHER
        commands = [
            command
            for number in range(11)
            for command in (
                changing.revoke(by, stream, why, if_revision=0),
                changing.suspend(by, stream, why, if_revision=0),
                changing.amend(by, stream, {"full_name": f"Name {number} abc"}, why, if_revision=0),
            )
        ]
        return await asyncio.gather(*commands, return_exceptions=True)

    outcomes = run(main())
    assert [type(each) for each in outcomes].count(Appended) == 1
    assert [type(each) for each in outcomes].count(VersionConflict) == len(outcomes) - 1
    stored = office.store.load(award.stream)
    assert stored is not None
    assert len(stored.recorded) == 2
    office.assert_sound()


# ------------------------------------------------------------------------------------- lost replies, cancelled callers


@pytest.mark.parametrize("after", [False, True])
def test_failed_commit_is_unknown_and_the_same_key_tells(
    office: Office, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(office.store, "_writer", FailingConnection(office.store._writer, "COMMIT", after=after))
    with pytest.raises(OutcomeUnknown):
        run(office.issue("key"))
    assert office.count("private_parts") == (3 if after else 0)
    award = run(office.issue("key"))
    assert award.replayed is after
    assert office.state(award) is State.VALID
    assert office.count("private_parts") == 3
    office.assert_sound()


def test_cancelled_caller_leaves_a_whole_award_and_a_working_ledger(office: Office) -> None:
    async def main() -> Appended:
        task = asyncio.create_task(office.issue("key"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await office.issue("key")

    assert office.state(run(main())) is State.VALID
    assert office.count("private_parts") == 3
    office.assert_sound()


# --------------------------------------------------------------------------------------------------------------- time


def test_clock_set_back_an_hour_breaks_nothing(office: Office) -> None:
    award = run(office.issue(student_number="S1"))
    office.clock.at -= timedelta(hours=1)
    run(office.issue(student_number="S2"))
    run(office.ledger.changing.revoke(office.registrar, award.stream, Reason.OTHER))
    office.clock.at += timedelta(hours=2)
    run(office.issue(student_number="S3"))
    times = office.times()
    assert times == sorted(times)
    assert (times[-2], times[-1]) == ("2026-11-21T12:00:00.000Z", "2026-11-21T13:00:00.000Z")
    office.assert_sound()


def test_command_that_was_decided_before_the_clock_jumped_is_decided_again(office: Office) -> None:
    async def jump() -> None:
        await asyncio.sleep(0)  # in the same turn it would have the time of the first
        office.clock.at += timedelta(hours=1)
        await office.issue(student_number="S1")
        office.clock.at -= timedelta(hours=1)

    appender = intervene(office, jump)
    run(office.issue(student_number="S2"))
    assert len(appender.calls) == 3
    assert office.times()[-2:] == ["2026-11-21T13:00:00.000Z"] * 2
    office.assert_sound()


# -------------------------------------------------------------------------------------------------------------- vault


def test_data_key_is_durable_before_the_entry_that_needs_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    committer, append, home = office.ledger.committer, office.store.append, office.ledger.home
    monkeypatch.setattr(committer, "_vault", SpyVault(office.ledger.vault, calls))

    def spy(proposals: list[Proposal]) -> object:
        needed = {part.key_id for proposal in proposals for part in proposal.parts}
        assert needed
        calls.append("keys are durable" if needed <= durable_key_ids(home.vault) else "keys are lost")
        return append(proposals)

    monkeypatch.setattr(office.store, "append", spy)
    run(office.issue(student_number="S1"))
    run(office.issue(student_number="S2"))
    assert calls == ["vault flushed", "keys are durable"] * 2


def test_versions_and_awards_of_one_learner_lie_under_one_key(office: Office) -> None:
    award = run(office.issue())
    run(office.ledger.changing.amend(office.registrar, award.stream, {"score": "90"}, Reason.OTHER))
    run(office.issue())
    run(office.issue(student_number="S2"))
    with office.store.snapshot() as snapshot:
        parts = snapshot.parts([each.position for each in snapshot.entries(0, 1000)])
    assert len({part.key_id for found in parts.values() for part in found}) == 2


def test_personal_data_lie_in_plain_in_no_file_of_the_home(folder: Path) -> None:
    office = open_office(folder)
    award = run(office.issue("a-key-that-somebody-chose", assessor="Assessor Quillfeather"))
    words = "Public words about Zoé"
    revoke = office.ledger.changing.revoke
    run(revoke(office.registrar, award.stream, Reason.OTHER, public_text=words, notes="A private note"))
    run(
        office.ledger.batch.issue(
            office.registrar,
            office.college,
            b"student_number,full_name,achievement,awarded_on\nS7654321,Bartholomew Vanterpool,wound-care,2026-01-01\n",
        )
    )
    receipt = office.ledger.awards.receipt(OPERATOR, award)
    office.ledger.publishing.publish()
    open_files = _contents(folder)
    code = format_link_code(receipt.code)
    office.ledger.close()
    closed_files = _contents(folder)
    secrets = [
        ROW["full_name"],
        "Okonkwo",
        ROW["email"],
        ROW["student_number"],
        "zoe.okonkwo",
        "S7654321",
        "Vanterpool",
        "Quillfeather",
        "private note",
        "Public words",
        "a-key-that-somebody-chose",
        "registrar",
        receipt.short_code,
        group(receipt.short_code),
        code,
    ]
    patterns = [secret.encode() for secret in secrets] + [bytes(receipt.code), bytes(receipt.code).hex().encode()]
    for contents in (open_files, closed_files):
        assert str(award.stream).encode() in contents  # the look for the others is not in vain
        assert [pattern for pattern in patterns if pattern in contents] == []


def _contents(folder: Path) -> bytes:
    files = [each for each in folder.rglob("*") if each.is_file()]
    assert {"ledger.db", "vault.db"} <= {each.name for each in files}
    return b"\n".join(each.read_bytes() for each in files)


# --------------------------------------------------------------------------------------------------------------- keys


def test_issuer_without_a_usable_key_awards_nothing(office: Office) -> None:
    (kid,) = office.kids(Role.SIGNING)
    run(office.ledger.issuers.retire_key(OPERATOR, office.college, Kid(kid)))
    with pytest.raises(NoUsableKey, match="issuer key add"):
        run(office.issue())
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    assert office.state(run(office.issue())) is State.VALID
    office.assert_sound()


def test_key_whose_file_is_gone_is_passed_over_for_an_older_one(office: Office) -> None:
    (older,) = office.kids(Role.SIGNING)
    newer = run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING)).kid
    assert kid_of(office, run(office.issue(student_number="S1")).stream) == newer
    (office.ledger.home.keys / f"{newer}.pem").unlink()
    assert kid_of(office, run(office.issue(student_number="S2")).stream) == older
