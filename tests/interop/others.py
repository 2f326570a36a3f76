"""Libraries of others, in one process of node that is asked many questions; they reach nothing but this machine."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NotRequired, Self, TypedDict

from ledger.vc.reading import Json

_FOLDER = Path(__file__).parent / "js"
NOW = "2026-11-21T12:00:00Z"


class Answer(TypedDict):
    """What a library said; what is not required depends on what was asked."""

    failed: NotRequired[str]
    accepted: NotRequired[bool]
    reason: NotRequired[str]
    verified: NotRequired[bool]  # by itself, where the status is left to the caller
    status: NotRequired[list[bool]]  # the bits that were found
    steps: NotRequired[dict[str, bool | str]]
    schemas: NotRequired[list[Json]]
    document: NotRequired[dict[str, Json]]
    requests: NotRequired[list[str]]
    cpu: NotRequired[float]
    wall: NotRequired[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one library made of one document."""

    accepted: bool
    reason: str
    said: Answer


class Others:
    """Judges and makers: `@digitalbazaar/vc` 7, `@digitalcredentials/verifier-core`, `ajv` with the 1EdTech schema."""

    def __init__(self, base: str = "", url: str = "") -> None:
        """
        Args:
            base: as documents name the ledger; none: only what a question brings along is there.
            url: where that ledger listens, on loopback.
        """
        node = shutil.which("node")
        assert node is not None, "install nodejs and npm"
        assert (_FOLDER / "node_modules").is_dir(), f"run `npm ci` in {_FOLDER}, as `make interop` does"
        command = [node, str(_FOLDER / "driver.js"), *((base, url) if base else ())]
        environment = {"PATH": os.environ["PATH"], "HOME": str(_FOLDER)}
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, it: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with self._process:  # closes the pipes, by which node ends, and waits for it
            pass

    def ask(self, what: str, **question: object) -> Answer:
        """Ask one thing; an answer that is a failure of the library or of ours is no answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **question}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"node ended when it was asked for {what}"
        answer: Answer = json.loads(line)
        assert "failed" not in answer, answer["failed"]
        return answer

    def judge(
        self,
        library: str,
        document: Mapping[str, Json],
        *,
        now: str = NOW,
        given: Mapping[str, object] | None = None,
        challenge: str | None = None,
    ) -> Verdict:
        """What `library` makes of a document at a time, where `given` are more documents by address."""
        more = {} if challenge is None else {"challenge": challenge}
        answer = self.ask(library, document=document, now=now, given=dict(given or {}), **more)
        return Verdict(accepted=answer["accepted"], reason=answer["reason"], said=answer)

    def make(
        self, document: Mapping[str, Json], suite: str, *, challenge: str | None = None, domain: str | None = None
    ) -> dict[str, Json]:
        """`document` with an issuer (a presentation: a holder) that is a new `did:key`, and its proof."""
        more = {"challenge": challenge, "domain": domain} if challenge is not None else {}
        return self.ask("make", document=document, suite=suite, now=NOW, **more)["document"]
