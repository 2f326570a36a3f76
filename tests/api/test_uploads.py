"""Credential files, brought to a real service: those of others are judged by themselves, whatever they are."""

import asyncio
import json
import socket
from collections.abc import Callable
from itertools import count
from typing import ParamSpec

import pytest

from ledger.vc.reading import Json, read_document
from ledger.vc.upload import read_upload, read_value
from ledger.verification.presentation import read_presentation
from tests.api.bringing import bring
from tests.api.conftest import Api
from tests.api.outward import Outward
from tests.unit.vc.proofs import ED25519, secured
from verify_api.public.multipart import read_multipart
from verify_api.public.workbench import Busy, Workbench

P = ParamSpec("P")


pytestmark = pytest.mark.usefixtures("unlimited", "closed_in")


def test_badge_of_another_issuer_is_judged_by_itself_and_says_so(api: Api) -> None:
    answer = bring(api, json.dumps(secured("eddsa-rdfc-2022")).encode()).json()
    assert (answer["verdict"], answer["in_force"], answer["notices"]) == (
        "issuer_unrecognised",
        True,
        ["not_issued_here"],
    )
    award = answer["award"]
    assert (award["name"], award["learner"], award["issuer"]["id"]) == ("First Aid", None, ED25519.did)
    assert (award["issuer"]["name"], award["issuer"]["domain"], award["issuer"]["custody"]) == (
        "North College",
        None,
        None,
    )
    assert answer["log"] == {
        "origin": "",
        "size": 0,
        "root": None,
        "leaf_index": None,
        "witnesses": 0,
        "witnessed_at": None,
        "witnessed_as_of": None,
    }


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_says_that_it_is_not_of_this_log_in_each_language(api: Api, language: str) -> None:
    headers = {"Content-Type": "application/json", "Accept-Language": language}
    page = api.client.post("/verify", content=json.dumps(secured("eddsa-rdfc-2022")).encode(), headers=headers)
    words = {"en": "There is no record of this in the log", "fr": "Le registre de ce service n’en a aucune trace"}
    assert words[language] in page.text
    assert "First Aid" in page.text
    assert "/log/checkpoint" not in page.text
    assert (page.status_code, page.headers["content-language"]) == (200, language)
    assert "script" not in page.headers["content-security-policy"]


def form(name: str, content: bytes, boundary: str = "abc") -> tuple[bytes, str]:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="a.json"\r\n'
    body = head.encode() + b"Content-Type: application/json\r\n\r\n" + content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


@pytest.mark.parametrize("name", ["file", "text"])
def test_form_takes_a_file_or_its_text(api: Api, name: str) -> None:
    answer = bring(api, *form(name, json.dumps(secured("eddsa-rdfc-2022")).encode()))
    assert (answer.status_code, answer.json()["verdict"]) == (200, "issuer_unrecognised")


def test_form_is_a_page_without_script(api: Api) -> None:
    for method in ("GET", "HEAD"):
        answer = api.client.request(method, "/verify")
        assert answer.status_code == 200
    page = api.client.get("/verify")
    assert 'enctype="multipart/form-data"' in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"hello", "text/plain", 400),
        (b"<svg/>", "image/svg+xml", 400),
        (b"\x89PNG\r\n\x1a\n", "image/png", 400),
        (b"a.b.c", "application/jwt", 400),
        (b"{}", "text/html", 415),
        (b"{}", "", 415),
        (b" " * ((1 << 20) + 1), "application/json", 413),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=abc", 400),
        (*form("file", b""), 400),
        (*form("other", b"{}"), 400),
        (*form("file", b"{"), 400),
    ],
)
def test_what_is_no_file_is_refused_as_a_problem_and_as_a_page(
    api: Api, content: bytes, kind: str, status: int
) -> None:
    answer = bring(api, content, kind)
    assert answer.status_code == status
    empty = kind.startswith("multipart") and answer.headers["content-type"].startswith("text/html")
    assert empty or answer.json()["status"] == status
    page = api.client.post("/verify", content=content, headers={"Content-Type": kind, "Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")


def test_too_many_files_are_delayed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify_api.public.rate_limit.RateLimit.retry_after", lambda *_: 7)
    answers = [bring(api, b"{}")]
    answers += [
        api.client.post(f"/vc/{path}/verify", json={name: {}})
        for path, name in (("credentials", "verifiableCredential"), ("presentations", "verifiablePresentation"))
    ]
    for answer in answers:
        assert (answer.status_code, answer.headers["retry-after"], answer.json()["status"]) == (429, "7", 429)


def test_forms_and_files_are_read_beside_the_event_loop(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that takes: a stranger decides."""
    loops: dict[str, list[bool]] = {}

    def watch(place: str, reader: Callable[P, object]) -> None:
        def spy(*values: P.args, **named: P.kwargs) -> object:
            loops.setdefault(place, []).append(_on_a_loop())
            return reader(*values, **named)

        monkeypatch.setattr(f"verify_api.public.{place}", spy)

    watch("upload.read_multipart", read_multipart)
    watch("upload.read_upload", read_upload)
    watch("vc_api.read_document", read_document)
    watch("vc_api.read_value", read_value)
    watch("vc_api.read_presentation", read_presentation)
    signed = secured("eddsa-rdfc-2022")
    sent, kind = form("file", json.dumps(signed).encode())
    assert bring(api, sent, kind).status_code == 200
    api.client.post("/vc/credentials/verify", json={"verifiableCredential": signed})
    api.client.post("/vc/presentations/verify", json={"verifiablePresentation": signed})
    assert len(loops) == 5
    assert loops.pop("vc_api.read_document") == [False] * 2
    assert all(on_a_loop == [False] for on_a_loop in loops.values())


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def test_any_document_gets_an_answer_and_never_a_fault(api: Api) -> None:
    signed = secured("eddsa-rdfc-2022")
    values: list[Json] = [None, 7, [], {}, "x", [[]], [None], {"id": 7}]
    for value in values:
        for name in (*signed, "credentialStatus", "awardedDate"):
            answer = bring(api, json.dumps({**signed, name: value}).encode())
            assert answer.status_code == 200, (name, value, answer.text)
            assert answer.json()["verdict"] != "valid"
            assert answer.json()["award"] is None or name == "credentialStatus"


def test_watch_over_connections_sees_one() -> None:
    with Outward() as outward, pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", 1), timeout=1)
    assert any("127.0.0.1" in tried for tried in outward.tried)


@pytest.mark.parametrize("taken", [0, 1])
def test_nothing_is_taken_while_too_much_waits(api: Api, monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    """At the first step, and after it."""
    do, done = Workbench.do, count()

    async def busy(bench: Workbench, work: Callable[[], object]) -> object:
        return await do(bench, work) if next(done) < taken else Busy(seconds=3)

    monkeypatch.setattr(Workbench, "do", busy)
    signed = secured("eddsa-rdfc-2022")
    answers = [bring(api, json.dumps(signed).encode())]
    for path, name in (("credentials", "verifiableCredential"), ("presentations", "verifiablePresentation")):
        done = count()
        answers.append(api.client.post(f"/vc/{path}/verify", json={name: signed}))
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(429, "3")] * 3
