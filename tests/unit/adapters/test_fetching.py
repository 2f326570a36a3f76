"""What is fetched comes from public servers alone, over https, whole and soon; everything else is refused."""

import datetime
import socket
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledger.adapters import fetching as module
from ledger.adapters.fetching import MAX_ANSWER, SECONDS, HttpsFetcher, LookUp, is_public_address, look_up
from ledger.application.inquiry import NotFetched

HOST = "badges.example"


@dataclass
class Server:
    """A server with a certificate of its own name, on this machine."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"good":true}'
    slow: Event = field(default_factory=Event)  # set: the answer ends
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)
    addresses: Sequence[str] = ("127.0.0.1",)
    trusted: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def fetcher(self) -> HttpsFetcher:
        """One for which this machine is a public one."""
        return HttpsFetcher(look_up=self._look_up, trusted=self.trusted, is_public=lambda text: text == "127.0.0.1")

    def url(self, path: str = "/did.json") -> str:
        return f"https://{HOST}:{self.port}{path}"

    def _look_up(self, host: str, _: int) -> Sequence[str]:
        self.lookups.append(host)
        return self.addresses


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "cert.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, encoding, plain))
    return chain, private


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "SECONDS", 60.0)  # a machine that is busy answers, too
    answers = Server()
    answers.slow.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.asked.append((self.path, self.headers["Host"], self.headers.get("Accept-Encoding")))
            self.send_response(answers.status)
            for name, value in answers.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(answers.body[:1])
                self.wfile.flush()
                answers.slow.wait(60)
                self.wfile.write(answers.body[1:])
            except OSError:  # whoever asked went away
                return

        def log_message(self, *_: object) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            return  # of a handshake that whoever asked broke off

    chain, private = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    answers.trusted = ssl.create_default_context(cafile=str(chain))
    listening = Quiet(("127.0.0.1", 0), Handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    answers.port = listening.server_address[1]
    thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield answers
    finally:
        answers.slow.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_answer_of_a_public_server_is_had_from_the_one_address_that_was_found(server: Server) -> None:
    assert server.fetcher().get(server.url("/a/did.json?x=1")) == server.body
    assert server.asked == [("/a/did.json?x=1", f"{HOST}:{server.port}", "identity")]
    assert server.lookups == [HOST]  # once: what the name says a moment later does not matter


def test_certificate_has_to_be_that_of_the_name(server: Server) -> None:
    with pytest.raises(NotFetched, match="did not answer"):
        server.fetcher().get(f"https://other.example:{server.port}/")
    server.trusted = ssl.create_default_context()
    with pytest.raises(NotFetched, match="did not answer"):
        server.fetcher().get(server.url())
    assert server.asked == []


@pytest.mark.parametrize("addresses", [(), ("10.0.0.1",), ("127.0.0.1", "10.0.0.1"), ("10.0.0.1", "127.0.0.1")])
def test_name_with_any_address_that_is_not_public_is_not_asked(server: Server, addresses: Sequence[str]) -> None:
    server.addresses = addresses
    with pytest.raises(NotFetched, match="no public server"):
        server.fetcher().get(server.url())
    assert server.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500, 206])
def test_other_answers_than_200_are_none_and_no_redirect_is_followed(server: Server, status: int) -> None:
    server.status, server.headers = status, {"Location": server.url("/elsewhere")}
    with pytest.raises(NotFetched, match=str(status)):
        server.fetcher().get(server.url())
    assert len(server.asked) == 1


def test_packed_answer_is_not_unpacked(server: Server) -> None:
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(NotFetched, match="unpacked"):
        server.fetcher().get(server.url())


def test_answer_up_to_the_limit_is_had_and_one_byte_more_is_not(server: Server) -> None:
    server.body = b"x" * MAX_ANSWER
    assert server.fetcher().get(server.url()) == server.body
    server.body += b"x"
    with pytest.raises(NotFetched, match="more than"):
        server.fetcher().get(server.url())


def test_answer_that_does_not_end_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", SECONDS)
    server.slow.clear()
    with pytest.raises(NotFetched, match="did not answer"):  # the server would end it after a minute
        server.fetcher().get(server.url())


def test_name_that_is_not_found_or_takes_too_long_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", SECONDS)
    ends = Event()

    def failing(_: str, __: int) -> Sequence[str]:
        raise socket.gaierror("unknown")

    def hanging(_: str, __: int) -> Sequence[str]:
        ends.wait(60)
        return ["127.0.0.1"]

    for look in (failing, hanging):
        fetcher = HttpsFetcher(look_up=look, trusted=server.trusted, is_public=lambda _: True)
        with pytest.raises(NotFetched, match="not known to the name service"):
            fetcher.get(server.url())
        fetcher.close()
    ends.set()
    assert server.asked == []


def test_slow_name_service_holds_nobody_beyond_the_names_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.0)  # nobody waits for what does not come
    ends, asked, done = Event(), Queue[str](), Queue[str]()

    def hanging(host: str, _: int) -> Sequence[str]:
        asked.put(host)
        ends.wait(60)
        done.put(host)
        return []

    fetcher = HttpsFetcher(look_up=hanging)
    submit = fetcher._lookups.submit

    def begun(look: LookUp, host: str, port: int) -> Future[Sequence[str]]:
        """A look-up that cannot be taken back any more."""
        future = submit(look, host, port)
        asked.get(timeout=60)
        return future

    monkeypatch.setattr(fetcher._lookups, "submit", begun)
    for number in range(4):
        with pytest.raises(NotFetched, match="not known to the name service"):
            fetcher.get(f"https://h{number}.example/")
    for number in range(4, 20):
        with pytest.raises(NotFetched, match="is slow at the moment"):
            fetcher.get(f"https://h{number}.example/")
    assert asked.empty()
    ends.set()
    for _ in range(4):
        done.get(timeout=60)
    fetcher.close()


def test_look_up_that_ended_makes_room_for_another(server: Server) -> None:
    fetcher = server.fetcher()
    for _ in range(9):
        assert fetcher.get(server.url()) == server.body
    assert len(server.lookups) == 9


@pytest.mark.parametrize(
    "url",
    [
        "http://badges.example/did.json",
        "https:///did.json",
        "ftp://badges.example/",
        "file:///etc/passwd",
        "https://user@badges.example/",
        "https://user:secret@badges.example/",
        "https://badges.example:0/",
        "https://badges.example:99999/",
        "https://badges.example:x/",
        "https://[::1/",
        "https://badges.example/\r\nHost: evil.example",
        "https://badges.example/a b",
        "https://bädges.example/",
        "https://badges.example/" + "a" * 3_000,
        "",
    ],
)
def test_what_is_no_https_address_of_a_named_server_is_not_asked(server: Server, url: str) -> None:
    with pytest.raises(NotFetched, match="only https"):
        server.fetcher().get(url)
    assert server.lookups == []


def test_this_machine_is_no_public_server_by_whatever_name(server: Server) -> None:
    fetcher = HttpsFetcher(trusted=server.trusted)
    for host in ("127.0.0.1", "localhost", "[::1]", "0", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"):
        with pytest.raises(NotFetched):
            fetcher.get(f"https://{host}:{server.port}/")
    assert server.asked == []
    assert look_up("127.0.0.1", 443) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "address",
    [
        str(IPv4Address(0)), "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
        "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00::1", "fe80::1",
        "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "localhost", "", "1.2.3", "999.1.1.1",
        "168.63.129.16", "192.88.99.1", "192.88.99.255", "192.0.0.9", "192.0.0.170", "3fff::1", "2001:20::1",
        "2001:4860::5efe:a00:1", "2001:4860::200:5efe:808:808", "2001:4860::300:5efe:808:808",
    ],
)  # fmt: skip
def test_address_that_is_not_of_the_public_internet_is_refused(address: str) -> None:
    assert not is_public_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.216.34",
        "2606:2800:220:1:248:1893:25c8:1946",
        "2a00:1450::1",
        "168.63.129.17",
        "192.88.98.1",
        "2001:4860::5eff:a00:1",
    ],
)
def test_public_address_is_taken(address: str) -> None:
    assert is_public_address(address)


def test_no_private_network_is_taken_for_public() -> None:
    for first in (10, 127, 0, *range(224, 256)):
        assert not is_public_address(str(IPv4Address(first << 24 | 0x010203)))
