"""Checks who acted on the award and in what order, and folds what the acts add up to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from ledger.domain.authority import KeyCompromised, Operator, SignerError, check_signer
from ledger.domain.credential import Credential, CredentialError, evolve, fold, permit
from ledger.domain.events import CredentialEvent, Recorded
from ledger.domain.issuer import Issuer
from ledger.domain.types import Did
from ledger.verification.authority_check import Authority
from ledger.verification.findings import failed, passed, unknown
from ledger.verification.verdict import Finding, State


class ForeignEvent(CredentialError):
    """An entry of another kind of stream stands in that of an award."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What the recorded acts add up to by what is known at the head; `credential` is None where they do not."""

    credential: Credential | None
    disowned: tuple[bool, ...]  # one for each entry
    findings: tuple[Finding, ...]


def follow_acts(history: tuple[Recorded, ...], operator: Operator, authority: Authority) -> Acts:
    """The award after all of its recorded acts, each allowed to its signer and in its place."""
    owner = history[0].by
    issuer = authority.issuers.get(owner)
    if issuer is None:
        detail = authority.faults.get(owner, "The issuer is not on record here.")
        return Acts(credential=None, disowned=(), findings=(unknown("issuer", "issuer_unestablished", detail),))
    findings = [passed("issuer", "The issuer's own entries verify, from its registration on.")]
    disowned, signers = _check_signers(history, operator, authority.issuers)
    findings.append(signers)
    credential: Credential | None = None
    try:
        credential = _replay(history, issuer)
        findings.append(passed("history", "Each act was allowed by what was known when it was recorded."))
    except CredentialError as error:
        findings.append(failed("history", "act_not_allowed", f"An act stands where it may not: {error}."))
    return Acts(credential=credential, disowned=disowned, findings=tuple(findings))


def _check_signers(
    history: tuple[Recorded, ...], operator: Operator, issuers: Mapping[Did, Issuer]
) -> tuple[tuple[bool, ...], Finding]:
    """Which entries are disowned by what is known at the head, and whether every key might sign what it signed."""
    owner: Did | None = None
    disowned = []
    for recorded in history:
        try:
            check_signer(recorded, operator=operator, issuers=issuers, owner=owner)
            disowned.append(False)
        except KeyCompromised:
            disowned.append(True)
        except SignerError as error:
            return (), failed("signers", "signer_not_allowed", f"An entry has a signer that may not state it: {error}.")
        owner = history[0].by
    if disowned[0]:
        detail = "The issuer reported that the key was stolen before this award was recorded."
        return tuple(disowned), failed("signers", "key_compromised", detail, makes=State.KEY_COMPROMISED)
    if any(disowned):
        detail = "An act was signed with a key reported as stolen: it counts only where it lowers the standing."
        return tuple(disowned), passed("signers", detail, reason="act_disowned")
    return tuple(disowned), passed("signers", "Each entry is signed by a key of the issuer that might sign it.")


def _replay(history: tuple[Recorded, ...], issuer: Issuer) -> Credential | None:
    """The award by what is known at the head, where each act was allowed by what was known at its own position."""
    reports = sorted(report.known_at for report in issuer.reported())
    state: Credential | None = None
    known = 0
    for index, recorded in enumerate(history):
        event = recorded.event
        if not isinstance(event, CredentialEvent):
            raise ForeignEvent("an entry of another kind of stream is not an act on an award")
        disowns = partial(issuer.disowns, known_before=recorded.position)
        while known < len(reports) and reports[known] < recorded.position:
            known += 1
            state = fold(history[:index], disowns)  # a report since the last act changes what that one met
        permit(state, event)
        state = evolve(state, recorded, disowned=disowns(recorded.kid, recorded.position))
    return fold(history, issuer.disowns) if reports else state
