"""The audit of a ledger that the use cases made, with its vault. More is tried in scripts/tamper.py."""

import random
from pathlib import Path

import pytest

from ledger.record.schema import SCHEMAS
from ledger.testing.tampering import Bench

BESIDE = ["API keys", "digests of short codes", "digests of stacks"]
BESIDE += ["guards against accidental change"]  # the bench drops the triggers


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A small ledger with every type of event."""
    folder: Path = tmp_path_factory.mktemp("bench")
    return Bench(folder, random.Random(1))


def test_ledger_that_the_use_cases_made_is_sound(bench: Bench) -> None:
    report = bench.audit(lambda _: None, home=True)
    assert (report.problems, report.events) == ((), bench.size)
    assert [each.what for each in report.not_checked] == ["views", *BESIDE]


def test_small_ledger_holds_every_type(bench: Bench) -> None:
    assert {topic for _, _, _, topic, _ in bench.rows} == set(SCHEMAS)


def test_damaged_box_is_found_with_the_vault_and_counted_without(bench: Bench) -> None:
    position, part, box = bench.part_rows[0]
    damaged = box[:-1] + bytes([box[-1] ^ 1])
    statement = "UPDATE private_parts SET box = ? WHERE position = ? AND part = ?"
    report = bench.audit(lambda connection: connection.execute(statement, (damaged, position, part)), home=True)
    assert report.first_bad is not None
    assert (report.first_bad.position, report.first_bad.check.value) == (position, "parts")
    blind = bench.audit(lambda connection: connection.execute(statement, (damaged, position, part)))
    assert blind.sound
    assert {each.what: each.count for each in blind.not_checked}["private parts"] == len(bench.part_rows)
