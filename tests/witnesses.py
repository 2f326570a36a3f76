"""A log to be witnessed, witnesses that answer anything, and a real one in a process of its own."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx

from ledger.signing.signer import Ed25519Signer
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.cosignature import CosignerKey, cosign
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.note import VerifierKey, signatures
from ledger.tlog.proofs import ReadNodes, consistency_path, node_reader, tree_root
from ledger.tlog.witnessing import AddCheckpoint, parse_add_checkpoint

PROGRAM = (sys.executable, "-m", "verify_api.cli.main")
NOW = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


class SampleLog:
    """A log of small entries, and another history of it from some leaf on."""

    def __init__(self, origin: str = "log.example/a", seed: int = 1, leaves: int = 64, fork_at: int = 5) -> None:
        self.origin = origin
        self.signer = Ed25519Signer(bytes([seed]) * 32)
        self.key = VerifierKey.of(origin, self.signer.public_key)
        own = [leaf_hash(f"{origin} {n}".encode()) for n in range(leaves)]
        other = [*own[:fork_at], *(leaf_hash(f"{origin} other {n}".encode()) for n in range(fork_at, leaves))]
        self._read = {False: node_reader(own), True: node_reader(other)}

    def reader(self, *, fork: bool = False) -> ReadNodes:
        """The hashes of one of both histories."""
        return self._read[fork]

    def note(self, size: int, *, fork: bool = False, signers: Sequence[Ed25519Signer] = ()) -> bytes:
        """The checkpoint of a size."""
        checkpoint = Checkpoint(origin=self.origin, size=size, root=tree_root(size, self._read[fork]))
        first, *others = signers or [self.signer]
        return sign_checkpoint(checkpoint, first, *others)

    def prove(self, size: int, *, fork: bool = False) -> Callable[[int], tuple[Hash, ...]]:
        """What proves that a smaller tree begins that of `size`."""
        return lambda old: consistency_path(old, size, self._read[fork])

    def request(self, old: int, size: int, *, fork: bool = False) -> bytes:
        """What a witness is asked."""
        path = consistency_path(old, size, self._read[fork])
        return AddCheckpoint(old=old, path=path, note=self.note(size, fork=fork)).to_bytes()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a witness answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Script:
    """A witness of a test: who it is, what it was asked, and how it answers."""

    name: str
    answer: "Callable[[Script, AddCheckpoint], Reply]"
    at: int = int(NOW.timestamp())
    asked: list[AddCheckpoint] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""
    shows: Callable[[], Reply] = lambda: Reply(404)  # who asks for its last checkpoint

    @property
    def signer(self) -> Ed25519Signer:
        """Its private key."""
        return Ed25519Signer(self.name.encode().ljust(32, b"-"))

    @property
    def key(self) -> CosignerKey:
        """Its public key."""
        return CosignerKey.of(f"{self.name}.example", self.signer.public_key)

    def line(self, note: bytes, at: int | None = None) -> bytes:
        """Its cosignature."""
        return cosign(signatures(note)[0], self.signer, self.key.name, self.at if at is None else at)

    def cosigned(self, request: AddCheckpoint) -> Reply:
        """A good answer, whatever was seen before."""
        return Reply(200, self.line(request.note))


def size_reply(size: int) -> Reply:
    """A witness has seen another size."""
    return Reply(409, f"{size}\n".encode(), {"Content-Type": "text/x.tlog.size"})


@contextmanager
def answering(*scripts: Script) -> Iterator[None]:
    """Serve each on a port of its own on loopback, and put the address into it."""
    servers = [_server(script) for script in scripts]
    threads = [Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def _server(script: Script) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            script.paths.append(self.path)
            self._say(script.shows())

        def do_POST(self) -> None:
            script.paths.append(self.path)
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            script.asked.append(parse_add_checkpoint(raw))
            self._say(script.answer(script, script.asked[-1]))

        def _say(self, reply: Reply) -> None:
            if reply.status == 0:  # hang up without a word
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            try:
                self.wfile.write(reply.body)
            except OSError:  # who asked has heard enough
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    return server


@dataclass(frozen=True, slots=True)
class WitnessProcess:
    """A real witness that runs."""

    process: "subprocess.Popen[str]"
    url: str
    key: CosignerKey
    http: httpx.Client

    def add(self, body: bytes | Iterable[bytes]) -> httpx.Response:
        """Ask it to cosign."""
        return self.http.post("/add-checkpoint", content=body)

    def stop(self) -> str:
        """Stop it as people do; what it said on standard error."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=60)
        return said


@contextmanager
def witness_process(
    state: Path, *keys: VerifierKey, name: str | None = "witness.example/w1", program: Sequence[str] = PROGRAM
) -> Iterator[WitnessProcess]:
    """Run `testamur witness` until the `with` ends, however it ends."""
    named = [] if name is None else ["--name", name]
    logs = [word for key in keys for word in ("--log", key.to_text())]
    process = subprocess.Popen(
        [*program, "--json", "witness", "--state", str(state), "--listen", "127.0.0.1:0", *named, *logs],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            raise AssertionError(f"the witness did not start: {process.communicate()[1]}")
        told = json.loads(first)
        # A context of its own, because to load the authorities of the web takes longer than a request.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with httpx.Client(base_url=told["url"], verify=context, timeout=60, trust_env=False) as http:
            yield WitnessProcess(process, told["url"], CosignerKey.parse(told["vkey"]), http)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
