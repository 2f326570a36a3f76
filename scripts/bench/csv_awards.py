"""10,000 awards from a CSV file, durable, with check, progress and links: processor time of all our processes.

Two ways: the command beside a running server (the command's whole life, and what the server spends on it), and the
command alone, which opens the ledger itself. There is no peer: the reference is the bar. The time of one Ed25519
signature on this machine, at this moment, is printed beside it.

    python scripts/bench/csv_awards.py [--engine postgresql] [--rounds 3] [--rows 10000]
"""

import csv
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from databases import Server, add_engine, job_on, server_of
from harness import Result, Spent, arguments, conclude, cpu_of, spend, table, throwaway_home
from http_commands import signature
from serving import server

from ledger.adapters.home import Home

BAR = 400e-6  # seconds of processor time a row, its document signed: 4 s for 10,000
MEMORY = 300  # MB at most, of any process
_FIRST = "Zoé Amara Lin Noor Kofi Ana Piotr Mei Sven Inês".split()  # noqa: SIM905
_LAST = "Okafor Haddad Jónsdóttir Smith Nowak Chen Tavares O'Brien".split()  # noqa: SIM905
_COLUMNS = (
    *("student_number", "full_name", "achievement", "awarded_on", "email"),
    *("result", "score", "route", "assessor"),
)


def write_rows(path: Path, rows: int) -> None:
    """A file of awards to as many learners."""
    chance = random.Random(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for number in range(rows):
            name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
            day = f"2026-01-{1 + number % 5:02}"
            mail = f"s{number}@learners.example"
            writer.writerow((f"S-{number:07}", name, "wound-care", day, mail, "", "", "course", "M. Haddad"))


def issue(home: Home, file: Path) -> None:
    """Run `testamur issue-batch`."""
    out = home.folder / "out.csv"
    command = (sys.executable, "-m", "verify_api.cli.main", "--home", str(home.folder), "issue-batch", str(file))
    options = ("--issuer", "north-college", "--out", str(out))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run((*command, *options), check=True, env=environment, stdout=subprocess.DEVNULL)
    if out.read_bytes().count(b",issued\r\n") != file.read_bytes().count(b"\n") - 1:
        raise SystemExit("not every row was issued")


def alone(file: Path, database: Server | None) -> Spent:
    """The command works on the home itself."""
    with throwaway_home(server=database) as home:
        return spend(lambda: issue(home, file))


def beside_a_server(file: Path, database: Server | None) -> tuple[Spent, float]:
    """The command asks a server; what both spend, and the server's peak memory in MB."""
    with throwaway_home(server=database) as home, server("home", str(home.folder)) as running:
        before = cpu_of(running.pid)
        command = spend(lambda: issue(home, file))
        status = Path(f"/proc/{running.pid}/status").read_text("ascii")
        peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        return Spent(wall=command.wall, cpu=command.cpu + cpu_of(running.pid) - before), peak


def main() -> None:
    """Measure, and print what came of it."""
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the file")
    add_engine(parser)
    asked = parser.parse_args()
    runs: dict[str, list[Spent]] = {"beside a server": [], "alone": []}
    unit, peaks = [], [0.0]
    with tempfile.TemporaryDirectory(prefix="testamur-bench-") as folder, server_of(asked.engine) as database:
        file = Path(folder) / "rows.csv"
        write_rows(file, asked.rows)
        for _ in range(asked.rounds):
            served, peak = beside_a_server(file, database)
            runs["beside a server"].append(served)
            peaks.append(peak)
            runs["alone"].append(alone(file, database))
            unit.append(signature())
    memory = max(*peaks, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
    cpu = {name: median(run.cpu for run in each) for name, each in runs.items()}
    wall = {name: median(run.wall for run in each) for name, each in runs.items()}
    rows = [(name, f"{cpu[name]:.2f} s", f"{wall[name]:.2f} s", f"{cpu[name] / asked.rows * 1e6:.0f}") for name in runs]
    table((f"{asked.rows:,} rows", "processor", "wall", "us a row"), rows)
    print(f"peak memory {memory:.0f} MB; one Ed25519 signature takes {median(unit):.0f} us here")
    bar, worse = BAR * asked.rows, max(cpu.values())
    conclude(
        Result(
            job=job_on("csv_awards", asked.engine),
            ours=worse,
            reference=bar,
            unit="s of processor time",
            bar=f"<= {bar:g} s, <= {MEMORY} MB",
            met=worse <= bar and memory <= MEMORY,
        )
    )


if __name__ == "__main__":
    main()
