"""All that can be asked of a ledger, in a form that is equal where two ledgers are: rows, searches, records, audits."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from ledger.adapters.vault import VaultOpener
from ledger.application.ports import Caller
from ledger.audit.replay import audit
from ledger.audit.report import AuditReport
from ledger.domain.types import StreamId
from projections.family import Row
from projections.replay_check import view_check
from projections.rows import CredentialRow, Status
from projections.stores.tables import all_tables
from projections.views import FAMILY
from tests.machine.side import Side
from verify_api.issuer import telling

OPERATOR = Caller(actor="operator", issuer=None)
_PAGE = 3  # awards: a search of a few goes over several

Rows: TypeAlias = list[tuple[object, ...]]


def appended(side: Side, after: int) -> tuple[int, object, list[bytes]]:
    """How long the log is, the time of its end, and the bytes of every entry beyond `after`."""
    with side.services.ledger.store.snapshot() as snapshot:
        head = snapshot.head()
        return head.size, head.at, [raw for _, raw in snapshot.states(after)]


def audited(side: Side, *, views: bool) -> AuditReport:
    """What the audit says, without how long it took."""
    ledger = side.services.ledger
    note, opener = ledger.home.checkpoint.read_bytes(), VaultOpener(ledger.vault)
    with side.engine.audit_source() as source:
        report = audit(
            source,
            vkey=ledger.verifier_key,
            kept_checkpoint=note,
            own_checkpoint=note,
            opener=opener,
            view_check=view_check(source, opener, side.place) if views else None,
        )
    return replace(report, seconds=0.0)


def every_row(side: Side) -> dict[str, Rows]:
    """Every table of the ledger and of its vault, cell by cell."""
    with TemporaryDirectory(prefix="testamur-machine-") as folder:
        ledger, vault = Path(folder) / "ledger.db", Path(folder) / "vault.db"
        side.engine.copies().copy_to(ledger)
        side.engine.copies().copy_vault_to(vault)
        return _rows(ledger) | _rows(vault)


def _rows(path: Path) -> dict[str, Rows]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for (name,) in names.fetchall()}


def every_cell(side: Side) -> dict[str, list[Row]]:
    """Every table of every view, with how far the view has come."""
    side.services.views.catch_up()
    with side.place.reading(FAMILY) as reader:
        tables = {table.name: list(reader.cells(table)) for view in FAMILY for table in all_tables(view)}
        return tables | {f"{view.name}: position": [(reader.position(view.name),)] for view in FAMILY}


def searches(side: Side, words: Sequence[str], today: date) -> list[list[CredentialRow]]:
    """What is found by each of these words and by each status, page after page."""
    asked = [(word, None) for word in (None, *words)] + [(None, status.value) for status in Status]
    found = []
    for query, status in asked:
        rows, after = list[CredentialRow](), None
        while page := side.services.views.search(
            issuer=None, query=query, achievement=None, status=status, after=after, limit=_PAGE, today=today
        ):
            rows += page
            after = page[-1].cursor
        count = side.services.views.count(issuer=None, query=query, achievement=None, status=status, today=today)
        assert count == len(rows)
        found.append(rows)
    return found


def histories(side: Side, credentials: Sequence[StreamId]) -> list[str]:
    """Each award's history as its issuer is told it."""
    ledger = side.services.ledger
    records = [ledger.awards.read(OPERATOR, stream) for stream in credentials]
    return [telling.history(record, ledger.desk).model_dump_json() for record in records]
