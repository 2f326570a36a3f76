"""Statements of SQL over the tables that views describe; `suffix` tells the tables beside from those in use."""

from collections.abc import Sequence

from projections.family import Table


def create_sql(table: Table, suffix: str) -> str:
    """Make a table, with what its fold finds rows by."""
    spelled = [f"{each.name} {each.kind}" for each in table.columns]
    if table.found_by is not None:
        spelled.append(f"UNIQUE({table.found_by})")
    return f"CREATE TABLE {table.name}{suffix}({', '.join(spelled)})"


def index_sql(table: Table, fields: Sequence[str], suffix: str, letter: str) -> str:
    """Make an index; its name ends in `letter`."""
    name = f"{table.name}_by_{'_'.join(fields)}_{letter}"
    return f"CREATE INDEX {name} ON {table.name}{suffix}({', '.join(fields)})"


def insert_sql(table: Table, suffix: str) -> str:
    """Add rows."""
    names = ", ".join(each.name for each in table.columns)
    return f"INSERT INTO {table.name}{suffix}({names}) VALUES ({','.join('?' * len(table.columns))})"  # noqa: S608


def update_sql(table: Table, suffix: str) -> str:
    """Change rows found by key: every other column, then the key."""
    names = ", ".join(f"{each.name} = ?" for each in table.columns[1:])
    return f"UPDATE {table.name}{suffix} SET {names} WHERE {table.key} = ?"  # noqa: S608 - our own names
