"""A small world for the tests of this folder: an operator, three issuers with their keys, and a short way to record."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from ledger.domain import events as ev
from ledger.domain import issuer
from ledger.domain.authority import Operator
from ledger.domain.codes import stream_id
from ledger.domain.types import Did, Digest, Kid, Origin, Position, Seq, Slug, StreamId
from ledger.domain.values import Custody, Role, issuer_did
from tests.strategies import OPERATOR, ORIGIN, SIGNERS

EVENT_KEY, CHECKPOINT_KEY, ROOT, ROOT_2, SIGN, SIGN_2, BODY_ROOT, BODY_SIGN = (signer.kid for signer in SIGNERS)
NORTH = issuer_did(OPERATOR, Slug("north"))
BODY = issuer_did(OPERATOR, Slug("body"))
LOG_STREAM, NORTH_STREAM, BODY_STREAM, OTHER_STREAM = (stream_id(number, bytes(10)) for number in range(1, 5))
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
SCHEME = Slug("national")
THE_OPERATOR = Operator(
    stream=LOG_STREAM, did=OPERATOR, origin=Origin(ORIGIN), event_key=EVENT_KEY, checkpoint_key=CHECKPOINT_KEY
)


def digest(name: str) -> Digest:
    """A digest with a name."""
    return Digest(sha256(name.encode()).digest())


def record(
    event: ev.Event,
    position: int,
    *,
    seq: int = 0,
    by: Did = NORTH,
    kid: Kid = SIGN,
    stream: StreamId = NORTH_STREAM,
) -> ev.Recorded:
    """`event` at a place in the log; `at` follows the position."""
    return ev.Recorded(
        event=event,
        stream=stream,
        seq=Seq(seq),
        position=Position(position),
        at=START + timedelta(minutes=position),
        by=by,
        kid=kid,
        commit={},
    )


def registered(root: Kid = ROOT) -> ev.IssuerRegistered:
    """A registration."""
    return ev.IssuerRegistered(root=root, custody=Custody.ISSUER, profile=digest("profile 1"))


def added(key: Kid, role: Role = Role.SIGNING, *, recovery: bool = False) -> ev.IssuerKeyAdded:
    """A key added."""
    return ev.IssuerKeyAdded(key=key, role=role, proof=bytes(64), recovery=recovery)


def retired(key: Kid, *, recovery: bool = False) -> ev.IssuerKeyRetired:
    """A key retired."""
    return ev.IssuerKeyRetired(key=key, recovery=recovery)


def compromised(key: Kid, start: int, *, recovery: bool = False) -> ev.IssuerKeyCompromised:
    """A key reported."""
    return ev.IssuerKeyCompromised(key=key, from_position=Position(start), recovery=recovery)


def fold(history: Iterable[ev.Recorded]) -> issuer.Issuer:
    """What an issuer's stream adds up to, each event permitted first."""
    state: issuer.Issuer | None = None
    for recorded in history:
        event = recorded.event
        assert isinstance(event, ev.IssuerEvent)
        issuer.permit(state, event, by=recorded.by, at=recorded.position)
        state = issuer.evolve(state, recorded)
        assert state.head == recorded.seq
    assert state is not None
    return state


def begun(*more: ev.Recorded) -> issuer.Issuer:
    """The issuer NORTH: registered at 2 with ROOT, its signing key SIGN added at 3, and what follows."""
    return fold([record(registered(), 2, kid=ROOT), record(added(SIGN), 3, seq=1, kid=ROOT), *more])


def recognising_body() -> issuer.Issuer:
    """The issuer BODY, registered at 4 and 5."""
    return fold(
        [
            record(registered(BODY_ROOT), 4, by=BODY, kid=BODY_ROOT, stream=BODY_STREAM),
            record(added(BODY_SIGN), 5, seq=1, by=BODY, kid=BODY_ROOT, stream=BODY_STREAM),
        ]
    )
