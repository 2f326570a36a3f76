"""What the state of a public audit is asked about many streams in one go."""

from collections.abc import Iterator, Sequence
from typing import Final

_ASKED: Final = 256  # streams that are looked up in one go
_THESE: Final = ",".join(f"?{number}" for number in range(1, _ASKED + 1))
HEADS: Final = """SELECT stream, signers.by, seq, prev, last_at FROM awards JOIN signers ON signers.id = signer
    WHERE stream IN (THESE)""".replace("THESE", _THESE)
ACTS: Final = """
    SELECT stream, position, signers.by, kid, 'issued', lists.list, slot FROM awards
        JOIN signers ON signers.id = signer JOIN lists ON lists.id = awards.list WHERE stream IN (THESE)
    UNION ALL
    SELECT stream, position, signers.by, kid, kind, lists.list, slot FROM acts
        JOIN signers ON signers.id = signer LEFT JOIN lists ON lists.id = acts.list WHERE stream IN (THESE)
    ORDER BY 1, 2""".replace("THESE", _THESE)
SIGNED: Final = """SELECT stream FROM awards JOIN signers ON signers.id = signer WHERE kid = ?1 AND position >= ?2
    UNION ALL SELECT stream FROM acts JOIN signers ON signers.id = signer WHERE kid = ?1 AND position >= ?2"""
Value = int | str | bytes | None


def batches(streams: Sequence[bytes]) -> Iterator[list[Value]]:
    """All of them, so many at a time, the last filled up so that a statement is prepared once."""
    for begin in range(0, len(streams), _ASKED):
        some: list[Value] = list(streams[begin : begin + _ASKED])
        yield some + [None] * (_ASKED - len(some))
