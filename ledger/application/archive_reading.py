"""Judges an award from an archive, with no service and no store: the same verification as a scan, on what was kept.

Every entry is read, in order, and tied to the root of the archive's checkpoint: so no withdrawal can be left out, of
the award or of a key. What the award shows, its capsule holds, which only the code on the certificate opens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from ledger.application.archive_closed import HolderUnconfirmed, without_capsule
from ledger.application.archive_opening import ArchiveUnreadable, Read, check_vouched, open_archive
from ledger.application.archiving import LOG, capsule_path, definition_path
from ledger.domain.codes import parse_link_code, stream_of
from ledger.domain.events import (
    IssuerEvent,
    IssuerProfileChanged,
    IssuerRecognised,
    IssuerRegistered,
    LogEvent,
    StatusCommitted,
)
from ledger.domain.stacking_rule import MOST_COMPONENTS
from ledger.domain.types import Did, Digest, LinkCode, Position, StreamId
from ledger.domain.values import Part
from ledger.record.capsule import SHOWN, Capsule, CapsuleUnreadable, open_capsule
from ledger.record.entry import Entry, MalformedEntry, parse_entry
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import NO_POLICY, WitnessPolicy
from ledger.tlog.tile_reader import TileForged, TileReader
from ledger.tlog.tiles import MalformedTile, TileMissing
from ledger.verification.authority_check import Authority, establish
from ledger.verification.evidence import AuthorityEvidence, CredentialEvidence, Head, PartEvidence, Placed, Policy
from ledger.verification.findings import passed, with_earlier
from ledger.verification.pipeline import CHECKS, judge
from ledger.verification.readings import Readings
from ledger.verification.verdict import Finding, Verdict

_CREDENTIAL: Final = b'"type":"credential.'
_WITHHELD: Final = frozenset(set(Part) - set(SHOWN))
_CHECKS: Final = ("checkpoint", "registries", *CHECKS)  # as of a proof file
_DAMAGED: Final = (CapsuleUnreadable, MalformedEntry, MalformedTile, TileForged, TileMissing)


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
        keys: Sequence[VerifierKey] | None = None,
        witnesses: WitnessPolicy = NO_POLICY,
        registries: tuple[Did, ...] | None = None,
    ) -> None:
        """Open it.

        Args:
            read: a file of the archive by its path; None where there is none.
            keys: of the logs that the reader believes. None: then the archive is held against itself alone, which the
                finding `checkpoint` says.
            witnesses: whose cosignatures of the checkpoint count.
            registries: whose recognition counts; None: as the archive says that its operator counted.

        Raises:
            ArchiveUnreadable, ArchiveNotVouched, NoteSignatureInvalid: from `open_archive`.
        """
        self._read = read
        self._witnesses = witnesses
        opened = open_archive(read, keys)
        self.registries = opened.registries if registries is None else registries
        self.base_url = opened.base_url
        self.note = opened.note
        self.checkpoint = opened.checkpoint
        self._earlier = [_believed(own_word=opened.own_word), _counted(own_word=registries is None)]
        self._log = TileReader(self.checkpoint.size, self.checkpoint.root, self._fetch)

    def scan(self, code_text: str, version: int | None, *, now: datetime) -> Verdict | HolderUnconfirmed:
        """The verdict on the award that a link code leads to, as of the archive's checkpoint.

        Raises:
            MalformedCode: it is no link code.
            ArchiveNotVouched, CosignatureInvalid: the witnesses do not vouch for the checkpoint.
            ArchiveUnreadable: the archive lacks entries, or they are not those of its checkpoint.
        """
        code = parse_link_code(code_text)
        check_vouched(self.note, self._witnesses, now)
        try:
            return self._scan(code, version, now)
        except _DAMAGED as error:
            raise ArchiveUnreadable(f"the archive was damaged, or a part of it is missing: {error}") from error

    def _scan(self, code: LinkCode, version: int | None, now: datetime) -> Verdict | HolderUnconfirmed:
        capsule = self._capsule(code)
        codes = [code, *(() if capsule is None else capsule.components[:MOST_COMPONENTS])]
        found = self._entries({stream_of(each) for each in codes})
        own = found.streams[stream_of(code)]
        evidence = self._evidence(code, capsule, found)
        parts = {stream_of(each): self._evidence(each, self._capsule(each), found) for each in codes[1:]}
        authority = self._authority(found, own)
        judged = judge(
            replace(evidence, components=parts),
            authority,
            Policy(registries=self.registries, witnesses=self._witnesses),
            now=now,
            scanned_version=version,
        )
        verdict = with_earlier(self._earlier, judged, _CHECKS)
        return without_capsule(verdict, own, authority) if capsule is None else verdict

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
            undocumented=frozenset(
                each.position for each in stream if Part.DOCUMENT not in opened.get(each.position, {})
            ),
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


def _believed(*, own_word: bool) -> Finding:
    if own_word:
        # As a page is on the word of whoever serves it: the codes of a closed issuer verify by the command alone.
        detail = (
            "All of this is on the archive's own word: it names the key of the log itself, and an archive can name any "
            "key. Give a policy, or the log's key, from somebody whom you believe."
        )
        return passed("checkpoint", detail, reason="own_word")
    return passed("checkpoint", "A key of the log that the policy names signed the checkpoint.")


def _counted(*, own_word: bool) -> Finding:
    if own_word:
        detail = "Whose recognition counts is the operator's choice, as the archive tells it; you may name your own."
        return passed("registries", detail, reason="named_in_file")
    return passed("registries", "Whose recognition counts is what you said.")


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
