"""Link codes and short codes: spelled one way, read as people type them, and no typing error passes unseen."""

import hashlib
from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.codes import (
    ALPHABET,
    MalformedCode,
    format_link_code,
    group,
    is_short,
    link_digest,
    new_link_code,
    new_short_code,
    parse_link_code,
    parse_short_code,
    stream_id,
    stream_of,
)
from ledger.domain.types import LinkCode
from tests.strategies import link_codes, milliseconds, short_codes


@given(code=link_codes)
def test_a_link_code_is_read_back_however_it_was_typed(code: LinkCode) -> None:
    spelled = format_link_code(code)
    assert len(spelled) == 36
    assert set(spelled) <= set(ALPHABET)
    assert int.from_bytes(code) << 4 == sum(ALPHABET.index(c) << 5 * place for place, c in enumerate(reversed(spelled)))
    typed = [spelled, spelled.lower(), group(spelled), group(spelled).replace("-", " "), f"  {spelled} "]
    typed += [spelled.replace("0", "O").replace("1", "I"), spelled.lower().replace("0", "o").replace("1", "l")]
    assert {parse_link_code(each) for each in typed} == {code}


@given(code=link_codes)
def test_the_last_character_of_a_link_code_has_two_values(code: LinkCode) -> None:
    spelled = format_link_code(code)
    assert spelled[-1] in "0G"
    for last in set(ALPHABET) - {"0", "G"}:
        with pytest.raises(MalformedCode, match="last character"):
            parse_link_code(spelled[:-1] + last)


@given(code=link_codes)
def test_a_link_code_leads_to_a_stream_with_the_time_in_front(code: LinkCode) -> None:
    stream = stream_of(code)
    digest = hashlib.sha256(b"testamur/link/v1\n" + code).digest()
    bits = "".join(f"{byte:08b}" for byte in digest[:10])[:74]
    found = f"{stream.int:0128b}"
    assert link_digest(code) == digest
    assert found == f"{int.from_bytes(code[:6]):048b}" + "1000" + bits[:12] + "10" + bits[12:]
    assert (stream.version, stream.variant) == (8, RFC_4122)


@given(time=milliseconds, random=st.binary(min_size=10, max_size=10))
def test_a_stream_id_holds_its_time_and_74_bits(time: int, random: bytes) -> None:
    stream = stream_id(time, random)
    assert str(stream).replace("-", "")[:12] == f"{time:012x}"
    assert stream.int >> 80 == time
    assert ((stream.int >> 64 & 0xFFF) << 62 | stream.int & (1 << 62) - 1) == int.from_bytes(random) >> 6


@given(first=milliseconds, second=milliseconds)
def test_streams_sort_by_their_time(first: int, second: int) -> None:
    if first < second:
        assert str(stream_id(first, b"\xff" * 10)) < str(stream_id(second, bytes(10)))


@pytest.mark.parametrize("random", [b"", bytes(15), bytes(17)])
def test_a_link_code_takes_sixteen_random_bytes(random: bytes) -> None:
    with pytest.raises(MalformedCode):
        new_link_code(0, random)


@given(random=st.binary(min_size=8, max_size=8))
def test_a_short_code_has_twelve_characters_for_60_bits_and_one_to_check(random: bytes) -> None:
    value = int.from_bytes(random) % 2**60
    code = new_short_code(random)
    if value % 37 >= 32:
        assert code is None
        return
    assert code is not None
    assert code == parse_short_code(code)
    assert sum(ALPHABET.index(c) << 5 * place for place, c in enumerate(reversed(code[:12]))) == value
    assert ALPHABET.index(code[12]) == value % 37


def test_a_short_code_is_drawn_again_where_its_check_symbol_is_no_letter_or_digit() -> None:
    drawn = [new_short_code(number.to_bytes(8)) for number in range(74)]
    assert [code is None for code in drawn] == ([False] * 32 + [True] * 5) * 2
    assert drawn[31] == "00000000000ZZ"


@given(code=short_codes)
def test_a_short_code_is_read_back_however_it_was_typed(code: str) -> None:
    typed = [code, code.lower(), group(code), f" {group(code).lower()} ", code.replace("0", "o").replace("1", "l")]
    assert {parse_short_code(each) for each in typed} == {code}


@given(code=short_codes)
def test_every_single_wrong_character_of_a_short_code_is_noticed(code: str) -> None:
    for place, right in enumerate(code):
        for wrong in ALPHABET:
            if wrong != right:
                with pytest.raises(MalformedCode, match="typing error"):
                    parse_short_code(code[:place] + wrong + code[place + 1 :])


@given(code=short_codes)
def test_every_two_neighbours_of_a_short_code_in_the_wrong_order_are_noticed(code: str) -> None:
    for place in range(12):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        if swapped != code:
            with pytest.raises(MalformedCode, match="typing error"):
                parse_short_code(swapped)


@pytest.mark.parametrize(
    "text",
    ["", "U" * 36, "0" * 35, "0" * 37, "0" * 13, "*" * 36, "é" * 36, "\x00" * 36, "0" * 81, "-" * 81, "ß" * 18],
)
def test_what_is_no_link_code_is_refused(text: str) -> None:
    with pytest.raises(MalformedCode):
        parse_link_code(text)


@pytest.mark.parametrize("text", ["", "U" * 13, "0" * 12, "0" * 14, "0" * 36, "0000000000 0.", "0" * 81])
def test_what_is_no_short_code_is_refused(text: str) -> None:
    with pytest.raises(MalformedCode):
        parse_short_code(text)


def test_a_short_code_is_known_by_its_length() -> None:
    assert is_short("0000-0000-0000-0")
    assert not is_short("0" * 12)
    assert not is_short("0" * 36)
    with pytest.raises(MalformedCode):
        is_short("0" * 81)


def test_codes_are_grouped_by_four() -> None:
    assert group("ABCDEFGHJ") == "ABCD-EFGH-J"
