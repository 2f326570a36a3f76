"""Somebody who keeps every checkpoint that is ever served, and holds them against one another."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from time import sleep

import httpx

from ledger.adapters.tile_folder import FolderTiles
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import VerifierKey
from ledger.tlog.proofs import check_consistency, check_inclusion
from ledger.tlog.tile_reader import TileReader
from ledger.tlog.tiles import TileMissing

_PAUSE = 0.005  # seconds between two looks

Fetch = Callable[[str], bytes]


def folder_of(home: Path) -> Fetch:
    """What is published in a home, as it lies there."""
    tiles = FolderTiles(home / "log")

    def fetch(path: str) -> bytes:
        found = tiles.read(path)
        if found is None:
            raise TileMissing(f"there is no {path}")
        return found

    return fetch


def served_at(url: str) -> Fetch:
    """What is published, as anybody is given it."""

    def fetch(path: str) -> bytes:
        answer = httpx.get(f"{url}/log/{path}", timeout=30)
        if answer.status_code != 200:
            raise TileMissing(f"{path}: {answer.status_code}")
        return answer.content

    return fetch


class Watched:
    """Looks at the file and asks the server, again and again, from its making to `end`."""

    def __init__(self, home: Path, url: str, vkey: VerifierKey) -> None:
        """Begin."""
        self._vkeys = [vkey]
        self._lock = Lock()
        self._kept: dict[bytes, Checkpoint] = {}  # by note
        self._stop = Event()
        self._failed: list[BaseException] = []
        self._client = httpx.Client(timeout=30)
        file, asked = home / "log" / "checkpoint", _asked(self._client, url)
        self._threads = [Thread(target=self._look, args=(each,)) for each in (file.read_bytes, asked)]
        for each in self._threads:
            each.start()

    def believe(self, vkey: VerifierKey) -> None:
        """Accept what this key signs, too."""
        self._vkeys.append(vkey)

    def end(self) -> None:
        """Stop looking. What was seen must never have gone back."""
        self._stop.set()
        for each in self._threads:
            each.join(60)
        self._client.close()
        if self._failed:
            raise self._failed[0]

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """Those that were seen, by size; of each size there is one."""
        with self._lock:
            seen = {each.size: each for each in self._kept.values()}
            assert all(each == seen[each.size] for each in self._kept.values()), "two checkpoints of one size differ"
        return [seen[size] for size in sorted(seen)]

    def check(self, fetch: Fetch) -> Checkpoint:
        """Pass if all that was seen is the beginning of what is published now, which is answered.

        Every entry can be read, and stands in the tree.
        """
        seen = self.checkpoints  # before the fetch: what is published from now on may be seen before it is fetched
        now = open_checkpoint(fetch("checkpoint"), *self._vkeys)
        reader = TileReader(now.size, now.root, fetch)
        for old in seen:
            assert old.size <= now.size, "a checkpoint went back"
            check_consistency(old.size, old.root, now.size, now.root, reader.consistency(old.size))
        for index, entry in enumerate(reader.entries(0, now.size)):
            check_inclusion(leaf_hash(entry), index, now.size, now.root, reader.inclusion(index))
        return now

    def _look(self, read: Callable[[], bytes | None]) -> None:
        try:
            size = 0
            while not self._stop.is_set():
                note = read()
                if note is not None:
                    with self._lock:
                        if note not in self._kept:
                            self._kept[note] = open_checkpoint(note, *self._vkeys)
                        seen = self._kept[note].size
                    assert seen >= size, f"a checkpoint over {size} entries was followed by one over {seen}"
                    size = seen
                sleep(_PAUSE)
        except BaseException as error:
            self._failed.append(error)
            raise


def _asked(client: httpx.Client, url: str) -> Callable[[], bytes | None]:
    def ask() -> bytes | None:
        try:
            answer = client.get(f"{url}/log/checkpoint")
        except httpx.TransportError:  # it was killed a moment ago
            return None
        return answer.content if answer.status_code == 200 else None

    return ask
