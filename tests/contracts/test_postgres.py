"""The PostgreSQL store keeps what every store promises."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import pytest

from ledger.adapters.fence import Fence
from ledger.adapters.postgres.connections import connect
from ledger.adapters.postgres.ledger import PostgresLedger
from ledger.adapters.postgres.schema import create
from ledger.application.ports import Proposal
from tests.contracts.last_contract import LastContract
from tests.contracts.scribe import LIST
from tests.contracts.status_contract import StatusContract
from tests.contracts.store_contract import Backend, Outcomes, StoreContract


class TestPostgresStore(StoreContract, LastContract, StatusContract):
    """In a database of its own."""

    @pytest.fixture
    def backend(self, database_url: str) -> Iterator[Backend]:
        with closing(connect(database_url)) as connection:
            create(connection)
        with ExitStack() as stack:

            def opened() -> PostgresLedger:
                return stack.enter_context(closing(PostgresLedger(database_url, Fence())))

            store = opened()

            def append(proposals: Sequence[Proposal]) -> Outcomes:
                return store.append(proposals)

            def fill(used: int) -> None:
                with closing(connect(database_url)) as connection:
                    connection.execute("UPDATE ledger.status_lists SET used = %s WHERE list = %b", (used, LIST))

            yield Backend(store=store, fence=store.fence, append=append, reopen=opened, fill=fill)
