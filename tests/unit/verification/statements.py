"""The slow, obvious way to what `status.committed` states, and a log that is forged by a list of numbers.

Everything is computed from all entries again, with the folds of the domain for one award and one issuer, the recursive
definition of RFC 6962 and the JSON of the standard library.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from ledger.domain import credential as credentials
from ledger.domain import events as ev
from ledger.domain import issuer as issuers
from ledger.domain.authority import operator_of
from ledger.domain.credential import Credential
from ledger.domain.issuer import Issuer, KeyRecord
from ledger.domain.status import Act, act_of
from ledger.domain.types import Did, Digest, Kid, ListId, Position, Slot, Slug, StreamId
from ledger.domain.values import Role
from ledger.errors import LedgerError
from ledger.testing.forge import DAY, Forge, How
from ledger.verification.evidence import Placed
from ledger.verification.statement import Statuses

LISTS = tuple(ListId(bytes([number]) * 16) for number in range(1, 4))


def root(leaves: Sequence[bytes]) -> Digest:
    """MTH of RFC 6962 §2.1 over the contents of leaves."""
    if not leaves:
        return Digest(sha256(b"").digest())
    if len(leaves) == 1:
        return Digest(sha256(b"\x00" + leaves[0]).digest())
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return Digest(sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest())


def issuers_of(history: Iterable[ev.Recorded]) -> dict[Did, Issuer]:
    """Every issuer, folded from its own stream."""
    found: dict[StreamId, Issuer] = {}
    for recorded in history:
        if isinstance(recorded.event, ev.IssuerEvent):
            found[recorded.stream] = issuers.evolve(found.get(recorded.stream), recorded)
    return {issuer.did: issuer for issuer in found.values()}


def bits_of(history: Sequence[ev.Recorded]) -> dict[tuple[ListId, int], bool]:
    """The bit of every version of every award."""
    known, streams = issuers_of(history), dict[StreamId, list[ev.Recorded]]()
    for recorded in history:
        if isinstance(recorded.event, ev.CredentialEvent):
            streams.setdefault(recorded.stream, []).append(recorded)
    found = {}
    for entries in streams.values():
        award = credentials.fold(entries, known[entries[0].by].disowns)
        assert award is not None
        for version in award.versions:
            withdrawn = award.revoked is not None or award.suspended is not None or award.disowned
            found[version.list, int(version.slot)] = withdrawn or version.disowned or version != award.current
    return found


def lines_of(history: Sequence[ev.Recorded]) -> list[bytes]:
    """Every line of the authority tree, sorted."""
    known = issuers_of(history)
    found = set()
    for issuer in known.values():
        for key in issuer.keys.values():
            line: dict[str, object] = {"by": issuer.did, "kid": key.kid, "role": key.role.value, "added": key.added}
            if key.retired is not None:
                line["retired"] = key.retired
            since = _disowned_from(issuer, key)
            if since is not None:
                line["from"] = since
            found.add(_spelled(line))
        for each in issuer.recognitions:
            if known[each.by].disowns(each.kid, each.position):
                continue
            line = {"by": each.by, "issuer": issuer.did, "scheme": each.scheme, "since": str(each.since)}
            if each.until is not None:
                line["until"] = str(each.until)
            found.add(_spelled(line))
    return sorted(found)


def _disowned_from(issuer: Issuer, key: KeyRecord) -> int | None:
    reports = [report.from_position for report in key.compromises]
    if key.added_by is not None:
        above = _disowned_from(issuer, issuer.keys[key.added_by])
        if above is not None and above <= key.added:
            reports.append(key.added)
    return min(reports, default=None)


def _spelled(line: Mapping[str, object]) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode()


def stated(history: Sequence[ev.Recorded]) -> ev.StatusCommitted:
    """What is to be stated after these entries."""
    places = bits_of(history)
    names = list(dict.fromkeys(name for name, _ in _in_order(history)))
    leaves = []
    for name in names:
        row = bytearray(16_384)
        for (status_list, slot), bit in places.items():
            if status_list == name and bit:
                row[slot // 8] |= 128 >> slot % 8
        chunks = [bytes(row[start : start + 256]) for start in range(0, len(row), 256)]
        leaves.append(name + (131_072).to_bytes(4, "big") + root(chunks))
    return ev.StatusCommitted(
        size=len(history), lists=len(names), status=root(leaves), authority=root(lines_of(history))
    )


def _in_order(history: Iterable[ev.Recorded]) -> list[tuple[ListId, Slot]]:
    events = (recorded.event for recorded in history)
    return [
        (event.list, event.slot) for event in events if isinstance(event, ev.CredentialAwarded | ev.CredentialAmended)
    ]


def busy() -> "World":
    """A log in which everything happens."""
    world, drawn = World(), Random(7)
    for _ in range(150):
        world.do(drawn.choice(DEEDS), drawn.randrange(10_000))
    return world


@dataclass
class World:
    """A forged log that numbers drive: what may not follow is left out, and time goes on."""

    forge: Forge = field(default_factory=Forge)
    dids: list[Did] = field(default_factory=list)
    keys: dict[Did, list[str]] = field(default_factory=dict)  # names of keys that were added for signing
    roots: dict[Did, list[str]] = field(default_factory=dict)
    awards: list[StreamId] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("north", "south", "body"):
            did = self.forge.register(name)
            self.dids.append(did)
            self.keys[did], self.roots[did] = [f"{name}/signing"], [f"{name}/root"]

    @property
    def history(self) -> list[ev.Recorded]:
        """What was recorded."""
        return [sealed.recorded for sealed in self.forge.log]

    @property
    def placed(self) -> list[Placed]:
        """The same as bytes."""
        log = enumerate(self.forge.log, start=1)
        return [Placed(position=Position(place), raw=sealed.entry) for place, sealed in log]

    def statuses(self) -> Statuses:
        """Statuses that look up what the whole log holds."""
        return Statuses(operator_of(self.forge.log[0].recorded), self.acts, self.signed_by)

    def restored(self, raw: bytes) -> Statuses:
        """The same, from bytes."""
        return Statuses.from_bytes(raw, operator_of(self.forge.log[0].recorded), self.acts, self.signed_by)

    def acts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Sequence[Act]]:
        """As the store would look them up."""
        found = {}
        for stream in streams:
            acts = [act_of(self.forge.log[place - 1].recorded) for place in self.forge.streams.get(stream, [])]
            found[stream] = [act for act in acts if act is not None]
        return found

    def signed_by(self, kid: Kid, position: Position) -> Iterable[StreamId]:
        """As the store would look them up."""
        entries = self.history[position - 1 :]
        return [each.stream for each in entries if each.kid == kid and isinstance(each.event, ev.CredentialEvent)]

    def do(self, what: str, number: int) -> None:
        """One thing, of which `number` chooses the details; nothing where the rules do not allow it."""
        did = self.dids[number % 3]
        if what in ("issue", "stack"):
            self._issue(did, number, stacked=what == "stack")
        elif what in ("amend", "suspend", "reinstate", "revoke"):
            self._act(what, number)
        else:
            self._authority(what, did, number)

    def _authority(self, what: str, did: Did, number: int) -> None:
        forge, body = self.forge, self.dids[2]
        name = f"{did.rsplit(':', 1)[-1]}/{len(forge.log)}"
        roots, keys = self.roots[did], self.keys[did]
        root_key, key = roots[number // 3 % len(roots)], (roots + keys)[number // 7 % len(roots + keys)]
        how = How(key=root_key)
        if what == "add" and number % 5 and self._good(did, root_key):
            forge.add_key(did, name, how=how)
            keys.append(name)
        elif what == "add" and self._good(did, root_key):
            forge.add_key(did, name, Role.ROOT, how=how)
            roots.append(name)
        elif what == "retire":
            self._allowed(did, ev.IssuerKeyRetired(key=forge.kid(key), recovery=True), how=RECOVERS)
        elif what == "compromise":
            start = 1 + number * 31 % len(forge.log)
            event = ev.IssuerKeyCompromised(key=forge.kid(key), from_position=Position(start), recovery=True)
            self._allowed(did, event, how=RECOVERS)
        elif what == "recognise" and did != body:
            signer = self.keys[body][number // 5 % len(self.keys[body])]
            until = DAY if number % 2 else None
            recognised = ev.IssuerRecognised(issuer=did, scheme=Slug("quality"), since=DAY, until=until)
            self._allowed(did, recognised, how=How(by=body, key=signer))
        elif what == "end" and did != body:
            ended = ev.IssuerRecognitionEnded(issuer=did, scheme=Slug("quality"), until=DAY)
            self._allowed(did, ended, how=How(by=body, key=self.keys[body][0]))
        elif what == "profile":
            version = len(issuers_of(self.history)[did].profiles) + 1
            forge.change_profile(did, version=version, how=How(key=keys[0]), description=f"{version}")
        elif what == "define":
            forge.define(did, how=How(key=keys[0]))

    def _good(self, did: Did, root_key: str) -> bool:
        return not issuers_of(self.history)[did].disowns(self.forge.kid(root_key), Position(len(self.forge.log) + 1))

    def _allowed(self, did: Did, event: ev.IssuerEvent, *, how: How) -> None:
        by = how.by or did
        try:
            issuers.permit(issuers_of(self.history)[did], event, by=by, at=Position(len(self.forge.log) + 1))
        except LedgerError:
            return
        self.forge.append(event, stream=self.forge.issuers[did], by=by, key=how.key or "")

    def _issue(self, did: Did, number: int, *, stacked: bool) -> None:
        status_list = LISTS[number // 3 % 3]
        made = ev.CredentialStacked if stacked else ev.CredentialIssued
        event = made(link=Digest(bytes(32)), list=status_list, slot=Slot(len(self.forge.log) * 997 % 131_072))
        stream = self.forge.new_stream()
        self._record(event, stream, did, number)
        self.awards.append(stream)

    def _act(self, what: str, number: int) -> None:
        if not self.awards:
            return
        stream = self.awards[number // 2 % len(self.awards)]
        history = [each for each in self.history if each.stream == stream]
        issuer = issuers_of(self.history)[history[0].by]
        state: Credential | None = credentials.fold(history, issuer.disowns)
        slot = Slot(len(self.forge.log) * 997 % 131_072)
        events: dict[str, ev.CredentialEvent] = {
            "amend": ev.CredentialAmended(list=LISTS[number // 3 % 3], slot=slot),
            "suspend": ev.CredentialSuspended(),
            "reinstate": ev.CredentialReinstated(),
            "revoke": ev.CredentialRevoked(),
        }
        event = events[what]
        try:
            credentials.permit(state, event)
        except LedgerError:
            return
        self._record(event, stream, history[0].by, number)

    def _record(self, event: ev.CredentialEvent, stream: StreamId, did: Did, number: int) -> None:
        """An act by one of the issuer's keys, good or stolen."""
        key = self.keys[did][number // 11 % len(self.keys[did])]
        parts = dict.fromkeys(ev.PARTS[type(event)], b"")
        self.forge.append(event, stream=stream, by=did, key=key, parts=parts)


RECOVERS = How(by=operator_of(Forge().log[0].recorded).did, key="operator")
DEEDS = (
    *("issue", "issue", "issue", "stack", "amend", "suspend", "reinstate", "revoke"),
    *("add", "retire", "compromise", "compromise", "recognise", "end", "profile", "define"),
)
