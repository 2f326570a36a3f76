"""Answers a scan: fetches the evidence in one snapshot and hands it to the pure verification."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from ledger.application.awards import open_parts
from ledger.application.issuers import ISSUERS
from ledger.application.ports import Boxes, Clock, Macs, Snapshot, Store
from ledger.domain.codes import MalformedCode, parse_link_code, parse_short_code, stream_of
from ledger.domain.events import IssuerRecognised
from ledger.domain.types import Did, Digest, LinkCode, Position, Seq, StreamId
from ledger.domain.values import Part, slug_of
from ledger.errors import LedgerError
from ledger.record.entry import MalformedEntry, parse_entry
from ledger.record.private_parts import MalformedPart, read_facts
from ledger.verification.authority_check import Authority, establish
from ledger.verification.evidence import AuthorityEvidence, CredentialEvidence, PartEvidence, Placed, Policy
from ledger.verification.pipeline import judge
from ledger.verification.verdict import Verdict

_CACHED = 200  # issuers whose standing is kept, each at one state of its streams


class Scanning:
    """Verdicts on awards. Reads only; holds no signing key."""

    def __init__(self, *, store: Store, boxes: Boxes, macs: Macs, clock: Clock, policy: Callable[[], Policy]) -> None:
        self._store = store
        self._boxes = boxes
        self._macs = macs
        self._clock = clock
        self._policy = policy
        self._authorities: OrderedDict[tuple[tuple[Did, int], ...], Authority] = OrderedDict()

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
            mac = self._macs.short_code(parse_short_code(short))
        except MalformedCode:
            return self._judge(None, None, None)
        with self._store.snapshot() as snapshot:
            stream = snapshot.short_code(mac)
        return self._judge(stream, None, None)

    def scan_id(self, stream: StreamId, version: int | None = None) -> Verdict:
        """The verdict on an award, for its issuer, who knows it by its id."""
        return self._judge(stream, None, version)

    def checkpoint(self) -> bytes | None:
        """The last signed checkpoint."""
        with self._store.snapshot() as snapshot:
            last = snapshot.checkpoint()
        return None if last is None else last.note

    def _judge(self, stream: StreamId | None, code: LinkCode | None, version: int | None) -> Verdict:
        with self._store.snapshot() as snapshot:
            placed = () if stream is None else snapshot.stream(stream)
            issuer = _by(placed)
            authority = self._authority(snapshot, issuer)
            parts = {} if stream is None else self._parts(snapshot, stream, placed)
            last = snapshot.checkpoint()
            evidence = CredentialEvidence(
                code=code,
                stream=placed,
                parts=parts,
                definitions=_definitions(snapshot, parts),
                head=snapshot.head(),
                checkpoint=None if last is None else last.note,
            )
        return judge(evidence, authority, self._policy(), now=self._clock.now(), scanned_version=version)

    def _parts(
        self, snapshot: Snapshot, stream: StreamId, placed: tuple[Placed, ...]
    ) -> Mapping[Position, Mapping[Part, PartEvidence]]:
        order = {each.position: Seq(seq) for seq, each in enumerate(placed)}
        return open_parts(snapshot, self._boxes, stream, order)

    def _authority(self, snapshot: Snapshot, issuer: Did | None) -> Authority:
        """The standing of an issuer and of every body that ever recognised it, kept while none of them changes."""
        streams: dict[Did, tuple[Placed, ...]] = {}
        waiting = [] if issuer is None else [issuer]
        while waiting:
            did = waiting.pop()
            streams[did] = _issuer_stream(snapshot, did)
            waiting.extend(body for body in _recognisers(streams[did]) if body not in streams)
        key = tuple((did, len(entries)) for did, entries in sorted(streams.items()))
        known = self._authorities.get(key)
        if known is None:
            known = establish(_authority_evidence(snapshot, streams))
            self._authorities[key] = known
            while len(self._authorities) > _CACHED:
                self._authorities.popitem(last=False)
        return known


def _by(placed: tuple[Placed, ...]) -> Did | None:
    """Who the stream says issued it; the verification decides whether that is so."""
    try:
        return parse_entry(placed[0].raw).by if placed else None
    except MalformedEntry:
        return None


def _issuer_stream(snapshot: Snapshot, did: Did) -> tuple[Placed, ...]:
    try:
        slug = slug_of(did)
    except LedgerError:
        return ()
    stream = None if slug is None else snapshot.name(ISSUERS, slug)
    return () if stream is None else snapshot.stream(stream)


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
    first = snapshot.entries(0, 1)
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
        log_started=first[0].raw if first else b"",
        issuers=streams,
        definitions={digest: content for digest, content in found.items() if content is not None},
    )


def _definitions(snapshot: Snapshot, parts: Mapping[Position, Mapping[Part, PartEvidence]]) -> Mapping[Digest, bytes]:
    """The wording of every achievement version that the award's facts name."""
    found: dict[Digest, bytes] = {}
    for opened in parts.values():
        evidence = opened.get(Part.FACTS)
        if evidence is None or evidence.opening is None:
            continue
        try:
            award = read_facts(evidence.opening.content).award
        except MalformedPart:
            continue
        if award is not None and award.achievement.digest not in found:
            content = snapshot.definition(award.achievement.digest)
            if content is not None:
                found[award.achievement.digest] = content
    return found
