"""Backups of a ledger and a vault that lie in PostgreSQL databases, and both made of backups."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ledger.adapters.backup_manifest import Holds
from ledger.adapters.engine import WrongSchema
from ledger.adapters.postgres import copying, vault
from ledger.adapters.postgres.connections import (
    connect,
    create_database,
    described,
    said,
    with_database,
)
from ledger.adapters.postgres.copying import one_snapshot
from ledger.adapters.sqlite import migrations
from ledger.adapters.sqlite import vault as vault_file
from ledger.adapters.sqlite.copying import durable_copy, reading_copy
from ledger.adapters.vault import VAULT_VERSION
from ledger.application.ports import StoreUnavailable

_EPOCHS: LiteralString = "SELECT epoch, wrapped FROM {}epochs ORDER BY epoch"
_KEY_IDS: Final[Mapping[Holds, LiteralString]] = {
    "ledger": "SELECT DISTINCT key_id FROM ledger.private_parts ORDER BY key_id",
    "vault": "SELECT key_id FROM vault.data_keys ORDER BY key_id",
}
_KEYS: LiteralString = "SELECT key_id, lookup, learner, epoch, wrapped FROM {}data_keys ORDER BY key_id"


class PostgresCopies:
    """Copies of a ledger and a vault in two databases, and from copies."""

    def __init__(self, url: str, vault_url: str) -> None:
        self._url = url
        self._vault_url = vault_url

    def check_free(self, holds: Holds) -> None:
        """Pass if the database holds no ledger, or no vault; it may not exist yet.

        Raises:
            WrongSchema: it holds one.
            StoreUnavailable, UnsafeDatabase.
        """
        if self.holds(holds):
            raise WrongSchema(
                f"{described(self._place(holds))} holds a {holds} already, and nothing is written over it"
            )

    def holds(self, holds: Holds) -> bool:
        """Whether the database holds a ledger, or a vault; it may not exist yet."""
        url = self._place(holds)
        if not _exists(url):
            return False
        with closing(connect(url)) as connection:
            try:
                found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (holds,)).fetchone()
            except psycopg.Error as error:
                raise StoreUnavailable(f"{described(url)} cannot be read: {said(error)}") from error
        return found is not None

    @contextmanager
    def key_ids(self, holds: Holds) -> Iterator[Iterator[bytes]]:
        """The ids of data keys, each once, ascending: those that private parts of the ledger need, or the vault has."""
        query = _KEY_IDS[holds]
        with one_snapshot(self._place(holds)) as connection, connection.cursor("ids", binary=True) as cursor:
            cursor.execute(query)
            yield (bytes(key_id) for (key_id,) in cursor)

    def _place(self, holds: Holds) -> str:
        return self._url if holds == "ledger" else self._vault_url

    def discard(self, holds: Holds) -> None:
        """Remove the ledger, or the vault, for ever; its database stays, empty.

        Raises:
            StoreUnavailable, UnsafeDatabase: it is still there.
        """
        url = self._place(holds)
        with closing(connect(url)) as connection:
            try:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(holds)))
            except psycopg.Error as error:
                raise StoreUnavailable(f"what was made in {described(url)} cannot be removed: {said(error)}") from error

    def copy_to(self, path: Path) -> int:
        """Write the ledger, as of one moment, into a new file; how many entries."""
        return copying.copy_to(self._url, path)

    def fill_from(self, path: Path) -> int:
        """Make the ledger out of a file, which is brought forward first if it is older; how many entries."""
        migrations.migrate(path)
        return copying.fill_from(self._url, path)

    def copy_vault_to(self, path: Path) -> int:
        """Write the vault, as of one moment, into a new file; how many keys."""
        with durable_copy(path), one_snapshot(self._vault_url) as connection:
            path.unlink()  # the name is ours, and the vault is made anew under it
            vault_file.create(path, b"")
            with closing(sqlite3.connect(path, isolation_level=None)) as copy:
                copy.execute("BEGIN")
                copy.execute("DELETE FROM epochs")
                epochs = connection.execute(_EPOCHS.format("vault."), binary=True)
                copy.executemany("INSERT INTO epochs VALUES (?,?)", epochs)
                with connection.cursor("keys", binary=True) as keys:
                    keys.execute(_KEYS.format("vault."))
                    rows = (
                        (key, lookup, str(learner), epoch, wrapped) for key, lookup, learner, epoch, wrapped in keys
                    )
                    copy.executemany("INSERT INTO data_keys VALUES (?,?,?,?,?)", rows)
                copy.execute("COMMIT")
                return int(copy.execute("SELECT COUNT(*) FROM data_keys").fetchone()[0])

    def fill_vault_from(self, path: Path) -> int:
        """Make the vault out of a file; how many keys. Whole or not at all."""
        create_database(self._vault_url)
        try:
            with (
                closing(connect(self._vault_url, name="testamur restoring")) as connection,
                reading_copy(path) as source,
                connection.transaction(),
            ):
                for statement in vault.TABLES:
                    connection.execute(statement)
                connection.execute("INSERT INTO vault.version VALUES (%s)", (VAULT_VERSION,))
                cursor = connection.cursor()
                cursor.executemany("INSERT INTO vault.epochs VALUES (%s, %s)", source.execute(_EPOCHS.format("")))
                rows = (
                    (key, lookup, UUID(learner), epoch, wrapped)
                    for key, lookup, learner, epoch, wrapped in source.execute(_KEYS.format(""))
                )
                cursor.executemany("INSERT INTO vault.data_keys VALUES (%s, %s, %s, %s, %s)", rows)
                return max(cursor.rowcount, 0)
        except psycopg.errors.DuplicateSchema as error:
            raise WrongSchema(f"{described(self._vault_url)} holds a vault already") from error
        except psycopg.Error as error:
            raise StoreUnavailable(f"{described(self._vault_url)} cannot be filled: {said(error)}") from error
        except ValueError as error:
            raise WrongSchema(f"{path.name} is not a vault: a learner in it has no id") from error


def _exists(url: str) -> bool:
    """Whether there is such a database; where that is not to be known, connecting to it will say why."""
    try:
        with closing(connect(with_database(url, "postgres"))) as connection:
            name = conninfo_to_dict(url).get("dbname")
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None
    except (StoreUnavailable, psycopg.Error):
        return True
