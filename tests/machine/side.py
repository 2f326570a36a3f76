"""One ledger under test, on one engine: opened so that two of them, asked the same, say the same to the last byte."""

import hashlib
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from ledger import bootstrap
from ledger.adapters.background import Background
from ledger.adapters.clock import SystemEntropy
from ledger.adapters.engine import Engine
from ledger.adapters.home import Home
from ledger.adapters.postgres.engine import PostgresEngine
from ledger.adapters.sqlite.engine import SqliteEngine
from ledger.application.public_documents import PublicDocuments
from ledger.bootstrap import open_ledger
from ledger.testing.faults import FakeClock
from projections.stores.engine import Place
from projections.stores.postgres_engine import PostgresViews
from projections.views import SqliteViews, open_views
from tests.moving import move_to_postgres
from verify_api.issuer.context import Context
from verify_api.issuer.wallets import Wallets
from verify_api.services import Services, status_signing


class SameEntropy(SystemEntropy):
    """What looks random and is the same in every ledger that asks for the same."""

    def __init__(self) -> None:
        """At the beginning."""
        self._asked = 0

    def bytes(self, count: int) -> bytes:
        """The next bytes."""
        self._asked += 1
        return hashlib.shake_256(f"{self._asked}".encode()).digest(count)

    def below(self, limit: int) -> int:
        """The next number, 0 <= n < limit."""
        return int.from_bytes(self.bytes(16)) % limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """An open ledger and its views."""

    name: str  # of its engine
    engine: Engine
    place: Place  # of the views
    services: Services
    wallets: Wallets


def on_files(template: Path, folder: Path, clock: FakeClock, closing: ExitStack) -> Side:
    """A ledger as in `template`, in the new folder, on SQLite."""
    home = Home(Path(shutil.copytree(template, folder)))
    return _opened("sqlite", home, SqliteEngine(home.database, home.vault), SqliteViews(home.views), clock, closing)


def on_postgres(template: Path, folder: Path, url: str, clock: FakeClock, closing: ExitStack) -> Side:
    """The same ledger in an empty database, its settings and keys in the new folder."""
    home = move_to_postgres(Path(shutil.copytree(template, folder)), url)
    return _opened("postgresql", home, PostgresEngine(url), PostgresViews(url), clock, closing)


def _opened(name: str, home: Home, engine: Engine, place: Place, clock: FakeClock, closing: ExitStack) -> Side:
    with patch.object(bootstrap, "SystemEntropy", SameEntropy):
        ledger = open_ledger(home, clock=clock)
    closing.callback(ledger.close)
    ledger.publisher.close()  # from here on it is published when a history says so
    views = open_views(place, ledger.store, ledger.boxes)
    closing.callback(views.close)
    worker = Background(views.catch_up, name="views", interval=0.0, failed=lambda _: None)
    services = Services(
        ledger=ledger,
        scanning=ledger.scanning(),
        views=views,
        worker=worker,
        following=False,
        watch=None,
        documents=PublicDocuments(ledger.store, ledger.operator),
        signing=status_signing(ledger, lambda _: None),
        lists=Background(lambda: None, name="status lists", interval=0.0, failed=lambda _: None),
    )
    return Side(name=name, engine=engine, place=place, services=services, wallets=Wallets(Context(services)))
