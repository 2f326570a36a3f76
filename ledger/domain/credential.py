"""One award from issuing to revocation: which acts may follow which, and what they add up to.

The fold is told, event by event, whether the key that signed it is disowned (`Issuer.disowns`): a disowned act that
raises the award's standing does not count, one that lowers it counts until a good key reinstates. What people read
about an award or an act stands in the private parts, found by `seq`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_type

from ledger.domain.events import (
    CredentialAmended,
    CredentialAwarded,
    CredentialEvent,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    Recorded,
)
from ledger.domain.types import Did, Digest, Kid, ListId, Position, Seq, Slot, StreamId
from ledger.errors import LedgerError


class CredentialError(LedgerError):
    """A command on an award is refused; nothing changed."""


class CredentialNotIssued(CredentialError):
    """There is no such award."""


class CredentialAlreadyIssued(CredentialError):
    """The stream already has its award."""


class CredentialIsRevoked(CredentialError):
    """A revoked award does not change any more."""


class CredentialAlreadySuspended(CredentialError):
    """The award is on hold already."""


class CredentialNotSuspended(CredentialError):
    """There is nothing to reinstate."""


class CredentialIsDisowned(CredentialError):
    """The award was signed with a stolen key: issue it anew."""


class CredentialIsFull(CredentialError):
    """So much happened to the award that it is only reinstated or revoked any more."""


MOST_ACTS = 128  # on one award: whoever scans it waits for the check of each, and so do all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One signed version of the award."""

    number: int  # from 1
    seq: Seq
    position: Position
    at: datetime
    kid: Kid
    list: ListId
    slot: Slot
    disowned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A suspension or revocation that holds."""

    seq: Seq
    position: Position
    at: datetime
    disowned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What an award's stream adds up to."""

    stream: StreamId
    issuer: Did  # `by` of seq 0 owns the stream for ever
    link: Digest
    head: Seq
    versions: tuple[Version, ...]
    suspended: Standing | None = None
    revoked: Standing | None = None

    @property
    def disowned(self) -> bool:
        """Whether the award itself was made with a key in other hands."""
        return self.versions[0].disowned

    @property
    def current(self) -> Version:
        """The version in force: the last that is not disowned, else the first."""
        last = self.versions[-1]
        if not last.disowned:  # as nearly always
            return last
        return next((version for version in reversed(self.versions) if not version.disowned), self.versions[0])


def permit(state: Credential | None, event: CredentialEvent) -> None:
    """Raise CredentialError if `event` may not follow `state`. The writer and the audit share this one place."""
    if isinstance(event, CredentialAwarded):
        if state is not None:
            raise CredentialAlreadyIssued("this award is already issued")
        return
    if state is None:
        raise CredentialNotIssued("no award was issued here")
    revoked_for_good = state.revoked is not None and not state.revoked.disowned
    if revoked_for_good:
        raise CredentialIsRevoked("this award was revoked, and a revoked award does not change any more")
    match event:
        case CredentialAmended():
            if state.disowned:
                raise CredentialIsDisowned("this award was signed with a stolen key: issue it anew instead")
            if state.revoked is not None:
                raise CredentialIsRevoked("this award is revoked with a stolen key: reinstate it first")
        case CredentialSuspended():
            if state.suspended is not None:
                raise CredentialAlreadySuspended("this award is already suspended")
            if state.revoked is not None:
                raise CredentialIsRevoked("this award is revoked with a stolen key: reinstate it first")
        case CredentialReinstated():
            if state.suspended is None and state.revoked is None:
                raise CredentialNotSuspended("this award is not suspended: there is nothing to reinstate")
        case _:
            assert_type(event, CredentialRevoked)  # also over a revocation made with a stolen key: it makes it final


def check_room(state: Credential, event: CredentialEvent) -> None:
    """Raise CredentialIsFull if too much happened to the award for one more act that people ask for.

    The rule of the commands alone: a log may hold more, and is sound.
    """
    if state.head + 1 >= MOST_ACTS and isinstance(event, CredentialAmended | CredentialSuspended):
        reason = f"{MOST_ACTS} acts on this award are on record, and no more are taken"
        raise CredentialIsFull(f"{reason}; revoke it and issue it anew")


def evolve(state: Credential | None, recorded: Recorded, *, disowned: bool) -> Credential:
    """`state` after an event that `permit` let pass. Never refuses such an event.

    Args:
        disowned: whether the key that signed the event was in other hands at its position.
    """
    event = recorded.event
    if isinstance(event, CredentialAwarded):
        version = _version(1, recorded, event, disowned)
        return Credential(
            stream=recorded.stream, issuer=recorded.by, link=event.link, head=recorded.seq, versions=(version,)
        )
    if state is None:
        raise CredentialNotIssued("no award was issued here")
    state = replace(state, head=recorded.seq)
    standing = Standing(seq=recorded.seq, position=recorded.position, at=recorded.at, disowned=disowned)
    match event:
        case CredentialAmended():
            version = _version(len(state.versions) + 1, recorded, event, disowned)
            return replace(state, versions=(*state.versions, version))
        case CredentialSuspended():
            return replace(state, suspended=standing)
        case CredentialReinstated():
            return state if disowned else replace(state, suspended=None, revoked=None)
        case CredentialRevoked():
            return replace(state, revoked=standing)
        case _:
            raise CredentialError(f"a {type(event).__name__} does not belong in the stream of an award")


def fold(history: Iterable[Recorded], disowned: Callable[[Kid, Position], bool]) -> Credential | None:
    """What a whole stream adds up to; None for an empty one."""
    state: Credential | None = None
    for recorded in history:
        state = evolve(state, recorded, disowned=disowned(recorded.kid, recorded.position))
    return state


def _version(number: int, recorded: Recorded, event: CredentialAwarded | CredentialAmended, disowned: bool) -> Version:
    return Version(
        number=number,
        seq=recorded.seq,
        position=recorded.position,
        at=recorded.at,
        kid=recorded.kid,
        list=event.list,
        slot=event.slot,
        disowned=disowned,
    )
