"""A registrar's office that watches the log, and looks of its watch at times that a test sets."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from ledger.adapters.http_log import HttpLog
from ledger.canonical import Json
from ledger.domain.values import parse_time
from ledger.testing.faults import FakeClock
from tests.unit.audit.public.serving import Served
from tests.unit.cli.command import ROW, Command, Ended
from verify_api.cli.looking import Looking
from verify_api.cli.public_audit import Believed
from verify_api.cli.run import Run

# Later than any day of a run: what is looked at here was recorded by the real clock.
NOW, IN_A_MINUTE, IN_TWO = "2126-12-01T12:00:00Z", "2126-12-01T12:01:01Z", "2126-12-01T12:02:02Z"


def moment(at: str) -> datetime:
    """The moment that such a string names."""
    return parse_time(at.replace("Z", ".000Z"))


class Office:
    """The registrar's office: it changes things, keeps what it is answered, and watches the log."""

    def __init__(self, command: Command, path: Path, served: Served, patch: pytest.MonkeyPatch) -> None:
        self.command = command
        self.path = path
        self.served = served
        self.receipts = path / "receipts.jsonl"
        self.receipts.touch()
        self._patch = patch

    def change(self, *arguments: str, keep: bool = True) -> Mapping[str, Json]:
        """Change something, and keep the receipt."""
        said = self.command(*arguments, "--json")
        assert said.code == 0, said.err
        if keep:
            with self.receipts.open("a") as file:
                file.write(said.out)
        answer: dict[str, Json] = json.loads(said.out)
        return answer

    def issue(self, student: str, *arguments: str, keep: bool = True) -> Mapping[str, Json]:
        """Award something."""
        (self.path / "row.json").write_text(json.dumps(ROW | {"student_number": student}))
        return self.change("issue", str(self.path / "row.json"), *arguments, keep=keep)

    def watch(self, *arguments: str, at: str = NOW, issuer: str = "college") -> Ended:
        """Look once."""
        self._patch.setenv("TESTAMUR_UNSAFE_CLOCK", at)
        state = str(self.path / "watch.state")
        said = self.command("watch", issuer, "--url", self.served.url, "--state", state, "--once", *arguments)
        self._patch.delenv("TESTAMUR_UNSAFE_CLOCK")
        return said

    def looked(self, *arguments: str, at: str = NOW) -> tuple[int, list[dict[str, Json]]]:
        """Exit code and lines of one look."""
        said = self.watch("--json", *arguments, at=at)
        return said.code, [json.loads(line) for line in said.out.splitlines()]

    @contextmanager
    def looking(self) -> Iterator[tuple[Looking, FakeClock]]:
        """A watch that runs, with receipts, from `NOW` on; and its clock."""
        clock, state = FakeClock(moment(NOW)), self.path / "watch.state"
        run, believed = Run(as_json=True), Believed(state=state)
        with HttpLog(self.served.url) as log:
            yield (
                Looking(
                    run=run,
                    issuer="college",
                    log=log,
                    believed=believed,
                    state=state,
                    receipts=self.receipts,
                    clock=clock,
                ),
                clock,
            )


def kinds(lines: list[dict[str, Json]]) -> list[str]:
    """The kinds of alarms."""
    return [str(line["kind"]) for line in lines if line["event"] == "alarm"]
