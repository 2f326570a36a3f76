"""An issuer's stream: which event may follow what, and what keys, profile and recognitions add up to."""

from datetime import date, timedelta

import pytest

from ledger.domain import events as ev
from ledger.domain import issuer
from ledger.domain.events import IssuerEvent
from ledger.domain.issuer import Compromise, KeyRecord, Recognition, evolve, permit
from ledger.domain.types import Did, Kid, Position, Seq, Slug
from ledger.domain.values import Custody, Role
from tests.unit.domain.history import (
    BODY,
    BODY_SIGN,
    EVENT_KEY,
    NORTH,
    NORTH_STREAM,
    ROOT,
    ROOT_2,
    SCHEME,
    SIGN,
    SIGN_2,
    added,
    begun,
    compromised,
    digest,
    record,
    registered,
    retired,
)

_SINCE = date(2026, 1, 1)
_UNTIL = date(2026, 12, 31)


def _recognised(until: date | None = None, who: Did = NORTH, since: date = _SINCE) -> ev.IssuerRecognised:
    return ev.IssuerRecognised(issuer=who, scheme=SCHEME, since=since, until=until)


def _ended(until: date = _UNTIL, who: Did = NORTH, scheme: Slug = SCHEME) -> ev.IssuerRecognitionEnded:
    return ev.IssuerRecognitionEnded(issuer=who, scheme=scheme, until=until)


def test_a_registration_makes_an_issuer_with_one_root_key() -> None:
    permit(None, registered(), by=NORTH)
    assert evolve(None, record(registered(), 2, kid=ROOT)) == issuer.Issuer(
        did=NORTH,
        stream=NORTH_STREAM,
        head=Seq(0),
        custody=Custody.ISSUER,
        profiles=(issuer.ProfileVersion(digest=digest("profile 1"), kid=ROOT, position=Position(2)),),
        keys={ROOT: KeyRecord(kid=ROOT, role=Role.ROOT, added=Position(2), added_by=None)},
        recognitions=(),
    )


@pytest.mark.parametrize(
    "event",
    [
        added(SIGN),
        retired(SIGN),
        compromised(SIGN, 1),
        _recognised(),
        _ended(),
        ev.IssuerProfileChanged(digest=digest("p"), version=2),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nothing_but_a_registration_begins_the_stream(event: IssuerEvent) -> None:
    with pytest.raises(issuer.IssuerNotRegistered):
        permit(None, event, by=NORTH)
    with pytest.raises(issuer.IssuerNotRegistered):
        evolve(None, record(event, 2))


def test_a_second_registration_is_refused() -> None:
    with pytest.raises(issuer.IssuerAlreadyRegistered, match=NORTH):
        permit(begun(), registered(ROOT_2), by=NORTH)


def test_an_event_of_another_kind_of_stream_is_not_folded() -> None:
    with pytest.raises(issuer.IssuerError, match="CredentialRevoked"):
        evolve(begun(), record(ev.CredentialRevoked(), 9))


def test_added_keys_know_their_role_place_and_who_brought_them() -> None:
    state = begun(
        record(added(ROOT_2, Role.ROOT, recovery=True), 7, seq=2, kid=EVENT_KEY),
        record(added(SIGN_2), 8, seq=3, kid=ROOT_2),
    )
    assert state.keys == {
        ROOT: KeyRecord(kid=ROOT, role=Role.ROOT, added=Position(2), added_by=None),
        SIGN: KeyRecord(kid=SIGN, role=Role.SIGNING, added=Position(3), added_by=ROOT),
        ROOT_2: KeyRecord(kid=ROOT_2, role=Role.ROOT, added=Position(7), added_by=None),
        SIGN_2: KeyRecord(kid=SIGN_2, role=Role.SIGNING, added=Position(8), added_by=ROOT_2),
    }


@pytest.mark.parametrize("state", [begun(), begun(record(retired(SIGN), 4, seq=2, kid=ROOT))])
def test_a_key_is_added_once_in_its_life(state: issuer.Issuer) -> None:
    for known in (ROOT, SIGN):
        with pytest.raises(issuer.KeyAlreadyKnown):
            permit(state, added(known), by=NORTH)
    permit(state, added(SIGN_2), by=NORTH)


@pytest.mark.parametrize(
    ("key", "error"),
    [(SIGN_2, issuer.KeyUnknown), (ROOT, issuer.LastRootKey), (SIGN, issuer.KeyAlreadyRetired)],
)
def test_a_key_that_cannot_be_retired_is_refused(key: Kid, error: type[issuer.IssuerError]) -> None:
    state = begun(record(retired(SIGN), 6, seq=2, kid=ROOT))
    assert state.keys[SIGN].retired == 6
    with pytest.raises(error):
        permit(state, retired(key), by=NORTH)


def test_a_root_key_is_retired_only_while_another_lives() -> None:
    both = begun(record(added(ROOT_2, Role.ROOT), 6, seq=2, kid=ROOT))
    permit(both, retired(ROOT), by=NORTH)
    permit(both, retired(ROOT_2), by=NORTH)
    permit(both, retired(SIGN), by=NORTH)
    one = evolve(both, record(retired(ROOT), 7, seq=3, kid=ROOT))
    with pytest.raises(issuer.LastRootKey):
        permit(one, retired(ROOT_2), by=NORTH)


@pytest.mark.parametrize(
    ("position", "in_force"), [(1, False), (2, False), (3, False), (4, True), (8, True), (9, True), (10, False)]
)
def test_a_key_is_in_force_after_it_was_added_and_until_it_is_retired(position: int, in_force: bool) -> None:
    """It may state its own retirement, at 9; what comes before its admission, at 3, it may not."""
    state = begun(record(retired(SIGN), 9, seq=2, kid=ROOT))
    assert state.in_force(SIGN, Role.SIGNING, Position(position)) is in_force
    assert not state.in_force(SIGN, Role.ROOT, Position(position))
    assert not state.in_force(SIGN_2, Role.SIGNING, Position(position))
    assert begun().in_force(SIGN, Role.SIGNING, Position(10))


def test_a_compromise_disowns_from_its_position_on() -> None:
    state = begun(record(compromised(SIGN, 6), 20, seq=2, kid=ROOT))
    assert state.keys[SIGN].compromises == (Compromise(from_position=Position(6), known_at=Position(20)),)
    assert [state.disowns(SIGN, Position(place)) for place in (4, 5, 6, 7, 30)] == [False, False, True, True, True]
    assert not state.disowns(ROOT, Position(30))
    assert not state.disowns(SIGN_2, Position(30))


def test_what_is_disowned_depends_on_the_reports_known_by_then() -> None:
    state = begun(record(compromised(SIGN, 10), 20, seq=2, kid=ROOT), record(compromised(SIGN, 6), 25, seq=3, kid=ROOT))
    table = {
        (10, 20): False,
        (10, 21): True,
        (9, 21): False,
        (9, 25): False,
        (9, 26): True,
        (6, 26): True,
        (5, 26): False,
    }
    for (position, known_before), disowned in table.items():
        assert state.disowns(SIGN, Position(position), known_before=Position(known_before)) is disowned
    assert [report.from_position for report in state.reported()] == [10, 6]
    assert state.is_stolen(SIGN)


def test_keys_brought_in_by_a_stolen_root_key_are_disowned_with_it() -> None:
    state = begun(
        record(added(ROOT_2, Role.ROOT), 6, seq=2, kid=ROOT),
        record(added(SIGN_2), 7, seq=3, kid=ROOT_2),
        record(compromised(ROOT, 6), 20, seq=4, kid=EVENT_KEY),
    )
    late = Position(30)
    assert state.disowns(ROOT_2, late)
    assert state.disowns(SIGN_2, late)
    assert not state.disowns(SIGN, late), "it was added before the root key was stolen"
    assert [state.is_stolen(kid) for kid in (ROOT, ROOT_2, SIGN_2, SIGN)] == [True, True, True, False]
    assert not state.disowns(SIGN_2, late, known_before=Position(20))
    assert state.disowns(SIGN_2, late, known_before=Position(21))


def test_keys_added_in_recovery_are_not_disowned_with_the_root_key() -> None:
    state = begun(
        record(compromised(ROOT, 2), 20, seq=2, kid=EVENT_KEY),
        record(added(ROOT_2, Role.ROOT, recovery=True), 21, seq=3, kid=EVENT_KEY),
        record(added(SIGN_2), 22, seq=4, kid=ROOT_2),
    )
    assert state.disowns(SIGN, Position(30))
    assert not state.disowns(ROOT_2, Position(30))
    assert not state.disowns(SIGN_2, Position(30))


def test_keys_that_claim_to_have_brought_each_other_in_do_not_send_the_question_in_circles() -> None:
    state = begun(
        record(added(ROOT_2, Role.ROOT), 6, seq=2, kid=ROOT_2),
        record(added(SIGN_2, Role.ROOT), 7, seq=3, kid=BODY_SIGN),
        record(added(BODY_SIGN, Role.ROOT), 8, seq=4, kid=SIGN_2),
    )
    assert not any(state.disowns(kid, Position(30)) for kid in (ROOT_2, SIGN_2, BODY_SIGN))


@pytest.mark.parametrize(
    ("event", "at", "error"),
    [
        (compromised(SIGN_2, 5), 20, issuer.KeyUnknown),
        (compromised(SIGN, 10), 20, issuer.CompromiseNotEarlier),
        (compromised(SIGN, 11), 20, issuer.CompromiseNotEarlier),
        (compromised(SIGN, 0), 20, issuer.IssuerError),
        (compromised(ROOT, 21), 20, issuer.IssuerError),
        (compromised(ROOT, 20), 20, None),
        (compromised(ROOT, 21), None, None),
        (compromised(SIGN, 9), 20, None),
        (compromised(SIGN, 1), None, None),
    ],
)
def test_a_report_names_a_known_key_and_an_earlier_position_of_the_history(
    event: ev.IssuerKeyCompromised, at: int | None, error: type[issuer.IssuerError] | None
) -> None:
    state = begun(record(compromised(SIGN, 10), 15, seq=2, kid=ROOT))
    place = None if at is None else Position(at)
    if error is None:
        permit(state, event, by=NORTH, at=place)
        return
    with pytest.raises(error) as caught:
        permit(state, event, by=NORTH, at=place)
    assert type(caught.value) is error


def test_a_recognition_holds_for_its_period() -> None:
    state = begun(record(_recognised(_UNTIL), 8, seq=2, by=BODY, kid=BODY_SIGN))
    assert state.recognitions == (
        Recognition(by=BODY, kid=BODY_SIGN, scheme=SCHEME, since=_SINCE, until=_UNTIL, position=Position(8)),
    )


def test_an_end_closes_the_open_recognition_of_that_body_and_scheme_alone() -> None:
    other = ev.IssuerRecognised(issuer=NORTH, scheme=Slug("second"), since=_SINCE, until=None)
    state = begun(
        record(_recognised(), 8, seq=2, by=BODY, kid=BODY_SIGN),
        record(other, 9, seq=3, by=BODY, kid=BODY_SIGN),
        record(_recognised(), 10, seq=4, by=Did(BODY + "2"), kid=BODY_SIGN),
        record(_ended(date(2026, 6, 30)), 11, seq=5, by=BODY, kid=BODY_SIGN),
        record(_recognised(since=date(2026, 9, 1)), 12, seq=6, by=BODY, kid=BODY_SIGN),
        record(_ended(date(2026, 9, 30)), 13, seq=7, by=BODY, kid=BODY_SIGN),
    )
    assert [(each.by, each.scheme, each.until, each.ended) for each in state.recognitions] == [
        (BODY, SCHEME, date(2026, 6, 30), 11),
        (BODY, "second", None, None),
        (BODY + "2", SCHEME, None, None),
        (BODY, SCHEME, date(2026, 9, 30), 13),
    ]


@pytest.mark.parametrize(
    ("event", "by", "error"),
    [
        (_recognised(), NORTH, issuer.SelfRecognition),
        (_recognised(who=BODY), BODY, issuer.IssuerError),
        (_recognised(until=date(2025, 12, 31)), Did(BODY + "2"), issuer.PeriodReversed),
        (_recognised(), BODY, issuer.AlreadyRecognised),
        (_recognised(until=_SINCE), Did(BODY + "2"), None),
        (_ended(), Did(BODY + "2"), issuer.NotRecognised),
        (_ended(scheme=Slug("second")), BODY, issuer.NotRecognised),
        (_ended(who=BODY), BODY, issuer.IssuerError),
        (_ended(date(2025, 12, 31)), BODY, issuer.PeriodReversed),
        (_ended(_SINCE), BODY, None),
    ],
)
def test_recognition_has_one_open_period_for_each_body_and_scheme(
    event: IssuerEvent, by: Did, error: type[issuer.IssuerError] | None
) -> None:
    state = begun(record(_recognised(), 8, seq=2, by=BODY, kid=BODY_SIGN))
    if error is None:
        permit(state, event, by=by)
        return
    with pytest.raises(error) as caught:
        permit(state, event, by=by)
    assert type(caught.value) is error


def test_a_recognition_with_a_last_day_is_renewed_as_its_refusal_says() -> None:
    state = begun(record(_recognised(_UNTIL), 8, seq=2, by=BODY, kid=BODY_SIGN))
    renewed = _recognised(since=_UNTIL + timedelta(days=1))
    with pytest.raises(issuer.AlreadyRecognised, match=f"end that on its last day, {_UNTIL}, then recognise anew"):
        permit(state, renewed, by=BODY)
    with pytest.raises(issuer.PeriodReversed, match="end it then and recognise anew"):
        permit(state, _ended(_UNTIL + timedelta(days=1)), by=BODY)
    permit(state, _ended(_UNTIL), by=BODY)
    permit(evolve(state, record(_ended(_UNTIL), 9, seq=3, by=BODY, kid=BODY_SIGN)), renewed, by=BODY)


def test_an_ended_recognition_cannot_end_again_but_may_be_given_anew() -> None:
    state = begun(
        record(_recognised(), 8, seq=2, by=BODY, kid=BODY_SIGN), record(_ended(), 9, seq=3, by=BODY, kid=BODY_SIGN)
    )
    with pytest.raises(issuer.NotRecognised):
        permit(state, _ended(), by=BODY)
    permit(state, _recognised(), by=BODY)


@pytest.mark.parametrize(
    ("version", "name", "allowed"),
    [(2, "profile 2", True), (2, "profile 1", False), (1, "profile 2", False), (3, "profile 2", False)],
)
def test_a_profile_changes_to_another_one_with_the_next_version(version: int, name: str, allowed: bool) -> None:
    event = ev.IssuerProfileChanged(digest=digest(name), version=version)
    if allowed:
        permit(begun(), event, by=NORTH)
        state = begun(record(event, 8, seq=2))
        assert (state.profile, state.profile_version, state.head) == (digest(name), 2, 2)
    else:
        with pytest.raises(issuer.ProfileUnchanged):
            permit(begun(), event, by=NORTH)


@pytest.mark.parametrize(
    ("stolen", "since", "holds"), [((), 1, 3), ((SIGN,), 9, 2), ((SIGN,), 8, 1), ((SIGN, ROOT), 1, 1)]
)
def test_the_profile_that_holds_is_the_last_that_no_thief_stated(
    stolen: tuple[Kid, ...], since: int, holds: int
) -> None:
    changed = [
        record(ev.IssuerProfileChanged(digest=digest(f"profile {version}"), version=version), 6 + version, seq=version)
        for version in (2, 3)
    ]
    reports = [record(compromised(kid, since), 20 + seq, seq=seq, kid=ROOT_2) for seq, kid in enumerate(stolen, 4)]
    assert begun(*changed, *reports).profile == digest(f"profile {holds}")
