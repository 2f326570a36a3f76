"""Processes that append to one database at the same moment, and want the same places in it."""

import multiprocessing
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

from ledger.adapters.fence import Fence
from ledger.adapters.postgres import connections
from ledger.adapters.postgres.connections import connect
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.postgres.schema import create
from ledger.application.ports import Appended, Proposal
from ledger.domain.types import Seq
from ledger.verification.evidence import Placed
from tests.contracts.scribe import Scribe, claim, guard, idempotency, name, stream

WRITERS = 6
COMMITS = 60
_CONTESTED = 7  # streams that every writer continues
_OF_ONE_WRITER = 10_000  # numbers of streams
_PATIENCE = 120  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a writer was told of one proposal."""

    position: int  # 0 where it was refused
    replayed: bool
    entry: bytes
    key: bytes | None


def write(url: str, writer: int) -> list[Told]:
    """Append some batches, each with something that others want, too; what was answered."""
    connections._SETTINGS["lock_timeout"] = f"{_PATIENCE}s"  # of this process alone; who holds a lock may be stalled
    scribe, told = Scribe(), []
    with closing(PostgresLedger(url, Fence())) as store:
        for commit in range(COMMITS):
            batch = [
                scribe.proposal(_OF_ONE_WRITER * (writer + 1) + commit),
                _continued(scribe, store, commit % _CONTESTED),
                _keyed(scribe, writer, commit),
                _claimed(scribe, writer, commit),
            ]
            for proposal, outcome in zip(batch, store.append(batch), strict=True):
                key = None if proposal.idempotency is None else proposal.idempotency.key
                position, replayed = (
                    (outcome.position, outcome.replayed) if isinstance(outcome, Appended) else (0, False)
                )
                told.append(Told(position=position, replayed=replayed, entry=proposal.events[0].entry, key=key))
    return told


def _continued(scribe: Scribe, store: PostgresLedger, number: int) -> Proposal:
    """The next event of a stream that others continue, too, guarded by one that they continue as well."""
    with store.snapshot() as snapshot:
        end, other = snapshot.end(stream(number)), snapshot.end(stream((number + 1) % _CONTESTED))
    proposal = scribe.proposal(number, Seq(0 if end is None else end + 1))
    return proposal if other is None else replace(proposal, guards=(guard((number + 1) % _CONTESTED, other),))


def _keyed(scribe: Scribe, writer: int, commit: int) -> Proposal:
    """The same request as every other writer's."""
    proposal = scribe.proposal(_OF_ONE_WRITER * (writer + 1) + 1_000 + commit)
    return replace(proposal, idempotency=idempotency(b"%d" % commit))


def _claimed(scribe: Scribe, writer: int, commit: int) -> Proposal:
    """A slot and a name that another writer wants, too."""
    number = _OF_ONE_WRITER * (writer + 1) + 2_000 + commit
    wanted = 2 * commit + writer % 2
    return replace(scribe.proposal(number), slots=(claim(wanted, number),), names=(name(f"n{wanted}", number),))


def test_writers_of_several_processes_lose_nothing_and_record_nothing_twice(database_url: str) -> None:
    with closing(connect(database_url)) as connection:
        create(connection)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WRITERS, mp_context=context) as pool:
        writers = [pool.submit(write, database_url, number) for number in range(WRITERS)]
        told = [each for writer in writers for each in writer.result(_PATIENCE)]
    with closing(PostgresLedger(database_url, Fence())) as store, store.snapshot() as snapshot:
        log: Sequence[Placed] = snapshot.entries(0, 100_000)
        size = snapshot.head().size
    assert [each.position for each in log] == list(range(1, size + 1))  # dense
    entry_at = {int(each.position): each.raw for each in log}
    recorded = [each for each in told if each.position and not each.replayed]
    assert {each.position: each.entry for each in recorded} == entry_at  # all that was acknowledged, and nothing else
    assert len(recorded) == size
    _check_keys(told)
    with closing(connect(database_url)) as connection:
        deadlocks = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
        used = connection.execute("SELECT used, (SELECT COUNT(*) FROM ledger.status_slots) FROM ledger.status_lists")
        assert used.fetchall() == [(2 * COMMITS, 2 * COMMITS)]
    assert deadlocks == (0,)
    kinds = Counter("refused" if not each.position else "replayed" if each.replayed else "recorded" for each in told)
    assert min(kinds.values()) > COMMITS, kinds  # they did get into each other's way


def _check_keys(told: Sequence[Told]) -> None:
    """Of the same requests one was recorded, and all were given its position."""
    for key in {each.key for each in told} - {None}:
        answers = [each for each in told if each.key == key]
        assert len(answers) == WRITERS
        assert len({each.position for each in answers}) == 1
        assert sum(not each.replayed for each in answers) == 1
