"""What a status list says of an award: for each version of its document, whether not to rely on it now.

The rules are those of `ledger.domain.credential`, of which this is the part that public entries alone can tell. Where
the bits lie, and how they are proved, is decided in `ledger.verification`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from ledger.domain.events import (
    CredentialAmended,
    CredentialIssued,
    CredentialReinstated,
    CredentialRevoked,
    CredentialStacked,
    CredentialSuspended,
    Recorded,
)
from ledger.domain.issuer import Issuer
from ledger.domain.types import Did, Kid, ListId, Position, Slot

ActKind: TypeAlias = Literal["issued", "amended", "suspended", "reinstated", "revoked"]
Place: TypeAlias = tuple[ListId, Slot]


class Act(NamedTuple):  # a tuple: an audit makes one for each act of the log, and sends it from process to process
    """What one public entry of an award says about its standing."""

    position: Position
    by: Did
    kid: Kid
    kind: ActKind  # `issued` stands for `stacked` too
    list: ListId | None  # of the version that it makes; None where it makes none
    slot: Slot | None


def act_of(recorded: Recorded) -> Act | None:
    """The act that an entry records; None for an entry of anything but an award."""
    event = recorded.event
    position, by, kid = recorded.position, recorded.by, recorded.kid
    match event:
        case CredentialIssued() | CredentialStacked():
            return Act(position, by, kid, "issued", event.list, event.slot)
        case CredentialAmended():
            return Act(position, by, kid, "amended", event.list, event.slot)
        case CredentialSuspended():
            return Act(position, by, kid, "suspended", None, None)
        case CredentialReinstated():
            return Act(position, by, kid, "reinstated", None, None)
        case CredentialRevoked():
            return Act(position, by, kid, "revoked", None, None)
        case _:
            return None


def bits(acts: Sequence[Act], disowned: Callable[[Kid, Position], bool]) -> Mapping[Place, bool]:
    """For each version of an award, whether not to rely on it now: revoked, suspended, superseded, or disowned.

    What a thief raised does not count; what a thief lowered counts until a good key reinstates.

    Args:
        acts: all of one stream, in their order.
        disowned: whether what a key signed at a position is disowned, by all that is known now.
    """
    versions: list[tuple[Place, bool]] = []
    withdrawn = False
    for act in acts:
        by_thief = disowned(act.kid, act.position)
        if act.list is not None and act.slot is not None:
            versions.append(((act.list, act.slot), by_thief))
        elif act.kind != "reinstated":
            withdrawn = True
        elif not by_thief:
            withdrawn = False
    if not versions:
        return {}
    # An award that a thief made is nobody's award, whatever a good key did to it before the theft was known.
    withdrawn = withdrawn or versions[0][1]
    current = max((number for number, (_, by_thief) in enumerate(versions) if not by_thief), default=-1)
    found: dict[Place, bool] = {}
    for number, (place, _) in enumerate(versions):
        # Where two versions claim one place, which no honest log holds, the worse of both is told.
        found[place] = found.get(place, False) or withdrawn or number != current
    return found


def disowned_since(issuer: Issuer, kid: Kid) -> Position | None:
    """The first position from which on all that a key of the issuer signs is disowned; None where nothing is.

    It agrees with `Issuer.disowns` for every position after that at which the key was added.
    """
    record = issuer.keys.get(kid)
    if record is None:
        return None
    since = [report.from_position for report in record.compromises]
    if record.added_by is not None and issuer.disowns(kid, record.added):
        since.append(record.added)  # with the root key that brought it in, or by its own report
    return min(since, default=None)
