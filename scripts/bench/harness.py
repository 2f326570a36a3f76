"""What the benchmarks share: interleaved rounds, medians, the last line, and ledgers to measure on.

Two callables are run in turns in one process, ours first in every other round, so that a busy machine slows both. Wall
time doubles under load; processor time, of this process and of the children it waited for, hardly does. Ledgers of many
events are made by `filling`, once, and kept in a cache folder.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from databases import Server, database_of, moved_home
from filling import FORMAT, begin, fill, fill_by_use_cases

from ledger.adapters.home import Home

Work = Callable[[], object]
CACHE = Path(tempfile.gettempdir()) / "testamur-bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one run took, in seconds."""

    wall: float
    cpu: float  # of this process and of the children that ended meanwhile and were waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The rounds of two callables, in the order in which they were run."""

    ours: tuple[Spent, ...]
    reference: tuple[Spent, ...]

    @property
    def cpu(self) -> tuple[float, float]:
        """Median processor time of ours and of the reference."""
        return median(each.cpu for each in self.ours), median(each.cpu for each in self.reference)

    @property
    def wall(self) -> tuple[float, float]:
        """Median wall time of ours and of the reference."""
        return median(each.wall for each in self.ours), median(each.wall for each in self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The last line of a benchmark."""

    job: str
    ours: float
    reference: float
    unit: str
    bar: str  # such as ">= 4 x"
    met: bool
    ratio: float | None = None  # None: ours / reference


def spend(work: Work) -> Spent:
    """What running `work` once takes."""
    children, cpu, wall = _children(), process_time(), perf_counter()
    work()
    wall, cpu = perf_counter() - wall, process_time() - cpu
    return Spent(wall=wall, cpu=cpu + _children() - children)


def interleaved(
    ours: Work,
    reference: Work,
    *,
    rounds: int = 5,
    warm_up: int = 1,
    before: tuple[Work, Work] | None = None,
) -> Comparison:
    """Run both `rounds` times in turns, after `warm_up` turns that are not counted.

    Args:
        before: run before each run of ours and of the reference, untimed: a fresh database, say.
    """
    prepare = before or (_nothing, _nothing)
    sides = (ours, reference)
    spent: tuple[list[Spent], list[Spent]] = ([], [])
    for turn in range(-warm_up, rounds):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            prepare[side]()
            run = spend(sides[side])
            if turn >= 0:
                spent[side].append(run)
    return Comparison(ours=tuple(spent[0]), reference=tuple(spent[1]))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns: the first to the left, the others to the right."""
    widths = [max(len(row[place]) for row in (header, *rows)) for place in range(len(header))]
    for row in (header, tuple("-" * width for width in widths), *rows):
        cells = [
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def show(compared: Comparison, *, count: int, unit: str, names: tuple[str, str] = ("ours", "reference")) -> None:
    """Print what each side took per run, and how many `unit` that makes a second."""
    rows = []
    for name, cpu, wall in zip(names, compared.cpu, compared.wall, strict=True):
        per_second = f"{count / cpu:,.0f}" if cpu else "-"
        rows.append((name, f"{cpu:.4f} s", f"{wall:.4f} s", per_second, f"{count / wall:,.0f}"))
    table(("median of a run", "processor", "wall", f"{unit} per cpu second", f"{unit} per second"), rows)


def conclude(result: Result) -> None:
    """Print the last line: one JSON object."""
    ratio = result.ratio
    if ratio is None:
        ratio = result.ours / result.reference if result.reference else 0.0
    line = {
        "job": result.job,
        "ours": round(result.ours, 6),
        "reference": round(result.reference, 6),
        "unit": result.unit,
        "ratio": round(ratio, 3),
        "bar": result.bar,
        "met": result.met,
    }
    print(json.dumps(line), flush=True)


def arguments(doc: str | None, *, rounds: int = 5) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes: --rounds and --cache."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"rounds of each side (default {rounds})")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where made ledgers are kept (default {CACHE})")
    return parser


def cpu_of(pid: int) -> float:
    """Processor seconds that a running process has used, from /proc (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory() -> int:
    """The most memory in bytes that this process has had resident (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# ------------------------------------------------------------------------------------------------------------ homes


@contextmanager
def throwaway_home(events: int = 0, *, server: Server | None = None) -> Iterator[Home]:
    """A new closed ledger with three issuers and two achievements of each, removed afterwards.

    Args:
        server: where its databases are made; None: it lies in files.
        events: of awards, made by the use cases one by one; for more than a few thousand take `filled_home`.
    """
    with tempfile.TemporaryDirectory(prefix="testamur-bench-") as folder, database_of(server) as url:
        home = begin(Path(folder) / "home", url)
        if events:
            fill_by_use_cases(home, events)
        yield home


def filled_home(events: int, *, cache: Path = CACHE, processes: int = 2) -> Home:
    """A closed ledger of `events` events of awards and the few that these need, made at the first call and then kept.

    For reading: who writes takes a copy (`copied_home`), so that the next benchmark finds what this one found.
    """
    kept = cache / f"{FORMAT}-{events}"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="making-", dir=cache) as folder:
            print(f"making a ledger of {events:,} events in {kept}", file=sys.stderr)
            home = begin(Path(folder) / "home")
            fill(home, events, processes=processes)
            home.folder.rename(kept)
    return Home(kept)


@contextmanager
def copied_home(home: Home, *, server: Server | None = None) -> Iterator[Home]:
    """A copy of a closed home of files, to be written to; removed afterwards.

    Args:
        server: where the copy's databases are made; None: it lies in files, too.
    """
    with database_of(server) as url:
        if url is not None:
            with moved_home(home, url) as moved:
                yield moved
            return
    with tempfile.TemporaryDirectory(prefix="testamur-bench-") as folder:
        yield Home(Path(shutil.copytree(home.folder, Path(folder) / "home")))


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _nothing() -> None:
    pass
