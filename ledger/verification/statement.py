"""What `status.committed` states: folded from the entries of the log in their order, ready at any size.

`Statuses` holds the bits of all status lists and the standing of all issuers, and nothing of single awards: the acts of
an award that changes are looked up where the entries lie. So it takes few bytes for each award, and a statement costs
what changed since the one before. docs/spec/status.md says what is hashed; `ledger.verification.status_lists` and
`ledger.verification.authority_lines` check proofs against a statement.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias
from uuid import UUID

from ledger.domain import events as ev
from ledger.domain.authority import Operator
from ledger.domain.status import Act, act_of, bits
from ledger.domain.types import Did, Digest, Kid, ListId, Position, Slot, StreamId
from ledger.errors import LedgerError
from ledger.record.decoding import decode
from ledger.record.encoding import to_text
from ledger.record.entry import MalformedEntry, parse_entry
from ledger.record.schema import SCHEMA_OF
from ledger.verification.authority_lines import AuthorityLines, AuthorityProof
from ledger.verification.evidence import Placed
from ledger.verification.status_lists import SlotProof, StatusLists
from ledger.verification.statuses_bytes import MalformedStatuses, Stored, read_statuses, write_statuses
from ledger.verification.stored_acts import KINDS, act_in

# The acts of these streams of awards, each in its order, at least up to what was taken; asked for some hundred at once.
History: TypeAlias = Callable[[Sequence[StreamId]], Mapping[StreamId, Sequence[Act]]]
# The streams of awards with an entry that a key signed at a position or later, at least up to what was taken.
SignedBy: TypeAlias = Callable[[Kid, Position], Iterable[StreamId]]

_BATCH = 500  # streams that are looked up in one go
# The first entry of an award, as our own store spells it: half the price of reading its JSON, for nearly every entry.
_NEW_AWARD = re.compile(
    rb'"list":"([\w-]{22})","slot":\d+\},"kid":"(\w+)","prev":"[\w-]+","seq":0,"stream":"[\w-]+",'
    rb'"type":"credential\.(?:issued|stacked)/1","v":1\}\n'
)
_AUTHORITY = frozenset(wire.wire for event, wire in SCHEMA_OF.items() if event in ev.IssuerEvent.__args__)


class EntryMissing(LedgerError):
    """Entries are taken in the order of positions, without gaps; nothing of this one was taken."""


class Statuses:
    """How every award and every authority stands after the entries taken so far.

    To be used by one thread at a time. Looking up is put off until a statement is asked for; `settle` does it before.
    """

    def __init__(self, operator: Operator, history: History, signed_by: SignedBy) -> None:
        """Nothing was taken yet."""
        self.size = 0  # entries taken
        self._operator = operator
        self._history = history
        self._signed_by = signed_by
        self._lists = StatusLists()
        self._authority = AuthorityLines()
        self._known: set[bytes] = set()  # lists that were begun, as stored entries spell them
        self._stolen: set[Kid] = set()  # keys of which anything is disowned
        self._touched: dict[StreamId, None] = {}  # awards whose bits are not up to date, in a fixed order
        self._disowned: dict[Kid, Position] = {}  # all awards with an entry of this key from there on

    # ---- taking entries

    def take(self, entries: Iterable[ev.Recorded]) -> None:
        """The next entries, in the order of positions; what they say was verified by whoever asks for statements.

        Raises:
            EntryMissing: the position of one is not the next; those before it were taken.
        """
        for recorded in entries:
            act = act_of(recorded)
            if act is None:
                self._due(recorded.position)
                self._admit(recorded)
                self.size += 1
            else:
                self.take_act(recorded.stream, act, first=recorded.seq == 0)

    def take_stored(self, entries: Iterable[Placed]) -> None:
        """The next entries of our own store, in the order of positions, read fast and not verified.

        Raises:
            EntryMissing: the position of one is not the next; those before it were taken.
            MalformedEntry: one cannot be read at all; those before it were taken.
        """
        known, stolen, new_award = self._known, self._stolen, _NEW_AWARD.search
        for placed in entries:
            self._due(placed.position)
            award = new_award(placed.raw)
            # As nearly always: a new award, whose bit is clear, in a list that has been begun.
            if award is None or award[1] not in known or (stolen and award[2].decode() in stolen):
                self._take_decoded(placed)
            self.size += 1

    def _take_decoded(self, placed: Placed) -> None:
        decoded = decode(placed.raw)
        kind = KINDS.get(decoded.type)
        if kind is not None:
            act = act_in(decoded, kind, placed.position)
            self._take(_stream(decoded.stream), act, first=decoded.seq == 0)
            if act.list is not None:
                self._known.add(to_text(act.list).encode())
        elif decoded.type in _AUTHORITY:
            self._admit(parse_entry(placed.raw).recorded(placed.position))

    def take_act(self, stream: StreamId, act: Act, *, first: bool) -> None:
        """The next entry, which is of an award.

        Args:
            first: whether it is the first of its stream.

        Raises:
            EntryMissing: its position is not the next.
        """
        self._due(act.position)
        self._take(stream, act, first=first)
        self.size += 1

    @property
    def stolen(self) -> Collection[Kid]:
        """The keys of which anything that they ever signed is known to be disowned, and perhaps some more."""
        return self._stolen

    @property
    def pending(self) -> int:
        """How many awards wait to be looked up."""
        return len(self._touched)

    def skip(self, size: int) -> None:
        """The entries up to `size` say nothing about the standing of an award or an authority."""
        self.size = max(self.size, size)

    def _due(self, position: Position) -> None:
        if position != self.size + 1:
            raise EntryMissing(f"the entry at position {self.size + 1} is due, and the one at {position} was given")

    def _take(self, stream: StreamId, act: Act, *, first: bool) -> None:
        if act.list is not None:
            self._lists.begin(act.list)
        # A new award changes no bit, unless a key that is known as stolen made it.
        if act.kind != "issued" or not first or act.kid in self._stolen:
            self._touched[stream] = None

    def _admit(self, recorded: ev.Recorded) -> None:
        for kid, since in self._authority.take(recorded).items():
            self._stolen.add(kid)
            self._disowned[kid] = min(since, self._disowned.get(kid, since))

    # ---- statements

    def settle(self) -> None:
        """Look up the awards that changed, so that the next statement need not."""
        for kid, since in self._disowned.items():
            self._refold(self._signed_by(kid, since))
        self._disowned.clear()
        self._refold(self._touched)
        self._touched.clear()

    def statement(self) -> ev.StatusCommitted:
        """What is to be stated after the entries taken so far: by the entry that follows them."""
        self.settle()
        return ev.StatusCommitted(
            size=self.size,
            lists=len(self._lists),
            status=Digest(self._lists.root()),
            authority=Digest(self._authority.root()),
        )

    def _refold(self, streams: Iterable[StreamId]) -> None:
        for batch in _batches(streams):
            for acts in self._history(batch).values():
                self._fold([act for act in acts if act.position <= self.size])

    def _fold(self, acts: Sequence[Act]) -> None:
        if not acts:
            return
        owner = acts[0].by
        found = bits(acts, lambda kid, position: self._authority.disowns(owner, kid, position))
        for (name, slot), bit in found.items():
            self._lists.begin(name)
            self._lists.put(name, slot, bit)

    # ---- proofs, against the statement of this moment

    def is_set(self, status_list: ListId, slot: Slot) -> bool:
        """Whether not to rely on the version of an award that has this slot.

        Raises:
            ListUnknown: there is no such list.
        """
        self.settle()
        return self._lists.is_set(status_list, slot)

    def list_bits(self, status_list: ListId) -> bytes:
        """All slots of a list: what is published of it for other software.

        Raises:
            ListUnknown: there is no such list.
        """
        self.settle()
        return self._lists.bits(status_list)

    def slot_proof(self, status_list: ListId, slot: Slot) -> SlotProof:
        """What a slot holds.

        Raises:
            ListUnknown: there is no such list.
        """
        self.settle()
        return self._lists.proof(status_list, slot)

    def authority_proof(self, by: Did, kid: Kid) -> AuthorityProof:
        """The line of an issuer's key.

        Raises:
            LineUnknown: the issuer has no such key.
        """
        return self._authority.key_proof(by, kid)

    def authority_lines(self) -> tuple[bytes, ...]:
        """Every line about a key or a recognition, sorted by its bytes."""
        return self._authority.lines()

    def disowns(self, by: Did, kid: Kid, position: Position) -> bool:
        """Whether what an issuer's key signed at a position is disowned, by all that was taken."""
        return self._authority.disowns(by, kid, position)

    def recognition_proofs(self, issuer: Did) -> tuple[AuthorityProof, ...]:
        """The lines of every recognition of an issuer that counts; none where it has none."""
        return self._authority.recognition_proofs(issuer)

    # ---- a cache

    def to_bytes(self) -> bytes:
        """All of it, to begin from another time. Whoever does compares `statement` with what the log states."""
        self.settle()
        log = (self._operator.origin, str(self._operator.stream))
        stored = Stored(log=log, size=self.size, lists=tuple(self._lists.chunks()), issuers=self._authority.issuers)
        return write_statuses(stored)

    @classmethod
    def from_bytes(cls, raw: bytes, operator: Operator, history: History, signed_by: SignedBy) -> "Statuses":
        """What `to_bytes` gave.

        Raises:
            MalformedStatuses: the bytes are damaged, of another version, or of another log.
        """
        stored = read_statuses(raw)
        if stored.log != (operator.origin, str(operator.stream)):
            raise MalformedStatuses("these are the statuses of another log")
        statuses = cls(operator, history, signed_by)
        statuses.size = stored.size
        for name, chunks in stored.lists:
            statuses._lists.load(name, chunks)
        statuses._authority.restore(stored.issuers)
        statuses._stolen = {
            kid for issuer in stored.issuers.values() if issuer.reported() for kid in issuer.keys
        }  # more than are stolen: their awards are looked up
        return statuses


def _stream(text: str) -> StreamId:
    try:
        return StreamId(UUID(text))
    except ValueError as error:
        raise MalformedEntry("the stream of the entry in the store is no UUID") from error


def _batches(streams: Iterable[StreamId]) -> Iterator[list[StreamId]]:
    rest = iter(streams)
    while batch := list(islice(rest, _BATCH)):
        yield batch
