"""Commands on issuers and achievements: what they record, and each refusal with its error and a sentence."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import pytest

from ledger.application.desk import NoUsableKey
from ledger.application.ports import Appended, IdempotencyMismatch, NameTaken, VersionConflict
from ledger.domain import achievement as achievements
from ledger.domain import issuer as issuers
from ledger.domain.reading import Refused
from ledger.domain.types import Kid, Position, Slug, StreamId
from ledger.domain.values import Reason, Role, slug
from ledger.errors import LedgerError
from ledger.signing.signer import Ed25519Signer
from ledger.testing.faults import InterveningAppender
from ledger.verification.verdict import State
from tests.unit.application.office import DEFINITION, OPERATOR, ROW, Office, run

SCHEME, OTHER_SCHEME = slug("scheme"), slug("other")
NOBODY = StreamId(UUID(int=0))
STRANGER = Ed25519Signer(bytes(32)).kid


def refuse(work: Coroutine[object, object, object], error: type[LedgerError], *, office: Office) -> str:
    """The sentence of the refusal, after which nothing is recorded."""
    before = office.size()
    with pytest.raises(error) as caught:
        run(work)
    assert type(caught.value) is error
    assert office.size() == before
    sentence = str(caught.value)
    assert len(sentence.split()) >= 3
    return sentence


# ----------------------------------------------------------------------------------------------------------- issuers


def test_registering_admits_an_issuer_with_two_keys_in_one_go(office: Office) -> None:
    before = office.size()
    registered = run(office.ledger.issuers.register(OPERATOR, slug("institute"), {"name": "Institute"}))
    assert (registered.revision, registered.position) == (1, before + 2)
    issuer = office.issuer(registered.stream)
    assert issuer.did == "did:web:localhost%3A8000:issuers:institute"
    assert sorted(key.role for key in issuer.keys.values()) == [Role.ROOT, Role.SIGNING]
    office.assert_sound()


def test_taken_short_name_is_refused(office: Office) -> None:
    work = office.ledger.issuers.register(OPERATOR, slug("college"), {"name": "Another"})
    assert "college" in refuse(work, NameTaken, office=office)


def test_short_name_taken_at_the_last_moment_is_refused(office: Office) -> None:
    async def overtake() -> Appended:
        return await office.ledger.issuers.register(OPERATOR, slug("institute"), {"name": "First"})

    office.ledger.desk.appender = InterveningAppender(office.ledger.committer, [overtake])
    with pytest.raises(NameTaken):
        run(office.ledger.issuers.register(OPERATOR, slug("institute"), {"name": "Second"}))
    office.assert_sound()


@pytest.mark.parametrize("profile", [{}, {"name": ""}, {"name": "N", "nmae": "x"}, [], None, {"name": 7}])
def test_bad_profile_is_refused_before_any_key_is_made(office: Office, profile: object) -> None:
    keys = sorted(office.ledger.home.keys.iterdir())
    refuse(office.ledger.issuers.register(OPERATOR, slug("institute"), profile), Refused, office=office)
    refuse(office.ledger.issuers.change_profile(OPERATOR, office.college, profile), Refused, office=office)
    assert sorted(office.ledger.home.keys.iterdir()) == keys


def test_registering_with_the_same_key_registers_once(office: Office) -> None:
    def register(name: str) -> Coroutine[object, object, Appended]:
        return office.ledger.issuers.register(OPERATOR, slug("institute"), {"name": name}, idempotency_key="k")

    assert run(register("N")).stream == run(register("N")).stream
    refuse(register("M"), IdempotencyMismatch, office=office)


def test_profile_is_changed_and_an_equal_one_refused(office: Office) -> None:
    change = office.ledger.issuers.change_profile
    run(change(OPERATOR, office.college, {"name": "Collège"}))
    assert office.issuer().profile_version == 2
    refuse(change(OPERATOR, office.college, {"name": "Collège"}), issuers.ProfileUnchanged, office=office)
    office.assert_sound()


@dataclass(frozen=True)
class Refusal:
    """A command that is refused, and with what."""

    error: type[LedgerError]
    command: Callable[[Office], Coroutine[object, object, object]]


def _kid(office: Office, role: Role) -> Kid:
    return Kid(office.kids(role)[0])


DAY = date(2026, 1, 1)


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(
            issuers.IssuerNotRegistered, lambda o: o.ledger.issuers.change_profile(OPERATOR, NOBODY, {"name": "N"})
        ),
        Refusal(issuers.IssuerNotRegistered, lambda o: o.ledger.issuers.add_key(OPERATOR, NOBODY, Role.ROOT)),
        Refusal(issuers.IssuerNotRegistered, lambda o: o.ledger.issuers.retire_key(OPERATOR, NOBODY, STRANGER)),
        Refusal(
            issuers.IssuerNotRegistered,
            lambda o: o.ledger.issuers.recognise(OPERATOR, o.college, NOBODY, OTHER_SCHEME, DAY, None),
        ),
        Refusal(issuers.KeyUnknown, lambda o: o.ledger.issuers.retire_key(OPERATOR, o.college, STRANGER)),
        Refusal(issuers.KeyUnknown, lambda o: o.ledger.issuers.report_compromised(OPERATOR, o.college, STRANGER, None)),
        Refusal(issuers.LastRootKey, lambda o: o.ledger.issuers.retire_key(OPERATOR, o.college, _kid(o, Role.ROOT))),
        Refusal(
            issuers.IssuerError,
            lambda o: o.ledger.issuers.report_compromised(
                OPERATOR, o.college, _kid(o, Role.SIGNING), Position(o.size() + 2)
            ),
        ),
        Refusal(
            issuers.IssuerError,
            lambda o: o.ledger.issuers.report_compromised(OPERATOR, o.college, _kid(o, Role.SIGNING), Position(0)),
        ),
        Refusal(
            issuers.AlreadyRecognised,
            lambda o: o.ledger.issuers.recognise(OPERATOR, o.college, o.board, SCHEME, DAY, None),
        ),
        Refusal(
            issuers.SelfRecognition,
            lambda o: o.ledger.issuers.recognise(OPERATOR, o.board, o.board, SCHEME, DAY, None),
        ),
        Refusal(
            issuers.PeriodReversed,
            lambda o: o.ledger.issuers.recognise(OPERATOR, o.college, o.board, OTHER_SCHEME, DAY, date(2025, 1, 1)),
        ),
        Refusal(
            issuers.NotRecognised,
            lambda o: o.ledger.issuers.end_recognition(OPERATOR, o.college, o.board, OTHER_SCHEME, DAY),
        ),
        Refusal(
            issuers.PeriodReversed,
            lambda o: o.ledger.issuers.end_recognition(OPERATOR, o.college, o.board, SCHEME, date(2019, 1, 1)),
        ),
        *(
            Refusal(VersionConflict, command)
            for command in (
                lambda o: o.ledger.issuers.change_profile(OPERATOR, o.college, {"name": "N"}, if_revision=0),
                lambda o: o.ledger.issuers.add_key(OPERATOR, o.college, Role.ROOT, if_revision=0),
                lambda o: o.ledger.issuers.retire_key(OPERATOR, o.college, STRANGER, if_revision=0),
                lambda o: o.ledger.issuers.report_compromised(OPERATOR, o.college, STRANGER, None, if_revision=9),
                lambda o: o.ledger.issuers.recognise(
                    OPERATOR, o.college, o.board, OTHER_SCHEME, DAY, None, if_revision=1
                ),
                lambda o: o.ledger.issuers.end_recognition(OPERATOR, o.college, o.board, SCHEME, DAY, if_revision=3),
                lambda o: o.ledger.achievements.retire(o.college, o.achievement, if_revision=1),
                lambda o: o.ledger.achievements.revise(
                    o.college, o.achievement, {**DEFINITION, "name": "N"}, if_revision=1
                ),
            )
        ),
        Refusal(NameTaken, lambda o: o.ledger.achievements.define(o.college, DEFINITION)),
        Refusal(issuers.IssuerNotRegistered, lambda o: o.ledger.achievements.define(NOBODY, DEFINITION)),
        Refusal(Refused, lambda o: o.ledger.achievements.define(o.college, {**DEFINITION, "nmae": "x"})),
        Refusal(Refused, lambda o: o.ledger.achievements.define(o.college, "text")),
        Refusal(
            Refused,
            lambda o: o.ledger.achievements.revise(o.college, o.achievement, {**DEFINITION, "slug": "new"}),
        ),
        Refusal(
            achievements.DefinitionUnchanged,
            lambda o: o.ledger.achievements.revise(o.college, o.achievement, DEFINITION),
        ),
        Refusal(
            achievements.AchievementNotDefined,
            lambda o: o.ledger.achievements.revise(o.college, NOBODY, DEFINITION),
        ),
        Refusal(
            achievements.AchievementNotDefined,
            lambda o: o.ledger.achievements.revise(o.board, o.achievement, {**DEFINITION, "name": "N"}),
        ),
        Refusal(achievements.AchievementNotDefined, lambda o: o.ledger.achievements.retire(o.board, o.achievement)),
        Refusal(achievements.AchievementNotDefined, lambda o: o.ledger.achievements.retire(o.college, NOBODY)),
    ],
)
def test_command_that_may_not_be_is_refused_in_a_sentence(office: Office, refusal: Refusal) -> None:
    refuse(refusal.command(office), refusal.error, office=office)


# -------------------------------------------------------------------------------------------------------------- keys


def test_adding_a_key_tells_which_and_again_the_same(office: Office) -> None:
    first = run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.ROOT, idempotency_key="k"))
    again = run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.ROOT, idempotency_key="k"))
    assert (first.kid, first.appended.position) == (again.kid, again.appended.position)
    assert again.appended.replayed
    assert first.kid in office.kids(Role.ROOT)
    office.assert_sound()


def test_root_key_may_go_once_there_is_another(office: Office) -> None:
    (old,) = office.kids(Role.ROOT)
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.ROOT))
    run(office.ledger.issuers.retire_key(OPERATOR, office.college, Kid(old)))
    work = office.ledger.issuers.retire_key(OPERATOR, office.college, Kid(old))
    refuse(work, issuers.KeyAlreadyRetired, office=office)
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    office.assert_sound()


def test_compromise_is_reported_from_when_the_key_was_added_or_earlier_than_before(office: Office) -> None:
    kid = _kid(office, Role.SIGNING)
    report = office.ledger.issuers.report_compromised
    award = run(office.issue())
    run(report(OPERATOR, office.college, kid, Position(office.size() + 1)))
    assert office.state(award) is State.VALID  # made before
    run(report(OPERATOR, office.college, kid, None))
    assert office.state(award) is State.KEY_COMPROMISED
    refuse(report(OPERATOR, office.college, kid, None), issuers.CompromiseNotEarlier, office=office)
    refuse(office.issue(), achievements.WordingIsDisowned, office=office)
    office.assert_sound()


def test_operator_recovers_an_issuer_that_lost_its_root_key(office: Office) -> None:
    (root,) = office.kids(Role.ROOT)
    (office.ledger.home.keys / f"{root}.pem").unlink()
    add = office.ledger.issuers.add_key
    refuse(add(OPERATOR, office.college, Role.ROOT), NoUsableKey, office=office)
    recovered = run(add(OPERATOR, office.college, Role.ROOT, recovery=True))
    run(office.ledger.issuers.retire_key(OPERATOR, office.college, Kid(root), recovery=True))
    signing = run(add(OPERATOR, office.college, Role.SIGNING))
    keys = office.issuer().keys
    assert keys[recovered.kid].added_by is None
    assert keys[signing.kid].added_by == recovered.kid
    assert office.state(run(office.issue())) is State.VALID
    office.assert_sound()


def test_operator_recovers_an_issuer_whose_root_key_was_stolen(office: Office) -> None:
    (root,) = office.kids(Role.ROOT)
    run(office.ledger.issuers.report_compromised(OPERATOR, office.college, Kid(root), None, recovery=True))
    refuse(office.issue(), achievements.WordingIsDisowned, office=office)  # its key came from the stolen one
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.ROOT, recovery=True))
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    run(office.ledger.achievements.revise(office.college, office.achievement, DEFINITION))
    assert office.state(run(office.issue())) is State.VALID
    office.assert_sound()


def test_what_a_thief_says_of_the_issuer_and_its_achievements_is_not_believed_once_reported(office: Office) -> None:
    kid, stolen_from = _kid(office, Role.SIGNING), Position(office.size() + 1)
    award = run(office.issue())
    run(office.ledger.issuers.change_profile(OPERATOR, office.college, {"name": "A Famous University"}))
    run(office.ledger.achievements.revise(office.college, office.achievement, {**DEFINITION, "name": "Doctor"}))
    honest = office.issuer().profiles[0].digest
    run(office.ledger.issuers.report_compromised(OPERATOR, office.college, kid, Position(stolen_from + 1)))
    assert office.issuer().profile == honest
    run(office.ledger.issuers.add_key(OPERATOR, office.college, Role.SIGNING))
    later = run(office.issue())
    verdicts = [office.ledger.scanning().scan_id(each.stream) for each in (award, later)]
    assert [verdict.state for verdict in verdicts] == [State.VALID, State.VALID]
    shown = [verdict.award for verdict in verdicts]
    assert {each.issuer.name for each in shown if each} != {"A Famous University"}
    assert {each.definition.name for each in shown if each} == {DEFINITION["name"]}
    amend = office.ledger.changing.amend(OPERATOR, later.stream, {"achievement_version": "2"}, Reason.OTHER)
    refuse(amend, achievements.WordingIsDisowned, office=office)
    office.assert_sound()


# ------------------------------------------------------------------------------------------------------- recognition


def test_the_end_of_a_recognition_does_not_prolong_it(office: Office) -> None:
    recognise, end = office.ledger.issuers.recognise, office.ledger.issuers.end_recognition
    fixed = Slug("fixed")
    run(recognise(OPERATOR, office.college, office.board, fixed, date(2026, 1, 1), date(2026, 6, 30)))
    work = end(OPERATOR, office.college, office.board, fixed, date(2099, 1, 1))
    refuse(work, issuers.PeriodReversed, office=office)
    run(end(OPERATOR, office.college, office.board, fixed, date(2026, 5, 31)))
    office.assert_sound()


def test_recognition_ends_and_begins_again(office: Office) -> None:
    award = run(office.issue())
    assert office.state(award) is State.VALID
    issuers_ = office.ledger.issuers
    run(issuers_.end_recognition(OPERATOR, office.college, office.board, SCHEME, date(2026, 1, 1)))
    assert office.state(award) is State.ISSUER_UNRECOGNISED
    work = issuers_.end_recognition(OPERATOR, office.college, office.board, SCHEME, date(2026, 1, 1))
    refuse(work, issuers.NotRecognised, office=office)
    run(issuers_.recognise(OPERATOR, office.college, office.board, SCHEME, date(2026, 2, 1), None))
    assert office.state(award) is State.VALID
    office.assert_sound()


def test_body_that_the_settings_do_not_name_recognises_in_vain(office: Office) -> None:
    shed = run(office.ledger.issuers.register(OPERATOR, slug("shed"), {"name": "Shed"}))
    run(office.ledger.issuers.end_recognition(OPERATOR, office.college, office.board, SCHEME, date(2026, 1, 1)))
    run(office.ledger.issuers.recognise(OPERATOR, office.college, shed.stream, SCHEME, date(2026, 1, 1), None))
    assert office.state(run(office.issue())) is State.ISSUER_UNRECOGNISED
    office.assert_sound()


def test_recognising_body_without_a_key_recognises_nobody(office: Office) -> None:
    (kid,) = office.kids(Role.SIGNING, office.board)
    run(office.ledger.issuers.retire_key(OPERATOR, office.board, Kid(kid)))
    work = office.ledger.issuers.recognise(OPERATOR, office.college, office.board, Slug("new"), DAY, None)
    refuse(work, NoUsableKey, office=office)


# ------------------------------------------------------------------------------------------------------ achievements


def test_revised_achievement_is_awarded_in_its_new_wording_and_old_awards_keep_theirs(office: Office) -> None:
    before = run(office.issue())
    revised = {**DEFINITION, "name": "Wound care II"}
    outcome = run(office.ledger.achievements.revise(office.college, office.achievement, revised))
    after = run(office.issue(student_number="S2"))
    assert outcome.revision == 1
    read = office.ledger.awards.read
    versions = [read(OPERATOR, each.stream).acts[0].award for each in (before, after)]
    assert [award.achievement.version for award in versions if award is not None] == [1, 2]
    assert [office.state(each) for each in (before, after)] == [State.VALID, State.VALID]
    office.assert_sound()


def test_retired_achievement_is_not_awarded_and_its_awards_stand(office: Office) -> None:
    award = run(office.issue())
    run(office.ledger.achievements.retire(office.college, office.achievement))
    assert "wound-care" in refuse(office.issue(), achievements.AchievementIsRetired, office=office)
    assert office.state(award) is State.VALID
    run(office.ledger.changing.amend(office.registrar, award.stream, {"score": "90"}, Reason.OTHER))
    retire = office.ledger.achievements.retire(office.college, office.achievement)
    refuse(retire, achievements.AchievementIsRetired, office=office)
    revise = office.ledger.achievements.revise
    work = revise(office.college, office.achievement, {**DEFINITION, "name": "N"})
    refuse(work, achievements.AchievementIsRetired, office=office)
    office.assert_sound()


def test_short_names_of_two_issuers_do_not_meet(office: Office) -> None:
    other = run(office.ledger.achievements.define(office.board, DEFINITION))
    row = {**ROW, "achievement": str(other.stream)}
    refuse(office.ledger.issuing.issue(office.registrar, office.college, row), Refused, office=office)
    award = run(office.ledger.issuing.issue(OPERATOR, office.board, ROW))
    assert office.ledger.awards.read(OPERATOR, award.stream).issuer.stream == office.board
    office.assert_sound()
