"""What the primitives cost that every issuance, scan, audit and replay pays for, in microseconds of processor time.

    python scripts/bench/primitives.py [--rounds N]

Each is measured on one award as the ledger records it: the median of several rounds, and the least, which comes nearer
to what an idle core would take. The last line compares reading an entry strictly with verifying its signature: what an
audit pays for an event beside what no code of ours could make cheaper.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from statistics import median
from time import process_time
from uuid import UUID

import harness

from ledger import canonical
from ledger.adapters.private_box import open_box, seal_box
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef, Act, Award, AwardInternal
from ledger.domain.codes import link_digest, new_link_code, stream_of
from ledger.domain.types import Did, Digest, LearnerId, ListId, Position, Seq, Slot
from ledger.domain.values import Part, Reason, format_time, parse_time
from ledger.record.commitment import Opening, commitment
from ledger.record.decoding import decode
from ledger.record.entry import parse_entry
from ledger.record.private_parts import Facts, read_facts, read_internal, write_facts, write_internal
from ledger.record.sealing import seal, signature_is_good
from ledger.signing.signer import Ed25519Signer

_CALLS = 2_000


def primitives() -> dict[str, Callable[[], object]]:
    """What is measured, on one award."""
    signer = Ed25519Signer(bytes(32))
    code = new_link_code(1_795_269_780_000, bytes(range(16)))
    stream = stream_of(code)
    award = Award(
        achievement=AchievementRef(stream=stream, version=1, digest=Digest(bytes(32))),
        name="Léa Müller",
        language="en",
        awarded_on=date(2026, 11, 20),
        valid_from=None,
        valid_until=date(2029, 11, 20),
        result="Pass",
        score="83",
        route=None,
        assessor="Dr. Rosalind Example",
        evidence=None,
    )
    act = Act(reason=Reason.OTHER, mode=None, effective=date(2026, 11, 21), text="Name corrected")
    internal = AwardInternal(
        actor="registrar@college.example",
        learner=LearnerId(UUID(int=7 << 76 | 4 << 76 | 2 << 62)),
        student_number="S-0001",
        email="s-0001@learners.college.example",
        code=code,
        short_code="0123456789ABC",
        notes=None,
    )
    facts = Facts(award=award, act=act)
    facts_raw, internal_raw = write_facts(facts), write_internal(internal)
    opening = Opening(salt=os.urandom(32), content=facts_raw)
    key, nonce = os.urandom(32), os.urandom(12)
    where = (stream, Seq(0), Part.FACTS)
    box = seal_box(key, opening, nonce, stream=where[0], seq=where[1], part=where[2])
    recorded = ev.Recorded(
        event=ev.CredentialIssued(link=link_digest(code), list=ListId(bytes(16)), slot=Slot(70_000)),
        stream=stream,
        seq=Seq(0),
        position=Position(9),
        at=datetime(2026, 11, 21, 14, 3, tzinfo=UTC),
        by=Did("did:web:localhost%3A8000:issuers:north-college"),
        kid=signer.kid,
        commit={part: commitment(part, opening) for part in Part},
    )
    prev = Digest(bytes(32))
    raw = seal(recorded, prev=prev, signer=signer).entry
    entry = parse_entry(raw)
    value = canonical.decode(facts_raw)
    return {
        "read an entry strictly (parse_entry)": lambda: parse_entry(raw),
        "verify its signature (Ed25519)": lambda: signature_is_good(entry),
        "read an entry of our own store (decode)": lambda: decode(raw),
        "seal an entry, with its signature": lambda: seal(recorded, prev=prev, signer=signer),
        "sign alone (Ed25519)": lambda: signer.sign(raw),
        "write facts": lambda: write_facts(facts),
        "read facts": lambda: read_facts(facts_raw),
        "write internal": lambda: write_internal(internal),
        "read internal": lambda: read_internal(internal_raw),
        "commit to a part": lambda: commitment(Part.FACTS, opening),
        "seal a box": lambda: seal_box(key, opening, nonce, stream=where[0], seq=where[1], part=where[2]),
        "open a box": lambda: open_box(key, box, stream=where[0], seq=where[1], part=where[2]),
        "write canonical JSON": lambda: canonical.encode(value),
        "read canonical JSON": lambda: canonical.decode(facts_raw),
        "write a time": lambda: format_time(recorded.at),
        "read a time": lambda: parse_time("2026-11-21T14:03:00.000Z"),
    }


def microseconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    began = process_time()
    for _ in range(_CALLS):
        work()
    return (process_time() - began) / _CALLS * 1e6


def main() -> int:
    """Print the table and the last line."""
    rounds: int = harness.arguments(__doc__, rounds=15).parse_args().rounds
    measured = primitives()
    spent: dict[str, list[float]] = {name: [] for name in measured}
    for turn in range(-1, rounds):
        for name, work in measured.items():
            took = microseconds(work)
            if turn >= 0:
                spent[name].append(took)
    medians = {name: median(each) for name, each in spent.items()}
    rows = [(name, f"{took:.1f}", f"{min(spent[name]):.1f}") for name, took in medians.items()]
    harness.table(("primitive", "median, us", "least, us"), rows)
    reading, verifying = list(medians.values())[:2]
    result = harness.Result(
        job="primitives",
        ours=reading,
        reference=verifying,
        unit="us",
        bar="reading strictly <= 1/3 of verifying",
        met=reading <= verifying / 3,
    )
    harness.conclude(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
