"""The `data` of each type is a closed schema: every field, its type and its bounds."""

from dataclasses import replace

import pytest
from base58 import b58encode
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import events as ev
from ledger.domain.types import Origin
from ledger.record.encoding import to_text
from ledger.record.entry import MalformedEntry, parse_entry
from ledger.record.fields import MalformedData
from ledger.record.schema import SCHEMA_OF, SCHEMAS, read_data
from tests.strategies import EVENTS
from tests.unit.record.sealed import DIGEST, EXAMPLES, body, forged_data, sealed, sign, spell

_BY_WIRE = dict(zip(SCHEMAS, EXAMPLES, strict=True))
_FIELDS = [(wire, name) for wire, schema in SCHEMAS.items() for name in sorted(schema.fields)]
_WRONG: tuple[object, ...] = (None, True, False, 7.5, 2.0, "", "x", "\u202e", [], {}, ["x"], {"a": "x"}, -1, 2**53)


@pytest.mark.parametrize("wire", SCHEMAS)
@given(data=st.data())
def test_what_is_written_is_read_back(wire: str, data: st.DataObject) -> None:
    event = data.draw(EVENTS[wire])
    schema = SCHEMA_OF[type(event)]
    written = schema.write(event)
    assert schema is SCHEMAS[wire]
    assert written.keys() == schema.fields
    assert read_data(schema, written) == event


@pytest.mark.parametrize("wire", SCHEMAS)
def test_an_event_of_another_type_is_not_written(wire: str) -> None:
    for other, event in _BY_WIRE.items():
        if other != wire:
            with pytest.raises(MalformedData, match=wire):
                SCHEMAS[wire].write(event)


@pytest.mark.parametrize(("wire", "name"), _FIELDS)
def test_a_missing_field_of_data_is_refused(wire: str, name: str) -> None:
    fields = body(sealed(_BY_WIRE[wire]))
    data = fields["data"]
    assert isinstance(data, dict)
    del data[name]
    with pytest.raises(MalformedEntry, match="no others"):
        parse_entry(sign(spell(fields)))


@pytest.mark.parametrize("wire", SCHEMAS)
def test_an_unknown_field_of_data_is_refused(wire: str) -> None:
    with pytest.raises(MalformedEntry, match="no others"):
        parse_entry(forged_data(_BY_WIRE[wire], note=None))


_ALLOWED = {
    ("issuer.key_added/1", "recovery"): (True, False),
    ("issuer.key_retired/1", "recovery"): (True, False),
    ("issuer.key_compromised/1", "recovery"): (True, False),
    ("issuer.recognised/1", "until"): (None,),
    ("issuer.recognised/1", "scheme"): ("x",),
    ("issuer.recognition_ended/1", "scheme"): ("x",),
    ("log.started/1", "origin"): ("x",),
}


@pytest.mark.parametrize(("wire", "name"), _FIELDS)
def test_a_field_of_data_takes_no_other_type(wire: str, name: str) -> None:
    accepted = []
    for value in _WRONG:
        try:
            parse_entry(forged_data(_BY_WIRE[wire], **{name: value}))
        except MalformedEntry:
            continue
        accepted.append(value)
    assert tuple(accepted) == _ALLOWED.get((wire, name), ())


_KEY_OF_SMALL_ORDER = "z" + b58encode(b"\xed\x01\x01" + bytes(31)).decode()  # the identity point
_BAD: dict[tuple[str, str], tuple[object, ...]] = {
    ("log.started/1", "origin"): ("a b", "a+b", "a\tb", "é", "a\x7f", "a\x00", "a" * 201, "a\u200bb"),
    ("log.started/1", "event_key"): (_KEY_OF_SMALL_ORDER, "z6Mk" + "1" * 44, "z6Mk" + "é" * 44),
    ("log.key_added/1", "key"): (_KEY_OF_SMALL_ORDER,),
    ("log.key_added/1", "proof"): ("A" * 85, "A" * 87, "A" * 85 + "B"),
    ("log.key_retired/1", "key"): (_KEY_OF_SMALL_ORDER,),
    ("status.committed/1", "size"): (0, -1, 2**53, 1.0, True, "1"),
    ("status.committed/1", "lists"): (-1, 2**53, 0.0, False, "0"),
    ("status.committed/1", "status"): (to_text(bytes(31)), to_text(bytes(33)), to_text(DIGEST)[:-1] + "/"),
    ("status.committed/1", "authority"): (to_text(bytes(31)), to_text(bytes(33)), to_text(DIGEST)[:-1] + "/"),
    ("issuer.registered/1", "custody"): ("Issuer", "nobody", "issuer ", 0),
    ("issuer.registered/1", "profile"): (to_text(DIGEST) + "A", to_text(DIGEST)[:-1] + "/", to_text(DIGEST[:31])),
    ("issuer.key_added/1", "role"): ("ROOT", "operator", 1),
    ("issuer.key_added/1", "proof"): ("A" * 85, "A" * 87, "A" * 85 + "B"),
    ("issuer.key_added/1", "recovery"): (0, 1, "true", 1.0),
    ("issuer.key_compromised/1", "from"): (0, -1, 1.5, "1", True),
    ("issuer.recognised/1", "issuer"): ("did:key:z6Mk", "did:web:A", "did:web:a:issuers:", "did:web:a\n"),
    ("issuer.recognised/1", "scheme"): ("A", "a_b", "-a", "a-", "a" * 65, "a b", "a\n", "é"),
    ("issuer.recognised/1", "since"): ("2026-02-30", "2026-13-01", "20261121", "2026-W47-6", "2026-1-1", "0000-01-01"),
    ("issuer.recognised/1", "until"): ("2026-02-30", "2026-11-21T00:00:00Z", "2026-11-2١", "+026-01-01"),
    ("issuer.recognition_ended/1", "until"): ("2025-02-29", "never"),
    ("issuer.profile_changed/1", "version"): (1, 0, 2.0, "2", 2**53),
    ("achievement.defined/1", "version"): (0, 2, True, 1.0),
    ("achievement.revised/1", "version"): (1, 0),
    ("achievement.retired/1", "version"): (0,),
    ("credential.issued/1", "slot"): (131_072, -1, "0", 0.0, True),
    ("credential.issued/1", "list"): ("A" * 21, "A" * 23, "A" * 21 + "B"),
    ("credential.issued/1", "link"): (to_text(bytes(31)), to_text(bytes(33))),
    ("credential.amended/1", "slot"): (131_072,),
}


@pytest.mark.parametrize(("wire", "name", "value"), [(*place, each) for place, bad in _BAD.items() for each in bad])
def test_a_value_of_data_out_of_bounds_is_refused(wire: str, name: str, value: object) -> None:
    with pytest.raises(MalformedEntry):
        parse_entry(forged_data(_BY_WIRE[wire], **{name: value}))


@pytest.mark.parametrize(("wire", "name"), [place for place in _FIELDS if place in _BAD])
def test_reading_data_alone_raises_its_own_error(wire: str, name: str) -> None:
    schema = SCHEMAS[wire]
    for value in _BAD[wire, name]:
        with pytest.raises(MalformedData):
            read_data(schema, schema.write(_BY_WIRE[wire]) | {name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("origin", ["x", "localhost:8000/log", "!~", "a" * 200])
def test_an_origin_within_bounds_is_read(origin: str) -> None:
    started = EXAMPLES[0]
    assert isinstance(started, ev.LogStarted)
    given_ = replace(started, origin=Origin(origin))
    assert parse_entry(sealed(given_)).event == given_


def test_wire_names_are_those_of_version_one() -> None:
    assert list(SCHEMAS) == [
        "log.started/1",
        "log.key_added/1",
        "log.key_retired/1",
        "status.committed/1",
        "issuer.registered/1",
        "issuer.key_added/1",
        "issuer.key_retired/1",
        "issuer.key_compromised/1",
        "issuer.recognised/1",
        "issuer.recognition_ended/1",
        "issuer.profile_changed/1",
        "achievement.defined/1",
        "achievement.revised/1",
        "achievement.retired/1",
        "pathway.defined/1",
        "pathway.revised/1",
        "pathway.retired/1",
        "credential.issued/1",
        "credential.stacked/1",
        "credential.amended/1",
        "credential.suspended/1",
        "credential.reinstated/1",
        "credential.revoked/1",
    ]
