"""Which of the guards of a ledger in PostgreSQL are not there: triggers, what they run, and constraints.

They keep accidents out; who owns the database can drop them. So an audit asks the catalogue, and believes none of them.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ledger.adapters.postgres.connections import Connection
from ledger.adapters.postgres.schema import STATEMENTS, TRIGGERS

_CONSTRAINTS: Final = frozenset(
    {
        ("api_keys", "PRIMARY KEY (id)"),
        ("api_keys", "UNIQUE (secret)"),
        ("checkpoints", "PRIMARY KEY (size)"),
        ("definitions", "PRIMARY KEY (digest)"),
        ("idempotency", "PRIMARY KEY (scope, key)"),
        ("names", "PRIMARY KEY (scope, name)"),
        ("private_parts", "PRIMARY KEY (position, part)"),
        ("published_days", "PRIMARY KEY (day)"),
        ("short_codes", "PRIMARY KEY (mac)"),
        ("stacks", "PRIMARY KEY (mac)"),
        ("status_credentials", "PRIMARY KEY (list, made_at)"),
        ("status_lists", "PRIMARY KEY (list)"),
        ("status_slots", "PRIMARY KEY (list, slot)"),
        ("stored_events", "CHECK ((notification_id >= 1))"),
        ("stored_events", "CHECK ((originator_version >= 0))"),
        ("stored_events", "PRIMARY KEY (notification_id)"),
        ("stored_events", "UNIQUE (originator_id, originator_version)"),
    }
)
_NAMED = re.compile(r"CREATE (?:TRIGGER|FUNCTION (?:ledger\.)?|UNIQUE INDEX) ?(\w+)")
_TRIGGERS_THERE = """SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = to_regnamespace('ledger') AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')"""
_FUNCTIONS_THERE = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = to_regnamespace('ledger')"
# Before version 18 the catalogue lists no constraint for NOT NULL; what stands in a column is for the audit to see.
_CONSTRAINTS_THERE = """SELECT c.relname, pg_get_constraintdef(k.oid) FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_index i ON i.indexrelid = k.conindid
    WHERE k.connamespace = to_regnamespace('ledger') AND k.contype <> 'n' AND k.convalidated
    AND COALESCE(i.indisvalid AND i.indisunique, true)"""
_INDEXES_THERE = """SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relnamespace = to_regnamespace('ledger') AND i.indisunique AND i.indisvalid"""


def missing_guards(connection: Connection) -> Sequence[str]:
    """What is not there, or says something else, in words; nothing where all is as it was made."""
    return [*_triggers(connection), *_functions(connection), *_constraints(connection)]


def _triggers(connection: Connection) -> Iterator[str]:
    there = {_bare(definition) for (definition,) in connection.execute(_TRIGGERS_THERE)}
    for trigger in TRIGGERS:
        if _bare(trigger) not in there:
            yield f"trigger {_name(trigger)}"


def _functions(connection: Connection) -> Iterator[str]:
    there = set(connection.execute(_FUNCTIONS_THERE).fetchall())
    for statement in STATEMENTS:
        if statement.startswith("CREATE FUNCTION") and (_name(statement), statement.split("$$")[1]) not in there:
            yield f"function {_name(statement)}"


def _constraints(connection: Connection) -> Iterator[str]:
    found = connection.execute(_CONSTRAINTS_THERE).fetchall()
    there = {(table, definition.replace('"', "")) for table, definition in found}  # some words are quoted
    for table, definition in sorted(_CONSTRAINTS - there):
        yield f"constraint {definition} of {table}"
    indexes = {name for (name,) in connection.execute(_INDEXES_THERE)}
    for statement in STATEMENTS:
        if statement.startswith("CREATE UNIQUE INDEX") and _name(statement) not in indexes:
            yield f"index {_name(statement)}"


def _name(statement: str) -> str:
    found = _NAMED.match(statement)
    return statement if found is None else found[1]


def _bare(definition: str) -> str:
    """Without what the server spells in its own way: spaces, parentheses, upper case."""
    return re.sub(r"[\s()]", "", definition).lower()
