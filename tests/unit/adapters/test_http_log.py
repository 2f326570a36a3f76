"""A log is read over HTTP within bounds: what is too long, too slow, compressed or elsewhere is not taken for it."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.folder_log import FolderLog
from ledger.adapters.http_log import HttpLog, address_of_log
from ledger.audit.public.log import LogNotReached, LogNotReadable, read_bundle
from ledger.errors import LedgerError
from ledger.tlog.note import MAX_NOTE_BYTES
from ledger.tlog.tiles import Bundle, MalformedTile, TileMissing, encode_bundle
from tests.odd_files import ODD, bounded, put
from tests.unit.audit.public.serving import Answer, folder, serving

TILE = "tile/0/000"


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("https://verify.college.example", "https://verify.college.example/log"),
        ("https://verify.college.example/", "https://verify.college.example/log"),
        ("http://127.0.0.1:8000/log/", "http://127.0.0.1:8000/log"),
        (" https://college.example/ledger ", "https://college.example/ledger/log"),
    ],
)
def test_address_is_that_of_the_server_or_of_its_log(typed: str, address: str) -> None:
    assert address_of_log(typed) == address


@pytest.mark.parametrize(
    "typed",
    ["", "college.example", "ftp://college.example", "https://", "https://x/?a=1", "http://x:port", "http://x/#a"],
)
def test_what_is_no_address_of_a_server_is_refused(typed: str) -> None:
    with pytest.raises(LogNotReadable, match="address"):
        HttpLog(typed)


def test_files_are_fetched_from_below_log_and_counted(tmp_path: Path) -> None:
    (tmp_path / "tile" / "0").mkdir(parents=True)
    (tmp_path / "checkpoint").write_bytes(b"note")
    (tmp_path / TILE).write_bytes(bytes(8192))
    with serving(folder(tmp_path)) as served, HttpLog(served.url) as log:
        assert log.fetch("checkpoint") == b"note"
        assert log.fetch(TILE) == bytes(8192)
        assert served.asked == ["/log/checkpoint", f"/log/{TILE}"]
        assert (log.requests, log.received) == (2, 8196)


def test_many_files_come_in_their_order_and_what_is_not_there_is_none(tmp_path: Path) -> None:
    paths = [Bundle(number, 256).path for number in range(50)]
    for path in paths[:49]:
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.encode())
    with serving(folder(tmp_path)) as served, HttpLog(served.url) as log:
        assert list(log.fetch_all(paths)) == [*(path.encode() for path in paths[:49]), None]
        first = log.fetch_all(paths)
        assert next(first) == paths[0].encode()


@pytest.mark.parametrize("status", [404, 410])
def test_file_that_is_not_there_is_missing(status: int) -> None:
    with serving(lambda _: Answer(status=status)) as served, HttpLog(served.url) as log, pytest.raises(TileMissing):
        log.fetch("checkpoint")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_server_that_cannot_answer_now_is_not_reached(status: int) -> None:
    with serving(lambda _: Answer(status=status)) as served, HttpLog(served.url) as log:
        with pytest.raises(LogNotReached, match=str(status)):
            log.fetch("checkpoint")
        with pytest.raises(LogNotReached):
            list(log.fetch_all([TILE] * 20))


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 403])
def test_any_other_answer_is_none_of_a_log(status: int) -> None:
    with (
        serving(lambda _: Answer(status=status)) as served,
        HttpLog(served.url) as log,
        pytest.raises(LogNotReadable, match=str(status)),
    ):
        log.fetch("checkpoint")


def test_redirect_is_not_followed_and_named() -> None:
    def answer(_: str) -> Answer:
        return Answer(status=302, headers=(("Location", "http://127.0.0.1:1/else"),))

    with serving(answer) as served, HttpLog(served.url) as log:
        with pytest.raises(LogNotReadable, match=r"127\.0\.0\.1:1/else"):
            log.fetch("checkpoint")
        assert len(served.asked) == 1


def test_redirect_to_nonsense_leaks_no_error_of_the_library() -> None:
    def answer(_: str) -> Answer:
        return Answer(status=302, headers=(("Location", "http://127.0.0.1:1/\x7f"),))

    with serving(answer) as served, HttpLog(served.url) as log, pytest.raises(LedgerError):
        log.fetch("checkpoint")


@pytest.mark.parametrize(
    ("path", "most"), [("checkpoint", MAX_NOTE_BYTES), (TILE, 8192), ("tile/entries/000", 256 * 4098)]
)
def test_no_more_than_one_byte_too_many_is_read(path: str, most: int) -> None:
    with serving(lambda _: Answer(body=bytes(most + 70_000))) as served, HttpLog(served.url) as log:
        assert len(log.fetch(path)) == most + 1


def test_content_that_is_compressed_is_not_unpacked() -> None:
    def answer(_: str) -> Answer:
        return Answer(body=b"\x1f\x8b", headers=(("Content-Encoding", "gzip"),))

    with serving(answer) as served, HttpLog(served.url) as log, pytest.raises(LogNotReadable, match="another form"):
        log.fetch("checkpoint")


def test_server_that_takes_too_long_for_one_file_is_not_reached() -> None:
    with (
        serving(lambda _: Answer(body=b"note")) as served,
        HttpLog(served.url, longest=-1.0) as log,
        pytest.raises(LogNotReached, match="takes more than"),
    ):
        log.fetch("checkpoint")


def test_server_that_hangs_up_or_is_not_there_is_not_reached() -> None:
    with serving(lambda _: None) as served, HttpLog(served.url) as log, pytest.raises(LogNotReached):
        log.fetch("checkpoint")
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    with HttpLog(f"http://127.0.0.1:{port}") as log, pytest.raises(LogNotReached, match="does not answer"):
        log.fetch("checkpoint")


def test_name_that_no_server_has_leaks_no_error_of_the_library() -> None:
    with HttpLog("http://xn--/") as log, pytest.raises(LogNotReadable):
        log.fetch("checkpoint")


def test_cookies_are_not_kept() -> None:
    def answer(_: str) -> Answer:
        return Answer(body=b"note", headers=(("Set-Cookie", "who=you; Path=/"),))

    with serving(answer) as served, HttpLog(served.url) as log:
        assert [log.fetch("checkpoint") for _ in range(2)] == [b"note"] * 2
        assert served.cookies == []


@pytest.mark.parametrize("path", ["../secret", "tile/0/1", "days/2026-11-31", "tile/0/000.p/0", "", "/checkpoint"])
def test_path_that_no_log_has_is_not_asked_for(tmp_path: Path, path: str) -> None:
    with serving(lambda _: Answer()) as served, HttpLog(served.url) as log:
        with pytest.raises(LogNotReadable):
            log.fetch(path)
        assert served.asked == []
    with pytest.raises(LogNotReadable):
        FolderLog(tmp_path).fetch(path)


def test_folder_is_read_as_a_server_is(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_bytes(bytes(MAX_NOTE_BYTES + 5))
    (tmp_path / TILE).mkdir(parents=True)
    log = FolderLog(tmp_path)
    assert len(log.fetch("checkpoint")) == MAX_NOTE_BYTES + 1
    for path in (TILE, f"{TILE}.p/7", "tile/entries/000"):
        with pytest.raises(TileMissing):
            log.fetch(path)
    assert list(log.fetch_all(["checkpoint", TILE])) == [bytes(MAX_NOTE_BYTES + 1), None]


def test_folder_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "tile").symlink_to("tile")
    with pytest.raises(LogNotReadable, match="cannot be read"):
        FolderLog(tmp_path).fetch(TILE)


def test_bundle_is_cut_from_the_full_one_where_the_partial_one_is_gone(tmp_path: Path) -> None:
    entries = [bytes([number]) for number in range(256)]
    place = tmp_path / Bundle(0, 256).path
    place.parent.mkdir(parents=True)
    place.write_bytes(encode_bundle(entries))
    log = FolderLog(tmp_path)
    assert read_bundle(log, Bundle(0, 3), None) == tuple(entries[:3])
    assert read_bundle(log, Bundle(0, 3), encode_bundle(entries[3:6])) == tuple(entries[3:6])
    with pytest.raises(TileMissing):
        read_bundle(log, Bundle(1, 256), None)
    with pytest.raises(TileMissing):
        read_bundle(log, Bundle(1, 3), None)
    with pytest.raises(MalformedTile):
        read_bundle(log, Bundle(0, 4), encode_bundle(entries[3:6]))


@pytest.mark.parametrize("kind", ODD)
def test_folder_shows_nothing_that_has_no_end(tmp_path: Path, kind: str) -> None:
    put(kind, tmp_path / "checkpoint")
    with bounded():
        if kind == "huge":
            assert len(FolderLog(tmp_path).fetch("checkpoint")) == MAX_NOTE_BYTES + 1
        else:
            with pytest.raises(LogNotReadable, match="checkpoint"):
                FolderLog(tmp_path).fetch("checkpoint")


def test_folder_of_a_log_in_an_archive_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "checkpoint").write_bytes(b"1")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "log").symlink_to(tmp_path / "else")
    with pytest.raises(LogNotReadable, match="link"):
        FolderLog(tmp_path / "archive", below="log/").fetch("checkpoint")
    assert FolderLog(tmp_path, below="else/").fetch("checkpoint") == b"1"
