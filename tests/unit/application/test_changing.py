"""Changes of an award: what each records, what a scan then says, and each refusal in a sentence."""

from collections.abc import Coroutine, Mapping
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from ledger.application.awards import PartsUnreadable
from ledger.application.ports import Appended, Caller, VersionConflict
from ledger.domain import credential
from ledger.domain.award import Award, AwardInternal
from ledger.domain.codes import format_link_code, group
from ledger.domain.credential import (
    CredentialAlreadySuspended,
    CredentialIsFull,
    CredentialIsRevoked,
    CredentialNotIssued,
    CredentialNotSuspended,
)
from ledger.domain.reading import Refused
from ledger.domain.types import StreamId
from ledger.domain.values import Mode, Reason
from ledger.errors import LedgerError
from ledger.verification.verdict import State
from tests.unit.application.office import DEFINITION, OPERATOR, ROW, Office, run

WHY = Reason.ISSUED_IN_ERROR


@pytest.fixture
def award(office: Office) -> Appended:
    return run(office.issue())


def amend(office: Office, award: Appended, values: Mapping[str, str]) -> Appended:
    return run(office.ledger.changing.amend(office.registrar, award.stream, values, WHY))


def version(office: Office, award: Appended, seq: int) -> tuple[Award, AwardInternal]:
    act = office.ledger.awards.read(office.registrar, award.stream).acts[seq]
    assert act.award is not None
    assert isinstance(act.internal, AwardInternal)
    return act.award, act.internal


def refuse(work: Coroutine[object, object, object], error: type[LedgerError], *words: str) -> None:
    with pytest.raises(error) as caught:
        run(work)
    assert type(caught.value) is error
    for word in words:
        assert word in str(caught.value)


# ------------------------------------------------------------------------------------------------------------- amend


def test_amended_award_keeps_its_code_and_the_old_version_says_so(office: Office, award: Appended) -> None:
    amended = amend(office, award, {"full_name": "Zoë Okonkwo", "score": "91"})
    before, after = office.ledger.awards.receipt(OPERATOR, award), office.ledger.awards.receipt(OPERATOR, amended)
    assert (before.code, before.short_code) == (after.code, after.short_code)
    assert [(each.revision, each.version) for each in (before, after)] == [(0, 1), (1, 2)]
    assert [office.state(award, number) for number in (1, 2)] == [State.AMENDED, State.VALID]
    (old, _), (new, _) = version(office, award, 0), version(office, award, 1)
    assert [(each.name, each.score) for each in (old, new)] == [(ROW["full_name"], "83"), ("Zoë Okonkwo", "91")]
    office.assert_sound()


def test_email_alone_is_amended(office: Office, award: Appended) -> None:
    amend(office, award, {"email": "new@students.example"})
    amend(office, award, {"email": ""})
    assert [version(office, award, seq)[1].email for seq in (0, 1, 2)] == [ROW["email"], "new@students.example", None]
    office.assert_sound()


def test_last_day_of_validity_is_set_and_taken_away(office: Office, award: Appended) -> None:
    amend(office, award, {"valid_until": "2026-06-01"})
    assert office.state(award) is State.EXPIRED
    amend(office, award, {"valid_until": ""})
    assert office.state(award) is State.VALID
    assert [version(office, award, seq)[0].valid_until for seq in (1, 2)] == [date(2026, 6, 1), None]
    office.assert_sound()


def test_award_is_amended_to_another_version_of_its_achievement_and_back(office: Office, award: Appended) -> None:
    revised = {**DEFINITION, "name": "Wound care II", "language": "fr"}
    run(office.ledger.achievements.revise(office.college, office.achievement, revised))
    for number in ("2", "1"):
        amend(office, award, {"achievement_version": number})
    assert [version(office, award, seq)[0].achievement.version for seq in (0, 1, 2)] == [1, 2, 1]
    assert version(office, award, 1)[0].language == "en"  # a value that the award had itself
    office.assert_sound()


@pytest.mark.parametrize(
    ("values", "column", "code"),
    [
        ({}, "values", "unchanged"),
        ({"full_name": ROW["full_name"]}, "values", "unchanged"),
        ({"student_number": "S2"}, "student_number", "fixed"),
        ({"achievement": "other"}, "achievement", "fixed"),
        ({"salary": "1"}, "salary", "unknown_field"),
        ({"full_name": ""}, "full_name", "missing"),
        ({"full_name": "Zoe\u202e"}, "full_name", "control_character"),
        ({"full_name": "Zoe\x00"}, "full_name", "control_character"),
        ({"full_name": "x" * 10_000}, "full_name", "too_long"),
        ({"awarded_on": "2027-01-01"}, "awarded_on", "in_the_future"),
        ({"awarded_on": "1/2/2026"}, "awarded_on", "malformed"),
        ({"valid_until": "2026-04-30"}, "valid_until", "dates_reversed"),
        ({"score": "101"}, "score", "out_of_range"),
        ({"result": "Fail"}, "result", "not_allowed"),
        ({"achievement_version": "2"}, "achievement_version", "unknown_version"),
        ({"achievement_version": "0"}, "achievement_version", "unknown_version"),
        ({"achievement_version": "01"}, "achievement_version", "unknown_version"),
        ({"achievement_version": ""}, "achievement_version", "unknown_version"),
    ],
)
def test_bad_amendment_is_refused_by_its_column(
    office: Office, award: Appended, values: Mapping[str, str], column: str, code: str
) -> None:
    with pytest.raises(Refused) as caught:
        amend(office, award, values)
    assert (column, code) in [(problem.column, problem.code) for problem in caught.value.problems]
    assert office.size() == award.position


@pytest.mark.parametrize("words", ["x" * 501, "nul\x00", "\u202ereversed", "\ud800"])
def test_bad_words_are_refused_wherever_they_stand(office: Office, award: Appended, words: str) -> None:
    by, stream, changing = office.registrar, award.stream, office.ledger.changing
    for field in ("public_text", "notes"):
        said = {field: words}
        refuse(changing.amend(by, stream, {"score": "90"}, WHY, **said), Refused, field)  # type: ignore[arg-type]
        refuse(changing.suspend(by, stream, WHY, **said), Refused, field)  # type: ignore[arg-type]
        refuse(changing.revoke(by, stream, WHY, **said), Refused, field)  # type: ignore[arg-type]
    assert office.size() == award.position


# ------------------------------------------------------------------------------------- suspend, reinstate and revoke


def test_suspended_award_stands_again_after_reinstating(office: Office, award: Appended) -> None:
    changing = office.ledger.changing
    refuse(changing.reinstate(office.registrar, award.stream), CredentialNotSuspended, "not suspended")
    run(changing.suspend(office.registrar, award.stream, WHY))
    assert office.state(award) is State.SUSPENDED
    refuse(changing.suspend(office.registrar, award.stream, WHY), CredentialAlreadySuspended, "already suspended")
    amend(office, award, {"score": "90"})  # an award on hold may be corrected
    assert office.state(award) is State.SUSPENDED
    run(changing.reinstate(office.registrar, award.stream))
    assert office.state(award) is State.VALID
    refuse(changing.reinstate(office.registrar, award.stream), CredentialNotSuspended)
    office.assert_sound()


def test_revoked_award_does_not_change_any_more(office: Office, award: Appended) -> None:
    by, stream, changing = office.registrar, award.stream, office.ledger.changing
    run(changing.suspend(by, stream, WHY))
    run(changing.revoke(by, stream, WHY))
    assert office.state(award) is State.REVOKED
    for work in (
        changing.revoke(by, stream, WHY),
        changing.suspend(by, stream, WHY),
        changing.reinstate(by, stream),
        changing.amend(by, stream, {"score": "90"}, WHY),
    ):
        refuse(work, CredentialIsRevoked, "does not change any more")
    office.assert_sound()


@pytest.mark.parametrize(
    ("effective", "retroactive", "column", "code"),
    [
        (date(2026, 11, 21), False, None, None),
        (date(2026, 11, 22), False, None, None),  # somewhere on earth it is tomorrow already
        (date(2026, 11, 23), False, "from", "in_the_future"),
        (date(2026, 11, 23), True, "from", "in_the_future"),
        (date(2026, 5, 1), False, None, None),
        (date(2026, 4, 30), False, "from", "dates_reversed"),
        (date(2026, 4, 30), True, None, None),
        (date(1999, 1, 1), True, None, None),
    ],
)
def test_revocation_takes_effect_between_the_award_and_today_unless_it_is_retroactive(
    office: Office, award: Appended, effective: date, retroactive: bool, column: str | None, code: str | None
) -> None:
    revoke = office.ledger.changing.revoke
    work = revoke(office.registrar, award.stream, WHY, effective=effective, retroactive=retroactive)
    if column is not None:
        with pytest.raises(Refused) as caught:
            run(work)
        assert [(problem.column, problem.code) for problem in caught.value.problems] == [(column, code)]
        assert office.state(award) is State.VALID
        return
    run(work)
    act = office.ledger.awards.read(office.registrar, award.stream).acts[1].act
    assert act is not None
    assert (act.effective, act.mode) == (effective, Mode.RETROACTIVE if retroactive else Mode.PROSPECTIVE)
    office.assert_sound()


def test_award_dated_on_what_is_still_tomorrow_in_utc_may_be_changed_at_once(office: Office) -> None:
    """In Auckland the 22nd begins at noon of the 21st in UTC."""
    award = run(office.issue(awarded_on="2026-11-22"))
    run(office.ledger.changing.suspend(office.registrar, award.stream, WHY))
    run(office.ledger.changing.reinstate(office.registrar, award.stream))
    run(office.ledger.changing.revoke(office.registrar, award.stream, WHY))
    office.assert_sound()


def test_reason_words_notes_and_actor_are_kept_where_they_belong(office: Office, award: Appended) -> None:
    revoke = office.ledger.changing.revoke
    run(revoke(office.registrar, award.stream, WHY, public_text=" Issued twice ", notes="Asked by the dean"))
    record = office.ledger.awards.read(office.registrar, award.stream)
    act = record.acts[1]
    assert act.act is not None
    assert (act.act.reason, act.act.text) == (WHY, "Issued twice")
    assert (act.internal.actor, act.internal.notes) == ("registrar", "Asked by the dean")
    assert act.type == "credential.revoked/1"


# ------------------------------------------------------------------------------------------ whose award, which award


async def _command(name: str, office: Office, caller: Caller, stream: StreamId) -> object:
    changing = office.ledger.changing
    match name:
        case "amend":
            return await changing.amend(caller, stream, {"score": "90"}, WHY)
        case "suspend":
            return await changing.suspend(caller, stream, WHY)
        case "reinstate":
            return await changing.reinstate(caller, stream)
        case "revoke":
            return await changing.revoke(caller, stream, WHY)
        case _:
            return office.ledger.awards.read(caller, stream)


@pytest.mark.parametrize("command", ["amend", "suspend", "reinstate", "revoke", "read"])
def test_award_of_another_issuer_is_as_unknown_as_none(office: Office, award: Appended, command: str) -> None:
    stranger = Caller(actor="stranger", issuer=office.board)
    sentences = set()
    for stream in (award.stream, StreamId(UUID(int=0)), office.college, office.achievement):
        with pytest.raises(CredentialNotIssued) as caught:
            run(_command(command, office, stranger, stream))
        sentences.add(str(caught.value))
    assert len(sentences) == 1
    assert office.size() == award.position


def test_award_is_found_by_code_short_code_and_id_however_they_are_typed(office: Office, award: Appended) -> None:
    receipt = office.ledger.awards.receipt(OPERATOR, award)
    code, short = format_link_code(receipt.code), receipt.short_code
    for reference in (code, code.lower(), group(code), short, group(short.lower()), str(award.stream)):
        assert office.ledger.awards.find(reference) == award.stream
        assert office.ledger.awards.load(office.registrar, reference).credential.stream == award.stream
    assert office.ledger.awards.find(str(award.stream).upper()) == award.stream


@pytest.mark.parametrize(
    "reference", ["", "x", "0" * 36, "0" * 13, "A" * 10_000, "\ud800", str(UUID(int=0)), "../../etc/passwd", "ﬁ" * 13]
)
def test_reference_that_leads_nowhere_is_refused(office: Office, reference: str) -> None:
    with pytest.raises(CredentialNotIssued, match="no award has the code"):
        office.ledger.awards.find(reference)


@pytest.mark.parametrize("revision", [1, 7, -1])
def test_change_at_another_revision_is_refused(office: Office, award: Appended, revision: int) -> None:
    by, stream, changing = office.registrar, award.stream, office.ledger.changing
    for work in (
        changing.amend(by, stream, {"score": "90"}, WHY, if_revision=revision),
        changing.suspend(by, stream, WHY, if_revision=revision),
        changing.reinstate(by, stream, if_revision=revision),
        changing.revoke(by, stream, WHY, if_revision=revision),
    ):
        refuse(work, VersionConflict, f"not {revision}")


# ----------------------------------------------------------------------------------------------- damaged private parts


@pytest.mark.usefixtures("files_alone")
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DELETE FROM private_parts WHERE part = 'facts'", "cannot be read"),
        ("UPDATE private_parts SET box = zeroblob(length(box))", "cannot be read"),
        ("UPDATE private_parts SET box = 'text'", "cannot be read"),
        ("UPDATE private_parts SET key_id = zeroblob(16)", "cannot be read"),
        ("UPDATE private_parts SET key_id = 7", "cannot be read"),
        ("UPDATE private_parts SET part = 'salary' WHERE part = 'internal'", "cannot be read"),
    ],
)
def test_damaged_part_is_reported_and_never_believed(office: Office, award: Appended, damage: str, words: str) -> None:
    with office.store._writing() as connection:
        connection.execute(damage)
    with pytest.raises(PartsUnreadable, match=words):
        office.ledger.awards.read(office.registrar, award.stream)
    refuse(office.ledger.changing.revoke(office.registrar, award.stream, WHY), PartsUnreadable)
    assert office.size() == award.position


@pytest.mark.usefixtures("files_alone")
def test_parts_of_two_awards_exchanged_do_not_open(office: Office, award: Appended) -> None:
    other = run(office.issue())  # of the same learner, so under the same key
    with office.store._writing() as connection:
        places = (award.position, other.position)
        for old, new in ((places[0], -1), (places[1], places[0]), (-1, places[1])):
            connection.execute("UPDATE private_parts SET position = ? WHERE position = ?", (new, old))
    for each in (award, other):
        with pytest.raises(PartsUnreadable):
            office.ledger.awards.read(office.registrar, each.stream)


@pytest.mark.usefixtures("files_alone")
def test_database_with_columns_of_other_types_still_answers_a_scan(office: Office, award: Appended) -> None:
    code = format_link_code(office.ledger.awards.receipt(OPERATOR, award).code)
    with office.store._writing() as connection:
        connection.execute("DROP TRIGGER stored_events_are_not_updated")
        connection.execute("UPDATE stored_events SET state = 'text' WHERE notification_id = ?", (award.position,))
        connection.execute("UPDATE private_parts SET box = 9999999999999")
        connection.execute("UPDATE definitions SET content = 1.5")
    assert office.ledger.scanning().scan(code, None).state is not State.VALID


def test_recorded_time_is_the_clocks(office: Office, award: Appended) -> None:
    record = office.ledger.awards.read(office.registrar, award.stream)
    assert record.acts[0].recorded.at == datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_an_award_that_much_happened_to_is_still_revoked(
    office: Office, award: Appended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credential, "MOST_ACTS", 3)
    changing, registrar, stream = office.ledger.changing, office.registrar, award.stream
    amend(office, award, {"score": "91"})
    run(changing.suspend(registrar, stream, WHY))
    refuse(changing.amend(registrar, stream, {"score": "92"}, WHY), CredentialIsFull, "revoke it and issue it anew")
    run(changing.reinstate(registrar, stream))
    refuse(changing.suspend(registrar, stream, WHY), CredentialIsFull)
    run(changing.revoke(registrar, stream, WHY))
    assert office.state(award) is State.REVOKED
    office.assert_sound()
