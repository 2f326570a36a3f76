"""Whether a ledger and a vault belong together: a vault that is older than its ledger lacks keys of learners."""

from pathlib import Path

from ledger.adapters.copies import Copies, lacking
from ledger.adapters.sqlite.copying import key_ids
from ledger.application.ports import StoreUnavailable
from ledger.errors import LedgerError


class KeysLost(LedgerError):
    """The vault lacks keys of the ledger: together they would give learners a second record."""


def lost_beside_vault(copies: Copies, ledger: Path) -> int:
    """How many keys that an unpacked ledger needs are not in the vault that is there; 0 where there is none to ask."""
    try:
        if not copies.holds("vault"):
            return 0
        with key_ids(ledger, "ledger") as needed, copies.key_ids("vault") as held:
            return lacking(needed, held)
    except StoreUnavailable:
        return 0  # a vault that is away now must not keep the ledger from coming back


def lost_beside_ledger(copies: Copies, vault: Path) -> int:
    """How many keys that the ledger needs are not in an unpacked vault; 0 where the ledger is lost as well."""
    if not copies.holds("ledger"):
        return 0
    with copies.key_ids("ledger") as needed, key_ids(vault, "vault") as held:
        return lacking(needed, held)


def check_lost(lost: int, accepted: bool) -> None:
    """Pass if no key is lost, or if that was accepted.

    Raises:
        KeysLost.
    """
    if lost and not accepted:
        raise KeysLost(
            f"the vault lacks {lost} of the keys that this ledger's private parts need: it is older than the ledger. "
            "Those private parts would stay shut for ever, and each of these learners would begin another record, as "
            "somebody new, with the next award. Nothing was changed. Look for a newer backup of the vault; where there "
            "is none, and only then, give --accept-lost-keys"
        )
