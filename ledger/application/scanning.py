"""Answers a scan: fetches the evidence in one snapshot and hands it to the pure verification."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ledger.application.awards import leads_here, open_parts
from ledger.application.issuers import ISSUERS
from ledger.application.ports import Boxes, Clock, Macs, Snapshot
from ledger.domain.codes import MalformedCode, parse_link_code, parse_short_code, stream_of
from ledger.domain.events import IssuerRecognised
from ledger.domain.stacking_rule import MOST_COMPONENTS
from ledger.domain.types import Did, Digest, LinkCode, Position, Seq, StreamId
from ledger.domain.values import BadValue, Part, slug_of
from ledger.record.entry import MalformedEntry, parse_entry
from ledger.record.private_parts import Facts
from ledger.verification.authority_check import Authority, establish
from ledger.verification.evidence import AskedBy, AuthorityEvidence, CredentialEvidence, PartEvidence, Placed, Policy
from ledger.verification.pipeline import judge
from ledger.verification.readings import Readings
from ledger.verification.verdict import Verdict

_CACHED = 200  # issuers whose standing is kept, each at one state of its streams


class Snapshots(Protocol):
    """Where scans are read from."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """One consistent view of everything."""
        ...


class Scanning:
    """Verdicts on awards. Reads only; holds no signing key."""

    def __init__(
        self, *, store: Snapshots, boxes: Boxes, macs: Macs, clock: Clock, policy: Callable[[], Policy]
    ) -> None:
        self._store = store
        self._boxes = boxes
        self._macs = macs
        self._clock = clock
        self._policy = policy
        self._standings: OrderedDict[Did | None, _Standing] = OrderedDict()

    def scan(self, code_text: str, version: int | None) -> Verdict:
        """The verdict on the award that a link code leads to.

        Args:
            version: as printed on the certificate, from 1; None for the current one.
        """
        try:
            code = parse_link_code(code_text)
        except MalformedCode:
            return self._judge(None, None, None)
        return self._judge(stream_of(code), code, version)

    def scan_short(self, short: str) -> Verdict:
        """The verdict on the current version of the award that a short code leads to."""
        try:
            typed = parse_short_code(short)
        except MalformedCode:
            return self._judge(None, None, None)
        with self._store.snapshot() as snapshot:
            stream = snapshot.short_code(self._macs.short_code(typed))
        return self._judge(stream, None, None, short_code=typed)

    def scan_id(self, stream: StreamId, version: int | None = None) -> Verdict:
        """The verdict on an award, for its issuer, who knows it by its id."""
        return self._judge(stream, None, version)

    def checkpoint(self) -> bytes | None:
        """The last signed checkpoint."""
        with self._store.snapshot() as snapshot:
            last = snapshot.checkpoint()
        return None if last is None else last.note

    def overdue(self) -> bool:
        """Whether an entry waits for a checkpoint for so long that scans of it are undecided."""
        with self._store.snapshot() as snapshot:
            last, head = snapshot.checkpoint(), snapshot.head()
            waiting = snapshot.entries(0 if last is None else last.size, 1)
        if not waiting:
            return False
        at = parse_entry(waiting[0].raw).recorded(waiting[0].position).at
        return max(self._clock.now(), head.at) - at >= timedelta(seconds=self._policy().pending_seconds)

    def _judge(
        self,
        stream: StreamId | None,
        code: LinkCode | None,
        version: int | None,
        *,
        short_code: str | None = None,
    ) -> Verdict:
        readings = Readings()
        with self._store.snapshot() as snapshot:
            placed = () if stream is None else snapshot.stream(stream)
            parts = {} if stream is None else self._parts(snapshot, stream, placed)
            if short_code is not None and placed and not leads_here(parts[placed[0].position], short_code):
                placed, parts = (), {}  # the table of short codes says what the award does not
            authority = self._authority(snapshot, _by(placed, readings))
            last = snapshot.checkpoint()
            facts = _facts(parts, readings)
            evidence = CredentialEvidence(
                code=code,
                stream=placed,
                parts=parts,
                definitions=_definitions(snapshot, facts),
                head=snapshot.head(),
                checkpoint=None if last is None else last.note,
                asked_by=AskedBy.ID if short_code is None else AskedBy.SHORT_CODE,
                components=self._components(snapshot, facts, readings),
                readings=readings,
            )
        return judge(evidence, authority, self._policy(), now=self._clock.now(), scanned_version=version)

    def _components(
        self, snapshot: Snapshot, facts: list[Facts], readings: Readings
    ) -> Mapping[StreamId, CredentialEvidence]:
        """What is on record of each award that these facts pin; not more than the verification looks at."""
        pinned = {pin.stream: None for each in facts if each.award is not None for pin in each.award.components}
        streams = list(pinned)[: MOST_COMPONENTS + 1]
        return {stream: self._component(snapshot, stream, readings) for stream in streams}

    def _component(self, snapshot: Snapshot, stream: StreamId, readings: Readings) -> CredentialEvidence:
        placed = snapshot.stream(stream)
        parts = self._parts(snapshot, stream, placed)
        last = snapshot.checkpoint()
        return CredentialEvidence(
            code=_code(parts.get(placed[0].position, {}), readings) if placed else None,
            stream=placed,
            parts=parts,
            definitions=_definitions(snapshot, _facts(parts, readings)),
            head=snapshot.head(),
            checkpoint=None if last is None else last.note,
            readings=readings,
        )

    def _parts(
        self, snapshot: Snapshot, stream: StreamId, placed: tuple[Placed, ...]
    ) -> Mapping[Position, Mapping[Part, PartEvidence]]:
        order = {each.position: Seq(seq) for seq, each in enumerate(placed)}
        return open_parts(snapshot, self._boxes, stream, order)

    def _authority(self, snapshot: Snapshot, issuer: Did | None) -> Authority:
        """The standing of an issuer and of every body that ever recognised it, kept while none of them changes."""
        known, log = self._standings.get(issuer), snapshot.log_entries()
        if known is None or known.log != log or any(snapshot.end(stream) != end for stream, end in known.ends):
            known = _standing(snapshot, issuer)
            if issuer is not None and not known.ends:
                return known.authority  # an issuer that nobody registered here, yet
            self._standings[issuer] = known
            while len(self._standings) > _CACHED:
                self._standings.popitem(last=False)
        return known.authority


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """An authority, and the streams it was established from: the log's own, the others with their ends."""

    authority: Authority
    log: tuple[Placed, ...]
    ends: tuple[tuple[StreamId, Seq], ...]


def _standing(snapshot: Snapshot, issuer: Did | None) -> _Standing:
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
    evidence = _authority_evidence(snapshot, streams)
    return _Standing(authority=establish(evidence), log=evidence.log, ends=tuple(ends))


def _by(placed: tuple[Placed, ...], readings: Readings) -> Did | None:
    """Who the stream says issued it; the verification decides whether that is so."""
    first = readings.entry(placed[0].raw) if placed else None
    return None if first is None else first.by


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


def _facts(parts: Mapping[Position, Mapping[Part, PartEvidence]], readings: Readings) -> list[Facts]:
    """What the facts of each entry say, where they can be read."""
    found = []
    for opened in parts.values():
        evidence = opened.get(Part.FACTS)
        facts = None if evidence is None or evidence.opening is None else readings.facts(evidence.opening.content)
        if facts is not None:
            found.append(facts)
    return found


def _code(parts: Mapping[Part, PartEvidence], readings: Readings) -> LinkCode | None:
    """The link code of an award, as its issuer keeps it; the verification compares it with what the log says."""
    evidence = parts.get(Part.INTERNAL)
    internal = None if evidence is None or evidence.opening is None else readings.internal(evidence.opening.content)
    return None if internal is None else internal.code


def _definitions(snapshot: Snapshot, facts: list[Facts]) -> Mapping[Digest, bytes]:
    """The wording of every achievement version that these facts name."""
    digests = {each.award.achievement.digest for each in facts if each.award is not None}
    found = {digest: snapshot.definition(digest) for digest in digests}
    return {digest: content for digest, content in found.items() if content is not None}
