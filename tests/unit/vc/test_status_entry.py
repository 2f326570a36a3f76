"""A status entry is signed only where whoever verifies the credential could read it."""

import pytest

from ledger.vc.data_model import DataModelViolated
from ledger.vc.reading import Json
from ledger.vc.status_entry import check_entries

ENTRY: dict[str, Json] = {
    "id": "https://a.example/list#7",
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "7",
    "statusListCredential": "https://a.example/list",
}


def places(status: Json) -> list[str]:
    """Of the faults of a credential with this status."""
    try:
        check_entries({"credentialStatus": status})
    except DataModelViolated as violated:
        return [fault.place.removeprefix("credentialStatus.") for fault in violated.faults]
    return []


@pytest.mark.parametrize(
    "status",
    [
        None,
        ENTRY,
        [ENTRY, {**ENTRY, "statusPurpose": "suspension", "statusListIndex": "0"}],
        {**ENTRY, "type": ["BitstringStatusListEntry"], "statusSize": 1},
        {**ENTRY, "statusSize": 2, "statusMessage": [{"status": "0x0", "message": "pending"}]},
        {"type": "AnotherEntry", "statusListIndex": True},  # of which nothing is known here
        "no entry",  # which the data model refuses
    ],
)
def test_entry_that_says_what_it_has_to_passes(status: Json) -> None:
    assert places(status) == []


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"statusPurpose": None}, "statusPurpose"),
        ({"statusPurpose": ""}, "statusPurpose"),
        ({"statusPurpose": ["revocation"]}, "statusPurpose"),
        ({"statusListIndex": True}, "statusListIndex"),
        ({"statusListIndex": 7}, "statusListIndex"),
        ({"statusListIndex": "-1"}, "statusListIndex"),
        ({"statusListIndex": "07"}, "statusListIndex"),
        ({"statusListIndex": "٧"}, "statusListIndex"),
        ({"statusListCredential": None}, "statusListCredential"),
        ({"statusListCredential": "list"}, "statusListCredential"),
        ({"statusListCredential": ["https://a.example/list"]}, "statusListCredential"),
        ({"id": "https://a.example/list"}, "id"),
        ({"statusSize": 0}, "statusSize"),
        ({"statusSize": True}, "statusSize"),
        ({"statusSize": "2"}, "statusSize"),
        ({"statusSize": None}, "statusSize"),
        ({"statusSize": 2}, "statusMessage"),
        ({"statusSize": 2, "statusMessage": "pending"}, "statusMessage"),
    ],
)
def test_entry_that_nobody_could_read_is_named(changed: dict[str, Json], place: str) -> None:
    assert places({**ENTRY, **changed}) == [place]
    assert places([ENTRY, {**ENTRY, **changed}]) == [place]


def test_no_more_than_twenty_faults_are_told() -> None:
    assert len(places([{"type": "BitstringStatusListEntry"}] * 10)) == 20
