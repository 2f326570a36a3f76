"""Canonical graphs: the same bytes whatever blank nodes are called, and an end to the work for every graph.

Two other implementations are the oracle: pyoxigraph's and, through documents in `test_rdf`, PyLD's.
"""

import random
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import CanonicalizationAlgorithm, Dataset, RdfFormat, parse, serialize

from ledger.vc.rdf_canon import MAX_BLANK_NODES, MAX_CALLS, Statement, TooAmbiguous, canonicalise

NODES = st.sampled_from([f"_:n{number}" for number in range(5)] + ["<urn:x>"])
STATEMENTS = st.tuples(
    NODES,
    st.sampled_from(["<urn:p>", "<urn:q>"]),
    NODES | st.just('"a _:n0 text"'),
    st.sampled_from(["", "", "", "_:n0", "_:n5", "<urn:g>"]),
)


def oracle(statements: list[Statement]) -> bytes:
    text = "".join(" ".join(filter(None, statement)) + " .\n" for statement in statements)
    dataset = Dataset(parse(text, format=RdfFormat.N_QUADS))
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    lines = (serialize(dataset, format=RdfFormat.N_QUADS) or b"").split(b"\n")
    return b"".join(sorted(line + b"\n" for line in lines if line))


@settings(max_examples=400)
@given(st.lists(STATEMENTS, max_size=9), st.randoms(use_true_random=False))
def test_a_graph_has_the_bytes_that_another_implementation_gives_it(
    statements: list[Statement], chance: random.Random
) -> None:
    names = [f"_:m{number}" for number in range(6)]
    chance.shuffle(names)
    renamed = {f"_:n{number}": name for number, name in enumerate(names)}
    others = [(renamed.get(s, s), p, renamed.get(o, o), renamed.get(g, g)) for s, p, o, g in statements]
    chance.shuffle(others)
    assert canonicalise(statements) == oracle(statements) == canonicalise(others)


def cycle(length: int, prefix: str = "n") -> list[Statement]:
    return [(f"_:{prefix}{place}", "<urn:next>", f"_:{prefix}{(place + 1) % length}", "") for place in range(length)]


@pytest.mark.parametrize(
    "statements",
    [
        cycle(5),
        cycle(4) + cycle(4, "m"),
        cycle(3) + cycle(6, "m"),
        [*cycle(6), ("_:n0", "<urn:p>", '"x"', ""), ("_:n3", "<urn:p>", '"x"', "")],
        [(f"_:n{a}", "<urn:knows>", f"_:n{b}", "") for a, b in permutations(range(5), 2)],
        [("_:a", "<urn:p>", f"_:b{place}", "") for place in range(6)],
        [(f"_:a{place % 2}", "<urn:p>", f"_:b{place}", f"_:g{place % 3}") for place in range(6)],
    ],
)
def test_a_graph_whose_nodes_look_alike_has_the_bytes_that_another_implementation_gives_it(
    statements: list[Statement],
) -> None:
    assert canonicalise(statements) == oracle(statements)


def test_long_lists_that_are_equal_are_told_apart_by_what_holds_them() -> None:
    statements: list[Statement] = []
    for holder in "ab":
        statements.append((f"<urn:{holder}>", "<urn:holds>", f"_:{holder}0", ""))
        statements += [(f"_:{holder}{place}", "<urn:rest>", f"_:{holder}{place + 1}", "") for place in range(100)]
    assert canonicalise(statements) == oracle(statements)


def clique(size: int) -> list[Statement]:
    return [(f"_:n{a}", "<urn:knows>", f"_:n{b}", "") for a, b in permutations(range(size), 2)]


@pytest.mark.parametrize(
    "statements",
    [
        clique(10),
        clique(40),
        [(f"_:{a}", "<urn:p>", f"_:{a}{b}", "") for a in "xy" for b in range(30)],
        [(f"_:n{a}", "<urn:p>", f"_:n{(a + step) % 300}", "") for a in range(300) for step in range(1, 12)],
        [*cycle(3_000), *cycle(1_900, "m")],
        [*cycle(MAX_CALLS + 1)],
    ],
)
def test_a_graph_made_to_be_ambiguous_is_refused(statements: list[Statement]) -> None:
    with pytest.raises(TooAmbiguous, match="cannot be told apart"):
        canonicalise(statements)


def test_equal_things_are_named_as_long_as_their_number_is_bounded() -> None:
    equal = [("_:a", "<urn:p>", f"_:b{place}", "") for place in range(MAX_BLANK_NODES)]
    assert canonicalise(equal[:-1]).count(b"\n") == MAX_BLANK_NODES - 1
    with pytest.raises(TooAmbiguous, match=f"more than {MAX_BLANK_NODES} parts"):
        canonicalise(equal)


def test_a_graph_of_nothing_is_empty() -> None:
    assert canonicalise([]) == b""
