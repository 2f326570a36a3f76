"""Judges an award from an archive, with no service and no store: the same verification as a scan, on what was kept.

Every entry is read, in order, and tied to the root of the archive's checkpoint: so no withdrawal can be left out, of
the award or of a key. What the award shows, its capsule holds, which only the code on the certificate opens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hmac import compare_digest
from typing import Final

import orjson

from ledger.application.archiving import CHECKPOINT, LOG, MANIFEST, VERSION, capsule_path, definition_path
from ledger.domain.codes import link_digest, parse_link_code, stream_of
from ledger.domain.events import (
    CredentialAwarded,
    IssuerEvent,
    IssuerProfileChanged,
    IssuerRecognised,
    IssuerRegistered,
    LogEvent,
    StatusCommitted,
)
from ledger.domain.types import Did, Digest, LinkCode, Position, StreamId
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.capsule import SHOWN, Capsule, open_capsule
from ledger.record.entry import Entry, parse_entry
from ledger.tlog.checkpoint import Checkpoint, CheckpointOriginMismatch, parse_checkpoint
from ledger.tlog.note import VerifierKey, open_note
from ledger.tlog.policy import NO_POLICY, WitnessPolicy
from ledger.tlog.tile_reader import TileReader
from ledger.tlog.tiles import TileMissing
from ledger.verification.authority_check import Authority, establish
from ledger.verification.evidence import AuthorityEvidence, CredentialEvidence, Head, PartEvidence, Placed, Policy
from ledger.verification.pipeline import judge
from ledger.verification.readings import Readings
from ledger.verification.verdict import Verdict

Read = Callable[[str], bytes | None]

_CREDENTIAL: Final = b'"type":"credential.'
_WITHHELD: Final = frozenset(set(Part) - set(SHOWN))


class ArchiveUnreadable(LedgerError):
    """What lies there is no archive, or lacks something that every archive has."""


class ArchiveNotVouched(LedgerError):
    """Too few of the witnesses that the reader believes vouch for the archive's checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderUnconfirmed:
    """The code is genuine, and the archive does not hold what the award shows: erased, or never exported."""

    issuer: Did
    issued: datetime  # recorded time


@dataclass(slots=True, kw_only=True)
class _Found:
    """What one reading of all entries came to."""

    streams: dict[StreamId, list[Placed]]  # of the awards asked for
    log: list[Placed] = field(default_factory=list)  # of the log's own stream, without its statements
    issuers: dict[Did, list[Placed]] = field(default_factory=dict)
    dids: dict[StreamId, Did] = field(default_factory=dict)  # of the issuers, by their streams
    events: dict[Did, list[IssuerEvent]] = field(default_factory=dict)
    at: datetime | None = None  # of the last entry


class ArchiveReading:
    """One archive, and whose word about it counts."""

    def __init__(
        self,
        read: Read,
        *,
        keys: Sequence[VerifierKey] = (),
        witnesses: WitnessPolicy = NO_POLICY,
        registries: tuple[Did, ...] | None = None,
    ) -> None:
        """Open it.

        Args:
            read: a file of the archive by its path; None where there is none.
            keys: the log's, from somebody whom the reader believes; without any, the archive is believed about its own.
            witnesses: whose cosignatures of the checkpoint count.
            registries: whose recognition counts; None: as the archive says that its operator counted.

        Raises:
            ArchiveUnreadable: it is no archive.
            NoteUnsigned, MalformedCheckpoint, MalformedNote: none of the keys signed its checkpoint.
            ArchiveNotVouched, CosignatureInvalid: the witnesses do not vouch for it.
        """
        self._read = read
        self._witnesses = witnesses
        manifest = _manifest(self._needed(MANIFEST))
        own = tuple(Did(each) for each in _texts(manifest, "registries"))
        self.registries = own if registries is None else registries
        self.base_url = str(manifest.get("base_url", ""))
        self.own_word = not keys  # nobody but the archive says whose log this is
        self.note = self._needed(CHECKPOINT)
        trusted = keys or [VerifierKey.parse(each) for each in _texts(manifest, "log_keys")]
        self.checkpoint = _opened(self.note, trusted)
        if not witnesses.agreement(self.note).reached:
            raise ArchiveNotVouched("too few of the witnesses of the policy vouch for the archive's checkpoint")
        self._log = TileReader(self.checkpoint.size, self.checkpoint.root, self._fetch)

    def scan(self, code_text: str, version: int | None, *, now: datetime) -> Verdict | HolderUnconfirmed:
        """The verdict on the award that a link code leads to, as of the archive's checkpoint.

        Raises:
            MalformedCode: it is no link code.
            LedgerError: the archive lacks entries, or they are not those of its checkpoint.
        """
        code = parse_link_code(code_text)
        raw = self._read(capsule_path(stream_of(code)))
        capsule = None if raw is None else open_capsule(raw, code)
        codes = [code, *(() if capsule is None else capsule.components)]
        found = self._entries({stream_of(each) for each in codes})
        own = found.streams[stream_of(code)]
        if capsule is None and own:
            unconfirmed = _unconfirmed(own, code)
            if unconfirmed is not None:
                return unconfirmed
        evidence = self._evidence(code, capsule, found)
        parts = {stream_of(each): self._evidence(each, self._capsule(each), found) for each in codes[1:]}
        return judge(
            replace(evidence, components=parts),
            self._authority(found, own),
            Policy(registries=self.registries, witnesses=self._witnesses),
            now=now,
            scanned_version=version,
        )

    def _capsule(self, code: LinkCode) -> Capsule | None:
        raw = self._read(capsule_path(stream_of(code)))
        return None if raw is None else open_capsule(raw, code)

    def _entries(self, wanted: set[StreamId]) -> _Found:
        """Read the whole log, and keep what the question needs."""
        found = _Found(streams={stream: [] for stream in wanted})
        names = [f'"stream":"{stream}"'.encode() for stream in wanted]
        for index, raw in enumerate(self._log.entries(0, self.checkpoint.size)):
            is_award = _CREDENTIAL in raw
            if is_award and not any(name in raw for name in names) and index + 1 < self.checkpoint.size:
                continue
            entry, placed = parse_entry(raw), Placed(position=Position(index + 1), raw=raw)
            found.at = entry.at
            if entry.stream in found.streams:
                found.streams[entry.stream].append(placed)
            elif not is_award:
                _sort(entry, placed, found)
        return found

    def _evidence(self, code: LinkCode, capsule: Capsule | None, found: _Found) -> CredentialEvidence:
        stream = found.streams[stream_of(code)]
        opened = {} if capsule is None else capsule.parts
        parts = {
            position: {part: PartEvidence(opening=opening, present=True) for part, opening in each.items()}
            for position, each in opened.items()
        }
        readings = Readings()
        return CredentialEvidence(
            code=code,
            stream=tuple(stream),
            parts=parts,
            definitions=self._definitions(_achievements(capsule, readings)),
            head=Head(size=self.checkpoint.size, at=_at(found)),
            checkpoint=self.note,
            paths={each.position: self._log.inclusion(each.position - 1) for each in stream},
            withheld=_WITHHELD,
            closed=frozenset(each.position for each in stream if Part.FACTS not in opened.get(each.position, {})),
            readings=readings,
        )

    def _authority(self, found: _Found, own: Sequence[Placed]) -> Authority:
        """The issuer's standing, and that of every body that ever recognised it."""
        streams: dict[Did, tuple[Placed, ...]] = {}
        waiting = [parse_entry(own[0].raw).by] if own else []
        while waiting:
            did = waiting.pop()
            if did not in streams:
                streams[did] = tuple(found.issuers.get(did, ()))
                waiting.extend(_recognisers(streams[did]))
        digests = {digest for did in streams for digest in _profiles(found.events.get(did, ()))}
        return establish(
            AuthorityEvidence(log=tuple(found.log), issuers=streams, definitions=self._definitions(digests))
        )

    def _definitions(self, digests: set[Digest]) -> Mapping[Digest, bytes]:
        kept = {digest: self._read(definition_path(digest)) for digest in digests}
        return {digest: content for digest, content in kept.items() if content is not None}

    def _fetch(self, path: str) -> bytes:
        content = self._read(LOG + path)
        if content is None:
            raise TileMissing(f"the archive has no {LOG}{path}")
        return content

    def _needed(self, path: str) -> bytes:
        content = self._read(path)
        if content is None:
            raise ArchiveUnreadable(f"there is no {path}: this is no archive, or a part of one")
        return content


def _manifest(raw: bytes) -> Mapping[str, object]:
    try:
        manifest = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ArchiveUnreadable(f"{MANIFEST} is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("testamur_archive") != VERSION:
        raise ArchiveUnreadable(f"{MANIFEST} is not that of an archive of this version")
    return manifest


def _texts(manifest: Mapping[str, object], name: str) -> list[str]:
    value = manifest.get(name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ArchiveUnreadable(f"{MANIFEST} does not say what its {name} are")
    return value


def _opened(note: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint in the note, which one of these keys signed."""
    opened = open_note(note, keys)
    checkpoint = parse_checkpoint(opened.text)
    names = {key.name for key in opened.signed_by}
    if names != {checkpoint.origin}:
        raise CheckpointOriginMismatch(f"this is a checkpoint of {checkpoint.origin!a}, signed as {sorted(names)}")
    return checkpoint


def _sort(entry: Entry, placed: Placed, found: _Found) -> None:
    """Keep an entry that is no award's where it may be needed."""
    if isinstance(entry.event, StatusCommitted):
        return
    if isinstance(entry.event, LogEvent):
        found.log.append(placed)
    elif isinstance(entry.event, IssuerRegistered):
        if entry.by in found.issuers:  # an issuer has one stream, the first, as in what the log states
            return
        found.dids[entry.stream] = entry.by
        found.issuers[entry.by] = [placed]
        found.events[entry.by] = [entry.event]
    elif isinstance(entry.event, IssuerEvent) and entry.stream in found.dids:
        did = found.dids[entry.stream]
        found.issuers[did].append(placed)
        found.events[did].append(entry.event)


def _unconfirmed(own: Sequence[Placed], code: LinkCode) -> HolderUnconfirmed | None:
    """What can be said of a genuine code without its capsule; None where the code is not the award's."""
    first = parse_entry(own[0].raw)
    if not isinstance(first.event, CredentialAwarded) or not compare_digest(link_digest(code), first.event.link):
        return None
    return HolderUnconfirmed(issuer=first.by, issued=first.at)


def _achievements(capsule: Capsule | None, readings: Readings) -> set[Digest]:
    digests = set()
    for parts in {} if capsule is None else capsule.parts.values():
        opening = parts.get(Part.FACTS)
        facts = None if opening is None else readings.facts(opening.content)
        if facts is not None and facts.award is not None:
            digests.add(facts.award.achievement.digest)
    return digests


def _profiles(events: Sequence[IssuerEvent]) -> set[Digest]:
    registered = {event.profile for event in events if isinstance(event, IssuerRegistered)}
    return registered | {event.digest for event in events if isinstance(event, IssuerProfileChanged)}


def _recognisers(entries: Sequence[Placed]) -> set[Did]:
    read = [parse_entry(each.raw) for each in entries]
    return {entry.by for entry in read if isinstance(entry.event, IssuerRecognised)}


def _at(found: _Found) -> datetime:
    if found.at is None:
        raise ArchiveUnreadable("the archive's log has no entries")
    return found.at
