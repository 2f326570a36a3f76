"""Views of a real ledger: what use cases record is what lists show, and the audit's source gives the same rows."""

import asyncio
from datetime import date
from pathlib import Path

import pytest

from ledger.adapters.clock import UnsafeClock
from ledger.adapters.home import Home
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.adapters.vault import VaultOpener
from ledger.application.ports import Caller
from ledger.bootstrap import Ledger, open_ledger
from ledger.canonical import Json
from ledger.domain.types import Digest
from ledger.domain.values import Reason, parse_time, slug
from ledger.founding import init
from projections.feed import FeedFailed, StoreFeed
from projections.replay_check import compare, view_check
from projections.views import SqliteViews, Status, open_views

OPERATOR = Caller(actor="test", issuer=None)
WOUND_CARE: dict[str, Json] = {
    "slug": "wound-care",
    "name": "Wound care",
    "description": "Basics.",
    "competencies": [{"statement": "Can dress a wound"}],
    "assessments": [{"type": "examination"}],
}


async def fill(ledger: Ledger) -> None:
    """Three awards: one amended, one revoked, one as it was issued."""
    college = (await ledger.issuers.register(OPERATOR, slug("college"), {"name": "College"})).stream
    await ledger.achievements.define(college, WOUND_CARE)
    row = {"achievement": "wound-care", "awarded_on": "2026-05-01"}
    for number, name in enumerate(("Zoé", "Ben", "Cem")):
        fields = {**row, "student_number": f"S-{number}", "full_name": name}
        issued = await ledger.issuing.issue(OPERATOR, college, fields)
        if name == "Zoé":
            await ledger.changing.amend(OPERATOR, issued.stream, {"full_name": "Zoë"}, Reason.OTHER)
        if name == "Ben":
            await ledger.changing.revoke(OPERATOR, issued.stream, Reason.OTHER)


def test_a_real_ledger_is_listed_compared_and_rebuilt(tmp_path: Path) -> None:
    clock = UnsafeClock(parse_time("2026-11-21T12:00:00.000Z"))
    init(tmp_path / "home", "http://localhost:8000", "Operator", clock=clock)
    home = Home(tmp_path / "home")
    today = date(2026, 11, 21)
    with home.hold():
        ledger = open_ledger(home, clock=clock)
        views = open_views(SqliteViews(home.views), ledger.store, ledger.boxes)
        try:
            asyncio.run(fill(ledger))
            with ledger.store.snapshot() as snapshot:
                assert views.catch_up() == snapshot.head().size
            listed = views.search(
                issuer=None, query=None, achievement="wound-care", status=None, after=None, limit=9, today=today
            )
            assert [(row.learner_name, row.student_number, row.status, row.version) for row in listed] == [
                ("Cem", "S-2", Status.IN_FORCE, 1),
                ("Ben", "S-1", Status.REVOKED, 1),
                ("Zoë", "S-0", Status.IN_FORCE, 2),
            ]
            feed = StoreFeed(ledger.store, ledger.boxes)
            assert compare(feed, SqliteViews(home.views)) == []
            with open_audit_source(home.database) as source:
                assert list(view_check(source, VaultOpener(ledger.vault), SqliteViews(home.views))()) == []
            assert views.rebuild() == feed.size()
            assert list(views.parked()) == []
        finally:
            views.close()
            ledger.close()
    for read in (feed.size, lambda: feed.read(0, 1), lambda: feed.definition(Digest(bytes(32)))):
        with pytest.raises(FeedFailed):
            read()
