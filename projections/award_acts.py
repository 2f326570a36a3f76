"""The acts on an award as a row of `credential_status` keeps them: enough to fold them again."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import orjson

from ledger.domain.events import (
    CredentialAmended,
    CredentialEvent,
    CredentialIssued,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    Recorded,
)
from ledger.domain.types import Did, Digest, Kid, ListId, Position, Seq, Slot, StreamId
from projections.family import Cell, DamagedRow

# An award begins with one of these; anything else is an act on it.
BEGINNING = "credential.issued/1"
BEGINNINGS = frozenset((BEGINNING, "credential.stacked/1"))
_LINK, _LIST, _SLOT = Digest(bytes(32)), ListId(bytes(16)), Slot(0)
_BEGUN = CredentialIssued(link=_LINK, list=_LIST, slot=_SLOT)
# What the domain folds an act from, with empty values for what no row shows.
_EVENTS: Mapping[str, CredentialEvent] = {
    **dict.fromkeys(BEGINNINGS, _BEGUN),
    "credential.amended/1": CredentialAmended(list=_LIST, slot=_SLOT),
    "credential.suspended/1": CredentialSuspended(),
    "credential.reinstated/1": CredentialReinstated(),
    "credential.revoked/1": CredentialRevoked(),
}
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def read_acts(begun: Cell, key: Cell, later: Cell, added: Mapping[str, int]) -> list[tuple[str, Position, Kid]]:
    """Wire type, position and key of every act on an award, by seq.

    Args:
        begun, key: position of the beginning, and the key that signed it as the row names it.
        later: the JSON of the acts after it.
        added: the issuer's keys, and the positions at which they were added.

    Raises:
        DamagedRow.
    """
    keys: dict[Cell, Kid] = {position: Kid(kid) for kid, position in added.items()}
    acts = [(BEGINNING, Position(cast("int", begun)), _kid(key, keys))]
    try:
        for wire, position, signer in orjson.loads(cast("str", later)):
            if wire not in _EVENTS:
                raise DamagedRow("an act on an award is of no known kind; rebuild the view")
            acts.append((wire, Position(position), _kid(signer, keys)))
    except (ValueError, TypeError) as error:
        raise DamagedRow("the acts on an award cannot be read; rebuild the view") from error
    return acts


def _kid(key: Cell, keys: Mapping[Cell, Kid]) -> Kid:
    if isinstance(key, str):
        return Kid(key)
    if key not in keys:
        raise DamagedRow("an act names a key that its issuer never had; rebuild the view")
    return keys[key]


def recorded_acts(stream: StreamId, by: Did, acts: Sequence[tuple[str, Position, Kid]]) -> Iterator[Recorded]:
    """The acts as the domain folds them, with empty values for what no row shows."""
    for seq, (wire, position, kid) in enumerate(acts):
        yield Recorded(
            event=_EVENTS[wire],
            stream=stream,
            seq=Seq(seq),
            position=position,
            at=_NEVER,
            by=by,
            kid=kid,
            commit={},
        )
