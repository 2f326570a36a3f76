"""Does a proof take longer in a long log? Inclusion proofs from tiles in files, in logs of 10^4 and of 10^7 leaves.

Every hash that a proof is made of is tied to the root on the way. Ours is a proof by the reader of a checkpoint that
has read the right edge of the tree, which every proof needs, and has to read every other tile; beside it stands one by
a new reader. The reference is what nobody could save: as many node hashes as the path is long.

The second line is about growing: leaves are appended in batches, and every tile that a publication has to write is
made. Ours is the rate in the long log, the reference that in the short one, in leaves per second of processor time.

    python scripts/bench/proofs.py [--rounds 5] [--sizes 10000 10000000] [--batch 1000]

The long log takes half a minute to make and 320 MB to keep; its leaves stand for entries that nobody wrote.
"""

import random
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import process_time

from harness import Result, Work, arguments, conclude, interleaved, show, table

from ledger.tlog.merkle import Hash, node_hash
from ledger.tlog.proofs import check_inclusion
from ledger.tlog.tile_reader import TileCache, TileReader
from ledger.tlog.tiles import Tile, TileEdge

_FORMAT = "tiles-1"
_MAKING = 65_536  # leaves a batch while a log is made
_PROOFS = 200  # in a round
_BAR_MS = 1.0


def leaf(number: int) -> Hash:
    """The hash that stands for an entry."""
    return Hash(sha256(number.to_bytes(8, "big")).digest())


class Log:
    """A synthetic log whose tiles lie in a folder, made at the first call and then kept."""

    def __init__(self, size: int, cache: Path) -> None:
        self.size = size
        self.folder = cache / f"{_FORMAT}-{size}"
        if not self.folder.exists():
            self._make(cache)
        self.root = Hash(bytes.fromhex((self.folder / "root").read_text("ascii")))

    def fetch(self, path: str) -> bytes:
        """The tile at `path`."""
        return (self.folder / path).read_bytes()

    def reader(self, kept: int = 256) -> TileReader:
        """A reader that has read nothing, and will keep that many tiles beside the right edge."""
        return TileReader(self.size, self.root, self.fetch, cache=TileCache(kept))

    def edge(self) -> TileEdge:
        """The right edge, from its tiles."""
        return TileEdge.of(self.size, self.root, lambda tile: self.fetch(tile.path))

    def _make(self, cache: Path) -> None:
        print(f"making a log of {self.size:,} leaves in {self.folder}", file=sys.stderr)
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="making-", dir=cache) as making:
            folder = Path(making) / "log"
            partial_tiles: dict[tuple[int, int], tuple[Tile, bytes]] = {}
            edge = TileEdge.empty()
            while edge.size < self.size:
                numbers = range(edge.size, min(edge.size + _MAKING, self.size))
                for tile, raw in edge.extend([leaf(number) for number in numbers]):
                    if tile.full:
                        partial_tiles.pop((tile.level, tile.number), None)
                        _write(folder / tile.path, raw)
                    else:
                        partial_tiles[tile.level, tile.number] = tile, raw
            for tile, raw in partial_tiles.values():
                _write(folder / tile.path, raw)
            _write(folder / "root", edge.root().hex().encode("ascii"))
            folder.rename(self.folder)


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


# -------------------------------------------------------------------------------------------------------------- proofs


def milliseconds(prove: Callable[[int], object], indices: list[int]) -> float:
    """The median processor time of one proof, reading its tiles included."""
    spent = []
    for index in indices:
        begun = process_time()
        prove(index)
        spent.append(process_time() - begun)
    return median(spent) * 1e3


def hash_path(length: int) -> None:
    """What a path of `length` hashes costs at the least: it is checked once."""
    node = leaf(0)
    for _ in range(length):
        node = node_hash(node, node)


def proofs(logs: list[Log], rounds: int) -> Result:
    """Time proofs in every log, and print a table of what they take."""
    draw = random.Random(1)
    rows, ours, reference = [], 0.0, 0.0
    for log in logs:
        forgetful, kept = log.reader(2), log.reader()  # two: those of one proof
        again = draw.randrange(log.size)
        length = len(forgetful.inclusion(again))
        taken: list[tuple[float, ...]] = []
        for _ in range(rounds):
            indices = [draw.randrange(log.size) for _ in range(_PROOFS)]
            for index in indices[:10]:
                check_inclusion(leaf(index), index, log.size, log.root, log.reader().inclusion(index))
            taken.append(
                (
                    milliseconds(forgetful.inclusion, indices),
                    milliseconds(lambda index, log=log: log.reader().inclusion(index), indices),  # type: ignore[misc]
                    milliseconds(kept.inclusion, [again] * _PROOFS),
                    milliseconds(lambda _, length=length: hash_path(length), indices),  # type: ignore[misc]
                )
            )
        medians = [median(column) for column in zip(*taken, strict=True)]
        rows.append((f"{log.size:,}", str(length), *(f"{each:.3f} ms" for each in medians)))
        ours, reference = medians[0], medians[-1]
    table(("leaves", "hashes", "tiles read anew", "by a new reader", "all tiles kept", "as many hashes"), rows)
    return Result(
        job="inclusion_proof",
        ours=ours,
        reference=reference,
        unit=f"ms a proof, {logs[-1].size:,} leaves",
        bar=f"<= {_BAR_MS:g} ms",
        met=ours <= _BAR_MS,
    )


# -------------------------------------------------------------------------------------------------------------- growing


class Growing:
    """A log that is being appended to, in memory, from its size on."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._edge = log.edge()

    def reset(self) -> None:
        """Be as long as at the beginning."""
        self._edge = self._log.edge()

    def append(self, batches: list[list[Hash]]) -> None:
        """Make the tiles and the root of each publication."""
        for leaves in batches:
            self._edge.extend(leaves)
            self._edge.root()


def growth(small: Log, large: Log, rounds: int, batch: int) -> Result:
    """Append the same leaves to both, in turns."""
    batches = [[leaf(number) for number in range(start, start + batch)] for start in range(0, 20_000, batch)]
    count = sum(map(len, batches))
    sides = (Growing(large), Growing(small))
    work: tuple[Work, Work] = (partial(sides[0].append, batches), partial(sides[1].append, batches))
    compared = interleaved(*work, rounds=rounds, before=(sides[0].reset, sides[1].reset))
    show(compared, count=count, unit="leaves", names=(f"{large.size:,} leaves", f"{small.size:,} leaves"))
    ours, reference = (count / spent for spent in compared.cpu)
    return Result(
        job="tile_growth",
        ours=ours,
        reference=reference,
        unit="leaves per cpu second",
        bar=">= 0.85 x",
        met=ours >= 0.85 * reference,
    )


def main() -> None:
    """Measure, and print what came of it."""
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 10_000_000], help="leaves of the logs")
    parser.add_argument("--batch", type=int, default=1_000, help="leaves in a publication")
    asked = parser.parse_args()
    logs = [Log(size, asked.cache) for size in sorted(asked.sizes)]
    results = proofs(logs, asked.rounds), growth(logs[0], logs[-1], asked.rounds, asked.batch)
    for result in results:
        conclude(result)


if __name__ == "__main__":
    main()
