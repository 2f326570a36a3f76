"""A backup file says what it holds; whatever else a tar can say is refused, each thing with its own sentence."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger import canonical
from ledger.adapters import backup
from ledger.adapters.backup import (
    BackupExists,
    BackupFailed,
    BadBackup,
    digested,
    read_backup,
    write_backup,
)
from ledger.adapters.backup_manifest import MalformedManifest, Manifest, parse_manifest
from ledger.adapters.sqlite.schema import SCHEMA_VERSION
from ledger.domain.types import Origin
from tests.odd_files import bounded, put

KEY = f"keys/z6Mk{'a' * 44}.pem"
CONTENTS = {"testamur.toml": b"base_url = 1\n", KEY: b"secret", "ledger.db": b"\x01" * 5_000}


class Made:
    """A good backup, and where it is unpacked."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        for name, content in CONTENTS.items():
            path = self.sources / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.paths = [self.sources / name for name in CONTENTS]
        self.manifest = Manifest(
            holds="ledger",
            origin=Origin("localhost/log"),
            made=datetime(2026, 11, 21, 12, tzinfo=UTC),
            schema_version=SCHEMA_VERSION,
            size=7,
            root=bytes(range(32)),
            files=digested((name, self.sources / name) for name in CONTENTS),
        )
        self.file = folder / "backup.tar"
        self.into = folder / "into"
        self.into.mkdir()
        self.bytes = write_backup(self.file, self.manifest, self.paths)

    def read(self) -> Manifest:
        return read_backup(self.file, self.into, "ledger")

    def refused(self) -> str:
        before = {path: path.read_bytes() for path in self.into.parent.rglob("*") if path.is_file()}
        with pytest.raises(BadBackup) as refused:
            self.read()
        new = {path for path in self.into.parent.rglob("*") if path.is_file()} - set(before)
        assert all(path.is_relative_to(self.into) for path in new)
        assert all(path.read_bytes() == content for path, content in before.items())
        return str(refused.value)

    def rewrite(self, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> None:
        """Change the members as the standard library writes them."""
        members = []
        with tarfile.open(self.file) as tar:
            for info in tar:
                read = tar.extractfile(info)
                members.append((info, b"" if read is None else read.read()))
        change(members)
        with tarfile.open(self.file, "w", format=tarfile.GNU_FORMAT) as tar:
            for info, content in members:
                tar.addfile(info, io.BytesIO(content) if info.isreg() else None)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_what_was_written_is_read_again_and_any_tar_reads_it(made: Made) -> None:
    assert made.bytes == made.file.stat().st_size
    assert made.file.stat().st_mode & 0o777 == 0o600
    assert made.read() == made.manifest
    assert {str(path.relative_to(made.into)): path.read_bytes() for path in made.into.rglob("*.*")} == CONTENTS
    with tarfile.open(made.file, "r:") as tar:
        assert tar.getnames() == ["backup.json", *CONTENTS]


def test_nothing_is_ever_overwritten_nor_left_behind(made: Made) -> None:
    before = made.file.read_bytes()
    with pytest.raises(BackupExists, match="replaces nothing"):
        write_backup(made.file, made.manifest, made.paths)
    assert made.file.read_bytes() == before
    with pytest.raises(BackupFailed, match="No such file or directory"):
        write_backup(made.file.parent / "missing" / "backup.tar", made.manifest, made.paths)
    made.paths[2].write_bytes(b"longer than it was when it was listed" * 500)
    with pytest.raises(BackupFailed, match="changed while it was written"):
        write_backup(made.file.with_name("other.tar"), made.manifest, made.paths)
    assert {path.name for path in made.file.parent.iterdir()} == {"sources", "into", "backup.tar"}


def test_a_ledger_beyond_8_gib_can_be_said_and_read(made: Made) -> None:

    header = backup._header("ledger.db", 20 * 2**30, made.manifest.made)
    assert tarfile.TarInfo.frombuf(header, "utf-8", "strict").size == 20 * 2**30


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 700, 3_000, -20 * 512, -3 * 512, -2 * 512])
def test_a_part_of_a_backup_is_refused(made: Made, cut: int) -> None:
    made.file.write_bytes(made.file.read_bytes()[:cut])
    assert "only a part of it is here" in made.refused()


def test_every_changed_byte_is_found(made: Made) -> None:
    whole = made.file.read_bytes()
    with tarfile.open(made.file) as tar:
        offset = {info.name: info.offset_data for info in tar}
    for place in (offset["backup.json"] + 20, offset[KEY], offset["ledger.db"] + 4_999, 0, 124, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        made.file.write_bytes(changed)
        assert made.refused()
        for path in sorted(made.into.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


def _member(
    name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = len(content) if kind == tarfile.REGTYPE else 0
    return info, content


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        (_member("/etc/passwd"), "names the absolute path '/etc/passwd'"),
        (_member("../../outside"), "names '../../outside', a path that leads out of its folder"),
        (_member("keys/../../outside"), "a path that leads out of its folder"),
        (
            _member("ledger.db", kind=tarfile.SYMTYPE, link="/etc/passwd"),
            "holds a symbolic link under the name 'ledger.db'",
        ),
        (_member("ledger.db", kind=tarfile.LNKTYPE, link="backup.json"), "holds a hard link"),
        (_member("ledger.db", kind=tarfile.CHRTYPE), "holds a device"),
        (_member("ledger.db", kind=tarfile.BLKTYPE), "holds a device"),
        (_member("ledger.db", kind=tarfile.FIFOTYPE), "holds a named pipe"),
        (_member("keys", kind=tarfile.DIRTYPE), "holds a folder"),
        (_member("backup.json"), "holds 'backup.json' twice"),
        (_member("secrets/master.key"), "holds 'secrets/master.key' where testamur.toml should be"),
        (_member("x" * 150), "holds something unusual"),  # a name of its own length, in a header before the header
    ],
    ids=lambda value: value if isinstance(value, str) else value[0].name[:20],
)
def test_a_member_that_no_backup_holds_is_refused(
    made: Made, member: tuple[tarfile.TarInfo, bytes], sentence: str
) -> None:
    made.rewrite(lambda members: members.insert(1, member))
    assert sentence in made.refused()


def test_a_member_behind_the_last_is_refused(made: Made) -> None:
    made.rewrite(lambda members: members.append(_member("more")))
    assert "holds 'more', which it does not list" in made.refused()


def test_a_key_that_comes_twice_is_refused(made: Made) -> None:
    made.rewrite(lambda members: members.insert(3, members[2]))
    assert f"holds '{KEY}' twice" in made.refused()


def test_a_member_that_is_missing_is_refused(made: Made) -> None:
    made.rewrite(lambda members: members.__delitem__(2))
    assert f"holds 'ledger.db' where {KEY} should be" in made.refused()


def test_something_behind_the_end_is_refused(made: Made) -> None:
    with made.file.open("ab") as file:
        file.write(b"\0" * 5_000 + b"more")
    assert "something stands behind its end" in made.refused()


@pytest.mark.parametrize("name", ["backup.json", "testamur.toml", "ledger.db"])
def test_a_member_of_10_gib_in_a_small_file_is_refused_before_anything_of_it_is_read(made: Made, name: str) -> None:
    raw = bytearray(made.file.read_bytes())
    with tarfile.open(made.file) as tar:
        info = tar.getmember(name)
    info.size = 10 * 2**30
    raw[info.offset : info.offset + 512] = info.tobuf(tarfile.GNU_FORMAT)
    made.file.write_bytes(raw)
    assert "has 10737418240 bytes, and ends before" in made.refused()


def test_a_list_of_17_mib_is_refused(made: Made) -> None:
    made.rewrite(lambda members: members.__setitem__(0, _member("backup.json", b" " * (17 * 2**20))))
    assert "more than any backup needs" in made.refused()


def test_what_is_no_tar_is_refused(made: Made) -> None:
    made.file.write_bytes(os.urandom(2_000))
    assert "is not a tar as `testamur backup` writes them" in made.refused()


def test_a_compressed_backup_is_refused(made: Made) -> None:

    made.file.write_bytes(gzip.compress(made.file.read_bytes()))
    assert made.refused()


def test_a_backup_of_the_vault_is_not_taken_for_one_of_the_ledger(made: Made) -> None:
    (made.sources / "vault.db").write_bytes(b"v")
    files = digested([("vault.db", made.sources / "vault.db")])
    made.file.unlink()
    write_backup(made.file, replace(made.manifest, holds="vault", root=b"", files=files), [made.sources / "vault.db"])
    assert "is a backup of the vault: restore it with --vault" in made.refused()
    assert read_backup(made.file, made.into, "vault").holds == "vault"


@pytest.mark.parametrize(
    "change",
    [
        {"format": "testamur-backup/2"},
        {"holds": "everything"},
        {"root": "AAAA"},
        {"root": "x"},
        {"made": "yesterday"},
        {"size": -1},
        {"size": True},
        {"schema_version": "2"},
        {"origin": None},
        {"origin": "x" * 2_000},
        {"files": None},
        {"files": []},
        {"files": [{"name": "ledger.db"}]},
        {"files": [{"name": "../x", "bytes": 1, "sha256": "0" * 64}]},
        {"files": [{"name": "keys/../../x.pem", "bytes": 1, "sha256": "0" * 64}]},
        {"files": [{"name": "ledger.db", "bytes": 1, "sha256": "0" * 63}]},
        {"files": [{"name": "testamur.toml", "bytes": 70_000, "sha256": "0" * 64}]},
        {"files": [{"name": "ledger.db", "bytes": 1, "sha256": "0" * 64}] * 2},
        {"more": 1},
    ],
    ids=str,
)
def test_a_list_that_says_something_else_is_refused(made: Made, change: dict[str, object]) -> None:

    document = json.loads(made.manifest.to_bytes()) | change
    with pytest.raises(MalformedManifest):
        parse_manifest(canonical.encode(document))


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff", b'{"format":"testamur-backup/1"}'])
def test_a_list_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedManifest):
        parse_manifest(raw)


def test_a_list_is_read_as_it_was_written(made: Made) -> None:
    assert parse_manifest(made.manifest.to_bytes()) == made.manifest


def test_a_file_that_is_missing_or_a_folder_is_named(made: Made) -> None:
    with pytest.raises(BackupFailed, match="No such file"):
        read_backup(made.file.with_name("none.tar"), made.into, "ledger")
    with pytest.raises(BackupFailed, match="Is a directory"):
        read_backup(made.sources, made.into, "ledger")
    put("pipe", made.file)
    with bounded(), pytest.raises(BackupFailed, match="it is a pipe"):
        read_backup(made.file, made.into, "ledger")
    with pytest.raises(BackupFailed, match="cannot be read"):
        digested([("ledger.db", made.sources / "none")])
