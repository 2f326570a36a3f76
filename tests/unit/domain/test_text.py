"""Clean text: any script, no control characters, one normal form."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.text import clean, fault, has_letter, looks_like_formula

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(words=st.text())
def test_cleaning_gives_normal_form_c_without_blanks_at_the_ends_and_is_done_once(words: str) -> None:
    cleaned = clean(words)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned == cleaned.strip() == clean(cleaned)


def test_a_letter_and_its_accent_become_one_character() -> None:
    assert clean(" Zoe\u0308\t\n") == "Zoë"


@pytest.mark.parametrize("character", _BIDI)
def test_a_text_direction_control_is_refused_by_name(character: str) -> None:
    found = fault(f"ab{character}c", 10)
    assert found is not None
    assert found[0] == "control_character"
    assert f"text-direction control U+{ord(character):04X}" in found[1]


_CONTROLS = (
    *(0x00, 0x07, 0x09, 0x0A, 0x0D, 0x1B, 0x7F, 0x85, 0xAD, 0x200B, 0x2028, 0x2029, 0x2060, 0xFEFF, 0xFFF9, 0xE000),
    *(0xD800, 0xDFFF, 0x0378, 0xE0001, 0xE0041, 0x10FFFF),  # surrogates, unassigned, language tags
)


@pytest.mark.parametrize("point", _CONTROLS, ids=hex)
def test_a_control_character_is_refused_by_name(point: int) -> None:
    found = fault(f"a{chr(point)}b", 10)
    assert found == ("control_character", f"contains the control character U+{point:04X}; remove it")


@pytest.mark.parametrize(
    "words", ["می‌خواهم", "क्‍ष", "王小明", "O’Brien-Ñandú", "نور", "👩‍🎓", "a b", "e\u0301", "=1+1", ""]
)
def test_words_of_any_script_pass_with_the_joiners_they_need(words: str) -> None:
    assert fault(words, 20) is None


def test_a_line_feed_passes_only_where_several_lines_may_stand() -> None:
    assert fault("a\nb", 10) is not None
    assert fault("a\nb", 10, multiline=True) is None
    for refused in ("a\tb", "a\rb", "a\u2028b", "a\u202eb"):
        assert fault(refused, 10, multiline=True) is not None


def test_the_longest_text_passes_and_one_character_more_does_not() -> None:
    assert fault("é" * 1_200, 1_200) is None
    assert fault("é" * 1_201, 1_200) == ("too_long", "has 1,201 characters; at most 1,200 are allowed")


@pytest.mark.parametrize("words", ["=1", "+1", "-1", "@a", "\ta", "\ra"])
def test_what_a_spreadsheet_would_run_is_noticed(words: str) -> None:
    assert looks_like_formula(words)
    assert not looks_like_formula("a" + words)


def test_a_letter_of_any_script_is_something_to_read() -> None:
    assert all(has_letter(words) for words in ("a", "1é", "王", "ن", "=HYPERLINK(1)"))
    assert not any(has_letter(words) for words in ("", "12", "--", "👩‍🎓", "\u0301", "\u3164", "\u115f\u1160 \uffa0"))
