"""Reading a database for the audit: read-only, one snapshot, with what lies in the write-ahead log alone."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from ledger.adapters.private_box import BoxUnreadable, seal_box
from ledger.adapters.sqlite import audit_source
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.adapters.sqlite.schema import create
from ledger.adapters.vault import VaultFailed, VaultOpener
from ledger.application.ports import LearnerKey, StoreUnavailable
from ledger.audit.source import CannotBeAudited
from ledger.domain.types import Seq, StreamId
from ledger.domain.values import Part
from ledger.record.commitment import Opening

STREAM = StreamId(UUID("019aa2b0-0000-8000-8000-000000000001"))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A writer of an empty ledger, whose commits stay in the write-ahead log."""
    create(tmp_path / "ledger.db")
    connection = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    yield connection
    connection.close()


def _append(writer: sqlite3.Connection, position: int) -> None:
    row = (position, STREAM.hex, position - 1, "type", b"entry")
    writer.execute("INSERT INTO stored_events VALUES (?,?,?,?,?)", row)


def test_commit_in_the_write_ahead_log_alone_is_read(writer: sqlite3.Connection, tmp_path: Path) -> None:
    _append(writer, 1)
    with open_audit_source(tmp_path / "ledger.db") as source:
        assert list(source.entries()) == [(1, STREAM.hex, 0, "type", b"entry")]


def test_what_is_committed_later_is_not_seen(writer: sqlite3.Connection, tmp_path: Path) -> None:
    _append(writer, 1)
    with open_audit_source(tmp_path / "ledger.db") as source:
        _append(writer, 2)
        writer.execute("UPDATE log_head SET size = 2")
        assert len(list(source.entries())) == 1
        assert source.heads() == [(0, "1970-01-01T00:00:00.000Z")]
        assert len(list(source.entries_by_stream(2))) == 1
    with open_audit_source(tmp_path / "ledger.db") as source:
        assert len(list(source.entries())) == 2


def test_nothing_can_be_written(writer: sqlite3.Connection, tmp_path: Path) -> None:
    with open_audit_source(tmp_path / "ledger.db") as source, pytest.raises(CannotBeAudited, match="readonly"):
        list(source._rows("DELETE FROM log_head"))


@pytest.fixture
def evidence(writer: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database with one entry in its write-ahead log, in a folder where SQLite may not make its index of that log.

    Root may write everywhere, so the refusal that SQLite gives to others is imitated.
    """
    _append(writer, 1)
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name in ("ledger.db", "ledger.db-wal"):
        shutil.copyfile(tmp_path / name, folder / name)
    connect = audit_source._connect

    def refuse(path: Path) -> sqlite3.Connection:
        if path.parent == folder:
            raise sqlite3.OperationalError("unable to open database file")
        return connect(path)

    monkeypatch.setattr(audit_source, "_connect", refuse)
    return folder / "ledger.db"


def test_folder_without_the_index_of_the_log_is_read_from_a_copy(evidence: Path) -> None:
    with open_audit_source(evidence) as source:
        assert len(list(source.entries())) == 1
    assert sorted(each.name for each in evidence.parent.iterdir()) == ["ledger.db", "ledger.db-wal"]


def test_files_that_change_while_they_are_copied_are_refused(evidence: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy_while_written(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes())
        with source.open("ab") as file:
            file.write(bytes(8192))

    monkeypatch.setattr("ledger.adapters.sqlite.audit_source.shutil.copyfile", copy_while_written)
    with pytest.raises(CannotBeAudited, match="being written"), open_audit_source(evidence):
        pass


def test_copy_without_a_write_ahead_log_is_read(evidence: Path) -> None:
    evidence.with_name("ledger.db-wal").unlink()
    with open_audit_source(evidence) as source:
        assert list(source.entries()) == []


def test_copy_that_cannot_be_made_is_refused(evidence: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("ledger.adapters.sqlite.audit_source.shutil.copyfile", full)
    with pytest.raises(CannotBeAudited, match="no space left"), open_audit_source(evidence):
        pass


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at as one" * 20])
def test_file_that_is_no_database_cannot_be_audited(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.db").write_bytes(content)
    with pytest.raises(CannotBeAudited, match="not a database"), open_audit_source(tmp_path / "ledger.db"):
        pass


def test_missing_file_cannot_be_audited_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CannotBeAudited, match="there is no database"), open_audit_source(tmp_path / "ledger.db"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_database_of_something_else_cannot_be_audited(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "ledger.db")
    connection.execute("CREATE TABLE recipes(name)")
    connection.close()
    with (
        open_audit_source(tmp_path / "ledger.db") as source,
        pytest.raises(CannotBeAudited, match="no such table: stored_events"),
    ):
        list(source.entries())


def test_view_in_the_place_of_a_table_cannot_be_audited(tmp_path: Path) -> None:
    create(tmp_path / "ledger.db")
    connection = sqlite3.connect(tmp_path / "ledger.db")
    connection.execute("DROP TABLE names")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i, i FROM n"
    connection.execute(f"CREATE VIEW names(scope, name, stream) AS {endless}")
    connection.close()
    with pytest.raises(CannotBeAudited, match="1 views"), open_audit_source(tmp_path / "ledger.db"):
        pass


@pytest.mark.parametrize("name", ["a?b#c.db", "ä %41.db"])
def test_awkward_file_names_are_opened(tmp_path: Path, name: str) -> None:
    create(tmp_path / name)
    with open_audit_source(tmp_path / name) as source:
        assert source.heads() == [(0, "1970-01-01T00:00:00.000Z")]


# ------------------------------------------------------------------------------------------------- private parts

KEY = bytes(range(32))
OPENING = Opening(salt=bytes(32), content=b'{"v":1}')


class OneKeyVault:
    """A vault with one data key; it can fail, as a file on a disk can, or a server."""

    def __init__(self, failure: StoreUnavailable | None = None) -> None:
        self._failure = failure

    def learner(self, issuer: StreamId, student_number: str) -> LearnerKey:
        """Not asked for."""
        raise NotImplementedError

    def learners(self, issuer: StreamId, student_numbers: Sequence[str]) -> list[LearnerKey]:
        """Not asked for."""
        raise NotImplementedError

    def seek(self, issuer: StreamId, student_numbers: Sequence[str]) -> None:
        """Not asked for."""
        raise NotImplementedError

    def flush(self) -> frozenset[bytes]:
        """Not asked for."""
        raise NotImplementedError

    def data_key(self, key_id: bytes) -> bytes | None:
        """The key of the id `known`."""
        if self._failure is not None:
            raise self._failure
        return KEY if key_id == b"known" else None


def _box() -> bytes:
    return seal_box(KEY, OPENING, bytes(12), stream=STREAM, seq=Seq(0), part=Part.FACTS)


def test_box_is_opened_with_the_key_of_the_vault() -> None:
    assert VaultOpener(OneKeyVault())(STREAM, Seq(0), Part.FACTS, b"known", _box()) == OPENING


def test_box_without_a_key_is_not_opened() -> None:
    assert VaultOpener(OneKeyVault())(STREAM, Seq(0), Part.FACTS, b"other", _box()) is None


@pytest.mark.parametrize("place", [(STREAM, Seq(1), Part.FACTS), (STREAM, Seq(0), Part.INTERNAL)])
def test_box_from_another_place_does_not_open(place: tuple[StreamId, Seq, Part]) -> None:
    with pytest.raises(BoxUnreadable):
        VaultOpener(OneKeyVault())(*place, b"known", _box())


def test_vault_that_fails_is_an_error_of_the_ledger() -> None:
    with pytest.raises(VaultFailed, match="disk I/O"):
        VaultOpener(OneKeyVault(StoreUnavailable("disk I/O error")))(STREAM, Seq(0), Part.FACTS, b"known", _box())
