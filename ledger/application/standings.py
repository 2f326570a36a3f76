"""Gathers what says who may sign and whom recognises whom, and keeps what it comes to while nothing of that changes."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from ledger.application.issuers import ISSUERS
from ledger.application.ports import Snapshot
from ledger.domain.events import IssuerRecognised
from ledger.domain.types import Did, Digest, Seq, StreamId
from ledger.domain.values import BadValue, slug_of
from ledger.record.entry import MalformedEntry, parse_entry
from ledger.verification.authority_check import Authority, establish
from ledger.verification.evidence import AuthorityEvidence, Placed

_CACHED = 200  # issuers whose standing is kept, each at one state of its streams


class Standings:
    """The standing of each issuer, with that of every body that ever recognised it."""

    def __init__(self) -> None:
        """Know nobody."""
        self._known: OrderedDict[Did | None, _Standing] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._known)

    def authority(self, snapshot: Snapshot, issuer: Did | None) -> Authority:
        """What is established of an issuer and of every body that ever recognised it; of the log alone, if None."""
        known, log = self._known.get(issuer), snapshot.log_entries()
        if known is None or known.log != log or any(snapshot.end(stream) != end for stream, end in known.ends):
            known = _standing(snapshot, issuer)
            if issuer is not None and not known.ends:
                return known.authority  # an issuer that nobody registered here, yet
            self._known[issuer] = known
            while len(self._known) > _CACHED:
                self._known.popitem(last=False)
        return known.authority


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """An authority, and the streams it was established from: the log's own, the others with their ends."""

    authority: Authority
    log: tuple[Placed, ...]
    ends: tuple[tuple[StreamId, Seq], ...]


def streams_of(snapshot: Snapshot, issuer: Did | None) -> AuthorityEvidence:
    """The entries of an issuer and of every body that ever recognised it, and the log's own, with what they name."""
    return _streams(snapshot, issuer)[0]


def _standing(snapshot: Snapshot, issuer: Did | None) -> _Standing:
    evidence, ends = _streams(snapshot, issuer)
    return _Standing(authority=establish(evidence), log=evidence.log, ends=tuple(ends))


def _streams(snapshot: Snapshot, issuer: Did | None) -> tuple[AuthorityEvidence, list[tuple[StreamId, Seq]]]:
    streams: dict[Did, tuple[Placed, ...]] = {}
    ends: list[tuple[StreamId, Seq]] = []
    waiting = [] if issuer is None else [issuer]
    while waiting:
        did = waiting.pop()
        if did in streams:
            continue
        stream = _issuer_stream(snapshot, did)
        streams[did] = () if stream is None else snapshot.stream(stream)
        if stream is not None and streams[did]:
            ends.append((stream, Seq(len(streams[did]) - 1)))
        waiting.extend(_recognisers(streams[did]))
    return _authority_evidence(snapshot, streams), ends


def _issuer_stream(snapshot: Snapshot, did: Did) -> StreamId | None:
    try:
        slug = slug_of(did)
    except BadValue:
        return None
    return None if slug is None else snapshot.name(ISSUERS, slug)


def _recognisers(entries: tuple[Placed, ...]) -> set[Did]:
    found = set()
    for each in entries:
        try:
            entry = parse_entry(each.raw)
        except MalformedEntry:
            continue
        if isinstance(entry.event, IssuerRecognised):
            found.add(entry.by)
    return found


def _authority_evidence(snapshot: Snapshot, streams: Mapping[Did, tuple[Placed, ...]]) -> AuthorityEvidence:
    digests: set[Digest] = set()
    for entries in streams.values():
        for each in entries:
            try:
                event = parse_entry(each.raw).event
            except MalformedEntry:
                continue
            digest = getattr(event, "profile", None) or getattr(event, "digest", None)
            if digest is not None:
                digests.add(digest)
    found = {digest: snapshot.definition(digest) for digest in digests}
    return AuthorityEvidence(
        log=snapshot.log_entries(),
        issuers=streams,
        definitions={digest: content for digest, content in found.items() if content is not None},
    )
