"""The signer table: for every type the right key passes, and every other key is refused with its reason."""

from dataclasses import replace
from datetime import date

import pytest

from ledger.domain import events as ev
from ledger.domain.authority import (
    KeyCompromised,
    KeyNotInForce,
    Operator,
    SignerError,
    SignerNotAllowed,
    check_signer,
    operator_of,
)
from ledger.domain.issuer import Issuer
from ledger.domain.types import Did, Kid, ListId, Origin, Seq, Slot, StreamId
from ledger.domain.values import BadValue, Role
from tests.strategies import OPERATOR, ORIGIN
from tests.unit.domain.history import (
    BODY,
    BODY_ROOT,
    BODY_SIGN,
    CHECKPOINT_KEY,
    EVENT_KEY,
    LOG_STREAM,
    NORTH,
    NORTH_STREAM,
    ROOT,
    ROOT_2,
    SCHEME,
    SIGN,
    SIGN_2,
    THE_OPERATOR,
    added,
    begun,
    compromised,
    digest,
    recognising_body,
    record,
    registered,
    retired,
)

_NOW = 50
_DAY = date(2026, 11, 21)
_STARTED = ev.LogStarted(origin=Origin(ORIGIN), event_key=EVENT_KEY, checkpoint_key=CHECKPOINT_KEY)
_RECOGNISED = ev.IssuerRecognised(issuer=NORTH, scheme=SCHEME, since=_DAY, until=None)
_RECOGNITION_ENDED = ev.IssuerRecognitionEnded(issuer=NORTH, scheme=SCHEME, until=_DAY)
_BY_ROOT: tuple[ev.Event, ...] = (
    added(SIGN_2),
    added(ROOT_2, Role.ROOT),
    retired(SIGN),
    compromised(SIGN, 10),
)
_RECOVERY: tuple[ev.Event, ...] = (
    added(ROOT_2, Role.ROOT, recovery=True),
    retired(SIGN, recovery=True),
    compromised(ROOT, 10, recovery=True),
)
_BY_SIGNING: tuple[ev.Event, ...] = (
    ev.IssuerProfileChanged(digest=digest("p"), version=2),
    ev.AchievementDefined(digest=digest("d"), version=1),
    ev.AchievementRevised(digest=digest("e"), version=2),
    ev.AchievementRetired(digest=digest("e"), version=2),
    ev.CredentialIssued(link=digest("l"), list=ListId(bytes(16)), slot=Slot(1)),
    ev.CredentialAmended(list=ListId(bytes(16)), slot=Slot(2)),
    ev.CredentialSuspended(),
    ev.CredentialReinstated(),
    ev.CredentialRevoked(),
)
_BY_OPERATOR: tuple[ev.Event, ...] = (
    ev.LogKeyAdded(key=ROOT_2, proof=bytes(64)),
    ev.LogKeyRetired(key=CHECKPOINT_KEY),
    ev.StatusCommitted(size=_NOW - 1, lists=0, status=digest("s"), authority=digest("a")),
)
_BY_BODY: tuple[ev.Event, ...] = (_RECOGNISED, _RECOGNITION_ENDED)
_STRANGER = Did("did:web:elsewhere.example:issuers:north")


def _name(value: object) -> str:
    return type(value).__name__


def _check(
    event: ev.Event, by: Did, kid: Kid, *, owner: Did | None = NORTH, north: Issuer | None = None, position: int = _NOW
) -> str:
    """`ok`, or the name of the refusal."""
    issuers = {NORTH: north or begun(), BODY: recognising_body()}
    try:
        check_signer(
            record(event, position, seq=5, by=by, kid=kid), operator=THE_OPERATOR, issuers=issuers, owner=owner
        )
    except SignerError as error:
        return type(error).__name__
    return "ok"


def test_every_type_has_its_place_in_the_table() -> None:
    lists = _BY_ROOT, _RECOVERY, _BY_SIGNING, _BY_BODY, _BY_OPERATOR
    tested = {type(event) for event in (_STARTED, registered(), *(event for events in lists for event in events))}
    assert len(tested) == 19


@pytest.mark.parametrize("event", _BY_OPERATOR, ids=_name)
def test_the_log_speaks_of_itself_by_the_operators_event_key_in_its_own_stream(event: ev.Event) -> None:
    def check(by: Did, kid: Kid, stream: StreamId) -> str:
        recorded = record(event, _NOW, seq=5, by=by, kid=kid, stream=stream)
        try:
            check_signer(recorded, operator=THE_OPERATOR, issuers={NORTH: begun()}, owner=OPERATOR)
        except SignerError as error:
            return type(error).__name__
        return "ok"

    assert check(OPERATOR, EVENT_KEY, LOG_STREAM) == "ok"
    assert check(OPERATOR, EVENT_KEY, NORTH_STREAM) == "SignerNotAllowed"
    assert check(OPERATOR, CHECKPOINT_KEY, LOG_STREAM) == "SignerNotAllowed"
    assert check(NORTH, EVENT_KEY, LOG_STREAM) == "SignerNotAllowed"
    assert check(NORTH, SIGN, LOG_STREAM) == "SignerNotAllowed"


@pytest.mark.parametrize("event", _BY_ROOT, ids=_name)
def test_keys_are_changed_by_the_root_key_of_the_issuer_alone(event: ev.Event) -> None:
    assert _check(event, NORTH, ROOT) == "ok"
    assert _check(event, NORTH, SIGN) == "SignerNotAllowed"
    assert _check(event, NORTH, EVENT_KEY) == "SignerNotAllowed"
    assert _check(event, NORTH, BODY_ROOT) == "SignerNotAllowed"
    assert _check(event, BODY, BODY_ROOT) == "SignerNotAllowed"
    assert _check(event, BODY, ROOT) == "SignerNotAllowed"
    assert _check(event, OPERATOR, EVENT_KEY) == "SignerNotAllowed"
    assert _check(event, _STRANGER, ROOT, owner=None) == "SignerNotAllowed"


@pytest.mark.parametrize("event", _RECOVERY, ids=_name)
def test_a_recovery_is_stated_by_the_operator_with_the_event_key_alone(event: ev.Event) -> None:
    assert _check(event, OPERATOR, EVENT_KEY) == "ok"
    assert _check(event, OPERATOR, CHECKPOINT_KEY) == "SignerNotAllowed"
    assert _check(event, NORTH, EVENT_KEY) == "SignerNotAllowed"
    assert _check(event, NORTH, ROOT) == "SignerNotAllowed"
    assert _check(event, BODY, BODY_ROOT) == "SignerNotAllowed"


@pytest.mark.parametrize("event", _BY_SIGNING, ids=_name)
def test_the_issuers_signing_key_states_what_it_awards(event: ev.Event) -> None:
    assert _check(event, NORTH, SIGN) == "ok"
    assert _check(event, NORTH, SIGN, owner=None) == "ok"
    assert _check(event, NORTH, ROOT) == "SignerNotAllowed"
    assert _check(event, NORTH, SIGN_2) == "SignerNotAllowed"
    assert _check(event, NORTH, BODY_SIGN) == "SignerNotAllowed"
    assert _check(event, NORTH, EVENT_KEY) == "SignerNotAllowed"
    assert _check(event, OPERATOR, EVENT_KEY) == "SignerNotAllowed"


@pytest.mark.parametrize("event", _BY_SIGNING, ids=_name)
def test_another_issuer_states_nothing_in_the_stream(event: ev.Event) -> None:
    assert _check(event, BODY, BODY_SIGN, owner=NORTH) == "SignerNotAllowed"
    assert _check(event, BODY, BODY_SIGN, owner=BODY) == "ok"


@pytest.mark.parametrize("event", _BY_BODY, ids=_name)
def test_recognition_is_stated_by_another_issuers_signing_key(event: ev.Event) -> None:
    assert _check(event, BODY, BODY_SIGN) == "ok"
    assert _check(event, BODY, BODY_ROOT) == "SignerNotAllowed"
    assert _check(event, BODY, SIGN) == "SignerNotAllowed"
    assert _check(event, NORTH, SIGN) == "SignerNotAllowed"
    assert _check(event, OPERATOR, EVENT_KEY) == "SignerNotAllowed"
    assert _check(event, _STRANGER, BODY_SIGN) == "SignerNotAllowed"


@pytest.mark.parametrize("position", [1, 2, 3])
@pytest.mark.parametrize("event", _BY_SIGNING, ids=_name)
def test_a_key_signs_nothing_before_it_was_added(event: ev.Event, position: int) -> None:
    assert _check(event, NORTH, SIGN, position=position) == "KeyNotInForce"
    assert _check(event, NORTH, SIGN, position=4) == "ok"


@pytest.mark.parametrize("event", _BY_SIGNING, ids=_name)
def test_a_retired_key_signs_nothing_more_and_what_it_signed_stands(event: ev.Event) -> None:
    north = begun(record(retired(SIGN), 20, seq=2, kid=ROOT))
    assert _check(event, NORTH, SIGN, north=north, position=19) == "ok"
    assert _check(event, NORTH, SIGN, north=north, position=20) == "ok"
    assert _check(event, NORTH, SIGN, north=north, position=21) == "KeyNotInForce"


@pytest.mark.parametrize("event", _BY_SIGNING, ids=_name)
def test_a_stolen_key_is_refused_from_the_position_reported(event: ev.Event) -> None:
    north = begun(record(compromised(SIGN, 15), 20, seq=2, kid=ROOT))
    assert _check(event, NORTH, SIGN, north=north, position=14) == "ok"
    assert _check(event, NORTH, SIGN, north=north, position=15) == "KeyCompromised"
    assert _check(event, NORTH, SIGN, north=north, position=40) == "KeyCompromised"


@pytest.mark.parametrize("event", _BY_ROOT, ids=_name)
def test_a_root_key_not_in_force_or_stolen_changes_no_keys(event: ev.Event) -> None:
    more = record(added(ROOT_2, Role.ROOT), 10, seq=2, kid=ROOT)
    north = begun(more, record(retired(ROOT), 20, seq=3, kid=ROOT))
    assert _check(event, NORTH, ROOT, north=north, position=21) == "KeyNotInForce"
    assert _check(event, NORTH, ROOT_2, north=north, position=10) == "KeyNotInForce"
    assert _check(event, NORTH, ROOT_2, north=north, position=11) == "ok"
    stolen = begun(more, record(compromised(ROOT, 10), 20, seq=3, kid=EVENT_KEY))
    assert _check(event, NORTH, ROOT, north=stolen, position=9) == "ok"
    assert _check(event, NORTH, ROOT, north=stolen, position=10) == "KeyCompromised"
    assert _check(event, NORTH, ROOT_2, north=stolen, position=30) == "KeyCompromised"


def test_the_wrong_role_is_named_before_retirement_and_retirement_before_theft() -> None:
    north = begun(record(retired(SIGN), 20, seq=2, kid=ROOT), record(compromised(SIGN, 15), 21, seq=3, kid=ROOT))
    assert _check(added(SIGN_2), NORTH, SIGN, north=north) == "SignerNotAllowed"
    assert _check(ev.CredentialRevoked(), NORTH, SIGN, north=north) == "KeyNotInForce"
    assert _check(ev.CredentialRevoked(), NORTH, SIGN, north=north, position=18) == "KeyCompromised"
    for later in (KeyCompromised, KeyNotInForce, SignerNotAllowed):
        assert issubclass(later, SignerError)


@pytest.mark.parametrize(
    ("by", "kid", "owner", "answer"),
    [
        (NORTH, ROOT, None, "ok"),
        (NORTH, SIGN, None, "SignerNotAllowed"),
        (NORTH, EVENT_KEY, None, "SignerNotAllowed"),
        (NORTH, ROOT, NORTH, "SignerNotAllowed"),
        (OPERATOR, ROOT, None, "SignerNotAllowed"),
        (_STRANGER, ROOT, None, "SignerNotAllowed"),
        (Did("did:web:localhost%3A8001:issuers:north"), ROOT, None, "SignerNotAllowed"),
        (Did("did:key:z6Mk"), ROOT, None, "SignerNotAllowed"),
    ],
)
def test_a_registration_is_signed_by_the_root_key_it_brings_in_a_name_under_the_operator(
    by: Did, kid: Kid, owner: Did | None, answer: str
) -> None:
    assert _check(registered(), by, kid, owner=owner) == answer


def test_the_log_names_its_operator_once() -> None:
    first = record(_STARTED, 1, by=OPERATOR, kid=EVENT_KEY, stream=LOG_STREAM)
    assert operator_of(first) == THE_OPERATOR
    check_signer(first, operator=THE_OPERATOR, issuers={}, owner=None)


_FIRST = record(_STARTED, 1, by=OPERATOR, kid=EVENT_KEY, stream=LOG_STREAM)


@pytest.mark.parametrize(
    "recorded",
    [
        replace(_FIRST, event=registered()),
        replace(_FIRST, seq=Seq(1)),
        replace(_FIRST, by=NORTH),
        replace(_FIRST, kid=CHECKPOINT_KEY),
        replace(_FIRST, kid=ROOT),
    ],
)
def test_a_log_that_begins_otherwise_has_no_operator(recorded: ev.Recorded) -> None:
    with pytest.raises(SignerNotAllowed):
        operator_of(recorded)


def test_a_name_that_is_no_did_of_a_ledger_makes_no_operator() -> None:
    with pytest.raises(BadValue):
        operator_of(replace(_FIRST, by=Did("did:key:z6Mk")))


@pytest.mark.parametrize(
    "changed",
    [
        replace(THE_OPERATOR, stream=record(_STARTED, 1).stream),
        replace(THE_OPERATOR, did=Did("did:web:elsewhere.example")),
        replace(THE_OPERATOR, origin=Origin("elsewhere.example/log")),
        replace(THE_OPERATOR, event_key=ROOT),
        replace(THE_OPERATOR, checkpoint_key=ROOT),
    ],
)
def test_a_second_log_started_is_refused_even_where_it_is_consistent_in_itself(changed: Operator) -> None:
    with pytest.raises(SignerNotAllowed, match="begun already"):
        check_signer(_FIRST, operator=changed, issuers={}, owner=None)
