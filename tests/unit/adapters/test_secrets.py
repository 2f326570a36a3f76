"""Secret files and the master key: only their owner reads them, they last, and nothing garbled is taken for a key."""

import base64
import copy
import errno
import hmac
import os
import pickle
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.secrets import (
    SECRET_FILE_LIMIT,
    MalformedSecret,
    MasterKey,
    SecretAlreadyExists,
    SecretExposed,
    SecretFileError,
    SecretMissing,
    read_secret_file,
    write_secret_file,
)
from ledger.errors import LedgerError

KEY: Final = bytes(range(32))
KEYS: Final = st.binary(min_size=32, max_size=32)


def line_of(key: bytes) -> bytes:
    return base64.urlsafe_b64encode(key).rstrip(b"=") + b"\n"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_created_master_key_is_read_back_and_derives_the_same(tmp_path: Path) -> None:
    created = MasterKey.create(tmp_path / "master.key")
    assert MasterKey.load(tmp_path / "master.key").derive("vault") == created.derive("vault")


def test_two_created_master_keys_differ(tmp_path: Path) -> None:
    one, two = MasterKey.create(tmp_path / "one.key"), MasterKey.create(tmp_path / "two.key")
    assert one.derive("vault") != two.derive("vault")


def test_master_key_file_is_one_line_of_base64url_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    MasterKey.create(path, random_bytes=lambda size: b"\xff" * size)
    assert path.read_bytes() == b"_" * 42 + b"8\n"
    assert mode_of(path) == 0o600


def test_second_creation_is_refused_and_leaves_the_first_key(tmp_path: Path) -> None:
    MasterKey.create(tmp_path / "master.key")
    before = (tmp_path / "master.key").read_bytes()
    with pytest.raises(SecretAlreadyExists, match="exists already and was left as it is"):
        MasterKey.create(tmp_path / "master.key")
    assert (tmp_path / "master.key").read_bytes() == before


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_master_key_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    with pytest.raises(MalformedSecret, match=f"has 32 bytes; this one has {length}"):
        MasterKey(bytes(length))
    with pytest.raises(MalformedSecret):
        MasterKey.create(tmp_path / "master.key", random_bytes=lambda _: bytes(length))
    assert not (tmp_path / "master.key").exists()


def test_missing_master_key_is_reported_as_missing(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match=r"there is no secret file .*master\.key"):
        MasterKey.load(tmp_path / "master.key")


GOOD_LINE: Final = line_of(KEY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        GOOD_LINE[:-1],
        GOOD_LINE + b"\n",
        GOOD_LINE.replace(b"\n", b"\r\n"),
        b" " + GOOD_LINE,
        GOOD_LINE.replace(b"\n", b"=\n"),
        GOOD_LINE[:20] + b"*" + GOOD_LINE[20:],
        GOOD_LINE[:42] + b"9\n",  # the same 32 bytes with an unused bit set
        base64.b64encode(b"\xff" * 32).rstrip(b"=") + b"\n",  # the other alphabet
        GOOD_LINE[1:],
        b"A" * 41 + b"\n",
        b"A" * 64 + b"\n",
        b"\xff\xfe" + GOOD_LINE,
        b"\x00" * 44,
        KEY,
    ],
    ids=lambda content: ascii(content)[:24],
)
def test_garbled_master_key_file_is_refused_and_not_repeated_in_the_message(tmp_path: Path, content: bytes) -> None:
    write_secret_file(tmp_path / "master.key", content)
    with pytest.raises(MalformedSecret, match="holds no master key: it must be one line of 43") as refusal:
        MasterKey.load(tmp_path / "master.key")
    assert GOOD_LINE[5:15].decode() not in str(refusal.value)


@given(content=st.binary(max_size=60) | KEYS.map(line_of))
def test_any_content_is_refused_or_is_the_one_spelling_of_its_key(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("secret")
    write_secret_file(folder / "given.key", content)
    try:
        loaded = MasterKey.load(folder / "given.key")
    except LedgerError:
        return
    raw = base64.urlsafe_b64decode(content.strip() + b"=")
    assert loaded.derive("x") == MasterKey.create(folder / "again.key", random_bytes=lambda _: raw).derive("x")
    assert (folder / "again.key").read_bytes() == content


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o660, 0o777])
def test_secret_that_group_or_others_may_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    MasterKey.create(path)
    path.chmod(mode)
    with pytest.raises(SecretExposed, match=rf"has mode {mode:04o}.*chmod 600"):
        MasterKey.load(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_secret_that_only_its_owner_may_reach_is_read(tmp_path: Path, mode: int) -> None:
    MasterKey.create(tmp_path / "master.key")
    (tmp_path / "master.key").chmod(mode)
    assert len(MasterKey.load(tmp_path / "master.key").derive("x")) == 32


def test_derivation_is_hkdf_sha256_with_the_stated_info() -> None:
    # HKDF-Extract without salt is HMAC-SHA256 under 32 zero bytes, RFC 5869 §2.2; the rest is HKDF-Expand.
    extracted = hmac.digest(bytes(32), KEY, "sha256")
    expected = HKDFExpand(SHA256(), 32, b"testamur/derive/v1\nvault").derive(extracted)
    assert MasterKey(KEY).derive("vault") == expected


def test_derivation_never_changes_or_what_it_encrypted_is_lost() -> None:
    assert MasterKey(KEY).derive("vault").hex() == "9a2ef3be94a34cbd1437d334aecbfbf1cc183ba266bdaa9bd392ba42d1b33d17"


@given(one=KEYS, two=KEYS, purposes=st.tuples(st.text(max_size=10), st.text(max_size=10)))
def test_derived_keys_differ_by_master_key_and_by_purpose(one: bytes, two: bytes, purposes: tuple[str, str]) -> None:
    here, there = MasterKey(one), MasterKey(two)
    assert (here.derive(purposes[0]) == here.derive(purposes[1])) is (purposes[0] == purposes[1])
    assert (here.derive("same") == there.derive("same")) is (one == two)
    assert here.derive(purposes[0]) != one


def test_repr_and_str_show_nothing_of_the_master_key() -> None:
    assert repr(MasterKey(KEY)) == str(MasterKey(KEY)) == "MasterKey(...)"


@pytest.mark.parametrize("carry", [pickle.dumps, copy.copy, copy.deepcopy])
def test_master_key_is_neither_pickled_nor_copied(carry: Callable[[MasterKey], object]) -> None:
    with pytest.raises(TypeError, match="stays in its process"):
        carry(MasterKey(KEY))


@given(content=st.binary(max_size=300))
def test_secret_file_gives_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("secret") / "file"
    write_secret_file(path, content)
    assert read_secret_file(path) == content


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_secret_file_has_mode_0600_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_secret_file(tmp_path / "file", b"secret")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "file") == 0o600


def test_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    write_secret_file(tmp_path / "secrets" / "file", b"secret")
    assert mode_of(tmp_path / "secrets") == 0o700


def test_missing_folder_above_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match="cannot be written: No such file"):
        write_secret_file(tmp_path / "missing" / "secrets" / "file", b"secret")
    assert list(tmp_path.iterdir()) == []


def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_bytes(b"")
    with pytest.raises(SecretFileError, match="cannot be written: Not a directory"):
        write_secret_file(tmp_path / "secrets" / "file", b"secret")


def test_content_of_the_limit_is_kept_and_one_byte_more_is_refused_unwritten(tmp_path: Path) -> None:
    write_secret_file(tmp_path / "whole", b"x" * SECRET_FILE_LIMIT)
    assert len(read_secret_file(tmp_path / "whole")) == SECRET_FILE_LIMIT
    with pytest.raises(MalformedSecret, match="at most 65536 bytes"):
        write_secret_file(tmp_path / "more", b"x" * (SECRET_FILE_LIMIT + 1))
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_file_longer_than_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (SECRET_FILE_LIMIT + 1))
    (tmp_path / "file").chmod(0o600)
    with pytest.raises(MalformedSecret, match="longer than 65536 bytes"):
        read_secret_file(tmp_path / "file")


def test_folder_or_named_pipe_in_the_place_of_a_secret_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", mode=0o600)
    with pytest.raises(SecretFileError):
        read_secret_file(tmp_path / "folder")
    with pytest.raises(MalformedSecret, match="no regular file"):
        read_secret_file(tmp_path / "pipe")


def test_many_writers_of_one_name_give_one_whole_file_and_refusals(tmp_path: Path) -> None:
    contents = [bytes([number]) * 1000 for number in range(16)]

    def write(content: bytes) -> bytes | None:
        try:
            write_secret_file(tmp_path / "secrets" / "file", content)
        except SecretAlreadyExists:
            return None
        return content

    with ThreadPoolExecutor(16) as pool:
        written = [content for content in pool.map(write, contents) if content is not None]
    assert written == [read_secret_file(tmp_path / "secrets" / "file")]
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["file"]


def test_file_is_synced_before_it_has_its_name_and_the_folders_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced, real = tmp_path / "secrets" / "file", list[tuple[str, int, bool]](), os.fsync

    def recording_fsync(descriptor: int) -> None:
        real(descriptor)
        status = os.fstat(descriptor)
        kind = {tmp_path.stat().st_ino: "parent", path.parent.stat().st_ino: "folder"}.get(status.st_ino, "file")
        synced.append((kind, status.st_size if kind == "file" else 0, path.exists()))

    monkeypatch.setattr(os, "fsync", recording_fsync)
    write_secret_file(path, b"secret")
    assert synced == [("parent", 0, False), ("file", 6, False), ("folder", 0, True)]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_failed_sync_of_the_file_is_reported_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def failing_fsync(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", failing_fsync)
    with pytest.raises(SecretFileError, match=f"cannot be written: {os.strerror(code)}"):
        write_secret_file(tmp_path / "file", b"secret")
    assert list(tmp_path.iterdir()) == []


def test_failed_sync_of_the_folder_is_reported_as_its_outcome_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync_failing_on_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync_failing_on_folders)
    with pytest.raises(SecretFileError, match="cannot be written: Input/output error"):
        MasterKey.create(tmp_path / "master.key")
    monkeypatch.undo()
    assert len(MasterKey.load(tmp_path / "master.key").derive("x")) == 32
