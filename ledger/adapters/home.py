"""The folder a ledger lives in: its settings, where its files are, and who holds it.

One process at a time holds a home. A server says where it listens in `server.json`, so that a command can speak to it.
"""

import fcntl
import json
import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from time import monotonic, sleep
from typing import Literal, TypeAlias, cast, get_args
from urllib.parse import urlsplit

from ledger.domain.types import Did, Origin
from ledger.errors import LedgerError

EngineName: TypeAlias = Literal["sqlite", "postgresql"]  # a ledger lies in files of the home, or in a database

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")


class HomeMissing(LedgerError):
    """There is no ledger in this folder."""


class HomeExists(LedgerError):
    """There is something in this folder already."""


class HomeBusy(LedgerError):
    """Another process holds this home."""


class BadSettings(LedgerError):
    """The settings cannot be read, or name something impossible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `testamur.toml` says."""

    base_url: str  # scheme://host[:port], no path: the beginning of every link
    origin: Origin  # fixed at init
    operator: str  # name of who runs the service
    registries: tuple[Did, ...]  # recognising bodies that count
    engine: EngineName = "sqlite"  # fixed at init
    fetch: bool = False  # whether keys and status lists of other issuers are fetched when a credential is verified


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server that holds a home."""

    pid: int
    url: str


def check_base_url(text: str) -> str:
    """`text` as a base URL in its one spelling.

    Raises:
        BadSettings: another scheme, a path, or an address in place of a name (did:web allows none).
    """
    try:
        url = urlsplit(text.rstrip("/"))
        host, port = url.hostname or "", url.port
    except ValueError as error:  # a port that is no number, half an IPv6 address
        raise BadSettings(f"“{text}” is not a base URL: write https://verify.college.example") from error
    if url.scheme not in ("http", "https") or url.path or url.query or url.fragment or url.username:
        raise BadSettings(f"“{text}” is not a base URL: write https://verify.college.example, without a path")
    if _is_address(host) or not _HOST.fullmatch(host) or len(host) > 200:
        raise BadSettings(f"“{host}” cannot stand in a certificate's link: use a host name, such as localhost")
    return f"{url.scheme}://{host}" + (f":{port}" if port is not None else "")


def _is_address(host: str) -> bool:
    if _NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        return True  # 127.1 and 0x7f000001 are addresses to a browser; no host name ends in a number
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def host_and_port(base_url: str) -> str:
    """host[:port] of a base URL."""
    return urlsplit(base_url).netloc


class Home:
    """The files of one ledger."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        """
        Args:
            database_url: of a ledger in PostgreSQL; else TESTAMUR_DATABASE_URL.
        """
        self.folder = folder
        self.database_url = database_url or os.environ.get("TESTAMUR_DATABASE_URL") or None
        self.settings_file = folder / "testamur.toml"
        self.database = folder / "ledger.db"
        self.views = folder / "views.db"
        self.vault = folder / "vault.db"
        self.keys = folder / "keys"
        self.operator_key = folder / "secrets" / "operator.key"
        self.log = folder / "log"  # what is published
        self.checkpoint = self.log / "checkpoint"
        self.statements = folder / "statements"  # what the statements of the log were made of
        self.demo = folder / "demo.json"
        self.out = folder / "out"
        named = os.environ.get("TESTAMUR_GUARD_FILE")
        self._guard = Path(named) if named else None
        self._server = folder / "server.json"
        self._lock = folder / "lock"
        self._settings_path = str(self.settings_file)
        self._registries: tuple[int, tuple[Did, ...]] = (0, ())

    @property
    def master_key(self) -> Path:
        """Where the master key is: TESTAMUR_MASTER_KEY_FILE, else in the home."""
        named = os.environ.get("TESTAMUR_MASTER_KEY_FILE")
        return Path(named) if named else self.folder / "secrets" / "master.key"

    @property
    def guard(self) -> Path:
        """Where the last signed note is kept: TESTAMUR_GUARD_FILE, else in the home."""
        return self._guard or self.inner_guard

    @property
    def inner_guard(self) -> Path:
        """Where the last signed note is kept as long as no other place is named."""
        return self.folder / "checkpoint.guard"

    @property
    def guarded_outside(self) -> bool:
        """Whether the last signed note is kept where a restored copy of the whole home does not bring an older one."""
        return self._guard is not None

    def exists(self) -> bool:
        """Whether a ledger was made here."""
        return self.settings_file.is_file()

    def settings(self, *, environment: bool = True) -> Settings:
        """What `testamur.toml` says.

        Args:
            environment: whether TESTAMUR_BASE_URL counts in place of the base URL.

        Raises:
            HomeMissing, BadSettings.
        """
        if not self.exists():
            raise HomeMissing(f"there is no ledger in {self.folder}; make one with `testamur init --base-url URL`")
        try:
            found = tomllib.loads(self.settings_file.read_text("utf-8"))
            named = os.environ.get("TESTAMUR_BASE_URL") if environment else None
            registries = tuple(Did(str(did)) for did in found.get("registries", []))
            return Settings(
                base_url=check_base_url(named or str(found["base_url"])),
                origin=Origin(str(found["origin"])),
                operator=str(found["operator"]),
                registries=registries,
                engine=self._engine(str(found.get("engine", "sqlite"))),
                fetch=found.get("fetch", False) is True,
            )
        except (tomllib.TOMLDecodeError, KeyError, TypeError, OSError, UnicodeDecodeError) as error:
            raise BadSettings(f"{self.settings_file} cannot be read: {error}") from error

    def _engine(self, named: str) -> EngineName:
        if named not in get_args(EngineName):
            raise BadSettings(f"{self.settings_file} names the engine “{named}”, which this program does not know")
        return cast("EngineName", named)

    def registries(self) -> tuple[Did, ...]:
        """The recognising bodies that the settings name now; read again only after the file has changed.

        A file that is being edited, and cannot be read for the moment, leaves what it said before.

        Raises:
            BadSettings, HomeMissing: it could never be read.
        """
        try:
            changed = os.stat(self._settings_path).st_mtime_ns  # noqa: PTH116  a Path takes longer, at every scan
        except OSError:
            changed = 0
        if changed != self._registries[0]:
            try:
                self._registries = (changed, self.settings().registries)
            except (BadSettings, HomeMissing):
                if not self._registries[0]:
                    raise
        return self._registries[1]

    def write_settings(self, settings: Settings) -> None:
        """Replace `testamur.toml`, durably."""
        lines = [
            "# Settings of this Testamur ledger; no secrets. The origin is fixed: it is part of what is signed.",
            f"base_url = {json.dumps(settings.base_url)}",
            f"origin = {json.dumps(settings.origin)}",
            f"operator = {_toml(settings.operator)}",
            "# DIDs of the recognising bodies that this service goes by; named on every page.",
            f"registries = {json.dumps(list(settings.registries))}",
            "# Where the ledger lies: sqlite, files in this folder, or postgresql, as TESTAMUR_DATABASE_URL says.",
            f"engine = {json.dumps(settings.engine)}",
            "# Whether verifying credentials of others may fetch their keys and status lists: https, no redirects,",
            "# public addresses only.",
            f"fetch = {json.dumps(settings.fetch)}",
        ]
        replace_file(self.settings_file, ("\n".join(lines) + "\n").encode("utf-8"), mode=0o644)

    @contextmanager
    def hold(self, *, patience: float = 0.0, shared: bool = False) -> Iterator[None]:
        """Be the one process that works on this home; or one of several that share it.

        Args:
            patience: seconds to wait for another command to end.
            shared: beside others that share it, as the engine of the ledger allows.

        Raises:
            HomeBusy: another process holds it.
        """
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = monotonic() + patience
        try:
            while True:
                try:
                    fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if monotonic() >= deadline or self.server() is not None:
                        raise HomeBusy(self._busy()) from None
                    sleep(0.05)
            if not shared:
                self._server.unlink(missing_ok=True)  # left behind by a server that was killed
            yield
        finally:
            os.close(descriptor)

    def _busy(self) -> str:
        server = self.server()
        if server is None:
            return f"another process works on {self.folder}; wait until it is done"
        return f"the server with process id {server.pid} holds {self.folder}; it listens on {server.url}"

    def held(self) -> bool:
        """Whether some process holds this home now."""
        if not self._lock.exists():
            return False
        descriptor = os.open(self._lock, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def server(self) -> Server | None:
        """The server that holds this home, as it says itself; None where none does."""
        try:
            found = json.loads(self._server.read_text("utf-8"))
            return Server(pid=int(found["pid"]), url=str(found["url"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def announce(self, url: str) -> Iterator[None]:
        """Say in `server.json` that this process serves the home, while it does."""
        content = json.dumps({"pid": os.getpid(), "url": url}).encode("utf-8")
        replace_file(self._server, content, mode=0o600)
        try:
            yield
        finally:
            self._server.unlink(missing_ok=True)


def _toml(text: str) -> str:
    """A basic string of TOML, which knows no surrogates and takes no DEL as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Put `content` at `path` so that a crash leaves the old file or the new one, whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:  # a full disk, say: half a file helps nobody
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
