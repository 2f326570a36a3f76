"""What the tests of the use cases share: a ledger with an issuer, a recognising body and an achievement."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from ledger.adapters.home import Home
from ledger.adapters.sqlite.ledger import SqliteLedger
from ledger.adapters.vault import VaultOpener
from ledger.application.ports import Appended, Caller
from ledger.application.scanning import Scanning
from ledger.audit.replay import audit
from ledger.audit.report import AuditReport
from ledger.bootstrap import Ledger, open_ledger
from ledger.domain.codes import format_link_code
from ledger.domain.issuer import Issuer
from ledger.domain.types import StreamId
from ledger.domain.values import Role, slug
from ledger.founding import init
from ledger.testing.faults import FakeClock
from ledger.verification.verdict import State

T = TypeVar("T")

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
OPERATOR = Caller(actor="operator", issuer=None)
DEFINITION: dict[str, object] = {
    "slug": "wound-care",
    "name": "Wound care",
    "description": "Cleans, assesses and dresses wounds.",
    "competencies": [{"statement": "Dresses a wound without contaminating it"}],
    "assessments": [{"type": "observed_demonstration"}],
    "grading": {"results": ["Pass", "Pass with distinction"], "score_from": "0", "score_to": "100", "pass_mark": "50"},
}
ROW: Mapping[str, str] = {
    "student_number": "S1000001",
    "full_name": "Zoé Okonkwo-Lindqvist",
    "achievement": "wound-care",
    "awarded_on": "2026-05-01",
    "email": "zoe.okonkwo@students.example",
    "result": "Pass",
    "score": "83",
}


def run(work: Coroutine[object, object, T]) -> T:
    """What the coroutine returns."""
    return asyncio.run(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """An open ledger and what was recorded in it already."""

    ledger: Ledger
    clock: FakeClock
    college: StreamId
    board: StreamId
    achievement: StreamId
    failures: list[Exception]  # of the publisher

    @property
    def store(self) -> SqliteLedger:
        """The database."""
        store = self.ledger.store
        assert isinstance(store, SqliteLedger)
        return store

    @property
    def registrar(self) -> Caller:
        """Who works for the college."""
        return Caller(actor="registrar", issuer=self.college)

    def issuer(self, stream: StreamId | None = None) -> Issuer:
        """The issuer as it stands now."""
        return self.ledger.desk.draft().issuer(stream or self.college)

    def kids(self, role: Role, stream: StreamId | None = None) -> list[str]:
        """The keys of this role that are not retired, oldest first."""
        keys = self.issuer(stream).keys.values()
        return [key.kid for key in sorted(keys, key=lambda key: key.added) if key.role is role and key.retired is None]

    async def issue(self, key: str | None = None, **changed: str) -> Appended:
        """An award of the achievement."""
        row = {column: value for column, value in {**ROW, **changed}.items() if value}
        return await self.ledger.issuing.issue(self.registrar, self.college, row, idempotency_key=key)

    def size(self) -> int:
        """How many entries there are."""
        with self.ledger.store.snapshot() as snapshot:
            return snapshot.head().size

    def times(self) -> list[str]:
        """The recorded times by position, as spelled in the entries."""
        with self.ledger.store.snapshot() as snapshot:
            return [each.raw.split(b'"at":"', 1)[1][:24].decode() for each in snapshot.entries(0, 10_000)]

    def state(self, appended: Appended, version: int | None = None) -> State:
        """What a scan of the award's code says."""
        code = format_link_code(self.ledger.awards.receipt(OPERATOR, appended).code)
        scanning: Scanning = self.ledger.scanning()
        return scanning.scan(code, version).state

    def count(self, table: str) -> int:
        """How many rows a table of the database has."""
        connection = self.store.datastore.connect()
        try:
            found = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        finally:
            connection.close()
        return int(found)

    def audited(self) -> AuditReport:
        """The full audit of what is recorded, by the published checkpoint."""
        self.ledger.publishing.publish()
        home = self.ledger.home
        with self.ledger.engine.audit_source() as source:
            return audit(
                source,
                vkey=self.ledger.verifier_key,
                kept_checkpoint=home.checkpoint.read_bytes(),
                own_checkpoint=home.checkpoint.read_bytes(),
                opener=VaultOpener(self.ledger.vault),
                view_check=None,
            )

    def assert_sound(self) -> None:
        """Nothing is wrong with what is recorded."""
        assert self.audited().problems == ()


def make_home(folder: Path) -> None:
    """A ledger at `folder` with a college that a board recognises, and an achievement."""
    init(folder, "http://localhost:8000", "Operator", clock=FakeClock(NOON))
    home = Home(folder)
    ledger = open_ledger(home, clock=FakeClock(NOON), publishes=False)  # it is published once, at the end
    try:
        body = run(_fill(ledger))
        settings = home.settings()
        home.write_settings(
            type(settings)(
                base_url=settings.base_url,
                origin=settings.origin,
                operator=settings.operator,
                registries=(ledger.desk.draft().issuer(body).did,),
            )
        )
        ledger.publishing.publish()
    finally:
        ledger.close()


async def _fill(ledger: Ledger) -> StreamId:
    college = await ledger.issuers.register(OPERATOR, slug("college"), {"name": "College"})
    board = await ledger.issuers.register(OPERATOR, slug("board"), {"name": "Board", "recognising_body": True})
    since = date(2020, 1, 1)
    await ledger.issuers.recognise(OPERATOR, college.stream, board.stream, slug("scheme"), since, None)
    await ledger.achievements.define(college.stream, DEFINITION)
    return board.stream


def open_office(
    folder: Path,
    *,
    database_url: str | None = None,
    committed: Callable[[], None] = lambda: None,
    publishes: bool = False,
) -> Office:
    """The office in a home that `make_home` made.

    Args:
        publishes: whether it publishes by itself; if not, nothing is appended but what a test appends.
    """
    clock, failures = FakeClock(NOON), list[Exception]()
    ledger = open_ledger(
        Home(folder, database_url), clock=clock, committed=committed, failed=failures.append, publishes=publishes
    )
    with ledger.store.snapshot() as snapshot:
        issuers = dict(snapshot.names("issuer"))
        (achievement,) = snapshot.names(f"achievement/{issuers['college'].hex}")
    return Office(
        ledger=ledger,
        clock=clock,
        college=issuers["college"],
        board=issuers["board"],
        achievement=achievement[1],
        failures=failures,
    )
