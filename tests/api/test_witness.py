"""`testamur witness` over HTTP: what it answers to whom, as real processes that are killed, doubled and raced."""

import json
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from ledger.adapters.clock import SystemClock
from ledger.adapters.witness_errors import WitnessError
from ledger.adapters.witnesses import WitnessClient
from ledger.application.publishing_ports import WitnessAhead
from ledger.signing.signer import Ed25519Signer
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.note import VerifierKey, sign_note
from ledger.tlog.policy import parse_policy
from ledger.tlog.witnessing import MAX_REQUEST_BYTES, cosignature_in
from tests.witnesses import SampleLog, WitnessProcess, witness_process

LOG, OTHER, UNKNOWN = SampleLog(), SampleLog("log.example/b", seed=2), SampleLog("log.example/c", seed=3)
SECOND = Ed25519Signer(bytes([9]) * 32)

# Dies as by a power cut once the tree is kept and before the answer has left.
_DYING = """
import os, signal
from ledger.adapters.witness_state import WitnessState
add = WitnessState.add
def add_and_die(*given):
    add(*given)
    os.kill(os.getpid(), signal.SIGKILL)
WitnessState.add = add_and_die
from verify_api.cli.main import main
main()
"""
DYING = (sys.executable, "-c", _DYING)


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WitnessProcess]:
    """One witness for the tests that leave no trace for each other: each takes a log or sizes of its own."""
    with witness_process(tmp_path_factory.mktemp("witness") / "w.db", LOG.key, OTHER.key) as running:
        yield running


def asked(running: WitnessProcess, method: str, path: str) -> httpx.Response:
    return running.http.request(method, f"{running.url}{path}")


# -------------------------------------------------------------------------------------------------- what it answers


def test_a_log_is_cosigned_as_it_grows_and_answered_by_status(witness: WitnessProcess) -> None:
    first = witness.add(LOG.request(0, 7))
    assert (first.status_code, first.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert cosignature_in(LOG.note(7), first.content, witness.key) == first.content
    again = witness.add(LOG.request(0, 9))
    assert (again.status_code, again.headers["content-type"], again.text) == (409, "text/x.tlog.size", "7\n")
    assert witness.add(LOG.request(7, 9)).status_code == 200
    assert witness.add(LOG.request(9, 9)).status_code == 200
    assert witness.add(LOG.request(9, 9, fork=True)).status_code == 409
    assert witness.add(UNKNOWN.request(0, 3)).status_code == 404
    stolen = sign_note(LOG.note(12).partition(b"\n\n")[0].decode() + "\n", SECOND, LOG.origin)
    assert witness.add(b"old 9\n\n" + stolen).status_code == 403
    assert witness.add(b"old 12\n\n" + LOG.note(9)).status_code == 400
    assert witness.add(b"hello").status_code == 400


def test_its_last_checkpoint_of_a_log_is_there_for_everybody(witness: WitnessProcess) -> None:
    path = f"/{sha256(OTHER.origin.encode()).hexdigest()}/checkpoint"
    assert asked(witness, "GET", path).status_code == 404
    line = witness.add(OTHER.request(0, 5)).content
    answer = asked(witness, "GET", path)
    assert (answer.status_code, answer.content) == (200, OTHER.note(5) + line)
    head = asked(witness, "HEAD", path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(answer.content)))
    assert asked(witness, "POST", path).status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404), ("GET", "/checkpoint", 404), ("GET", "//checkpoint", 404), ("POST", "/add-checkpoint/", 404),
        ("GET", "/add-checkpoint", 405), ("PUT", "/add-checkpoint", 405), ("POST", "/", 404),
        ("GET", f"/{sha256(OTHER.origin.encode()).hexdigest().upper()}/checkpoint", 404),
        ("GET", f"/{sha256(UNKNOWN.origin.encode()).hexdigest()}/checkpoint", 404),
        ("GET", f"/{sha256(OTHER.origin.encode()).hexdigest()}", 404),
        ("GET", f"/{OTHER.origin}/checkpoint", 404), ("GET", "/%00/checkpoint", 404),
    ],
)  # fmt: skip
def test_everything_else_is_not_there(witness: WitnessProcess, method: str, path: str, status: int) -> None:
    answer = asked(witness, method, path)
    assert answer.status_code == status
    assert ("allow" in answer.headers) is (status == 405)


def test_a_request_that_is_too_long_is_refused_announced_or_not(witness: WitnessProcess) -> None:
    longest = b"old 0\n" + b"x" * (MAX_REQUEST_BYTES - 6)
    assert witness.add(longest).status_code == 400
    assert witness.add(longest + b"x").status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(MAX_REQUEST_BYTES // 1000 + 2):
            yield b"x" * 1000

    assert witness.add(endless()).status_code == 413
    assert asked(witness, "GET", "/").status_code == 404  # and it goes on


# ------------------------------------------------------------------------------------------- restarts, kills and races


def test_it_remembers_over_a_restart_and_keeps_its_key(tmp_path: Path) -> None:
    with witness_process(tmp_path / "w.db", LOG.key) as before:
        assert before.add(LOG.request(0, 9)).status_code == 200
        before.stop()
    with witness_process(tmp_path / "w.db", LOG.key, name=None) as after:
        assert after.key == before.key
        assert after.add(LOG.request(0, 9, fork=True)).text == "9\n"
        assert after.add(LOG.request(9, 9, fork=True)).status_code == 409
        assert after.add(LOG.request(9, 12)).status_code == 200


def test_killed_between_keeping_and_answering_it_signs_no_other_root_of_that_size(tmp_path: Path) -> None:
    with witness_process(tmp_path / "w.db", LOG.key, program=DYING) as dying:
        with pytest.raises(httpx.TransportError):
            dying.add(LOG.request(0, 9))
        assert dying.process.wait(30) == -signal.SIGKILL
    with witness_process(tmp_path / "w.db", LOG.key) as after:
        refused = after.add(LOG.request(0, 9, fork=True))
        assert (refused.status_code, refused.text) == (409, "9\n")
        assert after.add(LOG.request(9, 9, fork=True)).status_code == 409
        assert after.add(LOG.request(9, 9)).status_code == 200  # what the log never heard, it asks for again


def test_two_processes_with_one_state_that_are_raced_sign_one_history(tmp_path: Path) -> None:
    with (
        witness_process(tmp_path / "w.db", LOG.key) as one,
        witness_process(tmp_path / "w.db", LOG.key) as two,
        ThreadPoolExecutor(4) as pool,
    ):
        assert one.key == two.key
        known, won = 0, None
        for size in range(6, 18):
            asks = [(one, False), (two, True), (two, False), (one, True)]
            answers = [(fork, pool.submit(running.add, LOG.request(known, size, fork=fork))) for running, fork in asks]
            signed = {fork for fork, answer in answers if answer.result().status_code == 200}
            assert len(signed) == 1
            assert won in (None, signed)
            known, won = size, signed


def test_a_log_that_changes_its_key_gives_both_and_then_the_new_one(tmp_path: Path) -> None:
    new = VerifierKey.of(LOG.origin, SECOND.public_key)

    def body(old: int, size: int, *signers: Ed25519Signer) -> bytes:
        request = LOG.request(old, size)
        return request.replace(LOG.note(size), LOG.note(size, signers=signers))

    with witness_process(tmp_path / "w.db", LOG.key) as running:
        assert running.add(body(0, 7, LOG.signer)).status_code == 200
        assert running.add(body(7, 8, SECOND)).status_code == 403
        assert running.add(body(7, 8, LOG.signer, SECOND)).status_code == 200  # of a key not given yet nothing is asked
    with witness_process(tmp_path / "w.db", LOG.key, new) as running:
        assert running.add(body(8, 9, LOG.signer, SECOND)).status_code == 200
        answer = asked(running, "GET", f"/{sha256(LOG.origin.encode()).hexdigest()}/checkpoint")
        assert open_checkpoint(answer.content, LOG.key).size == open_checkpoint(answer.content, new).size == 9
    with witness_process(tmp_path / "w.db", new) as running:
        assert running.add(body(9, 10, LOG.signer)).status_code == 403
        assert running.add(body(9, 10, SECOND)).status_code == 200


# --------------------------------------------------------------------------------------------------- contradictions


def test_a_log_that_contradicts_itself_is_told_on_standard_error(tmp_path: Path) -> None:
    with witness_process(tmp_path / "w.db", LOG.key) as running:
        running.add(LOG.request(0, 9))
        assert running.add(LOG.request(9, 20, fork=True)).status_code == 422
        said = running.stop()
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (told,) = [each for each in events if each["level"] == "error"]
    assert told["origin"] == LOG.origin
    assert "contradicts itself" in told["event"]
    assert running.process.returncode == 0


# ------------------------------------------------------------------------------------------------ with the client


def test_the_client_and_real_witnesses_agree_and_a_forked_log_is_caught(tmp_path: Path) -> None:
    failures: list[WitnessError] = []
    with (
        witness_process(tmp_path / "1.db", LOG.key, name="w1.example") as one,
        witness_process(tmp_path / "2.db", LOG.key, name="w2.example") as two,
        witness_process(tmp_path / "3.db", OTHER.key, name="w3.example") as three,
    ):
        lines = "".join(f"witness w{n} {each.key} {each.url}\n" for n, each in enumerate((one, two, three), start=1))
        policy = parse_policy(f"{lines}group g 2 w1 w2 w3\nquorum g\n")

        def ours(note: bytes) -> Checkpoint:
            return open_checkpoint(note, LOG.key)

        def client() -> WitnessClient:
            return WitnessClient(policy, clock=SystemClock(), failed=failures.append, timeout=30, patience=30, grace=30)

        asking, restored = client(), client()
        for size in (7, 12, 12, 31):
            note = asking.gather(LOG.note(size), LOG.prove(size), ours)
            assert policy.agreement(note).names == ("w1", "w2")
            assert asking.reached(note)
        assert [type(each).__name__ for each in failures] == ["WitnessDoesNotKnowLog"]
        with pytest.raises(WitnessAhead, match="shows a checkpoint over 31 entries"):
            restored.gather(LOG.note(12), LOG.prove(12), ours)
        for size in (31, 40):
            with pytest.raises(WitnessAhead, match="shows a checkpoint over 31 entries") as raised:
                restored.gather(LOG.note(size, fork=True), LOG.prove(size, fork=True), ours)
            assert open_checkpoint(raised.value.shown, LOG.key) == open_checkpoint(LOG.note(31), LOG.key)
            assert not restored.reached(raised.value.note)
        assert asking.reached(asking.gather(LOG.note(33), LOG.prove(33), ours))
        asking.close()
        restored.close()
