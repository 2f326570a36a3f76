"""Canonical JSON of any value, floats included, against the vectors of RFC 8785."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given

from ledger.vc.jcs import canonical_json
from ledger.vc.reading import Json, MalformedDocument
from tests.unit.vc.test_reading import VALUES

VECTORS = Path(__file__).parents[2] / "vectors" / "jcs"

# RFC 8785, appendix B: the bits of a double, and its spelling in ECMAScript.
NUMBERS = """
0000000000000000 0
8000000000000000 0
0000000000000001 5e-324
8000000000000001 -5e-324
7fefffffffffffff 1.7976931348623157e+308
ffefffffffffffff -1.7976931348623157e+308
4340000000000000 9007199254740992
c340000000000000 -9007199254740992
4430000000000000 295147905179352830000
44b52d02c7e14af5 9.999999999999997e+22
44b52d02c7e14af6 1e+23
44b52d02c7e14af7 1.0000000000000001e+23
444b1ae4d6e2ef4e 999999999999999700000
444b1ae4d6e2ef4f 999999999999999900000
444b1ae4d6e2ef50 1e+21
3eb0c6f7a0b5ed8c 9.999999999999997e-7
3eb0c6f7a0b5ed8d 0.000001
41b3de4355555553 333333333.3333332
41b3de4355555554 333333333.33333325
41b3de4355555555 333333333.3333333
41b3de4355555556 333333333.3333334
41b3de4355555557 333333333.33333343
becbf647612f3696 -0.0000033333333333333333
43143ff3c1cb0959 1424953923781206.2
"""


def names() -> list[str]:
    return sorted(path.stem for path in (VECTORS / "input").glob("*.json"))


def test_there_are_vectors() -> None:
    assert names() == ["arrays", "french", "structures", "values", "weird"]


@pytest.mark.parametrize("name", names())
def test_a_vector_has_its_published_bytes(name: str) -> None:
    value = json.loads((VECTORS / "input" / f"{name}.json").read_bytes())
    # One of the files ends with a line feed, which no canonical JSON does.
    assert canonical_json(value) == (VECTORS / "output" / f"{name}.json").read_bytes().removesuffix(b"\n")


def test_text_is_not_normalized() -> None:
    assert canonical_json({"Unnormalized Unicode": "A\u030a"}) == '{"Unnormalized Unicode":"A\u030a"}'.encode()


@pytest.mark.parametrize("line", NUMBERS.split("\n")[1:-1])
def test_a_number_is_spelled_as_ecmascript_spells_it(line: str) -> None:
    bits, spelled = line.split()
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(value) == spelled.encode()


@given(VALUES)
def test_canonical_json_says_the_same_and_is_stable(value: Json) -> None:
    once = canonical_json(value)
    assert json.loads(once, parse_int=float) == value
    assert canonical_json(json.loads(once, parse_int=float)) == once


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800", {"\udc00": 1}])
def test_what_has_no_canonical_bytes_is_refused(value: Json) -> None:
    with pytest.raises(MalformedDocument, match="no canonical JSON"):
        canonical_json(value)


def test_endless_nesting_is_refused() -> None:
    value: Json = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(MalformedDocument, match="no canonical JSON"):
        canonical_json(value)
