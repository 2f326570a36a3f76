"""The key store: keys survive encrypted, under their own names, and nothing else is ever taken for one."""

import stat
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.adapters.key_store import (
    KeyAlreadyHeld,
    KeyNotHeld,
    KeyNotKept,
    KeyUnreadable,
    PemKeyStore,
    UnusablePassphrase,
)
from ledger.domain.types import Kid
from ledger.signing.ed25519 import MalformedKey, verify
from ledger.signing.signer import Ed25519Signer, MalformedSeed

PASSPHRASE: Final = b"correct horse \x00 battery \xff staple"
SEED: Final = bytes(range(32))
OTHER_SEED: Final = bytes(range(1, 33))
KID: Final = Ed25519Signer(SEED).kid
OTHER_KID: Final = Ed25519Signer(OTHER_SEED).kid


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def store(folder: Path) -> PemKeyStore:
    return PemKeyStore(folder, PASSPHRASE)


def reopened(folder: Path) -> PemKeyStore:
    return PemKeyStore(folder, PASSPHRASE)


def put(folder: Path, kid: Kid, content: bytes) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / f"{kid}.pem").write_bytes(content)
    (folder / f"{kid}.pem").chmod(0o600)


def pem_of(key: PrivateKeyTypes, passphrase: bytes | None = PASSPHRASE) -> bytes:
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_created_key_signs_now_and_after_reopening(store: PemKeyStore, folder: Path) -> None:
    created = store.create(SEED)
    later = reopened(folder).signer(created.kid)
    assert later.public_key == created.public_key
    assert later.sign(b"message") == created.sign(b"message") == Ed25519Signer(SEED).sign(b"message")
    assert verify(later.public_key, b"message", later.sign(b"message"))


def test_kept_file_is_encrypted_pkcs8_pem_under_the_kid_readable_by_its_owner_alone(
    store: PemKeyStore, folder: Path
) -> None:
    store.create(SEED)
    (path,) = folder.iterdir()
    assert path.name == f"{KID}.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    key = load_pem_private_key(path.read_bytes(), PASSPHRASE)
    assert isinstance(key, Ed25519PrivateKey)
    assert key.private_bytes_raw() == SEED


def test_same_key_created_twice_is_refused_and_its_file_left(store: PemKeyStore, folder: Path) -> None:
    store.create(SEED)
    before = (folder / f"{KID}.pem").read_bytes()
    with pytest.raises(KeyAlreadyHeld, match=f"{KID} is kept here already") as refusal:
        reopened(folder).create(SEED)
    assert refusal.value.kid == KID
    assert (folder / f"{KID}.pem").read_bytes() == before


@pytest.mark.parametrize("length", [0, 31, 33])
def test_seed_of_another_length_is_refused_and_nothing_kept(store: PemKeyStore, folder: Path, length: int) -> None:
    with pytest.raises(MalformedSeed):
        store.create(bytes(length))
    assert not folder.exists()


@pytest.mark.parametrize("passphrase", [b"", b"x" * 1024])
def test_empty_or_too_long_passphrase_is_refused(folder: Path, passphrase: bytes) -> None:
    with pytest.raises(UnusablePassphrase, match=f"1 to 1023 bytes; this one has {len(passphrase)}"):
        PemKeyStore(folder, passphrase)


@pytest.mark.parametrize("passphrase", [b"x", b"x" * 1023, bytes(32)])
def test_passphrase_within_the_bounds_keeps_and_opens_a_key(folder: Path, passphrase: bytes) -> None:
    PemKeyStore(folder, passphrase).create(SEED)
    assert PemKeyStore(folder, passphrase).signer(KID).kid == KID


def test_key_that_is_not_kept_is_reported_by_its_id(store: PemKeyStore) -> None:
    store.create(SEED)
    with pytest.raises(KeyNotHeld, match=OTHER_KID) as refusal:
        store.signer(OTHER_KID)
    assert refusal.value.kid == OTHER_KID


def test_holds_and_kids_tell_what_is_kept(store: PemKeyStore) -> None:
    assert (store.holds(KID), store.holds(OTHER_KID), store.kids()) == (False, False, [])
    store.create(SEED)
    assert (store.holds(KID), store.holds(OTHER_KID), store.kids()) == (True, False, [KID])
    store.create(OTHER_SEED)
    assert (store.holds(KID), store.holds(OTHER_KID), store.kids()) == (True, True, sorted([KID, OTHER_KID]))


def test_kids_are_sorted_whatever_the_order_of_creation(store: PemKeyStore) -> None:
    created = [store.create(bytes([number]) * 32).kid for number in range(12)]
    assert created != sorted(created)
    assert store.kids() == sorted(created)


def test_files_of_other_names_are_no_keys(store: PemKeyStore, folder: Path) -> None:
    store.create(SEED)
    for name in ("notes.txt", "backup.pem", ".hidden.tmp", f"{OTHER_KID}.pem.bak", f"{OTHER_KID[:-1]}.pem", ".pem"):
        (folder / name).write_bytes(b"")
    assert store.kids() == [KID]


@pytest.mark.parametrize(
    "kid", ["", "../secret", "/etc/passwd", f"../keys/{KID}", f"{KID}/", f"{KID}\x00", "z" * 48, KID.lower()]
)
def test_text_that_is_no_kid_never_becomes_a_path(store: PemKeyStore, folder: Path, kid: str) -> None:
    store.create(SEED)
    (folder.parent / "secret.pem").write_bytes((folder / f"{KID}.pem").read_bytes())
    for ask in (store.signer, store.holds):
        with pytest.raises(MalformedKey, match="no Ed25519 Multikey"):
            ask(Kid(kid))


def test_loaded_signer_is_kept_in_memory(store: PemKeyStore, folder: Path) -> None:
    created = store.create(SEED)
    assert store.signer(KID) is created
    later = reopened(folder)
    first = later.signer(KID)
    (folder / f"{KID}.pem").unlink()
    assert later.signer(KID) is first


def test_refusal_is_not_remembered_once_the_file_is_brought_back(store: PemKeyStore, folder: Path) -> None:
    with pytest.raises(KeyNotHeld):
        store.signer(KID)
    reopened(folder).create(SEED)
    assert store.signer(KID).kid == KID


def test_wrong_passphrase_is_refused_without_showing_it(store: PemKeyStore, folder: Path) -> None:
    store.create(SEED)
    with pytest.raises(KeyUnreadable, match="another passphrase") as refusal:
        PemKeyStore(folder, b"wrong-passphrase").signer(KID)
    assert "wrong-passphrase" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", b"\xff\xfe"])
def test_file_that_is_no_pem_is_refused(store: PemKeyStore, folder: Path, content: bytes) -> None:
    put(folder, KID, content)
    with pytest.raises(KeyUnreadable, match="cannot be opened: it is garbled"):
        store.signer(KID)


def test_cut_file_is_refused_wherever_it_is_cut(store: PemKeyStore, folder: Path) -> None:
    store.create(SEED)
    whole = (folder / f"{KID}.pem").read_bytes()
    for size in range(0, len(whole) - 1, 7):
        put(folder, KID, whole[:size])
        with pytest.raises(KeyUnreadable):
            reopened(folder).signer(KID)


def test_any_changed_character_is_refused_or_still_gives_the_right_key(store: PemKeyStore, folder: Path) -> None:
    store.create(SEED)
    whole = (folder / f"{KID}.pem").read_bytes()
    refused = 0
    for place in range(0, len(whole), 5):
        put(folder, KID, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            signer = reopened(folder).signer(KID)
        except KeyUnreadable:
            refused += 1
        else:
            assert signer.public_key == Ed25519Signer(SEED).public_key
    assert refused > 50


def test_key_that_is_not_encrypted_is_refused(store: PemKeyStore, folder: Path) -> None:
    put(folder, KID, pem_of(Ed25519PrivateKey.from_private_bytes(SEED), passphrase=None))
    with pytest.raises(KeyUnreadable, match="not encrypted"):
        store.signer(KID)


def test_key_of_another_algorithm_is_refused(store: PemKeyStore, folder: Path) -> None:
    put(folder, KID, pem_of(generate_private_key(SECP256R1())))
    with pytest.raises(KeyUnreadable, match="not of Ed25519"):
        store.signer(KID)


def test_file_that_holds_another_key_than_its_name_says_is_refused(store: PemKeyStore, folder: Path) -> None:
    put(folder, OTHER_KID, pem_of(Ed25519PrivateKey.from_private_bytes(SEED)))
    with pytest.raises(KeyUnreadable, match=f"holds the private key of {KID}; a file's name must"):
        store.signer(OTHER_KID)


def test_file_that_others_may_read_is_refused(store: PemKeyStore, folder: Path) -> None:
    store.create(SEED)
    (folder / f"{KID}.pem").chmod(0o640)
    with pytest.raises(KeyUnreadable, match=rf"{KID} is not used: .* has mode 0640"):
        reopened(folder).signer(KID)


def test_failed_write_is_reported_and_no_key_is_held(
    store: PemKeyStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing_fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    folder.mkdir(mode=0o700)
    monkeypatch.setattr("ledger.adapters.secrets.os.fsync", failing_fsync)
    with pytest.raises(KeyNotKept, match="No space left on device"):
        store.create(SEED)
    assert not store.holds(KID)
    with pytest.raises(KeyNotHeld):
        store.signer(KID)


def test_repr_of_the_store_shows_no_passphrase(store: PemKeyStore) -> None:
    assert "horse" not in repr(store)
