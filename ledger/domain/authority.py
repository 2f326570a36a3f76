"""The signer table: which key may sign which type of event, by position in the log.

The writer asks it before an event is sealed, the audit and the scan when they read one back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.domain.events import (
    IssuerKeyAdded,
    IssuerKeyCompromised,
    IssuerKeyRetired,
    IssuerRecognised,
    IssuerRecognitionEnded,
    IssuerRegistered,
    LogKeyAdded,
    LogKeyRetired,
    LogStarted,
    Recorded,
    StatusCommitted,
)
from ledger.domain.issuer import Issuer
from ledger.domain.types import Did, Kid, Origin, StreamId
from ledger.domain.values import BadValue, Role, issuer_did, slug_of
from ledger.errors import LedgerError


class SignerError(LedgerError):
    """The entry was not signed by a key that may sign it."""


class SignerNotAllowed(SignerError):
    """This signer may not state this type of event here."""


class KeyNotInForce(SignerError):
    """The key was not yet added, or already retired, at this position."""


class KeyCompromised(SignerError):
    """The key was reported as stolen from this position or an earlier one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What `log.started` says about who runs the log."""

    stream: StreamId
    did: Did
    origin: Origin
    event_key: Kid
    checkpoint_key: Kid  # the first; `ledger.domain.log` tells which came later


def operator_of(recorded: Recorded) -> Operator:
    """The operator that the log's first entry names.

    Raises:
        SignerNotAllowed: it is not a `log.started` that its own event key signed in an operator's name.
    """
    event = recorded.event
    if not isinstance(event, LogStarted) or recorded.seq != 0:
        raise SignerNotAllowed("the log does not begin with log.started")
    if slug_of(recorded.by) is not None or recorded.kid != event.event_key:
        raise SignerNotAllowed("log.started is not signed by the event key that it names")
    return Operator(
        stream=recorded.stream,
        did=recorded.by,
        origin=event.origin,
        event_key=event.event_key,
        checkpoint_key=event.checkpoint_key,
    )


def check_signer(recorded: Recorded, *, operator: Operator, issuers: Mapping[Did, Issuer], owner: Did | None) -> None:
    """Pass if the key that signed `recorded` may have signed it at its position, as far as `issuers` know.

    Args:
        issuers: the issuers concerned, folded either up to this position (what the writer knew) or to the head.
        owner: `by` of the stream's first event; None where `recorded` is the first.

    Raises:
        SignerNotAllowed, KeyNotInForce, KeyCompromised: in this order of precedence.
    """
    match recorded.event:
        case LogStarted():
            if operator_of(recorded) != operator:
                raise SignerNotAllowed("the log has begun already, with another log.started")
        case LogKeyAdded() | LogKeyRetired() | StatusCommitted():
            _check_operator(recorded, operator)
        case IssuerRegistered(root=root):
            if owner is not None or recorded.kid != root or not _is_issuer_of(operator, recorded.by):
                raise SignerNotAllowed("a registration is signed, in the issuer's name, by the root key it brings")
        case IssuerKeyAdded() | IssuerKeyRetired() | IssuerKeyCompromised():
            if recorded.event.recovery:
                _check_recovery(recorded, operator)
            else:
                _check_owner(recorded, owner)
                _check_key(recorded, issuers, Role.ROOT)
        case IssuerRecognised() | IssuerRecognitionEnded():
            if recorded.by == owner:
                raise SignerNotAllowed(f"{recorded.by} cannot recognise itself")
            _check_key(recorded, issuers, Role.SIGNING)
        case _:  # profiles, achievements and credentials; a type added later is never let pass unasked
            _check_owner(recorded, owner)
            _check_key(recorded, issuers, Role.SIGNING)


def _is_issuer_of(operator: Operator, did: Did) -> bool:
    try:
        slug = slug_of(did)
    except BadValue:
        return False
    return slug is not None and issuer_did(operator.did, slug) == did


def _check_owner(recorded: Recorded, owner: Did | None) -> None:
    if owner is not None and recorded.by != owner:
        raise SignerNotAllowed(f"{recorded.by} states something in a stream of {owner}")


def _check_operator(recorded: Recorded, operator: Operator) -> None:
    if recorded.stream != operator.stream:
        raise SignerNotAllowed("what the log says about itself stands in its own stream")
    if recorded.by != operator.did or recorded.kid != operator.event_key:
        raise SignerNotAllowed("what the log says about itself is signed by the operator's event key")


def _check_recovery(recorded: Recorded, operator: Operator) -> None:
    if recorded.by != operator.did or recorded.kid != operator.event_key:
        raise SignerNotAllowed("a recovery is signed by the operator's event key")


def _check_key(recorded: Recorded, issuers: Mapping[Did, Issuer], role: Role) -> None:
    issuer = issuers.get(recorded.by)
    if issuer is None or recorded.kid not in issuer.keys:
        raise SignerNotAllowed(f"{recorded.kid} is not a key of {recorded.by}")
    record = issuer.keys[recorded.kid]
    if record.role is not role:
        raise SignerNotAllowed(f"{recorded.kid} is a {record.role} key; this type is signed by a {role} key")
    if not issuer.in_force(recorded.kid, role, recorded.position):
        raise KeyNotInForce(f"{recorded.kid} was not in force at position {recorded.position}")
    if issuer.disowns(recorded.kid, recorded.position):
        raise KeyCompromised(f"{recorded.kid} was reported as stolen before position {recorded.position}")
