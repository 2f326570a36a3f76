"""Removes each check of the audit and of the verification in turn, and shows that a test goes red.

A check is an `if`: its condition is replaced by False, in a process of its own, and the tests for which it was true are
run; for the others nothing changes. A check whose removal no test notices is listed, and the script exits 1.

    python scripts/mutate.py [--only ledger/audit/replay.py] [--jobs 2]
"""

import argparse
import ast
import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ledger/audit", "ledger/verification")
SUITES = ("tests/unit/verification", "tests/unit/audit")
LIMIT = 120  # seconds for one mutant; a test that then still runs counts as red
MOST_TESTS = 8  # run at first; the rest only where these stay green

# Conditions whose removal changes nothing that anybody can see, each with its reason.
EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "ledger/audit/positions.py",
        "self._in_order and (not unsound)",
    ): "else all times are read again, to the same end",
    (
        "ledger/audit/rules.py",
        "self.are_known(entry.by, entry.kid, position) and (not self.is_owned(entry.stream.hex))",
    ): "else the signer table is asked again",
    ("ledger/audit/rules.py", "first is not None"): "else the entry is parsed",
    ("ledger/verification/findings.py", "names == checks"): "else they are put into the order that they have",
    (
        "ledger/verification/log_check.py",
        "agreement.latest is None or agreement.latest <= until",
    ): "else the same is found in the note once more",
    (
        "ledger/verification/status_lists.py",
        "len(path) != _HEIGHT or any((len(each) != HASH_BYTES for each in path))",
    ): "else the path leads to no root that is found among the lists",
    ("ledger/verification/status_lists.py", "not bit"): "else a chunk is kept in which nothing is set",
    ("ledger/verification/authority_lines.py", "before is None"): "else nothing is found of an issuer just registered",
    ("ledger/verification/views.py", "since == len(credential.versions)"): "else no later version is found",
    ("ledger/audit/passes.py", "isinstance(done.stream, str)"): "else the second pass is not divided",
}


@dataclass(frozen=True)
class Mutant:
    """One check to remove."""

    path: str  # relative to the root
    line: int
    body: int  # first line of what the condition guards
    condition: str

    def source(self) -> str:
        """The module without the check."""
        tree = ast.parse((ROOT / self.path).read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and node.lineno == self.line and ast.unparse(node.test) == self.condition:
                node.test = ast.copy_location(ast.Constant(value=False), node.test)
                break
        else:
            raise SystemExit(f"{self.path}:{self.line} has no such check")
        return ast.unparse(ast.fix_missing_locations(tree))


def mutants(only: tuple[str, ...]) -> list[Mutant]:
    """Every check of the audited packages, in the order of the files."""
    found = []
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            path = str(file.relative_to(ROOT))
            if only and not path.startswith(only):
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.If):
                    mutant = Mutant(
                        path=path, line=node.lineno, body=node.body[0].lineno, condition=ast.unparse(node.test)
                    )
                    if (path, mutant.condition) not in EQUIVALENT:
                        found.append(mutant)
    return sorted(found, key=lambda each: (each.path, each.line))


def reaching() -> dict[tuple[str, int], list[str]]:
    """Which tests reach which line, measured by running the suites once."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "coverage"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", *SUITES]
        command += ["--cov=ledger.audit", "--cov=ledger.verification", "--cov-context=test", "--cov-report="]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"COVERAGE_FILE": str(data)}, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise SystemExit("the tests are red without any mutation:\n" + done.stdout[-3000:] + done.stderr[-2000:])
        measured = coverage.CoverageData(str(data))
        measured.read()
        found: dict[tuple[str, int], list[str]] = {}
        for file in measured.measured_files():
            path = str(Path(file).relative_to(ROOT))
            for line, contexts in measured.contexts_by_lineno(file).items():
                tests = sorted({context.split("|")[0] for context in contexts if context})
                found[path, line] = tests
        return found


def survives(mutant: Mutant, tests: list[str]) -> bool:
    """Whether every test that reaches the check stays green without it."""
    plugin = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from scripts.mutate import run; run()"
    with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as file:
        file.write(mutant.source())
        file.flush()
        environment = os.environ | {"MUTANT_MODULE": module_of(mutant.path), "MUTANT_SOURCE": file.name}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        process = subprocess.Popen(
            [sys.executable, "-c", plugin, *tests],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(LIMIT) == 0
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False


def module_of(path: str) -> str:
    """The dotted name of a file's module."""
    return path.removesuffix(".py").replace("/", ".")


def run() -> None:
    """In the mutant's own process: import the module from its changed source, then run the tests."""
    import importlib.abc
    import importlib.machinery
    import importlib.util

    import pytest

    name, source = os.environ["MUTANT_MODULE"], Path(os.environ["MUTANT_SOURCE"])
    loader = importlib.machinery.SourceFileLoader(name, str(source))

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
            if fullname != name:
                return None
            return importlib.util.spec_from_file_location(name, source, loader=loader)

    sys.meta_path.insert(0, Finder())
    with contextlib.redirect_stdout(io.StringIO()):
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *sys.argv[1:]])
    sys.exit(0 if code == pytest.ExitCode.OK else 1)


def judged(only: tuple[str, ...], jobs: int) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it: found, survived, or true in no test."""
    reached = reaching()
    every = mutants(only)

    def judge(mutant: Mutant) -> str:
        tests = reached.get((mutant.path, mutant.body), [])
        if not tests:
            return "true in no test"
        chosen = tests[:MOST_TESTS]
        if not survives(mutant, chosen):
            return "found"
        rest = tests[MOST_TESTS:]
        return "survived" if not rest or survives(mutant, rest) else "found"

    with ThreadPoolExecutor(jobs) as pool:
        yield from zip(every, pool.map(judge, every), strict=True)


def main() -> int:
    """Run every mutant; 1 where one survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], help="files or folders, relative to the root")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    began = time.monotonic()
    count = 0
    alive = []
    for mutant, verdict in judged(tuple(options.only), options.jobs):
        count += 1
        if verdict != "found":
            alive.append(mutant)
            print(f"{mutant.path}:{mutant.line}: {verdict}: if {mutant.condition}", flush=True)
    seconds = time.monotonic() - began
    print(f"{count} checks removed in turn, {count - len(alive)} noticed by a test, {len(alive)} not, {seconds:.0f} s")
    return 1 if alive or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
