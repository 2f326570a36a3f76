"""Both languages say everything, with the same data."""

import string
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import verify_api.public
from ledger.domain.award_request import COLUMNS
from ledger.domain.definition import AssessmentType, Delivery
from ledger.domain.values import Custody, Reason, Route
from ledger.verification.pipeline import CHECKS
from ledger.verification.verdict import Notice, Outcome, State
from verify_api.public.words import BadCatalogue, Words, choose, load_words

LANGUAGES = load_words()
EN, FR = LANGUAGES["en"], LANGUAGES["fr"]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_every_catalogue_has_the_same_keys_and_placeholders() -> None:
    assert set(LANGUAGES) >= {"en", "fr"}
    shapes = [{key: placeholders(sentence) for key, sentence in words.entries.items()} for words in LANGUAGES.values()]
    assert all(shape == shapes[0] for shape in shapes)


def test_placeholders_are_plain_names_and_no_sentence_is_empty() -> None:
    for words in LANGUAGES.values():
        for key, sentence in words.entries.items():
            assert sentence.strip(), key
            assert all(name.isidentifier() for name in placeholders(sentence)), key


def test_only_words_that_both_languages_share_are_spelled_the_same() -> None:
    same = {key for key, sentence in EN.entries.items() if FR.entries[key] == sentence}
    shared = {
        "language.changed", "page.title", "form.label", "validity.from", "label.description",
        "assessment.examination", "assessment.portfolio", "credit.plain", "credit.programme", "partner.line",
        "field.route", "label.route", "page.evidence",
    }  # fmt: skip
    assert same <= shared


def test_french_puts_no_breakable_blank_before_a_colon_or_inside_quotation_marks() -> None:
    for key, sentence in FR.entries.items():
        for breakable in (" :", " ;", "« ", " »"):
            assert breakable not in sentence, key


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=list(LANGUAGES))
def test_every_member_of_a_closed_list_has_words(words: Words) -> None:
    lists: Mapping[str, Iterable[str]] = {
        "heading": State, "notice": {*State, *Notice} - {State.VALID, State.ISSUER_UNRECOGNISED}, "reason": Reason,
        "route": Route, "delivery": Delivery, "assessment": AssessmentType, "outcome": Outcome, "custody": Custody,
        "field": set(COLUMNS) - {"student_number", "achievement"},
    }  # fmt: skip
    missing = [f"{table}.{member}" for table, members in lists.items() for member in members]
    assert [key for key in missing if not words.has(key)] == []


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=list(LANGUAGES))
def test_every_check_has_words_for_passing_and_for_not_being_reached(words: Words) -> None:
    assert words.has("check.not_reached")
    assert [check for check in CHECKS if not words.has(f"check.{check}_ok")] == []


def test_every_sentence_of_page_form_and_language_is_used() -> None:
    folder = Path(verify_api.public.__file__).parent
    code = "".join(file.read_text() for pattern in ("*.py", "templates/*.html") for file in folder.glob(pattern))
    keys = [key for key in EN.entries if key.startswith(("page.", "form.", "language."))]
    assert [key for key in keys if f'"{key}"' not in code] == []


def test_dates_and_times_are_written_out_in_each_language() -> None:
    day = date(2026, 11, 1)
    assert (EN.date(day), FR.date(day)) == ("1 November 2026", "1er novembre 2026")
    at = datetime(2026, 11, 21, 9, 3, tzinfo=timezone(timedelta(hours=-5)))
    assert EN.time(at) == "21 November 2026, 14:03 UTC"
    assert FR.time(at) == "le 21 novembre 2026 à 14\u00a0h\u00a003 UTC"


def test_numbers_are_written_as_each_language_has_them() -> None:
    assert (EN.number("1234.50"), EN.number("83")) == ("1,234.50", "83")
    assert (FR.number("1234.50").replace("\u202f", "\u00a0"), FR.number("0.5")) == ("1\u00a0234,50", "0,5")
    assert EN.number("eighty") == "eighty"


def test_languages_are_named_and_an_unknown_tag_stands_for_itself() -> None:
    assert (EN.language_name("fr-CA"), FR.language_name("en")) == ("French (Canada)", "anglais")
    assert EN.language_name("xq-unknown-tag") == "xq-unknown-tag"


def test_a_name_in_a_sentence_is_escaped_and_isolated_and_a_date_is_machine_readable() -> None:
    html = EN.html("notice.suspended_on", issuer="A <b>&</b> {x}", effective=date(2026, 11, 1))
    assert html == (
        '<bdi>A &lt;b&gt;&amp;&lt;/b&gt; {x}</bdi> put this on hold on '
        '<time datetime="2026-11-01">1 November 2026</time>.'
    )  # fmt: skip
    assert '<time datetime="2026-11-21T14:03:00+00:00">' in EN.mark(datetime(2026, 11, 21, 14, 3, tzinfo=UTC))


def test_items_in_a_row_are_joined_by_the_language() -> None:
    assert EN.listed(["a"]) == "a"
    assert FR.listed(["a", "b", "c"]) == "a, b et c"


def test_a_missing_sentence_is_a_fault_that_names_it() -> None:
    with pytest.raises(BadCatalogue, match=r"page\.nothing"):
        replace(EN, entries={}).text("page.nothing")


@pytest.mark.parametrize("content", [b"[a", b'x = "y"', b"[a]\nb = 1\n", b"[a]\nb = '\xff'\n"])
def test_a_file_that_is_no_catalogue_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "xx.toml").write_bytes(content)
    with pytest.raises(BadCatalogue, match=r"xx\.toml"):
        load_words(tmp_path)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de, fr;q=0.5, en;q=0.4", "fr"),
        ("en;q=0.4, FR ; q=0.5", "fr"),
        ("fr;q=0, en", "en"),
        ("fr;q=0", "en"),
        ("*, fr;q=0.9", "en"),
        ("ja", "en"),
        ("fr;q=2, \x00;;, en;q=0.1", "en"),
    ],
)
def test_the_reader_gets_the_language_asked_for_most(header: str | None, language: str) -> None:
    assert choose(header, LANGUAGES).language == language


@given(header=st.text(max_size=200))
def test_any_header_chooses_some_language(header: str) -> None:
    languages: Mapping[str, Words] = LANGUAGES
    assert choose(header, languages) in languages.values()
