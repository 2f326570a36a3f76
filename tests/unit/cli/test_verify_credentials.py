"""`testamur verify` of a credential file: judged by itself, offline; a server is asked only where one is named."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ledger.adapters.fetching import HttpsFetcher
from ledger.vc.baking import bake_png, bake_svg
from ledger.vc.did import write_document
from ledger.vc.reading import Document, Json
from ledger.verification.verdict import State
from tests.api.outward import Outward
from tests.unit.cli.command import Command
from tests.unit.public.samples import VERDICTS
from tests.unit.vc.proofs import ED25519, document, secured
from tests.unit.vc.test_jwt import claims, compact, header
from tests.unit.vc.test_upload import PNG, SVG
from verify_api.cli.credential_files import is_credential
from verify_api.public.json_verdict import verdict_json

ISSUER = "did:web:badges.example:north"
SIGNED = json.dumps(secured("eddsa-rdfc-2022")).encode()
UNSIGNED = json.dumps(document()).encode()
CHANGED = SIGNED.replace(b"First Aid", b"Last Aid")


@pytest.fixture
def verify(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command where there is no home; every argument that is bytes becomes a file."""
    monkeypatch.setenv("TESTAMUR_HOME", "/nonexistent")
    monkeypatch.setenv("TESTAMUR_UNSAFE_CLOCK", "2026-03-02T12:00:00Z")
    return lambda *arguments: command("verify", *arguments)


def file(folder: Path, content: bytes) -> str:
    path = folder / "credential"
    path.write_bytes(content)
    return str(path)


def of_another_site() -> bytes:
    members: dict[str, Json] = {"verificationMethod": f"{ISSUER}#{ED25519.multikey}"}
    return json.dumps(secured("eddsa-rdfc-2022", members=members, unsecured=document(ISSUER))).encode()


@pytest.mark.parametrize("content", [SIGNED, compact(header(), claims()), bake_png(PNG, SIGNED), bake_svg(SVG, SIGNED)])
def test_credential_in_each_form_is_judged_by_itself_and_offline(
    verify: Command, tmp_path: Path, content: bytes
) -> None:
    with Outward() as outward:
        ended = verify(file(tmp_path, content), "--json")
    assert outward.tried == []
    found = json.loads(ended.out)
    assert (ended.code, found["verdict"], found["notices"]) == (1, "issuer_unrecognised", ["not_issued_here"])
    assert found["award"]["name"] == "First Aid"


@pytest.mark.parametrize(
    ("content", "code", "first"),
    [
        (SIGNED, 1, "issuer_unrecognised: Genuine, issuer not recognised; in force"),
        (CHANGED, 1, "signature_invalid: Do not rely on this certificate; whether it is in force is not known"),
        (UNSIGNED, 1, "signature_invalid"),
        (b'{"@context":[],"type":[]}', 3, "not_checked"),
        (of_another_site(), 3, "not_checked"),
    ],
)
def test_exit_code_says_how_it_stands(verify: Command, tmp_path: Path, content: bytes, code: int, first: str) -> None:
    ended = verify(file(tmp_path, content))
    assert ended.code == code
    assert ended.out.startswith(first)


def test_options_that_say_nothing_about_a_credential_are_said_not_to(verify: Command, tmp_path: Path) -> None:
    ended = verify(file(tmp_path, SIGNED), "--registry", "did:web:register.example")
    assert (ended.code, "are for proof files" in ended.err) == (1, True)


def test_award_is_told_as_far_as_the_file_says_it(verify: Command, tmp_path: Path) -> None:
    out = verify(file(tmp_path, SIGNED)).out
    assert "First Aid on 2026-02-28 by North College" in out
    assert "valid from 2026-02-28 until 2999-02-28" in out
    assert "Credit: 2.5" in out
    bare: Document = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": ED25519.did,
        "credentialSubject": {"id": "did:example:a"},
    }
    out = verify(file(tmp_path, json.dumps(secured("eddsa-rdfc-2022", unsecured=bare)).encode())).out
    assert f"a credential by {ED25519.did}" in out


@pytest.mark.parametrize(
    "content", [b"<svg", b"\x89PNG\r\n\x1a\n", b"a.b.c", b'{"@context":1,"@context":2}', b'{"credential":7}']
)
def test_file_that_cannot_be_read_ends_with_2(verify: Command, tmp_path: Path, content: bytes) -> None:
    ended = verify(file(tmp_path, content))
    assert (ended.code, ended.out) == (2, "")
    assert "no credential that can be read" in ended.err


def test_keys_on_another_site_are_asked_for_with_fetch_only(
    verify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def get(_: HttpsFetcher, url: str) -> bytes:
        asked.append(url)
        return write_document(ISSUER, [ED25519.signer.kid])

    monkeypatch.setattr(HttpsFetcher, "get", get)
    path = file(tmp_path, of_another_site())
    without = verify(path)
    assert (without.code, asked) == (3, [])
    assert "--fetch" in without.err
    ended = verify(path, "--fetch")
    assert (ended.code, asked) == (1, ["https://badges.example/north/did.json"])
    assert "--fetch" not in ended.err


@dataclass
class Server:
    """Answers every POST the same, and remembers it."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    asked: list[tuple[str, str | None, bytes]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked.append((self.path, self.headers["Accept"], content))
            self.send_response(found.status)
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            return

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.mark.parametrize(("state", "code"), [(State.VALID, 0), (State.REVOKED, 1), (State.LOG_INCONSISTENT, 3)])
def test_server_that_is_named_is_asked_and_its_word_is_said_to_be_its_own(
    verify: Command, tmp_path: Path, server: Server, state: State, code: int
) -> None:
    server.body = verdict_json(VERDICTS[state], server.url)
    ended = verify(file(tmp_path, SIGNED), "--url", server.url)
    assert (ended.code, ended.out.partition(":")[0]) == (code, state.value)
    assert "its own word" in ended.err
    assert server.asked == [("/verify", "application/json", SIGNED)]


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        (400, b'{"title":"No","status":400,"detail":"It holds none."}', 2, "cannot read this file: It holds none."),
        (429, b'{"title":"No","status":429,"detail":"Too many."}', 3, "takes no more"),
        (502, b"<html>", 3, "gave no verdict (status 502)"),
    ],
)
def test_server_that_gives_no_verdict_is_told_about(
    verify: Command, tmp_path: Path, server: Server, status: int, body: bytes, code: int, words: str
) -> None:
    server.status, server.body = status, body
    ended = verify(file(tmp_path, SIGNED), "--url", server.url)
    assert (ended.code, words in ended.err) == (code, True), ended.err


def test_server_that_is_not_there_is_said_not_to_be_reached(verify: Command, tmp_path: Path) -> None:
    ended = verify(file(tmp_path, SIGNED), "--url", "http://127.0.0.1:1")
    assert (ended.code, "cannot be reached" in ended.err) == (3, True)


@pytest.mark.parametrize(
    ("content", "credential"),
    [
        (SIGNED, True),
        (b'  {"credential":{}}', True),
        (b'{"type":"VerifiableCredential"}', True),
        (b'{"testamur_proof":1,"type":"x"}', False),
        (b'{"testamur_proof":1,"testamur_proof":1,"@context":1}', False),
        (b"{}", False),
        (b"{", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_proof_file_and_credential_are_told_apart(content: bytes, credential: bool) -> None:
    assert is_credential(content) is credential
