"""Writes the archive: everything that is needed to verify this ledger's awards when its service is gone.

    archive.json    what this is, its origin, the log's keys, whose recognition counts: written last
    log/            checkpoint, tiles, entries and days, as the service publishes them
    definitions/    what was awarded and who awarded it, by digest
    keys/           the log's keys; and whose were in force and who was recognised, as the last statement commits to
    capsules/       what each award shows, which only the code on its certificate opens

An archive is carried on from where it ended. Format: docs/spec/archive.md. It is read by
`ledger.application.archive_reading`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from ledger.application.archive_closing import shown_parts, stacks_with
from ledger.application.awards import open_parts
from ledger.application.ports import Boxes, Entropy, Snapshot, Store
from ledger.application.publishing_ports import TileStore
from ledger.application.standings import Standings
from ledger.domain.authority import Operator
from ledger.domain.events import CredentialAmended, CredentialAwarded, IssuerKeyCompromised
from ledger.domain.types import Did, Digest, LinkCode, Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.capsule import NONCE, Capsule, seal_capsule
from ledger.record.commitment import opens
from ledger.record.entry import Entry, parse_entry
from ledger.tlog.checkpoint import Checkpoint, MalformedCheckpoint, parse_checkpoint
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.note import VerifierKey
from ledger.tlog.proofs import Node
from ledger.tlog.tile_reader import TileReader
from ledger.tlog.tiles import (
    FULL_WIDTH,
    Bundle,
    MalformedTile,
    Tile,
    TileEdge,
    bundles_between,
    encode_bundle,
    parse_path,
)
from ledger.verification.evidence import PartEvidence, Placed
from ledger.verification.former_names import FormerNames, named_versions
from ledger.verification.readings import Readings
from ledger.verification.statement import Statuses

MANIFEST: Final = "archive.json"
LOG: Final = "log/"
CHECKPOINT: Final = "log/checkpoint"
DAYS: Final = "log/days/"
LOG_KEYS: Final = "keys/log.vkey"
AUTHORITY: Final = "keys/authority.jsonl"
VERSION: Final = 1
_Component = tuple[Sequence[Placed], dict[Position, dict[Part, PartEvidence]] | None]  # None: it cannot be opened
_BATCH: Final = 4_096  # entries held at a time; a multiple of the width of a bundle


class ArchiveElsewhere(LedgerError):
    """The folder holds the archive of another log, or one that this log does not continue; nothing was written."""


class NothingPublished(LedgerError):
    """The log has no published checkpoint yet, so there is nothing that an archive could prove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What an export came to."""

    size: int  # entries in the archive's log
    before: int  # entries that it had already
    capsules: int  # written or written anew
    definitions: int
    shut: tuple[StreamId, ...]  # awards whose parts cannot be opened: their capsules are not there (any more)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedHead:
    """The published checkpoint as its note stands, and what is published with it."""

    note: bytes
    checkpoint: Checkpoint
    keys: Sequence[VerifierKey]  # of the log, in force at that size
    reader: TileReader  # of the published log
    statuses: Statuses  # of which the statement of that checkpoint was made
    days: Sequence[tuple[str, bytes]]


class Archiving:
    """Exports a ledger. Reads the store, and writes nothing but the archive."""

    def __init__(
        self,
        *,
        store: Store,
        boxes: Boxes,
        entropy: Entropy,
        operator: Operator,
        base_url: str,
        registries: Sequence[Did],
    ) -> None:
        self._store = store
        self._boxes = boxes
        self._entropy = entropy
        self._operator = operator
        self._base_url = base_url
        self._registries = registries
        self._standings = Standings()

    def export(self, archive: TileStore, head: PublishedHead, *, since: Checkpoint | None = None) -> Archived:
        """Bring an archive up to the published checkpoint; one that was interrupted is brought up again.

        Args:
            since: write only what is not under this checkpoint of the log, to be laid over an archive that ends there.

        Raises:
            ArchiveElsewhere: the archive, or `since`, is not the beginning of this log.
            LedgerError: the store cannot be read, or the archive cannot be written.
        """
        size = head.checkpoint.size
        edge = self._edge(since or archived(archive), head)
        before = edge.size
        with self._store.snapshot() as snapshot:
            touched, digests = self._copy_log(snapshot, archive, edge, size)
            if edge.root() != head.checkpoint.root:
                raise ArchiveElsewhere("the entries in the store do not have the root of the published checkpoint")
            definitions = self._copy_definitions(snapshot, archive, digests)
            shut = [stream for stream in touched if not self._write_capsule(snapshot, archive, stream, head)]
        self._write_head(archive, head)
        _remove_partial(archive, size)
        return Archived(
            size=size, before=before, capsules=len(touched) - len(shut), definitions=definitions, shut=tuple(shut)
        )

    def _edge(self, begin: Checkpoint | None, head: PublishedHead) -> TileEdge:
        """The right edge of the tree that the archive has, out of the published one, whose beginning it must be."""
        if begin is None or begin.size == 0:
            return TileEdge.empty()
        if begin.origin != self._operator.origin:
            raise ArchiveElsewhere(f"this is an archive of {begin.origin!a}, not of {self._operator.origin}")
        if begin.size > head.checkpoint.size:
            raise ArchiveElsewhere(f"the archive has {begin.size} entries, the published log {head.checkpoint.size}")

        def read(tile: Tile) -> bytes:
            first = tile.number * FULL_WIDTH
            return b"".join(head.reader.nodes([Node(8 * tile.level, first + each) for each in range(tile.width)]))

        try:
            return TileEdge.of(begin.size, begin.root, read)
        except MalformedTile as error:
            raise ArchiveElsewhere(f"the archive of {begin.size} entries is not the beginning of this log") from error

    def _copy_log(
        self, snapshot: Snapshot, archive: TileStore, edge: TileEdge, size: int
    ) -> tuple[Sequence[StreamId], set[Digest]]:
        """Write tiles and entries; the streams of awards among them, and what they name by digest."""
        touched: dict[StreamId, None] = {}
        digests: set[Digest] = set()
        robbed: set[StreamId] = set()
        amended: set[StreamId] = set()
        first = edge.size
        start = first - first % FULL_WIDTH  # a bundle is written whole
        for raws in _batches(snapshot, start, size):
            entries = [raw for _, raw in raws]
            for bundle, content in _bundles(start, entries):
                archive.replace(LOG + bundle.path, content)
            new = raws[max(0, first - start) :]
            leaves: list[Hash] = [leaf_hash(raw) for _, raw in new]
            for tile, content in edge.extend(leaves):
                archive.replace(LOG + tile.path, content)
            for _, raw in new:
                entry = parse_entry(raw)
                _note(entry, touched, digests)
                if isinstance(entry.event, IssuerKeyCompromised):
                    robbed.add(entry.stream)
                elif isinstance(entry.event, CredentialAmended):
                    amended.add(entry.stream)
            start += len(raws)
        for stream in robbed:  # which version of an award is in force, and may be shown, may be another since
            touched.update(dict.fromkeys(_awards_of(snapshot, stream, first)))
        touched.update(dict.fromkeys(stacks_with(snapshot, self._boxes, amended, first)))  # maybe their parts' names
        return list(touched), digests

    def _copy_definitions(self, snapshot: Snapshot, archive: TileStore, digests: Iterable[Digest]) -> int:
        count = 0
        for digest in sorted(digests):
            content = snapshot.definition(digest)
            if content is not None:  # one that was taken down is not handed on
                archive.replace(definition_path(digest), content)
                count += 1
        return count

    def _write_capsule(self, snapshot: Snapshot, archive: TileStore, stream: StreamId, head: PublishedHead) -> bool:
        """Whether the award's parts could be opened; where not, it has no capsule any more."""
        path = capsule_path(stream)
        placed = [each for each in snapshot.stream(stream) if each.position <= head.checkpoint.size]
        opened = self._opened(snapshot, stream, placed)
        code = None if opened is None else _code(opened, placed)
        if opened is None or code is None:
            archive.remove(path)
            return False
        parts = list(self._components(snapshot, opened, head))
        former = self._former_names(snapshot, placed, parts) if parts else None
        shown = shown_parts(placed, opened, head.statuses, former)
        capsule = Capsule(parts=shown, components=tuple(_codes(parts)))
        archive.replace(path, seal_capsule(capsule, code, self._entropy.bytes(NONCE)))
        return True

    def _opened(
        self, snapshot: Snapshot, stream: StreamId, placed: Sequence[Placed]
    ) -> dict[Position, dict[Part, PartEvidence]] | None:
        """The parts of each entry, each the one that was committed to; None where one is missing or another."""
        order = {each.position: Seq(seq) for seq, each in enumerate(placed)}
        opened = open_parts(snapshot, self._boxes, stream, order)
        for each in placed:
            given = opened.get(each.position, {})
            for part, committed in parse_entry(each.raw).commit.items():
                evidence = given.get(part)
                if evidence is None or evidence.opening is None or not opens(part, evidence.opening, committed):
                    return None
        return opened

    def _components(
        self, snapshot: Snapshot, opened: dict[Position, dict[Part, PartEvidence]], head: PublishedHead
    ) -> Iterator[_Component]:
        """The awards that this one was built from."""
        readings = Readings()
        first = opened[min(opened)][Part.FACTS].opening
        facts = None if first is None else readings.facts(first.content)
        for pin in facts.award.components if facts is not None and facts.award is not None else ():
            placed = [each for each in snapshot.stream(pin.stream) if each.position <= head.checkpoint.size]
            yield placed, (self._opened(snapshot, pin.stream, placed) if placed else None)

    def _former_names(self, snapshot: Snapshot, placed: Sequence[Placed], parts: Sequence[_Component]) -> FormerNames:
        """The names in the parts of a stack; an issuer that does not verify disowns nothing."""
        by = parse_entry(placed[0].raw).by
        named = [named_versions(stream, opened or {}, Readings()) for stream, opened in parts]
        issuer = self._standings.authority(snapshot, by).issuers.get(by)
        return FormerNames(named, _nobody if issuer is None else issuer.disowns)

    def _write_head(self, archive: TileStore, head: PublishedHead) -> None:
        """The days, the keys, the checkpoint, and at last what says that all of it is there."""
        for day, note in head.days:
            archive.replace(f"{DAYS}{day}", note)
        archive.replace(LOG_KEYS, b"".join(f"{key.to_text()}\n".encode() for key in head.keys))
        archive.replace(AUTHORITY, b"".join(line + b"\n" for line in head.statuses.authority_lines()))
        archive.replace(CHECKPOINT, head.note)
        manifest = {
            "testamur_archive": VERSION,
            "origin": self._operator.origin,
            "size": head.checkpoint.size,
            "base_url": self._base_url,
            "log_keys": [key.to_text() for key in head.keys],
            "registries": list(self._registries),
        }
        archive.replace(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")


def archived(archive: TileStore) -> Checkpoint | None:
    """The checkpoint up to which an archive is complete, not verified; None where there is no archive.

    Raises:
        ArchiveElsewhere: what lies there is no archive.
    """
    note = archive.read(CHECKPOINT)
    if note is None:
        return None
    text, _, _ = note.decode("utf-8", "replace").partition("\n\n")
    try:
        return parse_checkpoint(f"{text}\n")
    except MalformedCheckpoint as error:
        raise ArchiveElsewhere(f"what lies at {CHECKPOINT} is no checkpoint of an archive: {error}") from error


def definition_path(digest: Digest) -> str:
    """Where a definition or a profile lies: by its SHA-256, in hexadecimal."""
    return f"definitions/{digest.hex()}"


def capsule_path(stream: StreamId) -> str:
    """Where the capsule of an award lies: in a folder by the last two digits of its id, which are random."""
    return f"capsules/{str(stream)[-2:]}/{stream}"


def _batches(snapshot: Snapshot, after: int, last: int) -> Iterator[list[tuple[Position, bytes]]]:
    """The entries beyond `after` up to position `last`, some thousand at a time."""
    batch: list[tuple[Position, bytes]] = []
    for each in snapshot.states(after, last - after):
        batch.append(each)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _bundles(start: int, entries: Sequence[bytes]) -> Iterator[tuple[Bundle, bytes]]:
    """The bundles that these entries make, the first one of which begins at `start`."""
    for bundle in bundles_between(start, start + len(entries)):
        first = bundle.number * FULL_WIDTH - start
        yield bundle, encode_bundle(entries[first : first + bundle.width])


def _note(entry: Entry, touched: dict[StreamId, None], digests: set[Digest]) -> None:
    if entry.commit:
        touched[entry.stream] = None
        return
    digest = getattr(entry.event, "profile", None) or getattr(entry.event, "digest", None)
    if digest is not None:
        digests.add(digest)


def _awards_of(snapshot: Snapshot, issuer: StreamId, last: int) -> Iterator[StreamId]:
    """The awards, up to position `last`, of the issuer whose stream this is."""
    by = parse_entry(snapshot.stream(issuer)[0].raw).by
    spelled = f'"by":"{by}"'.encode()
    for _, raw in snapshot.states(0, last):
        if spelled in raw:
            entry = parse_entry(raw)
            if entry.commit and entry.by == by:
                yield entry.stream


def _codes(parts: Iterable[_Component]) -> Iterator[LinkCode]:
    """The codes of the awards that another was built from: its page shows them, too."""
    for placed, opened in parts:
        code = None if opened is None else _code(opened, placed)
        if code is not None:
            yield code


def _nobody(*_: object, **__: object) -> bool:
    return False


def _code(opened: dict[Position, dict[Part, PartEvidence]], placed: Sequence[Placed]) -> LinkCode | None:
    """The code of an award, as its issuer keeps it."""
    if not isinstance(parse_entry(placed[0].raw).event, CredentialAwarded):
        return None
    opening = opened[placed[0].position][Part.INTERNAL].opening
    internal = None if opening is None else Readings().internal(opening.content)
    return None if internal is None else internal.code


def _remove_partial(archive: TileStore, size: int) -> None:
    """Remove the tiles and bundles that an archive of this size no longer needs."""
    for path in archive.list(LOG + "tile"):
        found = parse_path(path.removeprefix(LOG))
        level = found.level if isinstance(found, Tile) else 0
        if found.width < FULL_WIDTH and found.number * FULL_WIDTH + found.width != size >> (8 * level):
            archive.remove(path)
