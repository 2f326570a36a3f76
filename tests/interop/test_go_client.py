"""Logs of plain entries, published as this ledger publishes its own, read by a client that shares no line with it."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ledger.signing.signer import Ed25519Signer
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.cosignature import cosign, with_lines
from ledger.tlog.encoding import to_base64
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import VerifierKey, sign_note
from ledger.tlog.tiles import MAX_ENTRY_BYTES, TileEdge, bundles_between, encode_bundle
from tests.interop.conftest import Checked, Client

ORIGIN = "log.example/plain"
SIGNER = Ed25519Signer(bytes(range(32)))
OTHER = Ed25519Signer(bytes(32))
VKEY = VerifierKey.of(ORIGIN, SIGNER.public_key).to_text()
SIZES = [0, 1, 255, 256, 257, 65_536, 70_000]
STEPS = [0, 1, 2, 3, 100, 255, 256, 257, 300, 511, 512, 513, 65_535, 65_536, 65_537, 70_000]  # of publishing


def plain_entry(number: int) -> bytes:
    """Entries of many lengths, the empty one and the longest that a bundle can hold among them."""
    if number == 2:
        return bytes(MAX_ENTRY_BYTES)
    return b"entry %d " % number * (number % 7)


class Log:
    """A log that is published step by step into a folder; every checkpoint that it ever had is kept beside it."""

    def __init__(self, folder: Path, *, word: bytes = b"") -> None:
        self.folder = folder / "log"
        self.saved = folder / "saved"
        self.saved.mkdir(parents=True)
        self._word = word  # makes it another log
        self._entries: list[bytes] = []
        self._edge = TileEdge.empty()

    def grow(self, size: int) -> "Log":
        """Publish as many entries, and the checkpoint over them."""
        old = self._edge.size
        self._entries += [(self._word + plain_entry(number))[:MAX_ENTRY_BYTES] for number in range(old, size)]
        for tile, raw in self._edge.extend([leaf_hash(entry) for entry in self._entries[old:]]):
            self.write(tile.path, raw)
        for bundle in bundles_between(old, size):
            start = bundle.number * 256
            self.write(bundle.path, encode_bundle(self._entries[start : start + bundle.width]))
        self.write("checkpoint", self.checkpoint())
        (self.saved / f"{size:06}").write_bytes(self.checkpoint())
        return self

    def checkpoint(self) -> bytes:
        return sign_checkpoint(Checkpoint(origin=ORIGIN, size=self._edge.size, root=self._edge.root()), SIGNER)

    def write(self, path: str, raw: bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)

    @property
    def all_saved(self) -> list[Path]:
        return sorted(self.saved.iterdir())


def published(folder: Path, size: int, *, word: bytes = b"") -> Log:
    """A log of that size that was published at every step on the way."""
    log = Log(folder, word=word)
    for step in [step for step in STEPS if step < size]:
        log.grow(step)
    return log.grow(size)


@pytest.fixture(scope="module")
def log_300(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return published(tmp_path_factory.mktemp("log"), 300)


@pytest.fixture(scope="module")
def log_70_000(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return published(tmp_path_factory.mktemp("log"), 70_000)


@contextmanager
def changed(log: Log, path: str, raw: bytes | None) -> Iterator[None]:
    """While it lasts, the log has other bytes at `path`, or None."""
    file = log.folder / path
    honest = file.read_bytes()
    if raw is None:
        file.unlink()
    else:
        file.write_bytes(raw)
    try:
        yield
    finally:
        file.write_bytes(honest)


def flipped(raw: bytes, place: int) -> bytes:
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


# ----------------------------------------------------------------------------------------------------- what it accepts


@pytest.mark.parametrize("size", SIZES)
def test_a_published_log_is_read_and_all_of_it_proved(client: Client, tmp_path: Path, size: int) -> None:
    log = published(tmp_path, size)
    saved = log.all_saved
    checkpoints = len(saved) + 1  # the served one is saved, too
    assert client.check(log.folder, VKEY, saved=saved) == Checked(
        origin=ORIGIN,
        size=size,
        root=to_base64(log._edge.root()),
        entries=size,
        inclusions=size,
        consistency=checkpoints * (checkpoints - 1) // 2,
    )


def test_a_log_is_read_over_http(client: Client, log_300: Log) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=log_300.folder))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        assert client.check(url, VKEY).inclusions == 300
        assert "not there" in client.refuse(url + "/elsewhere", VKEY)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_log_is_read_whose_partial_files_are_gone_where_full_ones_are(client: Client, tmp_path: Path) -> None:
    log = published(tmp_path, 513)
    for stale in log.folder.rglob("*.p"):
        if stale.with_suffix("").exists():
            shutil.rmtree(stale)
    assert client.check(log.folder, VKEY, saved=log.all_saved).size == 513
    # The checkpoint of 511 needs tiles and a bundle of width 255, which are gone.
    log.write("checkpoint", (log.saved / "000511").read_bytes())
    assert client.check(log.folder, VKEY, saved=log.all_saved[:9]).size == 511


def test_a_checkpoint_with_signatures_of_witnesses_and_of_two_keys_is_read(client: Client, log_300: Log) -> None:
    note = log_300.checkpoint()
    text = note.decode().partition("\n\n")[0] + "\n"
    second = sign_note(text, OTHER, ORIGIN).removeprefix(text.encode() + b"\n")
    lines = second + cosign(text, OTHER, "witness.example/w", 1_795_269_780)
    with changed(log_300, "checkpoint", with_lines(note, lines)):
        second_vkey = VerifierKey.of(ORIGIN, OTHER.public_key).to_text()
        for vkeys in ([VKEY], [second_vkey], [VKEY, second_vkey]):
            assert client.check(log_300.folder, *vkeys).size == 300


# ----------------------------------------------------------------------------------------------------- what it refuses

# Either sumdb finds the tile out, or the client does by the entries: see `readHashes` in its source.
FORGED = re.compile(r"downloaded inconsistent tile|the entries have another hash")


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"])
def test_a_flipped_bit_in_a_tile_is_refused(client: Client, log_300: Log, path: str) -> None:
    honest = (log_300.folder / path).read_bytes()
    for place in (0, 31, len(honest) // 2, len(honest) - 1):
        with changed(log_300, path, flipped(honest, place)):
            assert FORGED.search(client.refuse(log_300.folder, VKEY))


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/272", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"])
def test_a_flipped_bit_in_a_tile_of_a_long_log_is_refused(client: Client, log_70_000: Log, path: str) -> None:
    with changed(log_70_000, path, flipped((log_70_000.folder / path).read_bytes(), 7)):
        assert FORGED.search(client.refuse(log_70_000.folder, VKEY))


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/entries/001.p/44"])
def test_a_flipped_bit_in_a_bundle_is_refused(client: Client, log_300: Log, path: str) -> None:
    honest = (log_300.folder / path).read_bytes()
    for place in (0, 1, 5, len(honest) // 2, len(honest) - 1):
        with changed(log_300, path, flipped(honest, place)):
            assert "entries have another hash" in (why := client.refuse(log_300.folder, VKEY)) or "bundle" in why


@pytest.mark.parametrize("number", [0, 1, 200, 272])
def test_a_full_tile_that_was_forged_with_its_bundle_is_refused(client: Client, log_70_000: Log, number: int) -> None:
    forged = [b"forged %d" % place for place in range(256)]
    tile = b"".join(map(leaf_hash, forged))
    bundle = encode_bundle(forged)
    path = f"{number:03}"
    with changed(log_70_000, f"tile/0/{path}", tile), changed(log_70_000, f"tile/entries/{path}", bundle):
        assert FORGED.search(client.refuse(log_70_000.folder, VKEY))


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "checkpoint"])
def test_a_file_that_is_missing_or_cut_is_refused(client: Client, log_300: Log, path: str) -> None:
    with changed(log_300, path, None):
        assert "not there" in client.refuse(log_300.folder, VKEY)
    with changed(log_300, path, (log_300.folder / path).read_bytes()[:-1]):
        client.refuse(log_300.folder, VKEY)


def test_a_flipped_bit_anywhere_in_a_checkpoint_is_refused(client: Client, log_300: Log) -> None:
    honest = log_300.checkpoint()
    # Up to the last digit of the signature: Go takes more than one spelling of that.
    for place in range(0, len(honest) - 4, 3):
        with changed(log_300, "checkpoint", flipped(honest, place)):
            assert client.refuse(log_300.folder, VKEY).startswith("checkpoint: ")


def test_a_signed_checkpoint_of_another_size_or_root_is_refused(client: Client, log_300: Log) -> None:
    root = log_300._edge.root()
    for size in (299, 301):
        note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root), SIGNER)
        with changed(log_300, "checkpoint", note):
            client.refuse(log_300.folder, VKEY)
    note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=300, root=leaf_hash(b"another")), SIGNER)
    with changed(log_300, "checkpoint", note):
        assert "inconsistent tile" in client.refuse(log_300.folder, VKEY)


def test_a_checkpoint_that_another_key_signed_is_refused(client: Client, log_300: Log) -> None:
    vkey = VerifierKey.of(ORIGIN, OTHER.public_key).to_text()
    assert client.refuse(log_300.folder, vkey).startswith("checkpoint: ")


def forks(folder: Path, sizes: Sequence[int]) -> list[Path]:
    """Checkpoints of a log of the same name and key with other entries."""
    log = Log(folder, word=b"forked ")
    for size in sizes:
        log.grow(size)
    return log.all_saved


def test_a_saved_checkpoint_of_a_fork_is_refused_at_any_size(client: Client, tmp_path: Path, log_300: Log) -> None:
    for saved in forks(tmp_path, [1, 200, 256, 299, 300]):
        assert "none of this log" in client.refuse(log_300.folder, VKEY, saved=[*log_300.all_saved, saved])


def test_a_saved_checkpoint_that_is_ahead_of_the_log_is_refused(client: Client, tmp_path: Path, log_300: Log) -> None:
    ahead = published(tmp_path, 301).all_saved[-1]
    assert "at size 301, and the log is" in client.refuse(log_300.folder, VKEY, saved=[ahead])
