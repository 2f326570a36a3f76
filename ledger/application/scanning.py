"""Answers a scan: fetches the evidence in one snapshot and hands it to the pure verification."""

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ledger.application.awards import leads_here, open_parts
from ledger.application.ports import Boxes, Clock, Macs, Snapshot
from ledger.application.standings import Standings, streams_of
from ledger.domain.codes import MalformedCode, parse_link_code, parse_short_code, stream_of
from ledger.domain.stacking_rule import MOST_COMPONENTS
from ledger.domain.types import Did, Digest, LinkCode, Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.record.entry import parse_entry
from ledger.record.private_parts import Facts
from ledger.tlog.merkle import Hash
from ledger.verification.authority_check import Authority
from ledger.verification.evidence import AskedBy, AuthorityEvidence, CredentialEvidence, PartEvidence, Placed, Policy
from ledger.verification.moment import Moment
from ledger.verification.pipeline import judge
from ledger.verification.readings import Readings
from ledger.verification.verdict import Verdict


class Snapshots(Protocol):
    """Where scans are read from."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """One consistent view of everything."""
        ...

    def state(self) -> tuple[int, Hashable] | None:
        """How many entries there are, and what stays equal until anything at all is committed; None: not told."""
        ...


class Tree(Protocol):
    """What was published at one moment."""

    @property
    def note(self) -> bytes:
        """The checkpoint that is served, with its cosignatures."""
        ...

    @property
    def size(self) -> int:
        """How many entries it says that it covers."""
        ...

    def inclusion(self, index: int) -> tuple[Hash, ...] | None:
        """The path from a leaf to its root; None where it is not to be had."""
        ...

    def entry(self, index: int) -> bytes | None:
        """The entry at a leaf; None where it is not to be had."""
        ...


class Published(Protocol):
    """The public log, as this process shows it."""

    def tree(self) -> Tree | None:
        """What is published now; None where nothing is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A verdict, and all that it was made of: from one snapshot of the store, and what was published then."""

    verdict: Verdict
    evidence: CredentialEvidence
    streams: AuthorityEvidence  # of the log, the award's issuer, and every body that ever recognised it
    authority: Authority  # what these establish
    tree: Tree | None
    registries: tuple[Did, ...]  # whose recognition counted


class Scanning:
    """Verdicts on awards. Reads only; holds no signing key."""

    def __init__(
        self,
        *,
        store: Snapshots,
        published: Published,
        boxes: Boxes,
        macs: Macs,
        clock: Clock,
        policy: Callable[[], Policy],
    ) -> None:
        self._store = store
        self._published = published
        self._boxes = boxes
        self._macs = macs
        self._clock = clock
        self._policy = policy
        self._standings = Standings()

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

    def examine(self, code_text: str, version: int) -> Examined:
        """As `scan`, with what the verdict was made of."""
        try:
            code = parse_link_code(code_text)
        except MalformedCode:
            code = None
        tree = self._published.tree()
        with self._store.snapshot() as snapshot:
            evidence, authority = self._gather(snapshot, tree, None if code is None else stream_of(code), code, None)
            streams = streams_of(snapshot, _by(evidence.stream, evidence.readings))
        policy = self._policy()
        verdict = judge(evidence, authority, policy, now=self._clock.now(), scanned_version=version)
        return Examined(
            verdict=verdict,
            evidence=evidence,
            streams=streams,
            authority=authority,
            tree=tree,
            registries=policy.registries,
        )

    def scan_found(
        self, stream: StreamId, find: Callable[[CredentialEvidence, Authority], int | None]
    ) -> Verdict | None:
        """The verdict on the version of an award that `find` picks from the evidence; None where it picks none."""
        tree = self._published.tree()
        with self._store.snapshot() as snapshot:
            evidence, authority = self._gather(snapshot, tree, stream, None, None)
        version = find(evidence, authority)
        if version is None:
            return None
        return judge(evidence, authority, self._policy(), now=self._clock.now(), scanned_version=version)

    def standing(self, issuer: Did | None) -> tuple[Authority, Policy]:
        """What is established of an issuer and of those who recognised it, and whose recognition counts."""
        with self._store.snapshot() as snapshot:
            authority = self._standings.authority(snapshot, issuer)
        return authority, self._policy()

    def moment(self) -> Moment | None:
        """Now; None where the store does not tell whether it was changed, and while not everything is published.

        What waits for a checkpoint, the award itself or a part of it, may wait for so many seconds. Whoever destroys a
        learner's key takes the private parts out of the store before: that is the change which is noticed.
        """
        now, tree, stored = self._clock.now(), self._published.tree(), self._store.state()
        if stored is None or tree is None or stored[0] > tree.size:
            return None
        return Moment(at=now, state=(stored, tree.note, self._policy(), now.replace(second=0, microsecond=0)))

    def checkpoint(self) -> bytes | None:
        """The published checkpoint."""
        tree = self._published.tree()
        return None if tree is None else tree.note

    def registries(self) -> tuple[str, ...]:
        """The names of the recognising bodies that count, as far as their profiles verify."""
        with self._store.snapshot() as snapshot:
            found = [self._standings.authority(snapshot, did).profiles.get(did) for did in self._policy().registries]
        return tuple(profile.name for profile in found if profile is not None)

    def overdue(self) -> bool:
        """Whether an entry waits for a checkpoint for so long that scans of it are undecided."""
        tree = self._published.tree()
        with self._store.snapshot() as snapshot:
            head, waiting = snapshot.head(), snapshot.entries(0 if tree is None else tree.size, 1)
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
        tree = self._published.tree()  # before the snapshot, which then holds all that it covers
        with self._store.snapshot() as snapshot:
            evidence, authority = self._gather(snapshot, tree, stream, code, short_code)
        return judge(evidence, authority, self._policy(), now=self._clock.now(), scanned_version=version)

    def _gather(
        self,
        snapshot: Snapshot,
        tree: Tree | None,
        stream: StreamId | None,
        code: LinkCode | None,
        short_code: str | None,
    ) -> tuple[CredentialEvidence, Authority]:
        """All that an award is judged by."""
        readings = Readings()
        placed = () if stream is None else snapshot.stream(stream)
        parts = {} if stream is None else self._parts(snapshot, stream, placed)
        if short_code is not None and placed and not leads_here(parts[placed[0].position], short_code):
            placed, parts = (), {}  # the table of short codes says what the award does not
        authority = self._standings.authority(snapshot, _by(placed, readings))
        facts = _facts(parts, readings)
        evidence = CredentialEvidence(
            code=code,
            stream=placed,
            parts=parts,
            definitions=_definitions(snapshot, facts),
            head=snapshot.head(),
            checkpoint=None if tree is None else tree.note,
            paths=_paths(tree, placed),
            asked_by=AskedBy.ID if short_code is None else AskedBy.SHORT_CODE,
            components=self._components(snapshot, tree, facts, readings),
            readings=readings,
        )
        return evidence, authority

    def _components(
        self, snapshot: Snapshot, tree: Tree | None, facts: list[Facts], readings: Readings
    ) -> Mapping[StreamId, CredentialEvidence]:
        """What is on record of each award that these facts pin; not more than the verification looks at."""
        pinned = {pin.stream: None for each in facts if each.award is not None for pin in each.award.components}
        streams = list(pinned)[: MOST_COMPONENTS + 1]
        return {stream: self._component(snapshot, tree, stream, readings) for stream in streams}

    def _component(
        self, snapshot: Snapshot, tree: Tree | None, stream: StreamId, readings: Readings
    ) -> CredentialEvidence:
        placed = snapshot.stream(stream)
        parts = self._parts(snapshot, stream, placed)
        return CredentialEvidence(
            code=_code(parts.get(placed[0].position, {}), readings) if placed else None,
            stream=placed,
            parts=parts,
            definitions=_definitions(snapshot, _facts(parts, readings)),
            head=snapshot.head(),
            checkpoint=None if tree is None else tree.note,
            paths=_paths(tree, placed),
            readings=readings,
        )

    def _parts(
        self, snapshot: Snapshot, stream: StreamId, placed: tuple[Placed, ...]
    ) -> Mapping[Position, Mapping[Part, PartEvidence]]:
        order = {each.position: Seq(seq) for seq, each in enumerate(placed)}
        return open_parts(snapshot, self._boxes, stream, order)


def _paths(tree: Tree | None, placed: tuple[Placed, ...]) -> Mapping[Position, tuple[Hash, ...]]:
    """The proof of each entry that the checkpoint says to cover, as far as the tiles give one."""
    size = 0 if tree is None else tree.size
    paths = {}
    for each in placed:
        path = tree.inclusion(each.position - 1) if tree is not None and each.position <= size else None
        if path is not None:
            paths[each.position] = path
    return paths


def _by(placed: tuple[Placed, ...], readings: Readings) -> Did | None:
    """Who the stream says issued it; the verification decides whether that is so."""
    first = readings.entry(placed[0].raw) if placed else None
    return None if first is None else first.by


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
