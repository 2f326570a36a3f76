"""Open Badges made and verified, beside @digitalbazaar/vc and beside a straightforward PyLD with `cryptography`.

All of them work in turns, in one run: ours here, the library in a process of node that takes its own time, after
warming up. What counts is processor time, or wall time where that is the better for them.

Issuing is in process: ours builds the document, holds it against the schema, signs it, and seals it into a signed entry
(the table also says what it takes to encrypt the private parts for the store); theirs is given the finished document
and signs it. Verifying is without the status; theirs is given the parsed document, ours the bytes. Our own document is
checked against what the ledger knows, one of others with all that a verdict needs.

    python scripts/bench/documents.py [--rounds 5] [--peer 60]
"""

import gc
import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import TypeVar

from badges import badges, box_award, of_others, seal_award
from harness import Result, Spent, arguments, conclude, spend, table
from node import Peer, peer
from plain_pyld import PlainPyld

from ledger.application.foreign import Uploads
from ledger.vc.achievement_credential import build
from ledger.vc.documents import check_own, sign_badge
from ledger.vc.upload import read_upload

_Given = TypeVar("_Given")
_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
_OURS = 20  # times as many documents as the others, which take so much longer


class _Clock:
    def now(self) -> datetime:
        """When documents of others are judged."""
        return _AT


def rate(runs: Sequence[Spent], count: int) -> float:
    """Documents a second, by the median of the rounds."""
    return count / min(median(run.cpu for run in runs), median(run.wall for run in runs))


def conclude_against(job: str, ours: float, reference: float, times: float) -> None:
    """The last line of a job."""
    met = ours >= times * reference
    bar = f">= {times:g} x"
    conclude(Result(job=job, ours=ours, reference=reference, unit="documents per second", bar=bar, met=met))


def each(work: Callable[[_Given], object], given: Iterable[_Given]) -> None:
    """Do it with each, and keep nothing of it."""
    deque(map(work, given), maxlen=0)


def in_turns(rounds: int, sides: dict[str, Callable[[], Spent]]) -> dict[str, list[Spent]]:
    """Each side once in every round, after a round that is not counted; the order is turned round every time."""
    taken: dict[str, list[Spent]] = {name: [] for name in sides}
    gc.collect()
    gc.freeze()  # what was prepared is not looked through again at the cost of whoever happens to be running
    for turn in range(-1, rounds):
        for name in sorted(sides, reverse=turn % 2 == 1):
            spent = sides[name]()
            if turn >= 0:
                taken[name].append(spent)
    return taken


def issuing(js: Peer, rounds: int, count: int) -> None:
    """Make documents."""
    made, plain = badges(count * _OURS), PlainPyld()
    unsigned = [build(badge.source) for badge in made[:count]]
    runs = in_turns(
        rounds,
        {
            "boxed": lambda: spend(lambda: each(box_award, made)),
            "ours": lambda: spend(lambda: each(seal_award, made)),
            "vc": lambda: js.issue(unsigned),
            "pyld": lambda: spend(lambda: each(plain.sign, unsigned)),
        },
    )
    ours, vc, pyld = rate(runs["ours"], len(made)), rate(runs["vc"], count), rate(runs["pyld"], count)
    boxed = rate(runs["boxed"], len(made))
    show("issuing", {"sealed": ours, "sealed, encrypted": boxed, "@digitalbazaar/vc": vc, "PyLD": pyld})
    conclude_against("document_issuing, vc", ours, vc, 40)
    conclude_against("document_issuing, pyld", ours, pyld, 30)


def verifying_own(js: Peer, rounds: int, count: int) -> None:
    """Check documents of the ledger's own; the library gets as many of others, since both keys are `did:key` there."""
    made = badges(count * _OURS)
    raws = [(sign_badge(badge.source, badge.signer, created=_AT), badge) for badge in made]
    foreign = of_others(js, count)

    def ours() -> None:
        if any(check_own(raw, badge.source, badge.signer.kid) is not None for raw, badge in raws):
            raise SystemExit("a document of our own is refused")

    runs = in_turns(rounds, {"ours": lambda: spend(ours), "vc": lambda: js.verify(foreign)})
    mine, vc = rate(runs["ours"], len(raws)), rate(runs["vc"], count)
    show("verifying our own", {"ours": mine, "@digitalbazaar/vc": vc})
    conclude_against("document_verifying_own", mine, vc, 8)


def verifying_foreign(js: Peer, rounds: int, count: int) -> None:
    """Judge documents that the library made."""
    foreign = of_others(js, count)
    raws = [json.dumps(document, ensure_ascii=False).encode() for document in foreign]
    uploads, plain = Uploads(clock=_Clock()), PlainPyld()

    def ours() -> None:
        for raw in raws:
            if "signature_valid" not in {finding.reason for finding in uploads.prepare(read_upload(raw))().findings}:
                raise SystemExit("a document of others is refused")

    runs = in_turns(
        rounds,
        {
            "ours": lambda: spend(ours),
            "vc": lambda: js.verify(foreign),
            "pyld": lambda: spend(lambda: each(plain.verify, foreign)),
        },
    )
    mine, vc, pyld = (rate(runs[name], count) for name in ("ours", "vc", "pyld"))
    show("verifying others'", {"ours": mine, "@digitalbazaar/vc": vc, "PyLD": pyld})
    conclude_against("document_verifying_foreign", mine, vc, 2)


def show(job: str, rates: dict[str, float]) -> None:
    """A table of who made how many a second."""
    rows = [(name, f"{found:,.0f}", f"{1e6 / found:,.0f}") for name, found in rates.items()]
    table((job, "a second", "us a document"), rows)


def main() -> None:
    """Measure, and print what came of it."""
    parser = arguments(__doc__)
    parser.add_argument("--peer", type=int, default=60, help="documents that the others are given in a round")
    asked = parser.parse_args()
    with peer() as js:
        issuing(js, asked.rounds, asked.peer)
        verifying_own(js, asked.rounds, asked.peer)
        verifying_foreign(js, asked.rounds, asked.peer)


if __name__ == "__main__":
    main()
