"""An issuer's standing: its keys, its profile, who recognises it. Folded from its own stream alone.

Which key may sign which type is decided in `ledger.domain.authority`; signatures are checked in `ledger.record`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import assert_type

from ledger.domain.events import (
    IssuerEvent,
    IssuerKeyAdded,
    IssuerKeyCompromised,
    IssuerKeyRetired,
    IssuerProfileChanged,
    IssuerRecognised,
    IssuerRecognitionEnded,
    IssuerRegistered,
    Recorded,
)
from ledger.domain.types import Did, Digest, Kid, Position, Seq, Slug, StreamId
from ledger.domain.values import Custody, Role
from ledger.errors import LedgerError

_FROM_NOW_ON = Position(2**53 - 1)  # beyond any position


class IssuerError(LedgerError):
    """A command on an issuer is refused; nothing changed."""


class IssuerNotRegistered(IssuerError):
    """The stream has no issuer yet."""


class IssuerAlreadyRegistered(IssuerError):
    """The stream already has its issuer."""


class KeyAlreadyKnown(IssuerError):
    """A key is added once in its life."""


class KeyUnknown(IssuerError):
    """The issuer never had this key."""


class KeyAlreadyRetired(IssuerError):
    """The key was retired before."""


class LastRootKey(IssuerError):
    """Without a root key nobody but the operator could change the issuer's keys."""


class CompromiseNotEarlier(IssuerError):
    """The key is already reported from this position or an earlier one."""


class AlreadyRecognised(IssuerError):
    """The same body recognises the issuer under this scheme already."""


class NotRecognised(IssuerError):
    """There is no recognition to end."""


class PeriodReversed(IssuerError):
    """The period ends before it begins."""


class SelfRecognition(IssuerError):
    """An issuer cannot recognise itself."""


class ProfileUnchanged(IssuerError):
    """The profile is the one on record, or its version is not the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compromise:
    """A report that a key was in other hands from a position on."""

    from_position: Position
    known_at: Position  # position of the report


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One key's life, in log positions."""

    kid: Kid
    role: Role
    added: Position
    added_by: Kid | None  # the root key that stated it; None for the first root key and for the operator's recovery
    retired: Position | None = None
    compromises: tuple[Compromise, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """That a body recognises the issuer under a scheme for a period."""

    by: Did
    kid: Kid
    scheme: Slug
    since: date
    until: date | None  # last day
    position: Position
    ended: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileVersion:
    """One version of how the issuer describes itself, and who stated it."""

    digest: Digest
    kid: Kid
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """What an issuer's stream adds up to."""

    did: Did
    stream: StreamId
    head: Seq
    custody: Custody
    profiles: tuple[ProfileVersion, ...]  # version 1, 2, 3 ...
    keys: Mapping[Kid, KeyRecord] = field(default_factory=dict)
    recognitions: tuple[Recognition, ...] = ()

    @property
    def profile_version(self) -> int:
        """The number of the last version, disowned or not."""
        return len(self.profiles)

    @property
    def profile(self) -> Digest:
        """Of the profile that holds: the last that no thief stated; the first where a thief stated all."""
        for version in reversed(self.profiles):
            if not self.disowns(version.kid, version.position):
                return version.digest
        return self.profiles[0].digest

    def disowns(self, kid: Kid, position: Position, *, known_before: Position | None = None) -> bool:
        """Whether an entry that `kid` signed at `position` is disowned, by reports recorded before `known_before`.

        A key that a compromised root key brought in, from the reported position on, is disowned with it.
        """
        record = self.keys.get(kid)
        while record is not None:
            for report in record.compromises:
                if report.from_position <= position and (known_before is None or report.known_at < known_before):
                    return True
            position = record.added
            record = self.keys.get(record.added_by) if record.added_by is not None else None
            if record is not None and record.added >= position:
                break  # brought in by a key that came later: refused by `authority`, and it must not send us in circles
        return False

    def is_stolen(self, kid: Kid) -> bool:
        """Whether the key was reported, or came in by one that was: what it signs from now on is disowned."""
        return self.disowns(kid, _FROM_NOW_ON)

    def in_force(self, kid: Kid, role: Role, position: Position) -> bool:
        """Whether `kid` has `role` and was added before `position` and not retired before it. See also `disowns`."""
        record = self.keys.get(kid)
        return (
            record is not None
            and record.role is role
            and record.added < position
            and (record.retired is None or record.retired >= position)
        )

    def reported(self) -> tuple[Compromise, ...]:
        """Every report of a compromise, in the order of keys."""
        return tuple(report for record in self.keys.values() for report in record.compromises)


def permit(state: Issuer | None, event: IssuerEvent, *, by: Did, at: Position | None = None) -> None:
    """Raise IssuerError if `event` may not follow `state`. The writer and the audit share this one place.

    Args:
        by: who states it.
        at: the position it has, where it is known; a compromise may not be reported from a later one.
    """
    if isinstance(event, IssuerRegistered):
        if state is not None:
            raise IssuerAlreadyRegistered(f"{state.did} is already registered")
        return
    if state is None:
        raise IssuerNotRegistered("this stream begins with something other than a registration")
    match event:
        case IssuerKeyAdded():
            if event.key in state.keys:
                raise KeyAlreadyKnown(f"the key {event.key} was added before; keys are never reused: make a new one")
        case IssuerKeyRetired():
            _permit_retiring(state, event)
        case IssuerKeyCompromised():
            _permit_compromise(state, event, at)
        case IssuerRecognised():
            _permit_recognition(state, event, by)
        case IssuerRecognitionEnded():
            _permit_recognition_end(state, event, by)
        case _:
            assert_type(event, IssuerProfileChanged)
            if event.version != state.profile_version + 1 or event.digest == state.profile:
                raise ProfileUnchanged("the new profile is the same as the present one, or its version is not the next")


def _permit_retiring(state: Issuer, event: IssuerKeyRetired) -> None:
    record = state.keys.get(event.key)
    if record is None:
        raise KeyUnknown(f"{state.did} has no key {event.key}")
    if record.retired is not None:
        raise KeyAlreadyRetired(f"the key {event.key} was retired at position {record.retired}")
    roots = [key for key in state.keys.values() if key.role is Role.ROOT and key.retired is None]
    if roots == [record]:
        raise LastRootKey(f"{event.key} is the last root key of {state.did}: add another root key first")


def _permit_compromise(state: Issuer, event: IssuerKeyCompromised, at: Position | None) -> None:
    record = state.keys.get(event.key)
    if record is None:
        raise KeyUnknown(f"{state.did} has no key {event.key}")
    if any(report.from_position <= event.from_position for report in record.compromises):
        raise CompromiseNotEarlier(f"the key {event.key} is already reported from this position or an earlier one")
    if event.from_position < 1 or (at is not None and event.from_position > at):
        raise IssuerError(
            f"a compromise is reported from a position of the recorded history, 1 to now; not {event.from_position}"
        )


def _permit_recognition(state: Issuer, event: IssuerRecognised, by: Did) -> None:
    if by == state.did:
        raise SelfRecognition(f"{by} cannot recognise itself")
    if event.issuer != state.did:
        raise IssuerError(f"the recognition names {event.issuer}, but this is the stream of {state.did}")
    if event.until is not None and event.until < event.since:
        raise PeriodReversed(f"the period ends on {event.until}, before it begins on {event.since}")
    standing = _open_recognition(state, by, event.scheme)
    if standing is not None:
        renewed = "" if standing.until is None else f": end that on its last day, {standing.until}, then recognise anew"
        raise AlreadyRecognised(f"{by} recognises {state.did} under “{event.scheme}” already{renewed}")


def _permit_recognition_end(state: Issuer, event: IssuerRecognitionEnded, by: Did) -> None:
    if event.issuer != state.did:
        raise IssuerError(f"the end of recognition names {event.issuer}, but this is the stream of {state.did}")
    standing = _open_recognition(state, by, event.scheme)
    if standing is None:
        raise NotRecognised(f"{by} does not recognise {state.did} under “{event.scheme}”: there is nothing to end")
    if event.until < standing.since:
        raise PeriodReversed(f"recognition began on {standing.since} and cannot end before it, on {event.until}")
    if standing.until is not None and event.until > standing.until:
        reason = f"recognition ends on {standing.until} already: to go on after it, end it then and recognise anew"
        raise PeriodReversed(reason)


def _open_recognition(state: Issuer, by: Did, scheme: Slug) -> Recognition | None:
    for recognition in state.recognitions:
        if recognition.by == by and recognition.scheme == scheme and recognition.ended is None:
            return recognition
    return None


def evolve(state: Issuer | None, recorded: Recorded) -> Issuer:
    """`state` after an event that `permit` let pass. Never refuses such an event."""
    event = recorded.event
    if isinstance(event, IssuerRegistered):
        root = KeyRecord(kid=event.root, role=Role.ROOT, added=recorded.position, added_by=None)
        return Issuer(
            did=recorded.by,
            stream=recorded.stream,
            head=recorded.seq,
            custody=event.custody,
            profiles=(ProfileVersion(digest=event.profile, kid=event.root, position=recorded.position),),
            keys={event.root: root},
        )
    if state is None:
        raise IssuerNotRegistered("this stream begins with something other than a registration")
    return replace(_changed(state, recorded), head=recorded.seq)


def _changed(state: Issuer, recorded: Recorded) -> Issuer:
    event = recorded.event
    match event:
        case IssuerKeyAdded():
            added_by = None if event.recovery else recorded.kid
            key = KeyRecord(kid=event.key, role=event.role, added=recorded.position, added_by=added_by)
        case IssuerKeyRetired():
            key = replace(state.keys[event.key], retired=recorded.position)
        case IssuerKeyCompromised():
            report = Compromise(from_position=event.from_position, known_at=recorded.position)
            key = state.keys[event.key]
            key = replace(key, compromises=(*key.compromises, report))
        case IssuerRecognised():
            recognition = Recognition(
                by=recorded.by,
                kid=recorded.kid,
                scheme=event.scheme,
                since=event.since,
                until=event.until,
                position=recorded.position,
            )
            return replace(state, recognitions=(*state.recognitions, recognition))
        case IssuerRecognitionEnded():
            return replace(state, recognitions=tuple(_ended(each, recorded, event) for each in state.recognitions))
        case IssuerProfileChanged():
            version = ProfileVersion(digest=event.digest, kid=recorded.kid, position=recorded.position)
            return replace(state, profiles=(*state.profiles, version))
        case _:
            raise IssuerError(f"a {type(event).__name__} does not belong in the stream of an issuer")
    return replace(state, keys={**state.keys, key.kid: key})


def _ended(recognition: Recognition, recorded: Recorded, event: IssuerRecognitionEnded) -> Recognition:
    if recognition.by == recorded.by and recognition.scheme == event.scheme and recognition.ended is None:
        return replace(recognition, until=event.until, ended=recorded.position)
    return recognition
