"""The demo: awards in every state, reached by recorded commands, printed again by later calls."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import pytest

from tests.acceptance.conftest import NewDatabase
from tests.acceptance.desk import Desk, get


class Line(TypedDict):
    scenario: str
    title: str
    code: str
    url: str
    verdict: str
    credential_id: str


class Demo(TypedDict):
    home: str
    base_url: str
    api_key: str
    log_vkey: str
    awards: list[Line]


def _read(text: str) -> Demo:
    found: Demo = json.loads(text)
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Desk]:
    """A demo that was killed while it was seeded, then completed, with its server running."""
    desks = (Desk(tmp_path_factory.mktemp("demo") / "home", new_database()) for _ in range(10))
    desk = next(desk for desk in desks if _killed_half_way(desk))
    desk.run("demo", "--no-serve", "--port", "8765")
    desk.serve()
    try:
        yield desk
    finally:
        desk.stop()


def _killed_half_way(desk: Desk) -> bool:
    """Whether a demo was killed while it was seeded: it may be complete before that."""
    settings = desk.home / "testamur.toml"
    seeding = desk.start("demo", "--no-serve", "--port", "8765")
    try:
        while seeding.poll() is None and not (settings.exists() and "quality-council" in settings.read_text()):
            time.sleep(0.005)
    finally:
        seeding.kill()
        seeding.wait()
    return not (desk.home / "demo.json").exists()


def test_a_demo_that_was_killed_half_way_is_completed_and_every_link_says_what_it_promises(demo: Desk) -> None:
    found = _read((demo.home / "demo.json").read_text("utf-8"))
    assert (demo.home / "demo.json").stat().st_mode & 0o777 == 0o600
    assert found["base_url"] == "http://localhost:8765"
    wanted = {
        "valid",
        "revoked",
        "suspended",
        "amended",
        "expired",
        "not_yet_valid",
        "issuer_unrecognised",
        "component_review",
    }
    assert wanted | {"key_compromised"} == {line["verdict"] for line in found["awards"]}
    for line in found["awards"]:
        assert line["url"].startswith(f"HTTP://LOCALHOST:8765/C/{line['code']}")
        assert demo.scan(line["url"])["verdict"] == line["verdict"], line["title"]
    answer = get(f"{demo.url}/api/v1/credentials?limit=1", headers={"Authorization": f"Bearer {found['api_key']}"})
    unlisted = 5  # the parts of the award of which one is under review
    assert answer.json()["total"] == len({line["credential_id"] for line in found["awards"]}) + unlisted


def test_a_later_call_prints_what_is_there_also_beside_the_running_server(demo: Desk) -> None:
    before = (demo.home / "demo.json").read_bytes()
    again = demo.run("demo", "--no-serve", "--json")
    assert _read(again.stdout) == _read(before.decode("utf-8"))
    assert (demo.home / "demo.json").read_bytes() == before
    # In files the running server is found; in PostgreSQL this one would serve as well.
    told = demo.run("demo", *([] if demo.database_url is None else ["--no-serve"])).stdout
    line = _read(again.stdout)["awards"][0]
    assert f"http://localhost:8765/c/{line['code'].lower()}" in told
    assert _read(again.stdout)["api_key"] in told


def test_one_issuer_was_never_recognised_and_the_recognition_of_another_has_ended(demo: Desk) -> None:
    found = _read((demo.home / "demo.json").read_text("utf-8"))
    seen = {line["scenario"]: demo.scan(line["url"])["award"]["issuer"]["recognition"] for line in found["awards"]}
    assert seen["S5"]["status"] == "never"
    assert (seen["S13"]["status"], seen["S13"]["recognised_when_issued"]) == ("ended", True)
    assert seen["S2"]["status"] == "recognised"


def test_the_history_of_the_demo_passes_the_audit_by_its_own_key(demo: Desk) -> None:
    key = _read((demo.home / "demo.json").read_text("utf-8"))["log_vkey"]
    assert json.loads(demo.text("audit", "--vkey", key))["sound"] is True


def test_a_ledger_that_is_not_the_demos_is_left_alone(tmp_path: Path, new_database: NewDatabase) -> None:
    desk = Desk(tmp_path / "home", new_database())
    desk.run("init", "--base-url", "http://localhost:8000")
    desk.run("issuer", "register", "college", "--name", "A real college")
    done: subprocess.CompletedProcess[str] = desk.run("demo", "--no-serve", code=2)
    assert "is not the demo's" in done.stderr
    assert not (desk.home / "demo.json").exists()
