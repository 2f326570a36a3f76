"""Every `status.committed` held against the entries before it: both roots are computed anew at each.

Entries are taken in the order of positions. What a range of them says about the standing of awards is small: nearly
every entry is a new award, which changes no bit. Awards that change are looked up as they stood at the position asked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from ledger.audit.entries import award_parts, bytes_of, is_new_award, is_statement
from ledger.audit.first import read_first
from ledger.audit.report import Check, Findings, Step
from ledger.audit.signed_lists import SignedLists
from ledger.audit.source import AuditSource
from ledger.domain.authority import Operator
from ledger.domain.events import IssuerKeyAdded, IssuerKeyCompromised, Recorded, StatusCommitted
from ledger.domain.status import Act, act_of
from ledger.domain.types import Kid, Position, Slot, StreamId
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.verification.statement import Statuses

_LAST = 2**63 - 1  # beyond any position
_MOST_PENDING = 5_000  # awards that wait to be looked up: memory stays flat where statements are far apart
_LIST = b'"list":"'
_NAMED = len(_LIST) + 22  # bytes, of the name of a list in base64url too
_THIEVES = (IssuerKeyAdded, IssuerKeyCompromised)  # from these on, a key may be known as stolen


@dataclass(frozen=True, slots=True)
class Taken:
    """One act, as it is taken."""

    stream: StreamId
    act: Act
    first: bool  # of its stream


def acts_of(entries: Iterable[tuple[int, bytes]]) -> tuple[Taken, ...]:
    """The acts of these entries of awards; of new awards the first that uses each list, since the others change no bit.

    What is no entry says nothing; it is reported where awards are read.
    """
    taken: list[Taken] = []
    lists: set[bytes] = set()
    for position, raw in entries:
        if not is_new_award(raw):
            taken += _taken(position, raw)
            continue
        begin = raw.find(_LIST)
        name = raw[begin : begin + _NAMED]
        if name not in lists and (first := list(_taken(position, raw))):
            lists.add(name)
            taken += first
    return tuple(taken)


def _taken(position: int, raw: bytes) -> Iterator[Taken]:
    entry = _entry(raw)
    act = None if entry is None else act_of(entry.recorded(Position(position)))
    if entry is not None and act is not None:
        yield Taken(entry.stream, act, entry.seq == 0)


def _entry(raw: bytes) -> Entry | None:
    try:
        return parse_entry(raw)
    except LedgerError:
        return None


class Statements:
    """Folds what is recorded, and compares at each statement."""

    def __init__(self, source: AuditSource, operator: Operator, signed: SignedLists, found: Findings) -> None:
        """Nothing was taken yet."""
        self._source = source
        self._signed = signed
        self._found = found
        self._statuses = Statuses(operator, self._history, self._signed_by)
        # Without any statement there is nothing to compare, and awards need not be looked up for it.
        rows = source.entries_of(operator.stream.hex, _LAST)
        self._wanted = any(is_statement(bytes_of(row)) for row in rows)

    def prepare(self, acts: Sequence[Taken], others: Sequence[Recorded], after: int, last: int) -> Sequence[Taken]:
        """The acts of a range, with every new award among them that a thief could have made."""
        if not self._wanted:
            return ()
        stolen = [kid.encode("ascii") for kid in self._statuses.stolen]
        thieves = any(isinstance(each.event, _THIEVES) for each in others)
        if not stolen and not thieves:
            return acts
        there = {each.act.position for each in acts}
        found = list(acts)
        for row in self._source.entries(after, last):
            raw, position = bytes_of(row), row[0]
            wanted = is_new_award(raw) and (thieves or any(kid in raw for kid in stolen))
            if wanted and type(position) is int and position not in there:
                found += _taken(position, raw)
        return found

    def take_act(self, taken: Taken) -> None:
        """The next act."""
        if taken.act.list is not None:
            self._signed.use(taken.act.list, taken.act.by)
        if self._pass_over(taken.act.position):
            self._statuses.take_act(taken.stream, taken.act, first=taken.first)
            if self._statuses.pending > _MOST_PENDING:
                self._statuses.settle()

    def take(self, recorded: Recorded) -> None:
        """The next entry that is no award's and that counts; a statement is compared."""
        if not self._wanted or not self._pass_over(recorded.position):
            return
        if isinstance(recorded.event, StatusCommitted):
            self._compare(recorded, recorded.event)
        self._statuses.take([recorded])

    def _pass_over(self, position: Position) -> bool:
        """Count the entries before this one; False where something was taken at its position already."""
        self._statuses.skip(position - 1)
        return self._statuses.size == position - 1

    def _compare(self, recorded: Recorded, stated: StatusCommitted) -> None:
        due = self._statuses.statement()
        differs = [
            what
            for what, said, is_so in (
                ("the number of status lists", stated.lists, due.lists),
                ("the root over the status lists", stated.status, due.status),
                ("the root over keys and recognitions", stated.authority, due.authority),
            )
            if said != is_so
        ]
        if differs:
            reason = f"{' and '.join(differs)} stated here {'is' if len(differs) == 1 else 'are'} not what follows"
            reason = f"{reason} from the entries before it"
            self._found.report(Check.STATEMENT, recorded.position, reason, recorded, Step.STREAM)
        self._signed.compare(recorded, self._statuses)

    # ---- what lies in the database

    def _history(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Sequence[Act]]:
        return {stream: self._acts(stream) for stream in streams}

    def _acts(self, stream: StreamId) -> list[Act]:
        found: list[tuple[int, Act]] = []
        for row in self._source.entries_of(stream.hex, self._statuses.size):
            raw, position = bytes_of(row), row[0]
            if type(position) is not int:
                continue
            first = read_first(raw)
            if first is not None:
                found.append(
                    (position, Act(Position(position), first.by, first.kid, "issued", first.list, Slot(first.slot)))
                )
            else:
                found += [(position, each.act) for each in _taken(position, raw)]
        return [act for _, act in sorted(found, key=itemgetter(0))]

    def _signed_by(self, kid: Kid, position: Position) -> Iterator[StreamId]:
        spelled = kid.encode("ascii")
        for row in self._source.entries(position - 1, self._statuses.size):
            raw = bytes_of(row)
            entry = _entry(raw) if spelled in raw and award_parts(raw) else None
            if entry is not None and entry.kid == kid:
                yield entry.stream
