"""The PostgreSQL that tests start by themselves: it keeps what it acknowledges, and nothing of it stays behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.postgres import Cluster, ClusterFailed, Server, temporary_cluster, temporary_database, temporary_folder
from tests.postgres_guardian import runs

PATIENCE = 30  # seconds until something that must happen is given up

# A run that starts a server and is then killed without a word.
RUN = """
import sys, time
from pathlib import Path
from tests.postgres import Cluster
cluster = Cluster(Path(sys.argv[1]), remove=True)
cluster.start()
print(cluster.pid, flush=True)
time.sleep(600)
"""


def asked(url: str, query: str) -> list[tuple[object, ...]]:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        found = connection.execute(query.encode())
        return list(found.fetchall()) if found.description else []


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_database_is_empty_and_dropped_afterwards_with_those_named_after_it(postgres_server: Server) -> None:
    with temporary_database(postgres_server) as url:
        assert asked(url, "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []
        name = str(asked(url, "SELECT current_database()")[0][0])
        asked(url, f"CREATE DATABASE {name}_vault")
        left_open = psycopg.connect(url)
    left_open.close()
    assert asked(postgres_server.url(), f"SELECT datname FROM pg_database WHERE datname LIKE '{name}%'") == []


def test_shared_server_syncs_before_it_acknowledges(database_url: str) -> None:
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert asked(database_url, f"SHOW {setting}") == [("on",)]


def test_cluster_that_crashed_has_what_it_acknowledged(own_cluster: Cluster) -> None:
    asked(own_cluster.url(), "CREATE TABLE kept AS SELECT 7 AS number")
    own_cluster.stop("immediate")
    assert not own_cluster.running
    own_cluster.start()
    assert asked(own_cluster.url(), "SELECT number FROM kept") == [(7,)]


def test_standby_that_is_cut_off_and_promoted_lacks_what_came_later(own_cluster: Cluster) -> None:
    asked(own_cluster.url(), "CREATE TABLE kept AS SELECT 1 AS number")
    standby = own_cluster.base_backup(own_cluster.folder.parent / "standby", standby=True)
    standby.start()
    try:
        asked(own_cluster.url(), "INSERT INTO kept VALUES (2)")
        deadline = time.monotonic() + PATIENCE
        while asked(standby.url(), "SELECT max(number) FROM kept") != [(2,)]:
            assert time.monotonic() < deadline
        standby.stop()
        asked(own_cluster.url(), "INSERT INTO kept VALUES (3)")
        own_cluster.stop("immediate")
        standby.start()
        standby.promote()
        asked(standby.url(), "INSERT INTO kept VALUES (4)")
        assert asked(standby.url(), "SELECT number FROM kept ORDER BY number") == [(1,), (2,), (4,)]
    finally:
        standby.close()


def test_setting_that_was_changed_counts_from_the_next_start() -> None:
    with temporary_cluster(fsync="off") as cluster:
        assert asked(cluster.url(), "SHOW fsync") == [("off",)]
        cluster.stop()
        cluster.configure(fsync="on")
        cluster.start()
        assert asked(cluster.url(), "SHOW fsync") == [("on",)]


def test_server_does_not_outlive_a_run_that_was_killed() -> None:
    with temporary_folder() as folder:
        script = [sys.executable, "-c", RUN, str(folder / "cluster")]
        with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            server = int(run.stdout.readline())
            assert runs(server)
            os.kill(run.pid, signal.SIGKILL)
        wait_until_gone(server)
        deadline = time.monotonic() + PATIENCE
        while folder.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_closing_leaves_neither_server_nor_guardian_nor_files() -> None:
    with temporary_cluster() as cluster:
        server, guardian = cluster.pid, int((cluster.folder / "guardian").read_text())
        assert server is not None
    assert not runs(server)
    wait_until_gone(guardian)
    assert not cluster.folder.exists()


def test_path_that_is_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed, match="too long"):
        Cluster(tmp_path / ("long" * 30)).start()
