"""Changes a small ledger in every way that its owner could, and shows that the audit finds and locates each change.

The ledger is made anew: some 70 entries, every type among them. Its triggers are dropped on a copy, and each change is
made on a copy of that. The auditor has what an outsider can have, the log's key and a checkpoint kept elsewhere; for
private parts and the wording of definitions it is a copy of the whole home, whose vault and master key can be read.

    python scripts/tamper.py [--seed N]

Prints a table: how many cases of each kind, how many were detected, how many located. Exits 1 if one escaped.
"""

import argparse
import random
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ledger.audit.report import Check
from ledger.domain import events as ev
from ledger.record.entry import parse_entry
from ledger.testing.lying import log_keys, statements
from ledger.testing.tampering import Bench, Case, Change

CUT = (1, 2, 3, 5, 8)  # entries cut off; the last ten of the small ledger only act on awards, or state how they stand


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of the cases of one kind."""

    cases: int = 0
    detected: int = 0
    located: int = 0


def _run(*statements: tuple[str, tuple[object, ...]]) -> Change:
    def change(connection: sqlite3.Connection) -> None:
        for statement, parameters in statements:
            connection.execute(statement, parameters)

    return change


def _flipped(raw: bytes, place: int) -> bytes:
    changed = bytearray(raw)
    changed[place] ^= 1 << place % 8
    return bytes(changed)


# ------------------------------------------------------------------------------------------------- what is changed


def bytes_of_entries(bench: Bench) -> Iterator[Case]:
    """Three bytes of every entry, one at a time: in the first third, the second and the last."""
    for position, *_, raw in bench.rows:
        third = len(raw) // 3
        for part in range(3):
            place = part * third + bench.draw.randrange(third)
            change = _run(
                ("UPDATE stored_events SET state = ? WHERE notification_id = ?", (_flipped(raw, place), position))
            )
            yield Case(kind="a byte of an entry", what=f"{position}, byte {place}", change=change, position=position)


def columns(bench: Bench) -> Iterator[Case]:
    """Every column of every row of stored_events and log_head."""
    for position, _, seq, topic, raw in bench.rows:
        other = bench.rows[position % bench.size]
        values: dict[str, object] = {
            "notification_id": position + 1000,
            "originator_id": f"{position:032x}",
            "originator_version": seq + 1000,
            "topic": other[3] if other[3] != topic else "log.started/1",
            "state": other[4] if other[4] != raw else b"",
        }
        for column, value in values.items():
            change = _run((f"UPDATE stored_events SET {column} = ? WHERE notification_id = ?", (value, position)))
            yield Case(kind="a column of an entry", what=f"{position}, {column}", change=change, position=position)
    beyond = bench.size + 1
    for column, value in (("size", bench.size - 1), ("size", beyond), ("at", "2026-11-21T00:00:00.000Z")):
        change = _run((f"UPDATE log_head SET {column} = ?", (value,)))
        yield Case(kind="a column of the head", what=column, change=change, position=beyond, check=Check.HEAD)


def swaps(bench: Bench) -> Iterator[Case]:
    """Each two neighbours exchanged, with all that stands beside them."""
    for position in range(1, bench.size):
        moves = [(position, -1), (position + 1, position), (-1, position + 1)]
        statements = [
            (f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old))
            for table, column in (("stored_events", "notification_id"), ("private_parts", "position"))
            for old, new in moves
        ]
        what = f"{position} and {position + 1}"
        yield Case(kind="two neighbours exchanged", what=what, change=_run(*statements), position=position)


def deletions(bench: Bench) -> Iterator[Case]:
    """Each entry deleted, and the positions after it, its private parts and the head corrected."""
    for position in range(1, bench.size + 1):
        statements: list[tuple[str, tuple[object, ...]]] = []
        for table, column in (("stored_events", "notification_id"), ("private_parts", "position")):
            statements += [
                (f"DELETE FROM {table} WHERE {column} = ?", (position,)),
                (f"UPDATE {table} SET {column} = -{column} WHERE {column} > ?", (position,)),
                (f"UPDATE {table} SET {column} = -{column} - 1 WHERE {column} < 0", ()),
            ]
        statements.append(_head(bench, bench.size - 1 if position == bench.size else bench.size, less=1))
        yield Case(kind="an entry deleted", what=str(position), change=_run(*statements), position=position)


def _head(bench: Bench, last: int, *, less: int = 0) -> tuple[str, tuple[object, ...]]:
    """The head that goes with the entry at `last` as the last one."""
    at = parse_entry(bench.rows[last - 1][4]).at
    spelled = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    size = min(last, bench.size - less)
    return "UPDATE log_head SET size = ?, at = ?", (size, spelled)


def _cut(bench: Bench, size: int) -> Change:
    """The tail is gone, and with it everything in the database that could tell."""
    return _run(
        ("DELETE FROM stored_events WHERE notification_id > ?", (size,)),
        ("DELETE FROM private_parts WHERE position > ?", (size,)),
        ("DELETE FROM checkpoints WHERE size > ?", (size,)),
        ("DELETE FROM idempotency WHERE position > ?", (size,)),
        _head(bench, size),
    )


def cut_tails(bench: Bench) -> Iterator[Case]:
    """The last entries cut off, and everything in the database corrected."""
    for count in CUT:
        size = bench.size - count
        yield Case(
            kind="the tail cut off",
            what=f"the last {count}",
            change=_cut(bench, size),
            position=size + 1,
            check=Check.CHECKPOINT,
        )


def private_parts(bench: Bench) -> Iterator[Case]:
    """A byte of each private part, and each part exchanged with the next of its kind."""
    update = "UPDATE private_parts SET box = ? WHERE position = ? AND part = ?"
    for position, part, box in bench.part_rows:
        changed = _flipped(box, bench.draw.randrange(len(box)))
        change = _run((update, (changed, position, part)))
        what = f"{position}, {part}"
        yield Case(kind="a byte of a private part", what=what, change=change, position=position, home=True)
    for kind in sorted({part for _, part, _ in bench.part_rows}):
        places = [position for position, part, _ in bench.part_rows if part == kind]
        for one, other in pairwise(places):
            move = "UPDATE private_parts SET position = ? WHERE position = ? AND part = ?"
            change = _run((move, (-1, one, kind)), (move, (one, other, kind)), (move, (other, -1, kind)))
            what = f"{kind} of {one} and {other}"
            yield Case(kind="two private parts exchanged", what=what, change=change, position=one, home=True)


def definitions(bench: Bench) -> Iterator[Case]:
    """A byte of each definition and profile."""
    first: dict[bytes, int] = {}
    for position, *_, raw in bench.rows:
        event = parse_entry(raw).event
        if isinstance(event, ev.IssuerRegistered):
            first.setdefault(event.profile, position)
        if isinstance(
            event,
            ev.IssuerProfileChanged
            | ev.AchievementDefined
            | ev.AchievementRevised
            | ev.PathwayDefined
            | ev.PathwayRevised,
        ):
            first.setdefault(event.digest, position)
    for digest, position in first.items():
        change = _run(
            ("UPDATE definitions SET content = CAST(content || ' ' AS BLOB) WHERE digest = ?", (digest,)),
        )
        yield Case(
            kind="a definition changed",
            what=str(position),
            change=change,
            position=position,
            check=Check.DEFINITION,
            home=True,
        )


def stacks(bench: Bench) -> Iterator[Case]:
    """The table of stacks with a row less, and with one more."""
    for what, statement in (
        ("a row less", "DELETE FROM stacks WHERE mac = (SELECT MIN(mac) FROM stacks)"),
        ("a row more", "INSERT INTO stacks VALUES (x'00', 'x')"),
    ):
        yield Case(
            kind="a row of the table of stacks",
            what=what,
            change=_run((statement, ())),
            position=bench.size + 1,
            check=Check.STACK,
        )


KINDS = (
    bytes_of_entries,
    columns,
    swaps,
    deletions,
    cut_tails,
    private_parts,
    definitions,
    stacks,
    statements,
    log_keys,
)


# ------------------------------------------------------------------------------------------------- what came of it


def judge(bench: Bench, case: Case, tally: Tally) -> None:
    """Audit one case; say so if it escaped, or was found elsewhere than it is."""
    first = bench.audit(case.change, home=case.home, kept=case.kept or True).first_bad
    tally.cases += 1
    tally.detected += first is not None
    if first is not None and first.position == case.position and case.check in (None, first.check):
        tally.located += 1
    else:
        print(f"ESCAPED: {case.kind}: {case.what}: {first}", file=sys.stderr)


def not_detectable(bench: Bench) -> tuple[Tally, Tally]:
    """What the audit must say that it cannot find: a cut tail without a kept checkpoint, parts without the vault."""
    tails, parts = Tally(), Tally()
    for count in CUT:
        report = bench.audit(_cut(bench, bench.size - count), kept=False)
        said = any(each.what == "whether the log goes on" for each in report.not_checked)
        tails.cases += 1
        tails.detected += report.sound and said  # sound as far as can be seen, and the report says how far that is
        tails.located += said
    counted = {each.what: each.count for each in bench.audit(_run()).not_checked}.get("private parts")
    parts.cases += 1
    parts.detected += counted is not None
    parts.located += counted == len(bench.part_rows)
    return tails, parts


def main() -> int:
    """Try everything; 1 if anything escaped."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seed", type=int, default=2026, help="which bytes are changed")
    seed = arguments.parse_args().seed
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory(prefix="testamur-tamper-") as folder:
        bench = Bench(Path(folder), random.Random(seed))
        whole = bench.audit(_run(), home=True)
        if not whole.sound:
            print(f"the ledger is unsound before anything was changed: {whole.first_bad}", file=sys.stderr)
            return 1
        for kind in KINDS:
            for case in kind(bench):
                judge(bench, case, tallies.setdefault(case.kind, Tally()))
        (
            tallies["said not to be detectable: a tail, no checkpoint"],
            tallies["counted as not checked: parts, no vault"],
        ) = not_detectable(bench)
        print(f"{bench.size} entries, {len({row[3] for row in bench.rows})} types\n")
    print(f"{'tampering':50} {'cases':>6} {'detected':>9} {'located':>8}")
    for name, tally in tallies.items():
        print(f"{name:50} {tally.cases:6} {tally.detected:9} {tally.located:8}")
    return 0 if all(each.cases == each.detected == each.located for each in tallies.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
