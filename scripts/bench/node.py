"""Libraries of others in a process of node, for benchmarks that measure beside them; see `tests/interop/js`."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypedDict

from harness import Spent

_FOLDER = Path(__file__).parents[2] / "tests" / "interop" / "js"


class _Timed(TypedDict):
    cpu: float
    wall: float


class Peer:
    """`@digitalbazaar/vc` and its suites. Time is taken inside of node, so that asking costs nothing."""

    def __init__(self, questions: IO[str], answers: IO[str]) -> None:
        self._questions = questions
        self._answers = answers

    def issue(self, documents: Sequence[Mapping[str, object]]) -> Spent:
        """What signing each of these took."""
        return self._time("timeIssuing", documents)

    def verify(self, documents: Sequence[Mapping[str, object]]) -> Spent:
        """What verifying each of these took, without a look at their status."""
        return self._time("timeVerifying", documents)

    def make(self, document: Mapping[str, object]) -> dict[str, object]:
        """`document` as signed by an issuer that is a new `did:key`."""
        found: dict[str, object] = json.loads(
            self._ask({"do": "make", "document": document, "suite": "eddsa-rdfc-2022"})
        )
        made = found["document"]
        if not isinstance(made, dict):
            raise SystemExit("node made no document")
        return made

    def _time(self, what: str, documents: Sequence[Mapping[str, object]]) -> Spent:
        found: _Timed = json.loads(self._ask({"do": what, "documents": documents}))
        return Spent(wall=found["wall"], cpu=found["cpu"])

    def _ask(self, question: Mapping[str, object]) -> str:
        self._questions.write(json.dumps(question) + "\n")
        self._questions.flush()
        answer = self._answers.readline()
        if not answer or '"failed"' in answer[:20]:
            raise SystemExit(f"node did not do what it was asked for: {answer[:2000]}")
        return answer


@contextmanager
def peer() -> Iterator[Peer]:
    """The libraries, in a process of their own that ends with the block."""
    node = shutil.which("node")
    if node is None or not (_FOLDER / "node_modules").is_dir():
        raise SystemExit("the libraries of others are not here: run `make bench`, or `npm ci` in tests/interop/js")
    command = [node, str(_FOLDER / "driver.js")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(_FOLDER)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise SystemExit("node has no pipes")
        yield Peer(process.stdin, process.stdout)
