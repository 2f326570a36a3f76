"""Establishes who may sign and whom recognises whom, from the log's own entries and the streams of issuers.

The streams are folded together in the order of the log, because one issuer's key signs in another's stream. Nothing
here depends on the time of day or on an award, so that the outcome can be kept until one of the streams grows.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

from ledger import canonical
from ledger.domain.authority import Operator, check_signer
from ledger.domain.definition import Profile, read_profile
from ledger.domain.events import IssuerEvent, IssuerRecognised, IssuerRecognitionEnded, Recorded
from ledger.domain.issuer import Issuer, evolve, permit
from ledger.domain.log import Log
from ledger.domain.types import Did, Digest
from ledger.errors import LedgerError
from ledger.record.sealing import possession_is_proved
from ledger.verification.evidence import AuthorityEvidence
from ledger.verification.log_keys import establish_log
from ledger.verification.readings import Readings
from ledger.verification.stream_check import bad_signature, read_stream


class AuthorityError(LedgerError):
    """The stream of an issuer does not establish its standing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What the authority streams establish. An issuer is in `issuers` and `profiles`, or in `faults`."""

    log: Log | None  # None where the log's own entries do not verify: then nothing is established
    issuers: Mapping[Did, Issuer]
    profiles: Mapping[Did, Profile]
    faults: Mapping[Did, str]  # a sentence for each issuer whose stream or profile does not verify

    @property
    def operator(self) -> Operator | None:
        """Who runs the log, where that is established."""
        return None if self.log is None else self.log.operator


def establish(evidence: AuthorityEvidence) -> Authority:
    """Who may sign what, as far as this evidence verifies; never raises a LedgerError, whatever the bytes."""
    try:
        log = establish_log(evidence.log)
    except LedgerError as error:
        return Authority(log=None, issuers={}, profiles={}, faults=dict.fromkeys(evidence.issuers, f"{error}."))
    operator = log.operator
    faults: dict[Did, str] = {}
    issuers: dict[Did, Issuer] = {}
    for did, recorded in _in_order_of_the_log(evidence, operator, faults):
        if did in faults:
            continue
        try:
            established = evidence.issuers.keys() - faults.keys()
            issuers[did] = _follow(did, issuers.get(did), recorded, operator, issuers, established)
        except LedgerError as error:
            faults[did] = f"The entry at position {recorded.position} may not stand there: {error}."
    profiles: dict[Did, Profile] = {}
    for did in evidence.issuers.keys() - faults.keys():
        try:
            profiles[did] = _profile(issuers.get(did), evidence.definitions)
        except LedgerError as error:
            faults[did] = f"{error}."
    good = {did: issuer for did, issuer in issuers.items() if did in profiles}
    return Authority(log=log, issuers=good, profiles=profiles, faults=faults)


def _in_order_of_the_log(
    evidence: AuthorityEvidence, operator: Operator, faults: dict[Did, str]
) -> list[tuple[Did, Recorded]]:
    """The entries of every stream that is whole and signed; the others are added to `faults`."""
    found: list[tuple[Did, Recorded]] = []
    readings = Readings()
    for did, placed in evidence.issuers.items():
        reading = read_stream(placed, operator.origin, readings)
        fault = reading.fault or bad_signature(reading.entries)
        if fault is not None:
            faults[did] = fault.detail
            continue
        pairs = zip(reading.entries, placed, strict=True)
        found += [(did, entry.recorded(each.position)) for entry, each in pairs]
    return sorted(found, key=lambda pair: pair[1].position)


def _follow(
    did: Did,
    state: Issuer | None,
    recorded: Recorded,
    operator: Operator,
    issuers: Mapping[Did, Issuer],
    established: Collection[Did],
) -> Issuer:
    """`state` after the entry, which was allowed as far as was known where it stands."""
    event = recorded.event
    if not isinstance(event, IssuerEvent):
        raise AuthorityError("this type does not belong in the stream of an issuer")
    permit(state, event, by=recorded.by, at=recorded.position)
    recognition = isinstance(event, IssuerRecognised | IssuerRecognitionEnded)
    # What a body states whose own stream is not among the evidence cannot be checked, and never counts.
    if not recognition or recorded.by in established:
        check_signer(recorded, operator=operator, issuers=issuers, owner=None if state is None else state.did)
    if not possession_is_proved(operator.origin, recorded):
        raise AuthorityError("whoever added the key did not prove to hold it")
    state = evolve(state, recorded)
    if state.did != did:
        raise AuthorityError("this is the stream of another issuer")
    return state


def _profile(issuer: Issuer | None, definitions: Mapping[Digest, bytes]) -> Profile:
    if issuer is None:
        raise AuthorityError("The issuer has no entry in the log")
    raw = definitions.get(issuer.profile)
    if raw is None:
        raise AuthorityError("The profile of the issuer is missing")
    if sha256(raw).digest() != issuer.profile:
        raise AuthorityError("The profile of the issuer is not the one that it signed")
    try:
        return read_profile(canonical.decode(raw))
    except LedgerError as error:
        raise AuthorityError("The profile of the issuer cannot be read") from error
