"""What a verdict shows of an award that was found genuine: the award as it stands, its changes and its history."""

from dataclasses import dataclass
from itertools import pairwise

from ledger.domain.award import changes
from ledger.domain.credential import Credential, Version
from ledger.domain.definition import Profile
from ledger.domain.issuer import Issuer
from ledger.domain.values import host_of
from ledger.record.entry import Entry
from ledger.verification.contents_check import Contents
from ledger.verification.evidence import Placed
from ledger.verification.verdict import AmendmentView, AwardView, ChangeView, HistoryLine, IssuerView, RecognitionView


@dataclass(frozen=True, slots=True, kw_only=True)
class Genuine:
    """An award that its issuer signed and of which everything was checked but its standing."""

    placed: tuple[Placed, ...]
    entries: tuple[Entry, ...]
    disowned: tuple[bool, ...]  # one for each entry
    contents: Contents
    credential: Credential
    issuer: Issuer
    profile: Profile


def award_view(genuine: Genuine, recognition: RecognitionView) -> AwardView:
    """The award in its current version, whichever was scanned."""
    award = genuine.contents.awards[genuine.credential.current.seq]
    issuer, profile = genuine.issuer, genuine.profile
    return AwardView(
        definition=genuine.contents.definitions[award.achievement.digest],
        learner=award.name,
        language=award.language,
        issuer=IssuerView(
            id=issuer.did,
            name=profile.name,
            domain=host_of(issuer.did),
            email=profile.email,
            url=profile.url,
            custody=issuer.custody,
            recognition=recognition,
        ),
        awarded_on=award.awarded_on,
        valid_from=award.begins,
        valid_until=award.valid_until,
        result=award.result,
        score=award.score,
        route=award.route,
        assessor=award.assessor,
        evidence=award.evidence,
    )


def change_view(genuine: Genuine) -> ChangeView | None:
    """The revocation that holds, else the suspension that does."""
    credential = genuine.credential
    standing = credential.revoked or credential.suspended
    if standing is None:
        return None
    act = genuine.contents.acts[standing.seq]
    return ChangeView(
        kind="suspended" if credential.revoked is None else "revoked",
        reason=act.reason,
        public_text=act.text,
        effective=act.effective,
        recorded=standing.at,
        mode=act.mode,
        disowned=standing.disowned,
    )


def amendment_views(genuine: Genuine, scanned: int) -> tuple[AmendmentView, ...]:
    """What changed since the scanned version, or since the first where the current one was scanned.

    Versions made with a key in other hands do not count: neither their old values nor their new ones are shown. What
    changed from or to a version that is closed here is not known here.
    """
    credential = genuine.credential
    since = 1 if scanned == credential.current.number else scanned
    if since == len(credential.versions):
        return ()
    counting = [version for version in credential.versions if not version.disowned]
    return tuple(
        view
        for old, new in pairwise(counting)
        if new.number > since and {old.seq, new.seq} <= genuine.contents.awards.keys()
        for view in _amendments(genuine, old, new)
    )


def _amendments(genuine: Genuine, old: Version, new: Version) -> list[AmendmentView]:
    contents = genuine.contents
    before, after = contents.awards[old.seq], contents.awards[new.seq]
    act = contents.acts[new.seq]
    definitions = contents.definitions[before.achievement.digest], contents.definitions[after.achievement.digest]
    return [
        AmendmentView(change=change, reason=act.reason, public_text=act.text, version=new.number, on=new.at)
        for change in changes((before, definitions[0]), (after, definitions[1]))
    ]


def history_lines(genuine: Genuine) -> tuple[HistoryLine, ...]:
    """Every recorded act, those of a thief marked as such."""
    lines = []
    for each, entry, disowned in zip(genuine.placed, genuine.entries, genuine.disowned, strict=True):
        act = genuine.contents.acts.get(entry.seq)
        line = HistoryLine(
            position=each.position,
            type=entry.type,
            at=entry.at,
            reason=None if act is None else act.reason,
            public_text=None if act is None else act.text,
            disowned=disowned,
        )
        lines.append(line)
    return tuple(lines)
