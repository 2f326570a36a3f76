"""`testamur verify`: a file needs no network, no home and no server; a server that is asked is not believed."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO, TextIOWrapper
from pathlib import Path
from threading import Thread

import pytest

from ledger.domain.codes import format_link_code
from ledger.domain.types import StreamId
from ledger.testing.forge import ORIGIN
from ledger.verification.proof_file import MAX_PROOF_FILE, write_proof_file
from ledger.verification.verdict import State
from tests.odd_files import ODD, bounded, put
from tests.unit.cli.command import NOBODY, Command
from tests.unit.public.samples import VERDICTS
from tests.unit.verification.published import Desk, policy_text, vkey
from verify_api.public.json_verdict import verdict_json

NOON = "2026-11-21T15:00:00Z"  # of the day on which everything here happens


@dataclass
class Kept:
    """What an employer keeps: a proof file and a policy, and nothing else."""

    desk: Desk
    stream: StreamId
    file: Path
    policy: Path

    @property
    def code(self) -> str:
        """The code on the certificate."""
        return format_link_code(self.desk.forge.codes[self.stream])


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """A valid award on the day on which it was made."""
    monkeypatch.setenv("TESTAMUR_UNSAFE_CLOCK", NOON)
    desk = Desk()
    stream = desk.issue()
    file, policy = tmp_path / "ada.testamur-proof.json", tmp_path / "policy"
    file.write_bytes(write_proof_file(desk.file(stream)))
    policy.write_text(policy_text(desk.forge))
    return Kept(desk, stream, file, policy)


@pytest.fixture
def verify(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command where there is no home."""
    monkeypatch.setenv("TESTAMUR_HOME", "/nonexistent")
    monkeypatch.setenv("TESTAMUR_UNSAFE_CLOCK", NOON)
    return lambda *arguments: command("verify", *arguments)


def test_file_and_policy_are_enough(verify: Command, kept: Kept) -> None:
    ended = verify(str(kept.file), "--policy", str(kept.policy))
    first, second, *_ = ended.out.splitlines()
    assert (ended.code, first) == (0, "valid: Valid; in force, checked " + first[-24:])
    assert second.startswith("  as of 2026-11-21T14:00:17.000Z, vouched for by 1 of your witnesses;")
    assert "Welding Basics, awarded to Ada Example on 2026-11-21 by College Institute" in ended.out


def test_json_has_the_shape_of_every_verdict(verify: Command, kept: Kept) -> None:
    ended = verify(str(kept.file), "--policy", str(kept.policy), "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["verdict"], found["award"]["learner"]) == (0, "valid", "Ada Example")
    assert (found["log"]["origin"], found["log"]["witnesses"]) == (ORIGIN, 1)
    assert {each["outcome"] for each in found["findings"]} == {"passed"}


def test_file_may_come_from_standard_input(verify: Command, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(kept.file.read_bytes())))
    assert verify("-", "--policy", str(kept.policy)).code == 0


def test_the_key_of_the_log_is_enough_without_witnesses(verify: Command, kept: Kept) -> None:
    ended = verify(str(kept.file), "--vkey", vkey(kept.desk.forge))
    assert (ended.code, ended.out.splitlines()[1][:74]) == (
        0,
        "  as of 2026-11-21T14:00:12.000Z, vouched for by the operator alone; what ",
    )
    assert verify(str(kept.file), "--vkey", vkey(kept.desk.forge, "somebody")).code == 3


def test_file_alone_is_undecided_and_the_sentence_says_what_is_missing(verify: Command, kept: Kept) -> None:
    ended = verify(str(kept.file))
    assert (ended.code, ended.out.splitlines()[0].partition(";")[0]) == (3, "not_checked: We could not check this")
    assert "Give a policy, or the log's key, from somebody whom you believe." in ended.out
    assert "Ada" not in ended.out


@pytest.mark.parametrize(("act", "verdict"), [("revoke", "revoked"), ("suspend", "suspended")])
def test_what_was_withdrawn_ends_with_1(verify: Command, kept: Kept, act: str, verdict: str) -> None:
    getattr(kept.desk.forge, act)(kept.stream)
    kept.file.write_bytes(write_proof_file(kept.desk.file(kept.stream)))
    ended = verify(str(kept.file), "--policy", str(kept.policy))
    assert (ended.code, ended.out.partition(":")[0]) == (1, verdict)


def test_file_that_was_changed_ends_with_1_and_shows_nothing(verify: Command, kept: Kept) -> None:
    kept.file.write_bytes(kept.file.read_bytes().replace(b"Ada Example", b"Eve Example"))
    ended = verify(str(kept.file), "--policy", str(kept.policy))
    assert (ended.code, ended.out.partition(":")[0]) == (1, "signature_invalid")
    assert "Eve Example" not in ended.out


def test_registries_of_the_reader_count(verify: Command, kept: Kept) -> None:
    policy = ("--policy", str(kept.policy))
    assert verify(str(kept.file), *policy, "--registry", kept.desk.body).code == 0
    other = "did:web:localhost%3A8000:issuers:guild"
    assert verify(str(kept.file), *policy, "--registry", other).out.startswith("issuer_unrecognised:")
    ended = verify(str(kept.file), *policy, "--registry", "the board")
    assert (ended.code, "is no DID" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"{}", "does not say testamur_proof"),
        (b'{"testamur_proof":9}', "not of version 2"),
        (b"x" * (MAX_PROOF_FILE + 9), "at most 1,048,576 bytes"),
    ],
)
def test_file_that_is_no_proof_file_ends_with_2(verify: Command, kept: Kept, content: bytes, reason: str) -> None:
    kept.file.write_bytes(content)
    ended = verify(str(kept.file), "--policy", str(kept.policy))
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 2)  # the other is that of the unsafe clock
    assert reason in ended.err


def test_what_cannot_be_read_ends_with_2(verify: Command, kept: Kept, tmp_path: Path) -> None:
    for arguments, reason in (
        (["missing.json"], "is no file here, and no link or code of an award either"),
        (["x" * 5_000], "is no file here, and no link or code of an award either"),
        (["7ZZZ-ZZZZ-ZZZZ-Z"], "is no file here, and no link or code of an award either"),
        (["00000000-0000-8000-8000-000000000000"], "give the link of the award or its code of 36 characters"),
        ([str(kept.file), "--policy", str(tmp_path / "missing")], "cannot be read"),
        ([str(kept.file), "--policy", str(kept.file)], "is no policy"),
        ([str(kept.file), "--vkey", "localhost"], "--vkey: "),
        ([str(kept.file), "--vkey", vkey(kept.desk.forge), "--policy", str(kept.policy)], "give one of them"),
        ([NOBODY, "--url", "ftp://127.0.0.1"], "is not the address of a server"),
        ([NOBODY, "--url", "http://[::"], "is not the address of a server"),
        ([NOBODY], "there is no ledger in"),
    ):
        ended = verify(*arguments)
        assert (ended.code, ended.out) == (2, ""), arguments
        assert reason in ended.err


@pytest.mark.parametrize("kind", ODD)
def test_what_has_no_end_ends_with_2(verify: Command, kept: Kept, tmp_path: Path, kind: str) -> None:
    odd = tmp_path / "odd"
    put(kind, odd)
    reason = "at most" if kind == "huge" else "odd cannot be read: it is a pipe or a device, and no file"
    for arguments in ([str(odd)], [str(odd), "--policy", str(kept.policy)], [str(kept.file), "--policy", str(odd)]):
        with bounded():
            ended = verify(*arguments)
        assert (ended.code, ended.out) == (2, ""), arguments
        assert reason in ended.err


def test_pipes_of_the_shell_are_read(verify: Command, kept: Kept) -> None:
    with opened(kept.file) as file, opened(kept.policy) as policy, bounded():
        assert verify(file, "--policy", policy).out.startswith("valid:")


@contextmanager
def opened(path: Path) -> Iterator[str]:
    """A file as the shell names <(cat FILE)."""
    reading, writing = os.pipe()
    assert os.write(writing, path.read_bytes()) == path.stat().st_size
    os.close(writing)
    try:
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)


# ---- servers


@dataclass
class Server:
    """A server that says what it is told to, and remembers what it was asked."""

    url: str
    status: int = 200
    content: bytes = b""
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    """On a loopback port."""
    with serving() as found:
        yield found


@contextmanager
def serving() -> Iterator[Server]:
    """A server in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, dict(self.headers)))
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.content)))
            self.end_headers()
            self.wfile.write(told.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        told = Server(url=f"http://127.0.0.1:{listening.server_port}")
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield told
        finally:
            listening.shutdown()
            thread.join()


def test_server_behind_the_link_is_asked_without_a_key_and_its_file_checked(
    verify: Command, kept: Kept, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTAMUR_API_KEY", "secret")
    monkeypatch.setenv("TESTAMUR_URL", "http://127.0.0.1:1")  # the link says where
    server.content = kept.file.read_bytes()
    ended = verify(f"{server.url.upper()}/C/{kept.code}", "--policy", str(kept.policy))
    assert (ended.code, ended.out.partition(":")[0]) == (0, "valid")
    [(path, headers)] = server.asked
    assert path == f"/c/{kept.code}/proof"
    assert "secret" not in str(headers)


def test_code_alone_is_asked_for_at_the_server_that_is_named(
    verify: Command, kept: Kept, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.content = kept.file.read_bytes()
    assert verify(kept.code, "--url", server.url, "--policy", str(kept.policy)).code == 0
    monkeypatch.setenv("TESTAMUR_URL", server.url)
    assert verify(f"{kept.code}/2", "--policy", str(kept.policy)).code == 1  # the file says version 1
    assert [path for path, _ in server.asked] == [f"/c/{kept.code}/proof", f"/c/{kept.code}/2/proof"]


def test_server_that_proves_only_how_things_stood_long_ago_is_warned_of(
    verify: Command, kept: Kept, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.content = kept.file.read_bytes()
    asked = (f"{server.url}/c/{kept.code}", "--policy", str(kept.policy))
    assert "keeps something back" not in verify(*asked).err
    monkeypatch.setenv("TESTAMUR_UNSAFE_CLOCK", "2026-11-21T17:00:00Z")
    ended = verify(*asked)
    assert (ended.code, ended.out.partition(":")[0]) == (0, "valid")
    assert "how things stood at 2026-11-21T14:00:17.000Z" in ended.err
    assert "keeps something back" in ended.err
    assert "keeps something back" not in verify(str(kept.file), "--policy", str(kept.policy)).err


def test_server_that_answers_with_another_award_is_caught(verify: Command, kept: Kept, server: Server) -> None:
    server.content = write_proof_file(kept.desk.file(kept.desk.issue(name="Somebody Else")))
    ended = verify(f"{server.url}/c/{kept.code}", "--policy", str(kept.policy))
    assert (ended.code, "The file is of another award than was asked for." in ended.out) == (1, True)
    assert "Somebody" not in ended.out


def test_server_without_a_proof_has_its_own_word_unless_that_is_good(
    verify: Command, kept: Kept, server: Server
) -> None:
    link = f"{server.url}/c/{kept.code}"
    server.status, server.content = 404, verdict_json(VERDICTS[State.NOT_FOUND], server.url)
    ended = verify(link)
    assert (ended.code, ended.out.partition(":")[0]) == (1, "not_found")
    assert "gave no proof; this is its own word" in ended.err
    server.status, server.content = 503, verdict_json(VERDICTS[State.LOG_INCONSISTENT], server.url)
    assert verify(link).code == 3
    server.content = verdict_json(VERDICTS[State.VALID], server.url)
    ended = verify(link)
    assert (ended.code, ended.out) == (3, "")
    server.content = b"<html>"
    ended = verify(link)
    assert (ended.code, ended.out, "(status 503)" in ended.err) == (3, "", True)


def test_answer_that_is_no_proof_file_ends_with_2(verify: Command, kept: Kept, server: Server) -> None:
    for content in (verdict_json(VERDICTS[State.VALID], server.url), b"x" * (MAX_PROOF_FILE * 3)):
        server.content = content
        assert verify(f"{server.url}/c/{kept.code}", "--policy", str(kept.policy)).code == 2


def test_server_that_is_away_decides_nothing(verify: Command, kept: Kept) -> None:
    with serving() as server:
        pass
    ended = verify(f"{server.url}/c/{kept.code}", "--policy", str(kept.policy))
    assert (ended.code, ended.out, "cannot be reached" in ended.err) == (3, "", True)
