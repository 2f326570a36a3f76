"""What the state of a public audit is asked about many streams in one go."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_SIZES: Final = (4, 256)  # streams that are looked up in one go: a few, or all of a bundle
_HEADS: Final = """SELECT stream, signers.by, seq, prev, last_at FROM awards JOIN signers ON signers.id = signer
    WHERE stream IN (THESE)"""
_ACTS: Final = """
    SELECT stream, position, signers.by, kid, 'issued', lists.list, slot FROM awards
        JOIN signers ON signers.id = signer JOIN lists ON lists.id = awards.list WHERE stream IN (THESE)
    UNION ALL
    SELECT stream, position, signers.by, kid, kind, lists.list, slot FROM acts
        JOIN signers ON signers.id = signer LEFT JOIN lists ON lists.id = acts.list WHERE stream IN (THESE)
    ORDER BY 1, 2"""
SIGNED: Final = """SELECT stream FROM awards JOIN signers ON signers.id = signer WHERE kid = ?1 AND position >= ?2
    UNION ALL SELECT stream FROM acts JOIN signers ON signers.id = signer WHERE kid = ?1 AND position >= ?2"""
Value = int | str | bytes | None


def _of_each_size(statement: str) -> Mapping[int, str]:
    return {size: statement.replace("THESE", ",".join(f"?{each}" for each in range(1, size + 1))) for size in _SIZES}


HEADS: Final = _of_each_size(_HEADS)  # by the number of streams
ACTS: Final = _of_each_size(_ACTS)


def batches(streams: Sequence[bytes]) -> Iterator[list[Value]]:
    """All of them, in batches of few sizes, the last filled up, so that few statements are prepared."""
    few, many = _SIZES
    for begin in range(0, len(streams), many):
        some: list[Value] = list(streams[begin : begin + many])
        yield some + [None] * ((few if len(some) <= few else many) - len(some))
