"""A server that hinders a watch, by its answers or without any, is an alarm after a minute, as is what is overdue."""

import json
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.adapters.public_audit_file import open_watch
from ledger.canonical import Json
from tests.unit.audit.public.serving import Answer, folder
from tests.unit.cli.office import Office, kinds

Told = Callable[[], list[dict[str, Json]]]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """The lines that were printed since it was asked last."""

    def lines() -> list[dict[str, Json]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return lines


def _withheld(office: Office, tmp_path: Path) -> Callable[[str], Answer]:
    """An award with its proof, and a revocation that was acknowledged; the log shows the former only."""
    award = office.issue("S-1", "--wait", "60")
    shutil.copytree(tmp_path / "home" / "log", tmp_path / "frozen")
    office.change("revoke", str(award["code"]), "--reason", "issued_in_error")
    return folder(tmp_path / "frozen")


def _once_only(answer: Callable[[str], Answer]) -> Callable[[str], Answer]:
    """A server that shows each tile of hashes once, and then cannot answer now."""
    shown: set[str] = set()

    def answered(path: str) -> Answer:
        if "/tile/" in path and "entries" not in path:
            if path in shown:
                return Answer(status=503)
            shown.add(path)
        return answer(path)

    return answered


def test_tile_that_a_proof_needs_and_that_is_not_shown_silences_nothing(
    office: Office, tmp_path: Path, told: Told
) -> None:
    office.served.answer = _once_only(_withheld(office, tmp_path))
    with office.looking() as (looking, clock):
        looking.try_to_look()
        assert [line["event"] for line in told()] == ["entry", "looked"]
        clock.at += 2 * MINUTE
        looking.try_to_look()
        assert kinds(told()) == ["withheld", "unreached"]
        clock.at += MINUTE
        looking.try_to_look()
        assert kinds(told()) == []
        # Everything is shown at last, and the proof is good.
        office.served.answer = folder(tmp_path / "home" / "log")
        looking.try_to_look()
        assert not looking.lasting


def test_look_that_cannot_check_a_proof_and_has_no_alarm_decides_nothing(office: Office, tmp_path: Path) -> None:
    office.issue("S-1", "--wait", "60")
    office.served.answer = _once_only(folder(tmp_path / "home" / "log"))
    said = office.watch("--receipts", str(office.receipts))
    assert (said.code, "503" in said.err) == (3, True)
    office.served.answer = folder(tmp_path / "home" / "log")
    assert office.watch("--receipts", str(office.receipts)).code == 0


HINDERED = {
    "away": lambda _: Answer(status=503),
    "nothing": lambda _: Answer(status=404),
    "hung up": lambda _: None,
    "moved": lambda _: Answer(status=302, headers=(("Location", "http://127.0.0.1:1/"),)),
    "nonsense": lambda _: Answer(body=b"\xff"),
    "another log": lambda _: Answer(body=b"other.example/log\n1\n" + b"A" * 43 + b"=\n\n\xe2\x80\x94 x AAAAAAA=\n"),
}


@pytest.mark.parametrize("answer", HINDERED.values(), ids=HINDERED.keys())
def test_watch_that_is_hindered_goes_on_and_tells_what_is_overdue_by_the_clock(
    office: Office, tmp_path: Path, told: Told, answer: Callable[[str], Answer | None]
) -> None:
    honest = _withheld(office, tmp_path)
    office.served.answer = honest
    with office.looking() as (looking, clock):
        looking.try_to_look()
        told()
        office.served.answer = answer
        looking.try_to_look()
        assert told() == []
        clock.at += 2 * MINUTE
        for _ in range(2):
            looking.try_to_look()
        assert kinds(told()) == ["withheld", "unreached"]
        office.served.answer = honest
        looking.try_to_look()
        assert {alarm.kind for alarm in looking.lasting} == {"withheld"}


def test_look_that_is_hindered_and_sees_what_is_overdue_ends_with_1(office: Office, tmp_path: Path) -> None:
    office.served.answer = _withheld(office, tmp_path)
    assert office.watch("--receipts", str(office.receipts)).code == 0
    office.served.answer = lambda _: Answer(status=503)
    assert office.watch("--receipts", str(office.receipts)).code == 3
    code, lines = office.looked("--receipts", str(office.receipts), at="2126-12-01T13:00:00Z")
    assert (code, kinds(lines)) == (1, ["withheld"])


def test_state_that_somebody_holds_is_an_alarm_after_a_minute(office: Office, tmp_path: Path, told: Told) -> None:
    with office.looking() as (looking, clock):
        with open_watch(tmp_path / "watch.state"):
            looking.try_to_look()
            assert told() == []
            clock.at += 2 * MINUTE
            looking.try_to_look()
            assert kinds(told()) == ["unreached"]
        looking.try_to_look()
        assert not looking.lasting


def test_look_without_time_enough_is_in_vain_and_the_next_one_has_more(
    office: Office, tmp_path: Path, told: Told
) -> None:
    office.issue("S-1")
    honest = folder(tmp_path / "home" / "log")

    def slowly(path: str) -> Answer:
        time.sleep(0.05)
        return honest(path)

    office.served.answer = slowly
    with office.looking() as (looking, _):
        looking.patience = 0.02
        looking.try_to_look()
        assert told() == []
        for _ in range(12):
            looking.try_to_look()
        assert [line["event"] for line in told()] == ["entry", "looked"]
        assert looking.patience == 60


def test_state_of_another_log_ends_a_look_with_2(office: Office) -> None:
    office.served.answer = HINDERED["another log"]
    said = office.watch()
    assert (said.code, "give each log a state of its own" in said.err) == (2, True)
