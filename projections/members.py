"""Which views there are, by name."""

from collections.abc import Sequence

from ledger.errors import LedgerError
from projections.credential_status import CredentialStatus
from projections.family import View
from projections.wallet import Wallet

# The wallet first: a row of `credential_status` leads to one of the wallet.
FAMILY: tuple[View, ...] = (Wallet(), CredentialStatus())


class NoSuchView(LedgerError):
    """There is no view of that name."""


def named(name: str | None) -> Sequence[View]:
    """The view of that name; every view for None.

    Raises:
        NoSuchView.
    """
    found = [view for view in FAMILY if name in (None, view.name)]
    if not found:
        there = ", ".join(sorted(view.name for view in FAMILY))
        raise NoSuchView(f"there is no view “{(name or '')[:80]}”; there are {there}")
    return found
