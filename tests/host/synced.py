"""Whether every answer that says “done” left after the sync of the file that holds what was done."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.host.trace import SYNCS, Call, Exchange, exchanges

_FRAME_HEADER = 24  # bytes; https://www.sqlite.org/fileformat2.html#the_write_ahead_log


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One transaction in a write-ahead log."""

    data: bytes  # its pages
    begun: int  # line of its first write
    written: int  # line in which the frame that commits it was written
    synced: int | None  # line in which a sync had ended that began after that


def sqlite_commits(calls: Sequence[Call], wal: str) -> list[Commit]:
    """The transactions that were written to a write-ahead log of SQLite."""
    of_file = [call for call in calls if call.target.endswith(f"/{wal}")]
    syncs = [call for call in of_file if call.name in SYNCS and call.result == 0]
    commits: list[Commit] = []
    frames: list[Call] = []
    committing = False
    for call in of_file:
        if call.name != "pwrite64":
            continue
        if call.result == _FRAME_HEADER:
            # "For commit records, the size of the database file in pages after the commit. For all other records,
            # zero."
            committing = struct.unpack(">I", call.data[4:8])[0] != 0
            frames.append(call)
        elif frames:
            frames.append(call)
            if committing:
                after = [sync.ended for sync in syncs if sync.begun > call.ended]
                commits.append(
                    Commit(
                        data=b"".join(each.data for each in frames[1::2]),
                        begun=frames[0].begun,
                        written=call.ended,
                        synced=min(after, default=None),
                    )
                )
                frames = []
    return commits


def acknowledged(calls: Sequence[Call]) -> list[Exchange]:
    """Every command on awards that was answered with 2xx."""
    return [each for each in exchanges(calls) if each.answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201"))]


def early_answers(
    calls: Sequence[Call], ledger: Sequence[Commit], vault: Sequence[Commit], keys: Mapping[int, bytes]
) -> list[str]:
    """In words, every answer that left before what it speaks of was safe.

    Args:
        ledger, vault: what was committed to either.
        keys: the id of the data key of each entry that is the first of its learner, by position.
    """
    return [wrong for each in acknowledged(calls) if (wrong := _early(each, ledger, vault, keys))]


def _early(
    exchange: Exchange, ledger: Sequence[Commit], vault: Sequence[Commit], keys: Mapping[int, bytes]
) -> str | None:
    receipt = json.loads(bytes(exchange.answer).partition(b"\r\n\r\n")[2])
    position = receipt["position"]
    entry = f'"seq":{receipt["revision"]},"stream":"{receipt["credential_id"]}"'.encode()
    # Neighbours on its page are written again with later entries: the first time is when it was recorded.
    commit = next((each for each in ledger if entry in each.data), None)
    if commit is None or commit.begun < exchange.begun:
        return f"position {position}: its entry was not written after the request came in"
    if exchange.answered is None or commit.synced is None or commit.synced >= exchange.answered:
        return f"position {position}: answered before the sync of its commit"
    if position in keys:
        key = next((each for each in vault if keys[position] in each.data), None)
        if key is None or key.synced is None or key.synced >= commit.begun:
            return f"position {position}: recorded before the data key of its learner was safe"
    return None
