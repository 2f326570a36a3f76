"""A caller may wait until what it recorded is published, and gets the proof of it in the answer (RFC 7240, `wait`).

Nobody waits by default: what is answered is durable in any case.
"""

import asyncio
import json
import re
from collections.abc import Iterable

from starlette.responses import Response

from ledger.application.published_log import PublishedLog
from ledger.tlog.proof_file import TlogProof

LONGEST = 60  # seconds; more is waited for by nobody
_LOOK = 0.05  # seconds between two looks at what is published
# "Prefer: wait=10". What is spelled otherwise, or not known here, is ignored, as the specification wants it.
_WAIT = re.compile(r'\s*wait\s*=\s*(?:([0-9]{1,9})|"([0-9]{1,9})")\s*', re.IGNORECASE)


def seconds_to_wait(prefer: Iterable[str]) -> int:
    """How long the caller would wait, by its `Prefer` headers, of which the first that says so counts; else 0."""
    for header in prefer:
        for preference in header.split(","):
            match = _WAIT.fullmatch(preference.partition(";")[0])
            if match is not None:
                return min(int(match[1] or match[2]), LONGEST)
    return 0


async def prove(response: Response, log: PublishedLog, seconds: int) -> None:
    """Add to the receipt of a change the proof that it is published, once it is, if it is in time."""
    try:
        receipt: object = json.loads(bytes(response.body)) if response.status_code < 300 else None
    except (AttributeError, ValueError):  # an answer in pieces, or none
        return
    position = receipt.get("position") if isinstance(receipt, dict) else None
    if not isinstance(receipt, dict) or type(position) is not int:
        return
    proof = await _proof(log, position, seconds)
    if proof is None:
        return
    proved = {**receipt, "proof": proof.decode("utf-8")}
    response.body = json.dumps(proved, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    response.headers["Content-Length"] = str(len(response.body))
    response.headers["Preference-Applied"] = "wait"


async def _proof(log: PublishedLog, position: int, seconds: int) -> bytes | None:
    """The C2SP tlog-proof of the entry at a position; None where it is not published in time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        tree = log.tree()
        if tree is not None and tree.size >= position:
            path = tree.inclusion(position - 1)
            return None if path is None else TlogProof(index=position - 1, path=path, checkpoint=tree.note).to_bytes()
        if loop.time() >= until:
            return None
        await asyncio.sleep(_LOOK)
