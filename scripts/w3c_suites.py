"""Run the test suites of the W3C for verifiable credentials against a ledger made for it, and name what fails.

    python scripts/w3c_suites.py DIR...

Each DIR is a checkout of a suite in which `npm install` was done: w3c/vc-data-model-2.0-test-suite,
vc-di-eddsa-test-suite, vc-di-ecdsa-test-suite, vc-bitstring-status-list-test-suite. A `localConfig.cjs` is written into
it; nothing else there is changed, and no other implementation is asked. docs/standards.md says what fails and why.

The suites speak to a door on loopback: TLS with a certificate of its own, and each request from another address of
127.0.0.0/8, for they ask more often than one client may. Since only awards have a status here, `/award` answers a
request to issue with an award's credential, if what was asked for would be signed at all.
"""

import argparse
import http.client
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TESTAMUR = Path(sys.executable).with_name("testamur")
MOCHA = ["npx", "--no-install", "mocha", "tests/", "--no-config", "--no-package", "--timeout", "15000"]
ACHIEVEMENT = {
    "slug": "first-aid",
    "name": "First aid",
    "description": "Helps until help comes.",
    "competencies": [{"statement": "Can help"}],
    "assessments": [{"type": "observed_demonstration", "supervised": True, "identity_checked": True}],
    "grading": {"results": ["Pass"]},
    "minutes": 60,
}
AWARD = {"student_number": "S-1", "full_name": "Ada Example", "achievement": "first-aid", "awarded_on": "2026-01-01"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Ledger:
    """A new ledger with an issuer, a key and an award, which a server holds on loopback."""

    def __init__(self, folder: Path, door: int) -> None:
        self.port = free_port()
        self._folder = folder
        self._run("init", "--base-url", f"https://localhost:{door}", "--operator", "College")
        self._run("issuer", "register", "college", "--name", "College")
        self.issuer = f"did:web:localhost%3A{door}:issuers:college"
        self.key = str(self._run("api-key", "create", "--scope", "issue", "--issuer", "college")["key"])
        self._run("achievement", "define", self._file("achievement.json", ACHIEVEMENT))
        code = self._run("issue", self._file("award.json", {**AWARD, "result": "Pass"}))["code"]
        self.award = f"/c/{code}/credential.json"
        serve: list[str | Path] = [TESTAMUR, "--home", folder / "home", "serve", "--port", str(self.port)]
        with (folder / "server.log").open("wb") as log:
            self.server = subprocess.Popen(serve, stdout=log, stderr=log)
        while not self._answers():
            if self.server.poll() is not None:
                sys.exit((folder / "server.log").read_text())
            time.sleep(0.2)

    def ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str], source: str = "127.0.0.1"
    ) -> tuple[int, str, bytes]:
        """Status, type and content of an answer."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(source, 0))
        try:
            asking.request(method, path, body, headers)
            answer = asking.getresponse()
            return answer.status, answer.getheader("content-type", ""), answer.read()
        finally:
            asking.close()

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/openapi.json", b"", {})[0] == http.HTTPStatus.OK
        except OSError:
            return False

    def _file(self, name: str, content: object) -> str:
        path = self._folder / name
        path.write_text(json.dumps(content))
        return str(path)

    def _run(self, *words: str) -> dict[str, object]:
        command: list[str | Path] = [TESTAMUR, "--home", self._folder / "home", "--json", *words]
        told: dict[str, object] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout or "{}")
        return told


def make_door(ledger: Ledger, folder: Path, port: int) -> ThreadingHTTPServer:
    """What the suites speak to."""
    numbers = count(256)

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = next(numbers)
            source = f"127.1.{number >> 8 & 255}.{number & 255 or 1}"
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            names = ("accept", "authorization", "content-type")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            path = "/vc/credentials/issue" if self.path == "/award" else self.path
            answer = ledger.ask(self.command, path, body, headers, source)
            if self.path == "/award" and answer[0] == http.HTTPStatus.CREATED:
                answer = ledger.ask("GET", ledger.award, b"", {"accept": "application/json"}, source)
            self.send_response(answer[0])
            self.send_header("content-type", answer[1])
            self.end_headers()
            self.wfile.write(answer[2])

        do_POST = do_GET  # noqa: N815 - the name that the library calls

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    door = ThreadingHTTPServer(("127.0.0.1", port), Door)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder / "door.pem"))
    door.socket = context.wrap_socket(door.socket, server_side=True)
    return door


def certificate(path: Path) -> Path:
    """A key and a certificate for localhost, which the suites do not look at."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = made.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(pem, *form) + signed.public_bytes(pem))
    return path


def configuration(ledger: Ledger, door: int) -> str:
    """What the suites are told about this implementation."""
    base, headers = f"https://localhost:{door}", {"Authorization": f"Bearer {ledger.key}"}
    checks = ["eddsa-rdfc-2022", "eddsa-jcs-2022", "ecdsa-rdfc-2019", "ecdsa-jcs-2019", "vc2.0", "BitstringStatusList"]
    both, curves = {"vc": ["1.1", "2.0"]}, ["P-256"]

    def endpoint(path: str, tags: list[str], **more: object) -> dict[str, object]:
        return {"id": ledger.issuer, "endpoint": f"{base}{path}", "tags": tags, **more}

    issuers = [
        endpoint("/vc/credentials/issue", ["eddsa-rdfc-2022", "vc2.0"], headers=headers, supports={"vc": ["2.0"]}),
        endpoint("/award", ["BitstringStatusList"], headers=headers),
    ]
    told = {
        "settings": {"enableInteropTests": True, "testAllImplementations": False},
        "implementations": [
            {
                "name": "Testamur",
                "implementation": "Testamur",
                "issuers": issuers,
                "verifiers": [endpoint("/vc/credentials/verify", checks, supports=both, supportedEcdsaKeyTypes=curves)],
                "vpVerifiers": [endpoint("/vc/presentations/verify", ["vc2.0"])],
            }
        ],
    }
    return f"module.exports = {json.dumps(told, indent=2)};\n"


def run(suite: Path, told: str, report: Path) -> bool:
    """Print how one suite comes out; whether nothing failed."""
    (suite / "localConfig.cjs").write_text(told)
    reporter = ["--preserve-symlinks", "--reporter", "json", "--reporter-option", f"output={report}"]
    subprocess.run([*MOCHA, *reporter], cwd=suite, stdout=subprocess.DEVNULL, timeout=600)
    found = json.loads(report.read_bytes())
    told_of = {kind: len(found[kind]) for kind in ("passes", "failures", "pending")}
    print(f"{suite.name}: {told_of['passes']} passed, {told_of['failures']} failed, {told_of['pending']} skipped")
    for failure in found["failures"]:
        print(f"  {failure['fullTitle']}\n    {failure['err'].get('message', '').splitlines()[:1]}")
    return not found["failures"]


def main() -> None:
    """Run each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("suites", type=Path, nargs="+", metavar="DIR")
    suites: list[Path] = parser.parse_args().suites
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        ledger = Ledger(folder, port)
        try:
            door = make_door(ledger, folder, port)
            threading.Thread(target=door.serve_forever, daemon=True).start()
            good = [run(suite, configuration(ledger, port), folder / "report.json") for suite in suites]
        finally:
            ledger.server.terminate()
            ledger.server.wait()
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
