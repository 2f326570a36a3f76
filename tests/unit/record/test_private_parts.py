"""The private parts are canonical JSON of a closed schema: what was written is read back, and nothing else is read."""

from collections.abc import Callable
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import Json, decode, encode
from ledger.domain.award import ActInternal, AwardInternal
from ledger.record.private_parts import Facts, MalformedPart, read_facts, read_internal, write_facts, write_internal
from tests.strategies import facts, internals

_UUID = "01a0f2b4-6c5d-8abc-8def-0123456789ab"
_DIGEST = "A" * 43
_AWARD: dict[str, Json] = {
    "achievement": {"stream": _UUID, "version": 2, "digest": _DIGEST},
    "name": "Zoë 王",
    "language": "en",
    "awarded_on": "2026-11-21",
    "valid_from": None,
    "valid_until": "2030-01-31",
    "result": "Pass",
    "score": "83.5",
    "route": "prior-learning",
    "assessor": None,
    "evidence": None,
    "components": [{"origin": "localhost:8000/log", "stream": _UUID, "seq": 0, "entry": _DIGEST}],
}
_ACT: dict[str, Json] = {"reason": "other", "mode": "retroactive", "effective": "2026-11-21", "text": None}
_FACTS: dict[str, Json] = {"v": 1, "award": _AWARD, "act": _ACT}
_INTERNAL: dict[str, Json] = {
    "v": 1,
    "actor": "registry",
    "learner": "0f5d2c5e-55aa-4a7e-9a53-3d8f2f3f2a10",
    "student_number": "N-0071",
    "email": None,
    "code": "0" * 36,
    "short_code": "0" * 13,
    "notes": None,
}
_ACT_INTERNAL: dict[str, Json] = {"v": 1, "actor": "registry", "notes": "by telephone"}
Path = tuple[str | int, ...]


@given(part=facts)
def test_facts_are_read_back_and_have_one_spelling(part: Facts) -> None:
    raw = write_facts(part)
    assert read_facts(raw) == part
    assert encode(decode(raw)) == raw


@given(part=internals)
def test_internal_is_read_back_and_has_one_spelling(part: AwardInternal | ActInternal) -> None:
    raw = write_internal(part)
    assert read_internal(raw) == part
    assert encode(decode(raw)) == raw


@given(part=facts, data=st.data())
def test_a_changed_byte_of_facts_never_reads_as_the_same_facts(part: Facts, data: st.DataObject) -> None:
    raw = bytearray(write_facts(part))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        found = read_facts(bytes(raw))
    except MalformedPart:
        return
    assert found != part
    assert write_facts(found) == bytes(raw)


@given(part=internals, data=st.data())
def test_a_changed_byte_of_internal_never_reads_as_the_same(
    part: AwardInternal | ActInternal, data: st.DataObject
) -> None:
    raw = bytearray(write_internal(part))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        found = read_internal(bytes(raw))
    except MalformedPart:
        return
    assert found != part
    assert write_internal(found) == bytes(raw)


def test_the_members_of_each_part_are_those_of_the_specification() -> None:
    assert write_facts(read_facts(encode(_FACTS))) == encode(_FACTS)
    assert write_internal(read_internal(encode(_INTERNAL))) == encode(_INTERNAL)
    assert write_internal(read_internal(encode(_ACT_INTERNAL))) == encode(_ACT_INTERNAL)
    for alone in ("award", "act"):
        raw = encode({"v": 1, alone: _FACTS[alone]})
        assert _written(read_facts(raw)) == raw


def _written(part: Facts | AwardInternal | ActInternal) -> bytes:
    return write_facts(part) if isinstance(part, Facts) else write_internal(part)


def _places(value: Json, path: Path = ()) -> list[Path]:
    """Every member of every object below `value`."""
    if isinstance(value, dict):
        return [each for name, item in value.items() for each in [(*path, name), *_places(item, (*path, name))]]
    if isinstance(value, list):
        return [each for index, item in enumerate(value) for each in _places(item, (*path, index))]
    return []


def _changed(whole: dict[str, Json], path: Path, change: Callable[[dict[str, Json], str], None]) -> bytes:
    copy = deepcopy(whole)
    inner: Json = copy
    for step in path[:-1]:
        inner = inner[step]  # type: ignore[index]
    assert isinstance(inner, dict)
    change(inner, str(path[-1]))
    return encode(copy)


def _delete(inner: dict[str, Json], name: str) -> None:
    del inner[name]


def _rename(inner: dict[str, Json], name: str) -> None:
    inner[name + "_"] = inner.pop(name)


def _add(inner: dict[str, Json], name: str) -> None:
    inner[name + "_"] = None


_READERS = {
    "facts": (read_facts, _FACTS),
    "internal": (read_internal, _INTERNAL),
    "act": (read_internal, _ACT_INTERNAL),
}
_EVERY = [(kind, path) for kind, (_, whole) in _READERS.items() for path in _places(whole)]


@pytest.mark.parametrize("change", [_delete, _rename, _add])
@pytest.mark.parametrize(("kind", "path"), _EVERY)
def test_a_missing_or_unknown_member_is_refused(
    kind: str, path: Path, change: Callable[[dict[str, Json], str], None]
) -> None:
    read, whole = _READERS[kind]
    if change is _delete and path in (("award",), ("act",)):
        raw = _changed(whole, path, change)
        assert _written(read(raw)) == raw  # facts hold one of the two or both
        return
    with pytest.raises(MalformedPart):
        read(_changed(whole, path, change))


_NULLABLE = {"valid_from", "valid_until", "result", "score", "route", "assessor", "evidence", "reason", "mode", "text"}


@pytest.mark.parametrize("value", [None, True, False, 0, -1, 2, [], [None], {}, {"a": 1}], ids=repr)
@pytest.mark.parametrize(("kind", "path"), _EVERY)
def test_a_member_of_another_type_is_refused(kind: str, path: Path, value: Json) -> None:
    read, whole = _READERS[kind]
    name = path[-1]
    allowed = (
        (value is None and name in _NULLABLE | {"email", "notes"})
        or (value == [] and name == "components")
        or (type(value) is int and ((name == "seq" and value >= 0) or (name == "version" and value >= 1)))
    )

    def put(inner: dict[str, Json], member: str) -> None:
        inner[member] = value

    raw = _changed(whole, path, put)
    if allowed:
        assert _written(read(raw)) == raw
    else:
        with pytest.raises(MalformedPart):
            read(raw)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("facts", ("v",), 2),
        ("facts", ("v",), "1"),
        ("facts", ("award", "awarded_on"), "2026-02-30"),
        ("facts", ("award", "awarded_on"), "21.11.2026"),
        ("facts", ("award", "valid_from"), ""),
        ("facts", ("award", "valid_until"), "2026-11-21T00:00:00Z"),
        ("facts", ("award", "route"), "Course"),
        ("facts", ("award", "achievement", "stream"), _UUID.upper()),
        ("facts", ("award", "achievement", "stream"), _UUID.replace("-", "")),
        ("facts", ("award", "achievement", "stream"), "x"),
        ("facts", ("award", "achievement", "digest"), _DIGEST + "="),
        ("facts", ("award", "components", 0, "entry"), "A" * 42),
        ("facts", ("act", "reason"), "because"),
        ("facts", ("act", "mode"), "Retroactive"),
        ("facts", ("act", "effective"), "2026-1-1"),
        ("internal", ("v",), 0),
        ("internal", ("learner",), "urn:uuid:" + _UUID),
        ("internal", ("code",), "0" * 35),
        ("internal", ("code",), "0" * 35 + "1"),
        ("internal", ("code",), "a" * 35 + "0"),
        ("internal", ("code",), "O" * 36),
        ("internal", ("code",), "0000-" + "0" * 32),
        ("internal", ("code",), "U" * 36),
    ],
)
def test_a_value_in_another_spelling_is_refused(kind: str, path: Path, value: Json) -> None:
    read, whole = _READERS[kind]

    def put(inner: dict[str, Json], member: str) -> None:
        inner[member] = value

    with pytest.raises(MalformedPart):
        read(_changed(whole, path, put))


@pytest.mark.parametrize("read", [read_facts, read_internal])
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"v"',
        b"\xff",
        b'{"v":1}',
        b'{"v":true}',
        b'{"v":1.0}',
        b'{"v": 1}',
        b'{"v":1,"v":1}',
        b'{"v":1,"act":1,"award":2}',
        b'{"actor":"a","notes":null,"v":1} ',
        b'{"v":1,"actor":"a","notes":null}',
        b'{"actor":"a","notes":null,"v":true}',
        b'{"actor":"a","notes":1.5,"v":1}',
        b'{"actor":"\\ud800","notes":null,"v":1}',
    ],
)
def test_bytes_of_another_shape_are_refused(read: Callable[[bytes], object], raw: bytes) -> None:
    with pytest.raises(MalformedPart):
        read(raw)


def test_one_part_is_not_read_as_the_other() -> None:
    with pytest.raises(MalformedPart):
        read_facts(encode(_INTERNAL))
    with pytest.raises(MalformedPart):
        read_internal(encode(_FACTS))
