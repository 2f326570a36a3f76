"""Whether every answer that says “done” left after the sync of the file that holds what was done."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.crash.stand import Logged
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


def sqlite_recorded(calls: Sequence[Call], events: Sequence[Logged]) -> dict[int, Commit]:
    """The transaction that wrote each entry, by position; those of before the trace are not in it."""
    commits = sqlite_commits(calls, "ledger.db-wal")
    found = {}
    for event in events:
        entry = f'"seq":{event.seq},"stream":"{event.stream}"'.encode()
        # Neighbours on its page are written again with later entries: the first time is when it was recorded.
        commit = next((each for each in commits if entry in each.data), None)
        if commit is not None:
            found[event.position] = commit
    return found


def sqlite_keyed(calls: Sequence[Call], keys: Mapping[int, bytes]) -> dict[int, Commit | None]:
    """The transaction that wrote each data key, by the position of the entry that is the first of its learner."""
    commits = sqlite_commits(calls, "vault.db-wal")
    return {position: next((each for each in commits if key in each.data), None) for position, key in keys.items()}


def early_answers(
    calls: Sequence[Call], recorded: Mapping[int, Commit], keyed: Mapping[int, Commit | None]
) -> list[str]:
    """In words, every answer that left before what it speaks of was safe.

    Args:
        recorded: the transaction of each entry, by position.
        keyed: the transaction of the data key of each entry that is the first of its learner, by position.
    """
    return [wrong for each in acknowledged(calls) if (wrong := _early(each, recorded, keyed))]


def _early(exchange: Exchange, recorded: Mapping[int, Commit], keyed: Mapping[int, Commit | None]) -> str | None:
    position = json.loads(bytes(exchange.answer).partition(b"\r\n\r\n")[2])["position"]
    commit = recorded.get(position)
    if commit is None or commit.begun < exchange.begun:
        return f"position {position}: its entry was not written after the request came in"
    if exchange.answered is None or commit.synced is None or commit.synced >= exchange.answered:
        return f"position {position}: answered before the sync of its commit"
    if position in keyed:
        key = keyed[position]
        if key is None or key.synced is None or key.synced >= commit.begun:
            return f"position {position}: recorded before the data key of its learner was safe"
    return None
