"""The schema `views` of a ledger's database: whose it is. What lies in it can be folded again, if it is this program's.

Who makes a ledger removes the views of one that was lost, and who folds makes those of an older version anew; neither
removes what somebody else keeps under that name.
"""

from typing import Final, LiteralString

from ledger.adapters.engine import WrongSchema
from ledger.adapters.postgres.connections import Connection

NAME: Final[LiteralString] = "views"
VERSION: Final = 1

_COLUMNS = {("version", "number"), ("generations", "view"), ("generations", "in_use"), ("generations", "newest")}
_THERE = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
_FOUND = (
    "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' AND a.attnum > 0"
)


def version(connection: Connection) -> int | None:
    """The version of this program's views; None where there is no schema of that name.

    Raises:
        WrongSchema: it is somebody else's.
        psycopg.Error.
    """
    if connection.execute(_THERE, (NAME,)).fetchone() is None:
        return None
    ours = set(connection.execute(_FOUND, (NAME,)).fetchall()) >= _COLUMNS
    numbers = connection.execute(f"SELECT number FROM {NAME}.version").fetchall() if ours else []  # noqa: S608
    if len(numbers) != 1 or type(numbers[0][0]) is not int:
        raise WrongSchema(
            f"the schema “{NAME}” of this database was not made by this program: rename it, or use another database"
        )
    return int(numbers[0][0])


def drop(connection: Connection) -> None:
    """Remove this program's views, of its own version or an older one.

    Raises:
        WrongSchema: they are of a newer version, or somebody else's; nothing is removed.
        psycopg.Error.
    """
    found = version(connection)
    if found is None:
        return
    if found > VERSION:
        raise WrongSchema(
            f"the schema “{NAME}” has version {found}, this program works with {VERSION}: install the newer program"
        )
    connection.execute(f"DROP SCHEMA {NAME} CASCADE")
