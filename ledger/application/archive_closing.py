"""What the capsule of an award shows, and which capsules a new name makes out of date."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from ledger.application.awards import open_parts
from ledger.application.ports import Boxes, Snapshot
from ledger.domain.credential import fold
from ledger.domain.events import CredentialStacked
from ledger.domain.types import Position, Seq, StreamId
from ledger.domain.values import Part
from ledger.record.capsule import SHOWN
from ledger.record.commitment import Opening
from ledger.record.entry import parse_entry
from ledger.verification.evidence import PartEvidence, Placed
from ledger.verification.former_names import FormerNames, named_versions
from ledger.verification.readings import Readings
from ledger.verification.statement import Statuses

Opened = Mapping[Position, Mapping[Part, PartEvidence]]  # the parts of an award, each the one that was committed to

_STACKED = b'"credential.stacked/'


def shown_parts(
    placed: Sequence[Placed], opened: Opened, statuses: Statuses, former: FormerNames | None
) -> dict[Position, dict[Part, Opening]]:
    """What a capsule shows of each entry.

    Nothing of versions that bear a name which was given up since, or were made with a stolen key; and no document that
    bears such a name in a part. That may be the document of the current version, until the stack is amended.
    """
    closed = _closed(placed, opened, statuses)
    return {
        position: {
            part: given.opening
            for part, given in parts.items()
            if part in SHOWN
            and given.opening is not None
            and not (former is not None and part is Part.DOCUMENT and former.stand_in(given.opening, position))
        }
        for position, parts in opened.items()
        if position not in closed
    }


def _closed(placed: Sequence[Placed], opened: Opened, statuses: Statuses) -> set[Position]:
    """The versions that nobody is shown: they bear a name that was given up since, or were made with a stolen key."""
    entries = [parse_entry(each.raw) for each in placed]
    history = [entry.recorded(each.position) for entry, each in zip(entries, placed, strict=True)]
    credential = fold(history, partial(statuses.disowns, history[0].by))
    if credential is None or len(credential.versions) == 1:
        return set()
    current = credential.current.position
    names = {each.position: each.name for each in named_versions(placed, opened, Readings())}
    disowned = {version.position for version in credential.versions if version.disowned}
    return {at for at, name in names.items() if at != current and (at in disowned or name != names[current])}


def stacks_with(
    snapshot: Snapshot, boxes: Boxes, parts: Collection[StreamId], last: Position | int
) -> Iterator[StreamId]:
    """The stacks, up to position `last`, that were built from one of these awards; those too that cannot be read."""
    for position, raw in snapshot.states(0, last) if parts else ():
        if _STACKED not in raw:
            continue
        entry, readings = parse_entry(raw), Readings()
        if not isinstance(entry.event, CredentialStacked):
            continue
        found = open_parts(snapshot, boxes, entry.stream, {position: Seq(0)}).get(position, {}).get(Part.FACTS)
        facts = None if found is None or found.opening is None else readings.facts(found.opening.content)
        if facts is None or facts.award is None or any(pin.stream in parts for pin in facts.award.components):
            yield entry.stream
