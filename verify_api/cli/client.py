"""The command as a client of the HTTP API: one way to ask, whether a server holds the home or this process does."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from ledger.canonical import Json
from ledger.record.schema import SCHEMA_OF
from verify_api.cli.errors import REFUSED, UNDECIDED, USAGE, CommandError, NotReached, ProblemAnswer, WrongUsage
from verify_api.cli.fetching import Answer, answer_to, content_of, lines_of
from verify_api.issuer.answers import Problem

M = TypeVar("M", bound=BaseModel)

LONGEST = 300.0  # seconds for an answer: a large file is checked row by row before its first word
_MOST = 1 << 26  # bytes of an answer
_UNREADABLE = {400, 413, 415}  # nothing was refused: what was sent cannot be read
VISIBLE = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changing:
    """What every changing command may say about itself."""

    idempotency_key: str | None = None
    if_revision: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        found = {}
        if self.idempotency_key is not None:
            if not VISIBLE.fullmatch(self.idempotency_key):
                raise WrongUsage("--idempotency-key takes 1 to 200 visible ASCII characters, without blanks")
            found["Idempotency-Key"] = self.idempotency_key
        if self.if_revision is not None:
            found["If-Match"] = f'"{self.if_revision}"'
        return found


class Client:
    """Requests of one command, and their answers as models."""

    def __init__(
        self, http: httpx.Client, where: str, host: str | None = None, *, longest: float = LONGEST, most: int = _MOST
    ) -> None:
        """
        Args:
            longest: seconds that an answer may take, unless it comes in lines.
            most: bytes that it may have.
        """
        self._http = http
        self._where = where
        self._longest = longest
        self._most = most
        self.host = host  # in the links of this ledger, with the port if any; None where only the service knows it

    def get(self, path: str, model: type[M], query: Mapping[str, str | None] | None = None) -> M:
        """The answer to a question.

        Raises:
            ProblemAnswer, NotReached, WrongUsage.
        """
        return self._read(self._send("GET", path, query=query), model)

    def verdict(self, path: str, model: type[M]) -> M:
        """The answer of a public route, which is a verdict whatever its status."""
        return self._read(self._whole(self._ask("GET", path, headers={"Accept": "application/json"})), model)

    def public(self, path: str, *, most: int) -> Answer:
        """The answer of a public route, whatever it is; of one longer than `most`, a byte more."""
        return self._ask("GET", path, headers={"Accept": "application/json"}, most=most)

    def change(
        self,
        path: str,
        body: Mapping[str, Json],
        model: type[M],
        *,
        query: Mapping[str, str | None] | None = None,
        changing: Changing | None = None,
    ) -> M:
        """The answer to a command.

        Raises:
            ProblemAnswer, NotReached, WrongUsage.
        """
        headers = (changing or Changing()).headers | {"Content-Type": "application/json"}
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return self._read(self._send("POST", path, query=query, headers=headers, content=content), model)

    def delete(self, path: str) -> None:
        """Do away with something."""
        self._send("DELETE", path)

    def text(self, path: str) -> str:
        """The answer of a route that speaks plain text."""
        try:
            return self._send("GET", path).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._strange() from error

    def lines(
        self, path: str, content: bytes, content_type: str, *, query: Mapping[str, str | None], changing: Changing
    ) -> Iterator[Mapping[str, Json]]:
        """The objects of a streamed answer, as they arrive."""
        headers = changing.headers | {"Content-Type": content_type, "Accept": "application/x-ndjson"}
        request = self._http.build_request("POST", path, params=_given(query), headers=headers, content=content)
        with self._reaching():
            response = self._http.send(request, stream=True)
            try:
                if not response.is_success:
                    raise self._problem(content_of(response, self._where, self._most))
                for line in lines_of(response, self._where, self._most):
                    yield self._object(line)
            finally:
                response.close()

    def refusal(self, document: Mapping[str, Json]) -> CommandError:
        """The error that a problem document stands for, wherever it was sent."""
        try:
            problem = Problem.model_validate(document)
        except ValidationError:
            raise self._strange() from None
        for error in problem.errors or ():
            if (error.column, error.code) == ("issuer", "missing") and error.row is None:
                counted = error.reason.partition(":")[0]
                if counted == "there are 0 issuers":
                    return WrongUsage(f"{counted}: register one with `testamur issuer register SLUG --name NAME`")
                return WrongUsage(f"{counted}: say for which one with --issuer SLUG (see `testamur issuer list`)")
        return ProblemAnswer(problem.detail, document, _exit_code(problem))

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> bytes:
        answer = self._ask(method, path, query=query, headers=headers, content=content)
        if not answer.is_success:
            raise self._problem(answer.content)
        return self._whole(answer)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        most: int | None = None,
    ) -> Answer:
        limit = self._most if most is None else most
        with self._reaching():
            request = self._http.build_request(
                method, path, params=_given(query or {}), headers=headers, content=content
            )
            return answer_to(request, self._http, where=self._where, most=limit, longest=self._longest)

    def _whole(self, answer: Answer) -> bytes:
        if len(answer.content) > self._most:
            raise NotReached(f"{self._where} answers with more than {self._most:,} bytes")
        return answer.content

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise NotReached(f"{self._where} cannot be reached; is the server running?") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotReached(
                f"{self._where} broke off before it answered, so it is not known what it did; "
                "look, or send the command again with the same --idempotency-key"
            ) from error

    def _problem(self, content: bytes) -> CommandError:
        return self.refusal(self._object(content))

    def _object(self, text: bytes) -> Mapping[str, Json]:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._strange()
        return found

    def _read(self, content: bytes, model: type[M]) -> M:
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            raise NotReached(f"{self._where} did not answer as a Testamur service of this version does") from error

    def _strange(self) -> NotReached:
        return NotReached(f"{self._where} did not answer as a Testamur service does")


def document(model: BaseModel) -> dict[str, Json]:
    """The JSON object that a model was read from."""
    found: dict[str, Json] = model.model_dump(mode="json", by_alias=True)
    return found


def receipt_of(model: BaseModel, asked_for: type[object], idempotency_key: str | None = None) -> dict[str, Json]:
    """The JSON object that a change was answered with, and what was asked for: `watch` holds the log against both.

    Args:
        asked_for: the event of `ledger.domain.events` that records such a change; of several, the last one.
        idempotency_key: of the request, by which it is the same when it is sent again.
    """
    return document(model) | {"act": SCHEMA_OF[asked_for].wire, "asked": idempotency_key or uuid4().hex}


def path_of(*segments: str) -> str:
    """A path below the API; what a person typed cannot leave its segment."""
    return "/api/v1/" + "/".join(quote(segment, safe="") for segment in segments)


def _given(query: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}


def _exit_code(problem: Problem) -> int:
    if problem.status in _UNREADABLE or problem.type.endswith("unreadable-file"):
        return USAGE
    return REFUSED if problem.status < 500 and problem.status != 429 else UNDECIDED
