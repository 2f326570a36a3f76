"""The published log as static files: checkpoint, tiles, entries and days (c2sp.org/tlog-tiles), for anybody's program.

A path has one spelling, and what it names never changes, apart from the checkpoint and the note of a day that is not
over, or whose last note may not have come here yet. Nothing is judged here: whoever reads tiles ties them to a
checkpoint themselves.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ledger.domain.values import BadValue, parse_date
from ledger.tlog.merkle import HASH_BYTES
from ledger.tlog.tiles import (
    FULL_WIDTH,
    Bundle,
    MalformedTile,
    MalformedTilePath,
    Tile,
    decode_bundle,
    encode_bundle,
    parse_path,
)
from verify_api.public.cacheable import cacheable, said
from verify_api.public.scanner import LogFiles

CHECKPOINT = "checkpoint"
_DAYS = "days"
_LONGEST = 200  # characters of a path; the longest tile's has half of them

_BYTES, _NOTE = "application/octet-stream", "text/plain; charset=utf-8"
_FOR_EVER = "public, max-age=31536000, immutable"
_SHORT = "public, max-age=1"
_NOT_THE_LAST = "public, max-age=60"
_SETTLING = timedelta(minutes=10)  # after midnight: what was signed just before may still wait for its witnesses


class PublishedFiles:
    """Answers GET and HEAD of what stands below /log."""

    def __init__(self, files: LogFiles, now: Callable[[], datetime]) -> None:
        """
        Args:
            now: tells which day is not over, in UTC.
        """
        self._files = files
        self._now = now
        self._last_day = ""  # with a note, as far as it is known; the days before it have their last one

    async def answer(self, request: Request, path: str) -> Response:
        """The file at a path below /log/, or 404.

        Raises:
            LedgerError: the files cannot be read.
        """
        if not _is_spelled(request, path):
            return _missing(path)
        if path == CHECKPOINT:
            return _answer(request, path, self._files.read(path), _NOTE, _SHORT)
        if path.startswith(f"{_DAYS}/"):
            return await run_in_threadpool(self._day, request, path)
        try:
            named = parse_path(path)
        except MalformedTilePath:
            return _missing(path)
        if isinstance(named, Tile):  # at most 8 KiB, so that no thread is worth its while
            return _answer(request, path, self._tile(named), _BYTES, _FOR_EVER)
        return await run_in_threadpool(lambda: _answer(request, path, self._bundle(named), _BYTES, _FOR_EVER))

    async def checkpoint(self, request: Request) -> Response:
        """The published checkpoint."""
        return await self.answer(request, CHECKPOINT)

    async def tile(self, request: Request, path: str) -> Response:
        """A tile, or a bundle of entries."""
        return await self.answer(request, f"tile/{path}")

    async def day(self, request: Request, date: str) -> Response:
        """The checkpoint that was published last on a day of UTC."""
        return await self.answer(request, f"{_DAYS}/{date}")

    def _day(self, request: Request, path: str) -> Response:
        try:
            day = parse_date(path.removeprefix(f"{_DAYS}/"))
        except BadValue:
            return _missing(path)
        over = (self._now() - _SETTLING).astimezone(UTC).date() > day
        final = over and self._is_followed(path)  # asked before it is read, since it may be replaced in between
        return _answer(request, path, self._files.read(path), _NOTE, _FOR_EVER if final else _NOT_THE_LAST)

    def _is_followed(self, path: str) -> bool:
        """Whether a later day has a note: each comes here after the last one of the day before.

        Where what is published elsewhere is copied, the line may have been down since the middle of that day.
        """
        if path >= self._last_day:
            self._last_day = max(self._files.list(_DAYS), default="")
        return path < self._last_day

    def _tile(self, tile: Tile) -> bytes | None:
        content = self._files.read(tile.path)
        if content is not None or tile.full:
            return content
        # "A partial tile may be deleted once the full tile exists": a client with an older checkpoint needs no detour.
        full = self._files.read(tile.whole.path)
        return None if full is None else full[: tile.width * HASH_BYTES]

    def _bundle(self, bundle: Bundle) -> bytes | None:
        content = self._files.read(bundle.path)
        if content is not None or bundle.full:
            return content
        full = self._files.read(bundle.whole.path)
        try:
            return None if full is None else encode_bundle(decode_bundle(full, FULL_WIDTH)[: bundle.width])
        except MalformedTile:  # damaged: whoever asks for the whole one sees what is there
            return None


def _is_spelled(request: Request, path: str) -> bool:
    """Whether the request spells the path as it stands, with nothing in it that had to be decoded."""
    raw = request.scope.get("raw_path")
    return len(path) <= _LONGEST and path.isascii() and (raw is None or raw == request.scope["path"].encode("utf-8"))


def _answer(request: Request, path: str, content: bytes | None, media_type: str, cache: str) -> Response:
    return _missing(path) if content is None else cacheable(request, content, media_type, cache)


def _missing(path: str) -> Response:
    what = "No checkpoint was published yet" if path == CHECKPOINT else "Nothing is published here"
    return said(what, HTTPStatus.NOT_FOUND)
