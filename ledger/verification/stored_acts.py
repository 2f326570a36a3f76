"""The acts that entries of our own store record, read fast and not verified: the bits of lists follow from them."""

from collections.abc import Mapping

from ledger.domain import events as ev
from ledger.domain.status import Act, ActKind
from ledger.domain.types import Did, Kid, ListId, Position, Slot
from ledger.domain.values import STATUS_LIST_SLOTS
from ledger.record.decoding import Decoded, decode
from ledger.record.encoding import MalformedEncoding, from_text
from ledger.record.entry import MalformedEntry
from ledger.record.schema import SCHEMA_OF
from ledger.verification.evidence import Placed
from ledger.verification.status_lists import LIST_ID

KINDS: Mapping[str, ActKind] = {
    SCHEMA_OF[ev.CredentialIssued].wire: "issued",
    SCHEMA_OF[ev.CredentialStacked].wire: "issued",
    SCHEMA_OF[ev.CredentialAmended].wire: "amended",
    SCHEMA_OF[ev.CredentialSuspended].wire: "suspended",
    SCHEMA_OF[ev.CredentialReinstated].wire: "reinstated",
    SCHEMA_OF[ev.CredentialRevoked].wire: "revoked",
}


def stored_act(placed: Placed) -> Act | None:
    """The act that an entry of our own store records, unverified; None for an entry of anything but an award.

    Raises:
        MalformedEntry: it cannot be read at all.
    """
    decoded = decode(placed.raw)
    kind = KINDS.get(decoded.type)
    return None if kind is None else act_in(decoded, kind, placed.position)


def act_in(decoded: Decoded, kind: ActKind, position: Position) -> Act:
    """The act of a kind that an entry records.

    Raises:
        MalformedEntry: it has no list or slot, and an entry of its kind has both.
    """
    by, kid = Did(decoded.by), Kid(decoded.kid)
    if kind != "issued" and kind != "amended":
        return Act(position, by, kid, kind, None, None)
    slot = decoded.data.get("slot")
    if type(slot) is not int or not 0 <= slot < STATUS_LIST_SLOTS:
        raise MalformedEntry("the entry in the store has no slot")
    try:
        return Act(position, by, kid, kind, ListId(from_text(decoded.data.get("list"), LIST_ID)), Slot(slot))
    except MalformedEncoding as error:
        raise MalformedEntry(f"the entry in the store has no status list: {error}") from error
