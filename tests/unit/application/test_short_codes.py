"""A short code leads to the award that names it, whatever the table of short codes was made to say."""

import sqlite3
from pathlib import Path

import pytest

from ledger.domain.credential import CredentialNotIssued
from ledger.verification.verdict import State
from tests.unit.application.office import OPERATOR, Office, run


def test_exchanged_short_codes_lead_nowhere(office: Office) -> None:
    one, two = run(office.issue()), run(office.issue())
    codes = [office.ledger.awards.receipt(OPERATOR, award).short_code for award in (one, two)]
    scanning = office.ledger.scanning()
    assert [scanning.scan_short(code).state for code in codes] == [State.VALID, State.VALID]
    assert [office.ledger.awards.find(code) for code in codes] == [one.stream, two.stream]
    _exchange(office.ledger.home.database)
    assert [scanning.scan_short(code).state for code in codes] == [State.NOT_FOUND, State.NOT_FOUND]
    for code in codes:
        with pytest.raises(CredentialNotIssued):
            office.ledger.awards.find(code)


def _exchange(database: Path) -> None:
    connection = sqlite3.connect(database)
    with connection:
        rows = connection.execute("SELECT mac, stream FROM short_codes").fetchall()
        for (mac, _), (_, stream) in zip(rows, reversed(rows), strict=True):
            connection.execute("UPDATE short_codes SET stream = ? WHERE mac = ?", (stream, mac))
    connection.close()
