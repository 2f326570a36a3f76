"""An employer keeps proof files; years later the service is gone, and its witness too: the files are still good."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess, Popen
from typing import TypedDict

import pytest

from tests.acceptance.conftest import NewDatabase
from tests.acceptance.desk import Desk, Receipt, Verdict, admit, course, get
from tests.concurrency.running import free_port

ROW = {"full_name": "Noor Haddad", "achievement": "one", "awarded_on": "2026-03-01", "result": "Pass"}
SOON, LATER = "2026-11-21T18:00:00Z", "2031-01-02T09:00:00Z"
_PATIENCE = 60  # seconds; nothing is asserted about time


class Finding(TypedDict):
    check: str
    outcome: str


class Log(TypedDict):
    witnesses: int


class Found(Verdict):
    """A verdict with what else is looked at here."""

    as_of: str
    findings: list[Finding]
    log: Log


class Witnessed(Desk):
    """A ledger whose checkpoints are cosigned by a witness in a process of its own."""

    policy: Path | None = None

    def _environment(self, clock: str) -> dict[str, str]:
        place = {} if self.policy is None else {"TESTAMUR_WITNESS_POLICY": str(self.policy)}
        return super()._environment(clock) | place

    def open(self, folder: Path) -> "Popen[bytes]":
        """Start witness and server, with a recognising body that the service goes by."""
        self.run("init", "--base-url", "http://localhost:8000", "--operator", "Acceptance tests")
        vkey = self.run("log", "vkey").stdout.splitlines()[-1]
        state, listen = ("--state", str(folder / "witness.db")), f"127.0.0.1:{free_port()}"
        key = self.run("witness", *state, "--name", "witness.example/one", "--vkey").stdout.strip()
        witness = self.start("witness", *state, "--log", vkey, "--listen", listen)
        policy = folder / "policy"
        policy.write_text(f"log {vkey}\nwitness one {key} http://{listen}\nquorum one\n")
        self.policy = policy
        self.serve()
        body = self.post("/issuers", {"slug": "board", "profile": {"name": "The Board", "recognising_body": True}})
        settings = self.home / "testamur.toml"
        text = settings.read_text("utf-8")
        settings.write_text(text.replace("registries = []", f'registries = ["{body.json()["did"]}"]'), "utf-8")
        return witness


@pytest.fixture
def desk(tmp_path: Path, new_database: NewDatabase) -> Iterator[Witnessed]:
    """A ledger that this test may end."""
    desk = Witnessed(tmp_path / "home", new_database())
    witness = desk.open(tmp_path)
    try:
        yield desk
    finally:
        desk.stop()
        witness.terminate()
        witness.wait(_PATIENCE)


def download(desk: Desk, receipt: Receipt) -> bytes:
    """The file behind "Download proof" on the page of the award, once all is published."""
    version = "" if receipt["version"] == 1 else f"/{receipt['version']}"
    address = f"{desk.url}/c/{receipt['code']}{version}"
    assert f'href="/c/{receipt["code"]}{version}/proof"' in get(address, headers={"Accept": "text/html"}).text
    deadline = time.monotonic() + _PATIENCE
    while (answer := get(f"{address}/proof")).status_code == 503 and time.monotonic() < deadline:
        assert int(answer.headers["retry-after"]) > 0
        time.sleep(0.1)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="award.testamur-proof.json"'
    return answer.content


class Employer:
    """Somebody with files, a policy and the command, and nothing else."""

    def __init__(self, folder: Path, policy: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.policy = Path(shutil.copy(policy, folder / "policy"))

    def keep(self, name: str, raw: bytes) -> Path:
        """Save a file."""
        path = self.folder / f"{name}.testamur-proof.json"
        path.write_bytes(raw)
        return path

    def verify(self, *arguments: str, code: int, clock: str = LATER) -> Found:
        """What the command says, with --json."""
        done = self._run("--policy", str(self.policy), *arguments, clock=clock)
        assert done.returncode == code, done.stdout + done.stderr
        found: Found = json.loads(done.stdout)
        return found

    def _run(self, *arguments: str, clock: str) -> "CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TESTAMUR_")}
        command = [sys.executable, "-m", "verify_api.cli.main", "verify", *arguments, "--json", "--quiet"]
        clocked = environment | {"TESTAMUR_UNSAFE_CLOCK": clock, "PYTHONPATH": str(Path.cwd())}
        return subprocess.run(command, cwd=self.folder, env=clocked, capture_output=True, text=True)


def test_files_that_an_employer_kept_are_good_without_the_service(desk: Witnessed, tmp_path: Path) -> None:
    admit(desk, "college", course("one", "First"))
    good, revoked, renamed, expiring = (
        desk.issue("college", {**ROW, "student_number": f"Student-000{number}", **more})
        for number, more in enumerate(({}, {}, {}, {"valid_until": "2027-01-31"}))
    )
    desk.run("revoke", revoked["code"], "--reason", "issued_in_error", "--public-text", "Wrong person.")
    renamed = desk.receipt("amend", renamed["code"], "--set", "full_name=Nour Haddad", "--reason", "holder_request")
    assert desk.policy is not None
    employer = Employer(tmp_path / "employer", desk.policy)
    receipts = {"good": good, "revoked": revoked, "renamed": renamed, "expiring": expiring}
    files = {name: employer.keep(name, download(desk, receipt)) for name, receipt in receipts.items()}
    asked = employer.verify(good["url"], "--url", desk.url, code=0, clock=SOON)
    shown = {name: desk.scan(receipt["url"]) for name, receipt in receipts.items()}
    desk.stop()
    shutil.rmtree(desk.home)

    found = {name: employer.verify(str(files[name]), code=int(name == "revoked"), clock=SOON) for name in receipts}
    assert {name: each["verdict"] for name, each in found.items()} == {
        "good": "valid", "revoked": "revoked", "renamed": "valid", "expiring": "valid"
    }  # fmt: skip
    for name, page in shown.items():
        for field in ("verdict", "in_force", "award", "change", "scanned_version", "current_version"):
            assert found[name][field] == page[field], (name, field)
    assert asked["award"] == found["good"]["award"]
    assert {each["outcome"] for each in found["good"]["findings"]} == {"passed"}
    assert (found["good"]["log"]["witnesses"], found["good"]["as_of"][:10]) == (1, "2026-11-21")
    assert b"Noor" not in files["renamed"].read_bytes()
    assert not [name for name, file in files.items() if b"Student-" in file.read_bytes()]

    later = {
        name: employer.verify(str(file), code=int(name in ("revoked", "expiring"))) for name, file in files.items()
    }
    assert (later["good"]["verdict"], later["expiring"]["verdict"]) == ("valid", "expired")
    forged = employer.keep("forged", files["good"].read_bytes().replace(b"Noor Haddad", b"Noor Hassan"))
    assert employer.verify(str(forged), code=1)["verdict"] == "signature_invalid"
    (employer.folder / "policy").write_text("quorum none\n")
    assert employer.verify(str(files["good"]), code=3)["verdict"] == "not_checked"
