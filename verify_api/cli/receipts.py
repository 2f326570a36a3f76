"""Reads receipts that changing commands printed with --json, one in each line, as a file of them grows."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from ledger.adapters.bounded_files import FileUnreadable, open_named
from ledger.adapters.watch_state import SqliteWatchState
from ledger.audit.public.watched import Receipt
from ledger.domain.types import Did, Position, Seq, StreamId
from ledger.domain.values import BadValue, parse_time
from verify_api.cli.errors import WrongUsage

_ENDING = 256  # bytes at the end of what was read, by which a file is known that was replaced
_MOST = 1_000  # receipts that are held at a time
_LONGEST = 64 << 20  # bytes of a line: a batch is one
_LARGEST = 2**53


def take_receipts(memory: SqliteWatchState, issuer: Did, path: Path, now: datetime) -> None:
    """Take what the file holds that was not taken before; a line that is still being written is left for later.

    Raises:
        WrongUsage: the file cannot be read, or a line is no receipt.
    """
    name = str(path.absolute())
    begin, ending = memory.was_read(issuer, name)
    try:
        with open_named(path) as file:
            if not _goes_on(file, begin, ending):
                begin = 0
            file.seek(begin)
            length = begin
            batch: list[Receipt] = []
            for line in _lines(file, path):
                length += len(line)
                batch += _receipts(line, path, length - len(line), now)
                if len(batch) >= _MOST:
                    memory.add_receipts(issuer, batch)
                    batch.clear()
            memory.add_receipts(issuer, batch)
            file.seek(max(length - _ENDING, 0))
            memory.read(issuer, name, length, file.read(length - file.tell()))
    except FileUnreadable as error:
        raise WrongUsage(str(error)) from error
    except OSError as error:
        raise WrongUsage(f"{path} cannot be read: {error.strerror}") from error


def _goes_on(file: BinaryIO, begin: int, ending: bytes) -> bool:
    """Whether the file still begins with what was read of it."""
    file.seek(max(begin - _ENDING, 0))
    return file.read(len(ending)) == ending


def _lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The lines that are whole."""
    while line := file.readline(_LONGEST):
        if not line.endswith(b"\n"):
            if len(line) == _LONGEST:
                raise WrongUsage(f"{path} is no file of receipts: a line of it has no end")
            return
        yield line


def _receipts(line: bytes, path: Path, place: int, now: datetime) -> list[Receipt]:
    """The receipts in a line: one, those of a batch, or none where it answers what changed nothing."""
    if not line.strip():
        return []
    try:
        said = json.loads(line)
        found = list(_receipts_in(said, now))
    except (ValueError, KeyError, TypeError, RecursionError, BadValue) as error:
        raise WrongUsage(
            f"{path}, the line from byte {place} on, is no receipt as changing commands print with --json: {error}"
        ) from error
    return found


def _receipts_in(said: object, now: datetime) -> Iterator[Receipt]:
    if not isinstance(said, dict):
        raise TypeError("it is no JSON object")
    awards = said.get("awards", [])
    for each in awards if isinstance(awards, list) else []:
        yield _receipt(each, now)
    if "position" in said and "awards" not in said:
        yield _receipt(said, now)


def _receipt(said: object, now: datetime) -> Receipt:
    if not isinstance(said, dict):
        raise TypeError("a receipt is a JSON object")
    stream = said["credential_id"] if "credential_id" in said else said["id"]
    at, proof, act, asked, kid = (said.get(name) for name in ("at", "proof", "act", "asked", "kid"))
    return Receipt(
        StreamId(UUID(str(stream))),
        Seq(_number(said["revision"], 0)),
        Position(_number(said["position"], 1)),
        now if at is None else parse_time(str(at)),
        None if proof is None else str(proof).encode("utf-8"),
        act=None if act is None else str(act),
        asked=None if asked is None else str(asked),
        kid=None if kid is None else str(kid),
    )


def _number(value: object, low: int) -> int:
    if type(value) is not int or not low <= value < _LARGEST:
        raise TypeError("revision and position are whole numbers")
    return value
