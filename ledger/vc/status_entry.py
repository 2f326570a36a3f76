"""Whether the status entries of a credential that is to be signed could be read by anybody who verifies it.

Bitstring Status List 1.0 §2.1. What an entry finds in its list is decided in `ledger.vc.status_list`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ledger.vc.data_model import DataModelViolated, Fault, is_url, listed
from ledger.vc.reading import Document, Json

_ENTRY: Final = "BitstringStatusListEntry"
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_MOST_TOLD: Final = 20  # faults of one document


def check_entries(document: Document) -> None:
    """Pass if each entry of `BitstringStatusListEntry` says what it has to.

    Raises:
        DataModelViolated.
    """
    entries = (entry for entry in listed(document.get("credentialStatus")) if isinstance(entry, Mapping))
    faults = (fault for entry in entries if _ENTRY in listed(entry.get("type")) for fault in _faults(entry))
    found = tuple(fault for fault, _ in zip(faults, range(_MOST_TOLD), strict=False))
    if found:
        raise DataModelViolated(found)


def _faults(entry: Mapping[str, Json]) -> Iterator[Fault]:
    purpose, index = entry.get("statusPurpose"), entry.get("statusListIndex")
    address, size = entry.get("statusListCredential"), entry.get("statusSize", 1)
    if not isinstance(purpose, str) or not purpose:
        yield _fault("statusPurpose", "is missing, or is no text")
    if not isinstance(index, str) or not _INDEX.fullmatch(index):
        yield _fault("statusListIndex", "is not a whole number, 0 or more, as a text")
    if not isinstance(address, str) or not is_url(address):
        yield _fault("statusListCredential", "is not a single URL")
    elif entry.get("id") == address:
        yield _fault("id", "is the address of the list")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        yield _fault("statusSize", "is not a whole number, 1 or more")
    elif size > 1 and not isinstance(entry.get("statusMessage"), list):
        yield _fault("statusMessage", "is missing, or is no list, where an entry has several bits")


def _fault(member: str, reason: str) -> Fault:
    return Fault(place=f"credentialStatus.{member}", reason=reason)
