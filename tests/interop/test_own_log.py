"""The ledger's own log, at whatever size it has, read by a client that shares no line with it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.desk import Desk, admit, course, open_desk
from tests.interop.conftest import Client

_PATIENCE = 60  # seconds for an answer, and until something is published; nothing is asserted about time


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A ledger with its server, and an issuer who teaches welding."""
    opened = open_desk(tmp_path_factory.mktemp("desk"), None)
    try:
        admit(opened, "college", course("welding", "Welding"))
        yield opened
    finally:
        opened.stop()


def vkey_of(desk: Desk) -> str:
    return desk.run("log", "vkey").stdout.splitlines()[-1]


def served(desk: Desk) -> tuple[int, bytes]:
    """The checkpoint that the server gives, and its size."""
    answer = httpx.get(f"{desk.url}/log/checkpoint", timeout=_PATIENCE)
    assert answer.status_code == 200
    return int(answer.text.split("\n")[1]), answer.content


def published(desk: Desk, position: int) -> bytes:
    """The first checkpoint found that covers a position."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        size, note = served(desk)
        if size >= position:
            return note
        time.sleep(0.1)
    raise AssertionError(f"position {position} was not published: {desk.home}")


def award(number: int) -> dict[str, str]:
    return {
        "student_number": f"S-{number}",
        "full_name": "Amara Okafor",
        "achievement": "welding",
        "awarded_on": "2026-01-05",
    }


def test_a_growing_log_is_read_at_every_size_it_was_seen_at(client: Client, desk: Desk, tmp_path: Path) -> None:
    vkey, saved = vkey_of(desk), list[Path]()
    for number in range(5):
        note = published(desk, desk.issue("college", award(number))["position"])
        saved.append(tmp_path / f"single-{number}")
        saved[-1].write_bytes(note)
        assert client.check(f"{desk.url}/log", vkey, saved=saved).size == int(note.split(b"\n")[1])
    rows = [award(number) for number in range(100, 700)]
    file = tmp_path / "awards.csv"
    file.write_text("\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]))
    assert desk.batch(str(file), "--issuer", "college")["issued"] == 600
    note = published(desk, int(saved[-1].read_bytes().split(b"\n")[1]) + 600)
    over_http = client.check(f"{desk.url}/log", vkey, saved=saved)
    assert over_http.size == over_http.entries == over_http.inclusions == int(note.split(b"\n")[1]) > 600
    assert over_http.consistency == 15
    desk.stop()
    days = sorted((desk.home / "log" / "days").iterdir())
    assert days
    from_folder = client.check(desk.home / "log", vkey, saved=[*saved, *days])
    assert from_folder.size >= over_http.size
    assert from_folder.consistency == (6 + len(days)) * (5 + len(days)) // 2


def test_the_log_of_the_demo_is_read_from_its_folder(client: Client, tmp_path: Path) -> None:
    demo = Desk(tmp_path / "demo")
    vkey = json.loads(demo.text("demo", "--no-serve"))["log_vkey"]
    found = client.check(demo.home / "log", vkey, saved=sorted((demo.home / "log" / "days").iterdir()))
    assert found.origin == vkey.partition("+")[0]
    assert found.size == found.entries == found.inclusions > 20
