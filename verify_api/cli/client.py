"""The command as a client of the HTTP API: one way to ask, whether a server holds the home or this process does."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from ledger.adapters.home import Home, HomeBusy, host_and_port
from ledger.application.ports import Clock
from ledger.bootstrap import clock_from_environment, engine_of
from ledger.canonical import Json
from verify_api.cli.embedded import EmbeddedTransport
from verify_api.cli.errors import REFUSED, UNDECIDED, USAGE, CommandError, NotReached, ProblemAnswer, WrongUsage
from verify_api.cli.fetching import Answer, base_of
from verify_api.cli.output import fail
from verify_api.issuer.answers import Problem

M = TypeVar("M", bound=BaseModel)

PATIENCE = 10.0  # seconds to wait for another command that holds the home
_TIMEOUT = httpx.Timeout(300.0, connect=5.0)  # a large file is checked row by row before its first word
_UNREADABLE = {400, 413, 415}  # nothing was refused: what was sent cannot be read
_VISIBLE = re.compile(r"[!-~]{1,200}")
_EMBEDDED = "http://embedded.invalid"


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
            if not _VISIBLE.fullmatch(self.idempotency_key):
                raise WrongUsage("--idempotency-key takes 1 to 200 visible ASCII characters, without blanks")
            found["Idempotency-Key"] = self.idempotency_key
        if self.if_revision is not None:
            found["If-Match"] = f'"{self.if_revision}"'
        return found


class Client:
    """Requests of one command, and their answers as models."""

    def __init__(self, http: httpx.Client, where: str, host: str | None = None) -> None:
        self._http = http
        self._where = where
        self.host = host  # in the links of this ledger, with the port if any; None where only the service knows it

    def get(self, path: str, model: type[M], query: Mapping[str, str | None] | None = None) -> M:
        """The answer to a question.

        Raises:
            ProblemAnswer, NotReached, WrongUsage.
        """
        return self._read(self._send("GET", path, query=query), model)

    def verdict(self, path: str, model: type[M]) -> M:
        """The answer of a public route, which is a verdict whatever its status."""
        response = self._send("GET", path, headers={"Accept": "application/json"}, any_status=True)
        return self._read(response, model)

    def public(self, path: str) -> Answer:
        """The answer of a public route, whatever it is."""
        response = self._send("GET", path, headers={"Accept": "application/json"}, any_status=True)
        return Answer(where=self._where, status=response.status_code, content=response.content)

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
        return self._send("GET", path).text

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
                    response.read()
                    raise self._problem(response)
                for line in response.iter_lines():
                    if line.strip():
                        yield self._object(line)
            finally:
                response.close()

    def refusal(self, document: Mapping[str, Json]) -> CommandError:
        """The error that a problem document stands for, wherever it was sent."""
        try:
            problem = Problem.model_validate(document)
        except ValidationError:
            raise NotReached(f"{self._where} did not answer as a Testamur service does") from None
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
        any_status: bool = False,
    ) -> httpx.Response:
        with self._reaching():
            response = self._http.request(method, path, params=_given(query or {}), headers=headers, content=content)
        if not response.is_success and not any_status:
            raise self._problem(response)
        return response

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

    def _problem(self, response: httpx.Response) -> CommandError:
        return self.refusal(self._object(response.text))

    def _object(self, text: str) -> Mapping[str, Json]:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NotReached(f"{self._where} did not answer as a Testamur service does")
        return found

    def _read(self, response: httpx.Response, model: type[M]) -> M:
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            raise NotReached(f"{self._where} did not answer as a Testamur service of this version does") from error


def document(model: BaseModel) -> dict[str, Json]:
    """The JSON object that a model was read from."""
    found: dict[str, Json] = model.model_dump(mode="json", by_alias=True)
    return found


def path_of(*segments: str) -> str:
    """A path below the API; what a person typed cannot leave its segment."""
    return "/api/v1/" + "/".join(quote(segment, safe="") for segment in segments)


def _given(query: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}


def _exit_code(problem: Problem) -> int:
    if problem.status in _UNREADABLE or problem.type.endswith("unreadable-file"):
        return USAGE
    return REFUSED if problem.status < 500 and problem.status != 429 else UNDECIDED


@contextmanager
def connect(
    folder: Path, url: str | None, *, keyless: bool = False, clock: Clock | None = None, wait: int | None = None
) -> Iterator[Client]:
    """A client of the service that `url` names, else of the server that holds the home, else of this very process.

    Args:
        keyless: whether the command works without an API key.
        clock: of this process, if it is the one that works on the home.
        wait: seconds that the service may take to publish what it is told to change.

    Raises:
        WrongUsage: there is no ledger, no key, or no such address.
        HomeBusy: another command holds the home and does not end.
    """
    home = Home(folder)
    url = url or os.environ.get("TESTAMUR_URL") or None
    if url is None:
        home.settings()  # says so if there is no ledger
        try:
            with home.hold(patience=PATIENCE, shared=engine_of(home).shared):
                yield from _embedded(home, clock or clock_from_environment(), wait)
                return
        except HomeBusy:
            server = home.server()
            if server is None:
                raise
            url = server.url
            own = True
    else:
        own = _is_own(home, url)
    key = _key(home if own else None)
    if key is None and not keyless:
        raise WrongUsage(f"no API key for {url}: set TESTAMUR_API_KEY")
    with _http(base_of(url), key, None, wait) as http:
        yield Client(http, f"the server at {url}", _host(home) if own else None)


def _embedded(home: Home, clock: Clock, wait: int | None) -> Iterator[Client]:
    # Loaded here, since a command beside a server needs none of it, and it is most of what there is to load.
    from verify_api.app import create_app
    from verify_api.services import open_services

    services = open_services(home, clock=clock, failed=_tell, following=False)
    try:
        with _http(_EMBEDDED, _key(home), EmbeddedTransport(create_app(services)), wait) as http:
            yield Client(http, f"the ledger in {home.folder}", _host(home))
    finally:
        services.close()


def _host(home: Home) -> str:
    return host_and_port(home.settings().base_url)


def _http(base: str, key: str | None, transport: httpx.BaseTransport | None, wait: int | None) -> httpx.Client:
    headers = {"User-Agent": "testamur", "Accept": "application/json"}
    if wait is not None:
        headers["Prefer"] = f"wait={wait}"
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    return httpx.Client(base_url=base, headers=headers, transport=transport, timeout=_TIMEOUT, trust_env=False)


def _key(home: Home | None) -> str | None:
    """The caller's API key; the operator's, which lies in the home, goes to no other service than the home's own."""
    named = (os.environ.get("TESTAMUR_API_KEY") or "").strip()
    if named:
        if not _VISIBLE.fullmatch(named):
            raise WrongUsage("TESTAMUR_API_KEY holds something that is no API key")
        return named
    if home is None:
        return None
    try:
        return home.operator_key.read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _is_own(home: Home, url: str) -> bool:
    server = home.server()
    known = {home.settings().base_url} if home.exists() else set()
    if server is not None:
        known.add(server.url)
    return url.rstrip("/") in known


def _tell(error: Exception) -> None:
    fail(f"beside this command: {error}")
