"""An award's stream: which act may follow which, and what counts when a key turns out to be stolen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import credential as cr
from ledger.domain import events as ev
from ledger.domain.credential import Credential, Standing, Version, evolve, fold, permit
from ledger.domain.events import CredentialEvent
from ledger.domain.types import Kid, ListId, Position, Seq, Slot
from tests.unit.domain.history import NORTH, OTHER_STREAM, SIGN, SIGN_2, digest, record

_LIST = ListId(bytes(16))
_ISSUED = ev.CredentialIssued(link=digest("link"), list=_LIST, slot=Slot(7))
_ACTS: dict[str, CredentialEvent] = {
    "i": _ISSUED,
    "a": ev.CredentialAmended(list=_LIST, slot=Slot(8)),
    "s": ev.CredentialSuspended(),
    "r": ev.CredentialReinstated(),
    "x": ev.CredentialRevoked(),
}


def _history(spelled: str) -> list[ev.Recorded]:
    """One event a letter, from position 10; a capital is signed by the key that is stolen."""
    return [
        record(
            _ACTS[letter.lower()],
            10 + seq,
            seq=seq,
            stream=OTHER_STREAM,
            kid=SIGN_2 if letter.isupper() else SIGN,
        )
        for seq, letter in enumerate(spelled)
    ]


def _stolen(kid: Kid, position: Position) -> bool:
    return kid == SIGN_2


def _fold(spelled: str) -> Credential | None:
    return fold(_history(spelled), _stolen)


def _standing(spelled: str) -> str:
    state = _fold(spelled)
    assert state is not None
    words = [
        f"version {state.current.number}",
        "disowned" if state.disowned else "",
        "" if state.suspended is None else f"suspended {state.suspended.seq}",
        "" if state.revoked is None else f"revoked {state.revoked.seq}",
    ]
    return ", ".join(word for word in words if word)


def test_an_award_is_what_its_first_entry_says() -> None:
    recorded = _history("i")[0]
    version = Version(
        number=1,
        seq=Seq(0),
        position=Position(10),
        at=recorded.at,
        kid=SIGN,
        list=_LIST,
        slot=Slot(7),
        disowned=False,
    )
    state = fold([recorded], _stolen)
    assert state == Credential(stream=OTHER_STREAM, issuer=NORTH, link=digest("link"), head=Seq(0), versions=(version,))
    assert state.current is state.versions[0]
    assert not state.disowned
    assert fold([], _stolen) is None


def test_an_amendment_adds_a_version_and_keeps_the_others() -> None:
    state = _fold("iaa")
    assert state is not None
    assert [(each.number, each.seq, each.slot) for each in state.versions] == [(1, 0, 7), (2, 1, 8), (3, 2, 8)]
    assert state.head == 2


def test_a_standing_knows_the_entry_that_made_it() -> None:
    for letter, disowned in (("s", False), ("S", True), ("x", False), ("X", True)):
        history = _history("ia" + letter)
        state = fold(history, _stolen)
        assert state is not None
        expected = Standing(seq=Seq(2), position=Position(12), at=history[2].at, disowned=disowned)
        assert (state.suspended or state.revoked) == expected


@pytest.mark.parametrize(
    ("spelled", "standing"),
    [
        ("i", "version 1"),
        ("ia", "version 2"),
        ("is", "version 1, suspended 1"),
        ("isa", "version 2, suspended 1"),
        ("isr", "version 1"),
        ("isrs", "version 1, suspended 3"),
        ("ix", "version 1, revoked 1"),
        ("isx", "version 1, suspended 1, revoked 2"),
        # What a stolen key raised does not count ...
        ("I", "version 1, disowned"),
        ("iA", "version 1"),
        ("iaA", "version 2"),
        ("iAa", "version 3"),
        ("iaAA", "version 2"),
        ("isR", "version 1, suspended 1"),
        ("ixR", "version 1, revoked 1"),
        ("IA", "version 1, disowned"),
        ("Ia", "version 2, disowned"),
        # ... what it lowered holds until a good key reinstates.
        ("iS", "version 1, suspended 1"),
        ("iSR", "version 1, suspended 1"),
        ("iSr", "version 1"),
        ("iX", "version 1, revoked 1"),
        ("iXR", "version 1, revoked 1"),
        ("iXr", "version 1"),
        ("isXr", "version 1"),
        ("iXx", "version 1, revoked 2"),
        ("iSRr", "version 1"),
    ],
)
def test_what_a_history_adds_up_to(spelled: str, standing: str) -> None:
    assert _standing(spelled) == standing


@pytest.mark.parametrize(
    ("spelled", "allowed"),
    [
        ("", "i"),
        ("i", "asx"),
        ("ia", "asx"),
        ("is", "arx"),
        ("isa", "arx"),
        ("isr", "asx"),
        ("ix", ""),
        ("isx", ""),
        ("iaX", "rx"),
        ("isX", "rx"),
        ("iSX", "rx"),
        ("iXr", "asx"),
        ("iXR", "rx"),
        ("iXx", ""),
        ("iS", "arx"),
        ("I", "sx"),
        ("Is", "rx"),
        ("Ix", ""),
        ("IX", "rx"),
    ],
)
def test_which_acts_may_follow(spelled: str, allowed: str) -> None:
    state = _fold(spelled)
    found = ""
    for letter, event in _ACTS.items():
        try:
            permit(state, event)
        except cr.CredentialError:
            continue
        found += letter
    assert found == allowed


@pytest.mark.parametrize(
    ("spelled", "act", "error"),
    [
        ("", "a", cr.CredentialNotIssued),
        ("", "x", cr.CredentialNotIssued),
        ("i", "i", cr.CredentialAlreadyIssued),
        ("ix", "i", cr.CredentialAlreadyIssued),
        ("i", "r", cr.CredentialNotSuspended),
        ("is", "s", cr.CredentialAlreadySuspended),
        ("ix", "a", cr.CredentialIsRevoked),
        ("ix", "s", cr.CredentialIsRevoked),
        ("ix", "r", cr.CredentialIsRevoked),
        ("ix", "x", cr.CredentialIsRevoked),
        ("iX", "a", cr.CredentialIsRevoked),
        ("iX", "s", cr.CredentialIsRevoked),
        ("isX", "s", cr.CredentialAlreadySuspended),
        ("I", "a", cr.CredentialIsDisowned),
        ("IX", "a", cr.CredentialIsDisowned),
    ],
)
def test_each_refusal_has_its_own_name(spelled: str, act: str, error: type[cr.CredentialError]) -> None:
    with pytest.raises(error) as caught:
        permit(_fold(spelled), _ACTS[act])
    assert type(caught.value) is error


def test_an_award_that_much_happened_to_takes_no_act_after_which_another_could_follow() -> None:
    nearly, full = (_fold("i" + "a" * (cr.MOST_ACTS - less)) for less in (2, 1))
    assert nearly is not None
    assert full is not None
    for act in "asrx":
        cr.check_room(nearly, _ACTS[act])
    for act in "as":
        with pytest.raises(cr.CredentialIsFull, match="128 acts"):
            cr.check_room(full, _ACTS[act])
    for act in "rx":
        cr.check_room(full, _ACTS[act])


@given(st.text("iasrxIASRX", max_size=12))
def test_what_permit_lets_pass_evolve_never_refuses(spelled: str) -> None:
    state: Credential | None = None
    for recorded in _history(spelled):
        event = recorded.event
        assert isinstance(event, CredentialEvent)
        try:
            permit(state, event)
        except cr.CredentialError:
            continue
        revoked_before = state is not None and state.revoked is not None and not state.revoked.disowned
        assert not revoked_before, "nothing follows a revocation by a good key"
        state = evolve(state, recorded, disowned=_stolen(recorded.kid, recorded.position))
        assert state.head == recorded.seq
        assert [version.number for version in state.versions] == list(range(1, len(state.versions) + 1))


def test_a_disowned_question_is_asked_for_each_key_and_position() -> None:
    asked: list[tuple[Kid, Position]] = []

    def disowned(kid: Kid, position: Position) -> bool:
        asked.append((kid, position))
        return position == 11

    state = fold(_history("iAx"), disowned)
    assert asked == [(SIGN, 10), (SIGN_2, 11), (SIGN, 12)]
    assert state is not None
    assert [version.disowned for version in state.versions] == [False, True]


def test_a_stream_that_begins_otherwise_or_holds_another_type_is_not_folded() -> None:
    with pytest.raises(cr.CredentialNotIssued):
        evolve(None, record(ev.CredentialRevoked(), 10), disowned=False)
    with pytest.raises(cr.CredentialError, match="AchievementDefined"):
        evolve(_fold("i"), record(ev.AchievementDefined(digest=digest("d"), version=1), 11), disowned=False)
