"""Runs every benchmark one after the other and ends with a table: ours, the reference, the ratio, the bar.

    python scripts/bench/run_all.py                 # all jobs, a quarter of an hour or so
    python scripts/bench/run_all.py scan_json audit # some of them
    python scripts/bench/run_all.py --list

Each job is a process of its own; what it prints goes by as it comes. A job that fails is named in the table, and the
run then ends with 1. A bar that was not met does not: figures depend on the machine, and are for people to judge.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import table

HERE = Path(__file__).parent
# What jobs are made of, and a closer look at what an award costs.
NO_JOBS = (
    "harness",
    "node",
    "badges",
    "plain_pyld",
    "databases",
    "serving",
    "filling",
    "sealing_awards",
    "primitives",
    "run_all",
)


def jobs() -> list[str]:
    """The names of all jobs, by name."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_JOBS)


def run(job: str) -> list[list[str]]:
    """Run one job; a row of the table for each line of results that it printed, one that says so if it failed."""
    print(f"\n== {job}", flush=True)
    process = subprocess.Popen([sys.executable, str(HERE / f"{job}.py")], stdout=subprocess.PIPE, text=True)
    rows = []
    for line in process.stdout or ():
        print(line, end="", flush=True)
        if line.startswith('{"job"'):
            rows.append(_row(line))
    if process.wait() != 0 or not rows:
        return [[job, "failed", "", "", "", "", ""]]
    return rows


def _row(line: str) -> list[str]:
    found = json.loads(line)
    numbers = [f"{found[name]:,.4g}" for name in ("ours", "reference")]
    met = "yes" if found["met"] else "no"
    return [found["job"], *numbers, found["unit"], f"{found['ratio']:.2f}", found["bar"], met]


def main(given: Sequence[str]) -> int:
    """Run what was asked for; 1 if a job failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="absent: all of them")
    parser.add_argument("--list", action="store_true", help="print the names of the jobs, and end")
    asked = parser.parse_args(given)
    if asked.list:
        print("\n".join(jobs()))
        return 0
    unknown = sorted(set(asked.jobs) - set(jobs()))
    if unknown:
        parser.error(f"there is no job {', '.join(unknown)}; there are {', '.join(jobs())}")
    rows = [row for job in asked.jobs or jobs() for row in run(job)]
    print()
    table(("job", "ours", "reference", "unit", "ratio", "bar", "met"), rows)
    return int(any(row[1] == "failed" for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
