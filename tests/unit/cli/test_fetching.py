"""Whatever a server answers, asking it ends soon and fills no memory: it may be the one of a forged certificate."""

import gzip
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ledger.verification.verdict import State
from tests.unit.adapters.test_http_log_deadline import DRIPS, dripping
from tests.unit.audit.public.serving import Answer, serving
from tests.unit.cli.command import NOBODY, Command
from tests.unit.public.samples import VERDICTS
from verify_api.cli.client import Changing, Client
from verify_api.cli.connecting import connect
from verify_api.cli.errors import NotReached
from verify_api.cli.fetching import fetch
from verify_api.public.json_verdict import verdict_json
from verify_api.public.schemas import VerdictModel

GOOD = verdict_json(VERDICTS[State.REVOKED], "http://localhost:8000")
ENCODINGS = ("gzip", "gzip, gzip", "deflate", "GZIP", "br", "zstd", "identity, gzip", "unheard-of")


def _packed(encoding: str) -> Callable[[str], Answer]:
    return lambda _: Answer(body=gzip.compress(GOOD), headers=(("Content-Encoding", encoding),))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_packed_answer_is_refused_and_not_unpacked(encoding: str) -> None:
    with serving(_packed(encoding)) as served:
        with pytest.raises(NotReached, match="another form") as refused:
            fetch(served.url, "/c/x/proof", most=1_000)
        with pytest.raises(NotReached, match="another form"):
            fetch(served.url, "/verify", most=1_000, content=b"{}")
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    "arguments", [("verify", NOBODY), ("show", NOBODY), ("log", "checkpoint"), ("list",), ("issuer", "list")]
)
def test_command_decides_nothing_by_a_packed_answer(
    command: Command, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TESTAMUR_API_KEY", "secret")
    with serving(_packed("gzip")) as served:
        ended = command(*arguments, "--url", served.url)
    assert (ended.code, ended.out, "another form" in ended.err) == (3, "", True), ended.err
    assert len(served.asked) == 1


@pytest.mark.parametrize("status", [200, 422])
def test_packed_stream_and_packed_problem_are_refused(status: int) -> None:
    answer = Answer(status=status, body=gzip.compress(b"{}"), headers=(("Content-Encoding", "gzip"),))
    with serving(lambda _: answer) as served, httpx.Client(base_url=served.url) as http:
        client = Client(http, "the server")
        with pytest.raises(NotReached, match="another form"):
            list(client.lines("/", b"", "text/csv", query={}, changing=Changing()))
        with pytest.raises(NotReached, match="another form"):
            client.change("/", {}, VerdictModel)


def test_every_request_asks_for_what_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTAMUR_API_KEY", "secret")
    with serving(lambda _: Answer(body=GOOD)) as served:
        fetch(served.url, "/", most=9)
        with connect(tmp_path, served.url) as client:
            client.public("/", most=9)
            client.get("/", VerdictModel)
            client.change("/", {}, VerdictModel)
            list(client.lines("/", b"", "text/csv", query={}, changing=Changing()))
    assert served.accepted == ["identity"] * 5


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS.keys())
def test_server_that_drips_is_given_up_whatever_it_drips(drip: tuple[bytes, bytes]) -> None:
    with dripping(*drip) as url:
        with pytest.raises(NotReached, match=r"more than 0\.2 s"):
            fetch(url, "/c/x/proof", most=100_000, longest=0.2)
        with httpx.Client(base_url=url) as http:
            client = Client(http, "the server", longest=0.2)
            for ask in (lambda: client.public("/", most=100_000), lambda: client.verdict("/", VerdictModel)):
                with pytest.raises(NotReached, match="broke off"):
                    ask()


def test_no_more_is_read_than_is_worth_reading() -> None:
    endless = b"x" * 2_000_000
    with serving(lambda _: Answer(body=endless)) as served, httpx.Client(base_url=served.url) as http:
        assert fetch(served.url, "/", most=1_000).content == endless[:1_001]
        assert Client(http, "the server").public("/", most=1_000).content == endless[:1_001]
        client = Client(http, "the server", most=1_000)
        with pytest.raises(NotReached, match="more than 1,000 bytes"):
            client.get("/", VerdictModel)
        with pytest.raises(NotReached, match="more than 1,000 bytes"):
            client.text("/")


def test_lines_arrive_as_they_were_sent_and_one_without_end_is_refused() -> None:
    body = '{"a":"\u2028é"}\n\n{"b":1}\r\n{"c":2}'.encode()

    def answer(path: str) -> Answer:
        return Answer(body=body if path == "/" else b"\n{" + b" " * 200_000)

    with serving(answer) as served, httpx.Client(base_url=served.url) as http:
        client = Client(http, "the server", most=1_000)
        found = list(client.lines("/", b"", "text/csv", query={}, changing=Changing()))
        assert found == [{"a": "\u2028é"}, {"b": 1}, {"c": 2}]
        with pytest.raises(NotReached, match="more than 1,000 bytes"):
            list(client.lines("/endless", b"", "text/csv", query={}, changing=Changing()))


def test_problem_that_nests_without_end_is_none() -> None:
    nested = Answer(status=422, body=b"[" * 200_000)
    with serving(lambda _: nested) as served, httpx.Client(base_url=served.url) as http:
        client = Client(http, "the server")
        with pytest.raises(NotReached, match="did not answer as"):
            client.get("/", VerdictModel)
        with pytest.raises(NotReached, match="did not answer as"):
            list(client.lines("/", b"", "text/csv", query={}, changing=Changing()))


def test_text_that_is_none_is_said_to_be_none() -> None:
    with (
        serving(lambda _: Answer(body=b"\xff")) as served,
        httpx.Client(base_url=served.url) as http,
        pytest.raises(NotReached, match="did not answer as"),
    ):
        Client(http, "the server").text("/log/checkpoint")
