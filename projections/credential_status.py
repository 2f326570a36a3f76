"""The credential status view as a pure fold: what each event changes in the view's tables.

Which acts count is decided in `ledger.domain`; here each award keeps the compact history of its acts, so that it can be
folded again when a key turns out to have been in other hands. How tables are kept is for `projections.stores`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from ledger.domain import issuer as issuers
from ledger.domain.award import AwardInternal
from ledger.domain.credential import Credential, fold
from ledger.domain.events import (
    CredentialAmended,
    CredentialEvent,
    CredentialIssued,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    IssuerEvent,
    IssuerKeyCompromised,
    IssuerRegistered,
    Recorded,
)
from ledger.domain.issuer import Issuer
from ledger.domain.types import Did, Digest, Kid, LearnerId, ListId, Position, Seq, Slot, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening, opens
from ledger.record.private_parts import read_facts, read_internal
from projections.rows import CredentialRow, Status

NAME = "credential_status"  # of the view, in its tracking


class NotApplicable(LedgerError):
    """The event cannot be applied to what the view holds. The message quotes nothing of the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What a version of an achievement is called."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a row shows of one version of an award."""

    achievement: StreamId
    achievement_version: int
    title: Title | None
    learner: LearnerId
    learner_name: str
    student_number: str
    email: str | None
    awarded_on: date
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActKept:
    """One act on an award: as much of it as folding again needs."""

    type: type[CredentialEvent]
    seq: Seq
    position: Position
    at: datetime
    kid: Kid
    shown: Shown | None  # of the version that the act brought; None where it brought none


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An award in the view: its row, and the acts it was derived from."""

    row: CredentialRow
    acts: tuple[ActKept, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerEntry:
    """An entry of an issuer's stream: public, and kept whole to fold the issuer from."""

    position: Position
    issuer: Did
    stream: StreamId
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A recorded event with its bytes and its private parts, as far as they could be opened."""

    recorded: Recorded
    raw: bytes
    openings: Mapping[Part, Opening]


class Tables(Protocol):
    """The view as the fold reads and changes it."""

    def award(self, stream: StreamId) -> Kept | None: ...
    def put_award(self, kept: Kept) -> None: ...
    def awards_since(self, issuer: Did, position: Position) -> Iterable[Kept]:
        """The awards of an issuer whose last act stands at `position` or later."""
        ...

    def issuer(self, did: Did) -> Issuer | None: ...
    def issuer_of(self, stream: StreamId) -> Did | None: ...
    def put_issuer(self, issuer: Issuer, seen: Seen) -> None:
        """The issuer after `seen`, an event of its stream."""
        ...


def apply(tables: Tables, seen: Seen, titles: Callable[[Digest], Title | None]) -> None:
    """Change the view by one event.

    Args:
        titles: what an achievement's wording calls it; None where the wording was taken down.

    Raises:
        LedgerError: the event does not follow what the view holds, or its private parts cannot be read.
    """
    event = seen.recorded.event
    if isinstance(event, IssuerEvent):
        _apply_to_issuer(tables, seen)
    elif isinstance(event, CredentialEvent):
        _apply_to_award(tables, seen, event, titles)


def _apply_to_issuer(tables: Tables, seen: Seen) -> None:
    recorded = seen.recorded
    did = tables.issuer_of(recorded.stream)
    before = None if did is None else tables.issuer(did)
    _check_seq(recorded, -1 if before is None else before.head)
    if isinstance(recorded.event, IssuerRegistered) and tables.issuer(recorded.by) is not None:
        raise NotApplicable("an issuer is registered that was registered before")
    issuer = issuers.evolve(before, recorded)
    tables.put_issuer(issuer, seen)
    if isinstance(recorded.event, IssuerKeyCompromised):
        # Nothing signed before that position is disowned by the report, nor by keys brought in from there on.
        for kept in tables.awards_since(issuer.did, recorded.event.from_position):
            derived = derive(kept.row.credential_id, issuer, kept.acts)
            if derived != kept.row:
                tables.put_award(Kept(row=derived, acts=kept.acts))


def _apply_to_award(
    tables: Tables, seen: Seen, event: CredentialEvent, titles: Callable[[Digest], Title | None]
) -> None:
    recorded = seen.recorded
    before = tables.award(recorded.stream)
    _check_seq(recorded, -1 if before is None else before.row.revision)
    if (before is None) is not isinstance(event, CredentialIssued):
        raise NotApplicable("an award begins with something other than its issuing, or is issued again")
    owner = recorded.by if before is None else before.row.issuer
    issuer = tables.issuer(owner)
    if issuer is None or recorded.by != owner:
        raise NotApplicable("the event was not stated by the issuer of this award")
    act = ActKept(
        type=type(event),
        seq=recorded.seq,
        position=recorded.position,
        at=recorded.at,
        kid=recorded.kid,
        shown=_shown(seen, titles) if Part.DOCUMENT in recorded.commit else None,
    )
    acts = (act,) if before is None else (*before.acts, act)
    tables.put_award(Kept(row=derive(recorded.stream, issuer, acts), acts=acts))


def _check_seq(recorded: Recorded, last: int) -> None:
    if recorded.seq != last + 1:
        raise NotApplicable("an earlier event of this stream is missing from the view")


def _shown(seen: Seen, titles: Callable[[Digest], Title | None]) -> Shown:
    award = read_facts(_content(seen, Part.FACTS)).award
    internal = read_internal(_content(seen, Part.INTERNAL))
    if award is None or not isinstance(internal, AwardInternal):
        raise NotApplicable("the private parts are those of another kind of act")
    return Shown(
        achievement=award.achievement.stream,
        achievement_version=award.achievement.version,
        title=titles(award.achievement.digest),
        learner=internal.learner,
        learner_name=award.name,
        student_number=internal.student_number,
        email=internal.email,
        awarded_on=award.awarded_on,
        valid_from=award.begins,
        valid_until=award.valid_until,
    )


def _content(seen: Seen, part: Part) -> bytes:
    opening = seen.openings.get(part)
    if opening is None:
        raise NotApplicable(f"the private part {part} is missing or cannot be opened")
    if not opens(part, opening, seen.recorded.commit[part]):
        raise NotApplicable(f"the private part {part} is not the one that the entry committed to")
    return opening.content


def derive(stream: StreamId, issuer: Issuer, acts: tuple[ActKept, ...]) -> CredentialRow:
    """The row that the acts on an award add up to, by what is known of its issuer's keys."""
    credential = fold((_recorded(stream, issuer.did, act) for act in acts), issuer.disowns)
    shown = None if credential is None else acts[credential.current.seq].shown
    if credential is None or shown is None:
        raise NotApplicable("the acts on this award do not begin with its issuing")
    return CredentialRow(
        credential_id=stream,
        issuer=issuer.did,
        achievement=shown.achievement,
        achievement_version=shown.achievement_version,
        achievement_slug=None if shown.title is None else shown.title.slug,
        achievement_name=None if shown.title is None else shown.title.name,
        learner=shown.learner,
        learner_name=shown.learner_name,
        student_number=shown.student_number,
        email=shown.email,
        status=_status(credential),
        version=credential.current.number,
        awarded_on=shown.awarded_on,
        valid_from=shown.valid_from,
        valid_until=shown.valid_until,
        revision=credential.head,
        issued_at=acts[0].at,
        issued_position=acts[0].position,
        position=acts[-1].position,
    )


def _status(credential: Credential) -> Status:
    """The gravest of what holds, in the order in which a scan says it."""
    if credential.disowned:
        return Status.DISOWNED
    if credential.revoked is not None:
        return Status.REVOKED
    return Status.IN_FORCE if credential.suspended is None else Status.SUSPENDED


def _recorded(stream: StreamId, by: Did, act: ActKept) -> Recorded:
    return Recorded(
        event=_EVENTS[act.type],
        stream=stream,
        seq=act.seq,
        position=act.position,
        at=act.at,
        by=by,
        kid=act.kid,
        commit={},
    )


# What the fold only carries along, and no row shows, stands empty here.
_LINK, _LIST, _SLOT = Digest(bytes(32)), ListId(bytes(16)), Slot(0)
_EVENTS: Mapping[type[CredentialEvent], CredentialEvent] = {
    CredentialIssued: CredentialIssued(link=_LINK, list=_LIST, slot=_SLOT),
    CredentialAmended: CredentialAmended(list=_LIST, slot=_SLOT),
    CredentialSuspended: CredentialSuspended(),
    CredentialReinstated: CredentialReinstated(),
    CredentialRevoked: CredentialRevoked(),
}
