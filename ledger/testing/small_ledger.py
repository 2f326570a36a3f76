"""A small real ledger with every type of event, made by the use cases in a home of its own.

Tampering is tried on copies of it (`scripts/tamper.py`). A signed checkpoint stands under each of its entries, so that
an audit can say exactly where the history was changed.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ledger.adapters.home import Home
from ledger.application.ports import Appended, Caller
from ledger.application.stacking import StackRequest
from ledger.bootstrap import Ledger, open_ledger
from ledger.domain.log import Log, checkpoint_keys
from ledger.domain.types import Kid, StreamId
from ledger.domain.values import Reason, Role, slug
from ledger.founding import init
from ledger.signing.signer import Signer
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import CompactRange, leaf_hash

BEGIN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_OPERATOR = Caller(actor="operator", issuer=None)
_DAY = date(2026, 11, 1)


class SteppingClock:
    """A clock that goes on by one second whenever it is read, so that no two entries have the same time."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """UTC, whole milliseconds."""
        self._now += timedelta(seconds=1)
        return self._now


def make(folder: Path) -> Home:
    """A closed home in `folder` with some 70 entries, every type among them.

    The last ten only act on awards, or state how they stand. It is published where this says so, not by the clock.
    """
    clock = SteppingClock(BEGIN)
    init(folder, "http://localhost:8000", "Example Operator", clock=clock)
    home = Home(folder)
    ledger = open_ledger(home, clock=clock, publishes=False)
    try:
        asyncio.run(_fill(ledger))
        log = ledger.checkpoint_keys.log()
    finally:
        ledger.close()
    with closing(sqlite3.connect(home.database, isolation_level=None)) as connection:
        _sign_each(connection, log, ledger.desk.keys.signer)
    return home


def _sign_each(connection: sqlite3.Connection, log: Log, signer: Callable[[Kid], Signer]) -> None:
    """Put a checkpoint under every entry. The table takes them in order only, so its triggers are lifted meanwhile."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'checkpoints'"
    triggers = connection.execute(query).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    tree = CompactRange.empty()
    for (entry,) in connection.execute("SELECT state FROM stored_events ORDER BY notification_id").fetchall():
        tree = tree.extended([leaf_hash(entry)])
        checkpoint = Checkpoint(origin=log.operator.origin, size=tree.size, root=tree.root())
        signers = [signer(kid) for kid in checkpoint_keys(log, tree.size)]
        row = (tree.size, sign_checkpoint(checkpoint, *signers), tree.to_bytes())
        connection.execute("INSERT OR IGNORE INTO checkpoints VALUES (?,?,?)", row)
    for _, statement in triggers:
        connection.execute(statement)


async def _fill(ledger: Ledger) -> None:
    board, college = await _register(ledger, "board"), await _register(ledger, "college")
    guild = await _register(ledger, "guild")
    ledger.publishing.publish()
    await _recognition(ledger, board, college, guild)
    achievements = await _achievements(ledger, college)
    awards = [await _issue(ledger, college, number, achievements[number % 2]) for number in range(17)]
    other = await _issue(ledger, guild, 99, await _define(ledger, guild, "guild-craft"))
    await _keys(ledger, college)
    await _checkpoint_keys(ledger)
    awards += [await _issue(ledger, college, number, achievements[0]) for number in range(20, 24)]
    changing = ledger.changing
    for award in awards[:5]:
        await changing.amend(_OPERATOR, award, {"full_name": "Ada Newname"}, Reason.OTHER, public_text="Name corrected")
    ledger.publishing.publish()
    await _stack(ledger, college, awards[0])
    await ledger.achievements.retire(college, achievements[1])
    for award in awards[2:7]:
        await changing.suspend(_OPERATOR, award, Reason.ASSESSMENT_INTEGRITY)
    ledger.publishing.publish()
    for award in awards[2:5]:
        await changing.reinstate(_OPERATOR, award)
    await changing.revoke(_OPERATOR, awards[5], Reason.ISSUED_IN_ERROR, retroactive=True)
    await changing.revoke(_OPERATOR, other, Reason.HOLDER_REQUEST, public_text="At the holder's request")
    ledger.publishing.publish()


async def _register(ledger: Ledger, name: str) -> StreamId:
    profile = {"name": f"{name.title()} Institute", "recognising_body": name == "board"}
    return (await ledger.issuers.register(_OPERATOR, slug(name), profile)).stream


async def _recognition(ledger: Ledger, board: StreamId, college: StreamId, guild: StreamId) -> None:
    issuers, scheme = ledger.issuers, slug("quality")
    await issuers.recognise(_OPERATOR, college, board, scheme, _DAY, None)
    await issuers.recognise(_OPERATOR, guild, board, scheme, _DAY, None)
    await issuers.end_recognition(_OPERATOR, guild, board, scheme, _DAY)
    profile = {"name": "College of Welding", "description": "Welders since 1912"}
    await issuers.change_profile(_OPERATOR, college, profile)


async def _define(ledger: Ledger, issuer: StreamId, name: str) -> StreamId:
    return (await ledger.achievements.define(issuer, _definition(name, "Basics"))).stream


async def _achievements(ledger: Ledger, college: StreamId) -> list[StreamId]:
    streams = [await _define(ledger, college, name) for name in ("welding", "soldering")]
    await ledger.achievements.revise(college, streams[0], _definition("welding", "Basics, revised"))
    return streams


def _definition(name: str, title: str) -> dict[str, object]:
    return {
        "slug": name,
        "name": f"{name.title()} {title}",
        "description": "What is learned.",
        "competencies": [{"statement": "Can do it at work"}],
        "assessments": [{"type": "examination"}],
    }


async def _stack(ledger: Ledger, college: StreamId, award: StreamId) -> None:
    """A pathway of one part and its award; then its next version, and its end."""
    defined = await ledger.pathways.define(college, _pathway("Journeyman"))
    learner = ledger.awards.read(_OPERATOR, award).issued.learner
    request = StackRequest(learner=learner, pathway="welder", components=(award,))
    await ledger.stacking.stack(_OPERATOR, college, request)
    await ledger.pathways.revise(college, defined.stream, _pathway("Master"))
    await ledger.pathways.retire(college, defined.stream)


def _pathway(title: str) -> dict[str, object]:
    wording = {**_definition("welder", title), "rule": {"all_of": ["welding"]}}
    del wording["assessments"]
    return wording


async def _keys(ledger: Ledger, college: StreamId) -> None:
    """A second root key, a key that is retired, one that turns out to be stolen, and one that takes over."""
    issuers = ledger.issuers
    await issuers.add_key(_OPERATOR, college, Role.ROOT)
    retired = await issuers.add_key(_OPERATOR, college, Role.SIGNING)
    await issuers.retire_key(_OPERATOR, college, retired.kid)
    stolen = await issuers.add_key(_OPERATOR, college, Role.SIGNING)
    await issuers.report_compromised(_OPERATOR, college, stolen.kid, None, recovery=True)
    await issuers.add_key(_OPERATOR, college, Role.SIGNING)


async def _checkpoint_keys(ledger: Ledger) -> None:
    """The key of checkpoints gives way to another one, once a checkpoint of both was published."""
    await ledger.checkpoint_keys.add(_OPERATOR)
    ledger.publishing.publish()
    await ledger.checkpoint_keys.retire_older(_OPERATOR)
    ledger.publishing.publish()


async def _issue(ledger: Ledger, issuer: StreamId, number: int, achievement: StreamId) -> StreamId:
    row = {
        "student_number": f"S-{number:04}",
        "full_name": f"Ada Example {number}",
        "achievement": str(achievement),
        "awarded_on": "2026-11-20",
        "email": f"ada{number}@example.org",
    }
    appended: Appended = await ledger.issuing.issue(_OPERATOR, issuer, row)
    return appended.stream
