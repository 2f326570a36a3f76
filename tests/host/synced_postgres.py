"""When each transaction of PostgreSQL was in its write-ahead log, and when that was synced, as a trace shows it."""

import re
from collections.abc import Mapping, Sequence

from tests.host.synced import Commit
from tests.host.trace import SYNCS, Call

_PAGE = 8_192
_SEGMENT = re.compile(r"/pg_wal/[0-9A-F]{24}$")
_LONG_HEADER, _HEADER = 40, 24  # bytes; of the first page of a segment, and of every other


def postgres_commits(calls: Sequence[Call], xids: Sequence[int]) -> dict[int, Commit]:
    """The transactions whose commit was written to the log, by number."""
    writes = [call for call in calls if call.name == "pwrite64" and _SEGMENT.search(call.target)]
    syncs = [call for call in calls if call.name in SYNCS and _SEGMENT.search(call.target) and call.result == 0]
    wanted = {xid: _commit_record(xid) for xid in set(xids)}
    images: dict[str, bytearray] = {}
    found: dict[int, Commit] = {}
    for call in writes:
        image = images.setdefault(call.target, bytearray())
        end = call.offset + len(call.data)
        image.extend(bytes(max(0, end - len(image))))
        image[call.offset : end] = call.data
        records = _records(image, max(0, call.offset // _PAGE - 1) * _PAGE, end)
        for xid in [xid for xid, record in wanted.items() if record.search(records)]:
            del wanted[xid]
            after = [sync.ended for sync in syncs if sync.begun > call.ended and sync.target == call.target]
            found[xid] = Commit(data=b"", begun=call.begun, written=call.ended, synced=min(after, default=None))
    return found


def by_position(commits: Mapping[int, Commit], xids: Mapping[int, int]) -> dict[int, Commit]:
    """The transaction of each entry, by position."""
    return {position: commits[xid] for position, xid in xids.items() if xid in commits}


def _commit_record(xid: int) -> re.Pattern[bytes]:
    """How the record that commits a transaction begins.

    src/include/access/xlogrecord.h: xl_tot_len (4 bytes), xl_xid (4), xl_prev (8), xl_info (1), xl_rmid (1);
    rmgrlist.h: RM_XACT_ID is 1; xact.h: XLOG_XACT_COMMIT is 0x00, or 0x80 with more behind it.
    """
    return re.compile(
        b"..\\x00\\x00" + re.escape(xid.to_bytes(4, "little")) + b"." * 8 + b"[\\x00\\x80]\\x01", re.DOTALL
    )


def _records(image: bytearray, start: int, end: int) -> bytes:
    """What lies between two places of a segment, without the headers of pages, across which records run on."""
    pages = (
        image[page + (_LONG_HEADER if page == 0 else _HEADER) : min(page + _PAGE, end)]
        for page in range(start, end, _PAGE)
    )
    return b"".join(pages)
