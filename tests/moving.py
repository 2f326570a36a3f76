"""A ledger in files made into the same ledger in PostgreSQL, as a restored backup would be."""

from dataclasses import replace
from pathlib import Path

from ledger.adapters.home import Home
from ledger.adapters.postgres.engine import PostgresEngine


def move_to_postgres(folder: Path, url: str) -> Home:
    """Move the ledger of a home into an empty database; its settings and keys stay in the home.

    Nobody may have it open.
    """
    home, engine = Home(folder, url), PostgresEngine(url)
    engine.copies().fill_from(home.database)
    engine.copies().fill_vault_from(home.vault)
    for each in folder.glob("*.db*"):
        each.unlink()
    home.write_settings(replace(home.settings(), engine="postgresql"))
    return home
