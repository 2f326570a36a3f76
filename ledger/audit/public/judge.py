"""Judges the entries of a log in the order of positions, bundle by bundle, and remembers how things stand.

Each entry was tied to a signed root, and asked what it can be asked by itself, before it comes here.
"""

from collections import deque
from collections.abc import Mapping, Sequence

from ledger.audit.public.authorities import Authorities, check_statement
from ledger.audit.public.awards import Awards
from ledger.audit.public.bundles import Award, BundleRead, milliseconds
from ledger.audit.public.state import AuditState, Progress, StateNotUsable
from ledger.audit.public.times import Bracket
from ledger.audit.report import Findings, Problem, Step
from ledger.domain.authority import Operator
from ledger.domain.events import CredentialEvent, StatusCommitted
from ledger.domain.log import Log
from ledger.domain.status import Act
from ledger.domain.types import Position, StreamId
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.tlog.merkle import CompactRange, node_hash
from ledger.tlog.tiles import FULL_WIDTH
from ledger.verification.statement import Statuses


class _Hearing(Findings):
    """Findings that hear nothing until they are told to: what was wrong with entries of old was said then."""

    def __init__(self) -> None:
        """Deaf."""
        super().__init__()
        self.deaf = True

    def add(self, problem: Problem, step: Step = Step.BESIDE) -> None:
        """Record a problem, if it is heard."""
        if not self.deaf:
            super().add(problem, step)


class Judge:
    """How far a log was read, and how things stand there; takes the bundles that come next."""

    def __init__(self, state: AuditState, operator: Operator) -> None:
        """As the state says.

        Raises:
            StateNotUsable: what it says cannot be.
        """
        progress = state.progress()
        hearing = _Hearing()
        self.found: Findings = hearing
        self._state = state
        self._before = progress or Progress(
            tree=CompactRange.empty(), log=None, statement=None, latest=None, committed=0, stacks=0
        )
        self._tree = self._before.tree
        try:
            self._authorities = Authorities(state, operator, self.found)
            raw = state.statuses()
            self._statuses = (
                Statuses.from_bytes(raw, operator, self._history, state.signed_by)
                if raw
                else Statuses(operator, self._history, state.signed_by)
            )
        except LedgerError as error:
            raise StateNotUsable(f"the state is damaged: {error}") from error
        self._awards = Awards(state, self._authorities.registry, self._statuses, self.found)
        self._bracket = Bracket(self._before.statement, self._before.latest, self.found)
        hearing.deaf = False
        self.found.merge(state.problems())

    @property
    def size(self) -> int:
        """How many entries were taken."""
        return self._tree.size

    @property
    def tree(self) -> CompactRange:
        """Over all of them."""
        return self._tree

    @property
    def log(self) -> Log | None:
        """What the log says about itself; None before its first entry."""
        return self._authorities.log

    @property
    def progress(self) -> Progress:
        """What there is to remember of it."""
        return Progress(
            tree=self._tree,
            log=self._authorities.log_follows,
            statement=self._bracket.statement,
            latest=self._bracket.latest,
            committed=self._before.committed + self._awards.committed,
            stacks=self._before.stacks + self._awards.stacks,
        )

    @property
    def wordings(self) -> int:
        """How many definitions and profiles entries name by their digest."""
        return len(self._authorities.registry.wordings)

    def take(self, read: BundleRead, entries: Sequence[bytes]) -> None:
        """The next bundle.

        Args:
            entries: all of it, also what was taken before.
        """
        self.found.merge(read.found)
        others = deque((offset, parse_entry(entries[offset])) for offset in read.others)
        awards = list(read.awards())
        acts = {entry.stream.bytes for _, entry in others}
        self._awards.expect({award.stream for award in awards} | acts)
        for award in awards:
            while others and others[0][0] < award.offset:
                self._entry(*others.popleft(), read.first)
            self._award(award, entries, read.first)
        for offset, entry in others:
            self._entry(offset, entry, read.first)
        self._awards.flush()
        self._authorities.flush()
        self._tree = grown(self._tree, read)
        self._statuses.skip(self._tree.size)

    def keep(self) -> None:
        """Put everything into the state."""
        self._state.put_lists(self._awards.slots.changed())
        self._state.find(self.found.found())
        self._state.advance(self.progress, self._statuses.to_bytes())

    def _award(self, award: Award, entries: Sequence[bytes], first: int) -> None:
        """The first entry of an award."""
        position = Position(first + award.offset + 1)
        if not self._awards.take_plain(award, position):
            self._entry(award.offset, parse_entry(entries[award.offset]), first)
            return
        self._bracket.take(position, award.at)

    def _entry(self, offset: int, entry: Entry, first: int) -> None:
        """Any entry that somebody signed."""
        position, event = Position(first + offset + 1), entry.event
        self._statuses.skip(position - 1)
        if isinstance(event, StatusCommitted):
            self._awards.flush()
            check_statement(entry, position, event, self._statuses, self._bracket, self.found)
        else:
            self._bracket.take(position, milliseconds(entry.at))
        of_award = isinstance(event, CredentialEvent) and not self._authorities.knows(entry.stream)
        if of_award or self._awards.knows(entry.stream):
            self._awards.take(entry, position)
            return
        if self._authorities.take(entry, position):
            self._awards.forget(event)
            self._statuses.take([entry.recorded(position)])

    def _history(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Sequence[Act]]:
        """What happened in streams of awards; asked for statements, when everything was put into the state."""
        return self._state.acts(streams)


def grown(tree: CompactRange, read: BundleRead) -> CompactRange:
    """The tree with the leaves of the bundle that comes next."""
    if read.leaves:
        return tree.extended(read.leaves)
    # A full bundle that is all new is a perfect subtree, which completes others as a leaf does.
    hashes, node, unpaired = list(tree.hashes), read.subtrees[0], tree.size // FULL_WIDTH
    while unpaired & 1:
        node, unpaired = node_hash(hashes.pop(), node), unpaired >> 1
    return CompactRange(size=tree.size + FULL_WIDTH, hashes=(*hashes, node))
