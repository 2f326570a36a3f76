"""A small ledger whose triggers are dropped, to be changed as its owner could, and the auditor beside it."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ledger.adapters.audit_workers import Database, no_parts, processes
from ledger.adapters.home import Home
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.adapters.vault import VaultOpener
from ledger.audit.replay import audit
from ledger.audit.report import AuditReport, Check
from ledger.bootstrap import open_parts, open_vault
from ledger.domain.authority import operator_of
from ledger.domain.types import Position
from ledger.record.entry import parse_entry
from ledger.signing import multikey
from ledger.testing.small_ledger import make
from ledger.tlog.note import VerifierKey

Change = Callable[[sqlite3.Connection], object]
Row = tuple[int, str, int, str, bytes]
_ENTRIES = """SELECT notification_id, originator_id, originator_version, topic, state
    FROM stored_events ORDER BY notification_id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One change, and what an audit must say of it."""

    kind: str
    what: str
    change: Change
    position: int  # that the first bad entry must have
    check: Check | None = None  # that must have failed there, if only one will do
    home: bool = False  # the vault can be read
    kept: bytes | None = None  # the checkpoint that the auditor kept, where it is not that of the honest log


class Bench:
    """A ledger without triggers, and the auditor beside it."""

    def __init__(self, folder: Path, draw: random.Random) -> None:
        """Make the ledger in `folder`; `draw` chooses which bytes are changed."""
        self.draw = draw
        self.home = make(folder / "home")
        self.kept = self.home.checkpoint.read_bytes()
        self._database = folder / "copy.db"
        self._pristine = folder / "pristine.db"
        with closing(sqlite3.connect(self.home.database)) as source, closing(_connect(self._pristine)) as target:
            source.backup(target)
            for (name,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                target.execute(f"DROP TRIGGER {name}")
            target.execute("PRAGMA journal_mode = DELETE")
            self.rows: list[Row] = target.execute(_ENTRIES).fetchall()
            self.part_rows: list[tuple[int, str, bytes]] = target.execute(
                "SELECT position, part, box FROM private_parts ORDER BY position, part"
            ).fetchall()
        operator = operator_of(parse_entry(self.rows[0][4]).recorded(Position(1)))
        self.vkey = VerifierKey.of(operator.origin, multikey.decode(operator.checkpoint_key))
        self._opener = _opener(self.home)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.rows)

    def audit(self, change: Change, *, kept: bool | bytes = True, home: bool = False, jobs: int = 1) -> AuditReport:
        """What the audit says of a copy that was changed, by this process or by several others.

        Args:
            kept: whether a checkpoint was kept outside, if not another one than that of the honest log.
        """
        shutil.copyfile(self._pristine, self._database)
        with closing(_connect(self._database)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute("BEGIN")
            change(connection)
            connection.execute("COMMIT")
        with ExitStack() as stack:
            source = stack.enter_context(open_audit_source(self._database))
            several = None
            if jobs > 1:
                opening = partial(open_parts, self.home) if home else no_parts
                several = stack.enter_context(processes(jobs, Database(path=source.path, opening=opening)))
            return audit(
                source,
                vkey=self.vkey,
                kept_checkpoint=kept if isinstance(kept, bytes) else self.kept if kept else None,
                own_checkpoint=self.kept if home else None,
                opener=self._opener if home else None,
                view_check=None,
                workers=several,
            )


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def _opener(home: Home) -> VaultOpener:
    return VaultOpener(open_vault(home))
