"""The client in Go, built once from `go/main.go` with Debian's golang-go and golang-golang-x-mod-dev, offline."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_SOURCE = Path(__file__).parent / "go" / "main.go"
# Where Debian's packages of Go libraries lie, all at the version that Debian ships.
_GOPATH = Path("/usr/share/gocode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the client said of a log that it accepted."""

    origin: str
    size: int
    root: str  # base64
    entries: int
    inclusions: int
    consistency: int  # pairs of checkpoints


class Client:
    """Reads a log and checks all of it, sharing nothing with the code under test."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def run(self, log: str | Path, vkeys: Sequence[str], saved: Sequence[Path] = ()) -> tuple[int, str, str]:
        """Exit code, output and errors."""
        flags = [
            *(flag for vkey in vkeys for flag in ("-vkey", vkey)),
            *(flag for file in saved for flag in ("-saved", str(file))),
        ]
        ended = subprocess.run([self._program, *flags, str(log)], capture_output=True, text=True, timeout=300)
        return ended.returncode, ended.stdout, ended.stderr

    def check(self, log: str | Path, *vkeys: str, saved: Sequence[Path] = ()) -> Checked:
        """What it says of a log that it must accept."""
        code, out, errors = self.run(log, vkeys, saved)
        assert (code, errors) == (0, "")
        return Checked(**json.loads(out))

    def refuse(self, log: str | Path, *vkeys: str, saved: Sequence[Path] = ()) -> str:
        """Why it refuses a log that it must refuse."""
        code, out, errors = self.run(log, vkeys, saved)
        assert (code, out) == (1, "")
        return errors.removeprefix("refused: ").removesuffix("\n")


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The client, built."""
    folder = tmp_path_factory.mktemp("go")
    program = folder / "checklog"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(_GOPATH),
        "GO111MODULE": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
    built = subprocess.run(
        ["go", "build", "-o", str(program), str(_SOURCE)], env=environment, capture_output=True, text=True, timeout=600
    )
    assert built.returncode == 0, f"install golang-go and golang-golang-x-mod-dev:\n{built.stderr}"
    return Client(program)
