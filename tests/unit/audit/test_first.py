"""The reading of first entries by their shape: it reads nothing that the parser refuses, and says the same."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.audit import rules
from ledger.audit.first import FirstEntry, read_first
from ledger.domain import events as ev
from ledger.errors import LedgerError
from ledger.record.entry import Entry, parse_entry
from ledger.record.sealing import genesis, signature_is_good
from ledger.testing.forge import ORIGIN, Forge, How
from tests.unit.audit.forged_database import Database, everything, put
from tests.unit.audit.test_processes import CHANGES
from tests.unit.audit.test_stacks import Workshop

SHOP = Workshop()
SHOP.stack()
ENTRIES = [sealed.entry for sealed in (*SHOP.forge.log, *everything().log)]


def _parsed(raw: bytes) -> Entry | None:
    try:
        return parse_entry(raw)
    except LedgerError:
        return None


def _says(first: FirstEntry, raw: bytes) -> None:
    entry = parse_entry(raw)
    assert isinstance(entry.event, ev.CredentialAwarded)
    assert first.entry == entry
    assert (first.by, first.kid, first.seq, first.type) == (entry.by, entry.kid, entry.seq, entry.type)
    assert (first.hex, first.list, first.slot) == (entry.stream.hex, entry.event.list, entry.event.slot)
    assert first.is_stack is isinstance(entry.event, ev.CredentialStacked)
    assert first.is_signed() is signature_is_good(entry)
    assert first.begins(ORIGIN) is (entry.prev == genesis(ORIGIN, entry.stream))


@pytest.mark.parametrize("raw", ENTRIES)
def test_every_first_entry_of_an_award_has_the_shape_and_no_other_entry(raw: bytes) -> None:
    first = read_first(raw)
    assert (first is not None) is isinstance(parse_entry(raw).event, ev.CredentialAwarded)
    if first is not None:
        _says(first, raw)


AWARDED = [raw for raw in ENTRIES if read_first(raw) is not None]


@settings(max_examples=600)
@given(raw=st.sampled_from(AWARDED), place=st.integers(0, 600), byte=st.integers(0, 255), cut=st.integers(0, 2))
def test_whatever_has_the_shape_is_an_entry_and_says_the_same(raw: bytes, place: int, byte: int, cut: int) -> None:
    at = place % len(raw)
    changed = raw[:at] + bytes([byte]) + raw[at + cut :]
    first = read_first(changed)
    if first is not None and _parsed(changed) is not None:
        _says(first, changed)
    if first is not None and _parsed(changed) is None:
        assert not first.is_signed()  # a key that is none: the parser refuses it, and here nothing is signed by it


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"slot":', b'"slot":20000'),
        (b'"at":"2026-11-21', b'"at":"2026-11-31'),
        (b'"at":"2026-11-21T14', b'"at":"2026-11-21T24'),
        (b'"by":"did:web', b'"by":"did:key'),
        (b'"seq":0', b'"seq":1'),
        (b'"v":1', b'"v":2'),
        (b'"by":"did', '"by":"dïd'.encode()),
    ],
)
def test_value_out_of_bounds_has_not_the_shape(old: bytes, new: bytes) -> None:
    for raw in AWARDED:
        assert old in raw
        assert read_first(raw.replace(old, new, 1)) is None


def test_key_that_is_none_signed_nothing() -> None:
    raw = AWARDED[0]
    entry = parse_entry(raw)
    first = read_first(raw.replace(entry.kid.encode(), b"z6Mk" + b"1" * 44))
    assert first is not None
    assert not first.is_signed()


def test_shape_has_no_group_for_the_end_of_the_text() -> None:
    assert read_first(AWARDED[0] + b"\n") is None
    assert read_first(AWARDED[0][:-1]) is None


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A database whose tables take anything."""
    forge = everything()
    database = put(forge, tmp_path_factory.mktemp("loose") / "ledger.db")
    for table in ("stored_events", "private_parts", "status_slots"):
        database.loosen(table)
    return database


@settings(max_examples=40)
@given(changes=st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(1, 28)), max_size=3))
def test_report_is_the_same_as_if_every_entry_had_been_parsed(loose: Database, changes: list[tuple[str, int]]) -> None:
    copy = Database(path=loose.path.with_name("copy.db"), forge=loose.forge)
    with closing(sqlite3.connect(loose.path)) as source, closing(sqlite3.connect(copy.path)) as target:
        source.backup(target)
        for statement, place in changes:
            target.execute(statement.format(place))
        target.commit()
    quick = copy.audit(opener=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "read_first", lambda _: None)
        assert copy.audit(opener=None) == quick


def _issued(how: How, *, first: bool = False) -> Forge:
    forge = Forge()
    college = forge.register("college")
    ref = forge.define(college)
    if not first:
        forge.issue(college, forge.award(ref))
    forge.issue(college, forge.award(ref), how=how)
    return forge


@pytest.mark.parametrize(
    ("how", "check"),
    [
        (How(key="thief", named="college/signing"), "signature"),
        (How(key="college/root"), "signer"),
        (How(prev=bytes(32)), "chain"),
        (How(seq=1), "seq"),
    ],
)
def test_wrong_first_entry_is_located_without_keys(tmp_path: Path, how: How, check: str) -> None:
    assert put(_issued(how), tmp_path / "ledger.db").first(opener=None) == (6, check)


def test_act_on_an_award_read_by_its_shape_is_judged(tmp_path: Path) -> None:
    forge = _issued(How())
    stream = next(reversed(forge.streams))
    forge.suspend(stream)
    forge.suspend(stream)
    assert put(forge, tmp_path / "ledger.db").first(opener=None) == (8, "order")
