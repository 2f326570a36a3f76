"""The words of the public pages: one catalogue file for each language, and dates and numbers as that language has them.

A value put into a sentence is escaped, and a name is isolated (`<bdi>`), so that one written from right to left
cannot rearrange the sentence around it.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from string import Formatter

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from ledger.errors import LedgerError

Value = str | int | date | datetime | Markup
DEFAULT = "en"
_FOLDER = Path(__file__).parent / "locale"
_LONGEST_HEADER = 1_000  # characters of Accept-Language that are read
_RANGE = re.compile(r"([a-zA-Z]{1,8}|\*)(?:-[a-zA-Z0-9]{1,8})*(?:\s*;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?")


class BadCatalogue(LedgerError):
    """A catalogue of words cannot be used; the file ships with the program, so this is a fault of the program."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # by identity: each catalogue is loaded once
class Words:
    """All the words of one language."""

    language: str  # the lang attribute, e.g. en
    entries: Mapping[str, str]  # key -> sentence with {placeholders}

    def has(self, key: str) -> bool:
        """Whether the catalogue has this key."""
        return key in self.entries

    def text(self, key: str, **values: Value) -> str:
        """The sentence in plain characters, to be escaped by whoever shows it."""
        pieces = _pieces(self._sentence(key))
        if not values and len(pieces) == 1 and pieces[0][1] is None:
            return pieces[0][0]
        return "".join([text if name is None else text + self._plain(values[name]) for text, name in pieces])

    def html(self, key: str, **values: Value) -> Markup:
        """The sentence as HTML: values escaped, names isolated, dates as `<time>`."""
        pieces = _escaped_pieces(self._sentence(key))
        told = [text if name is None else text + self._marked(values[name]) for text, name in pieces]
        return Markup("".join(told))  # noqa: S704  each piece is escaped, and so is each value by `mark`

    def date(self, day: date) -> str:
        """A day written out."""
        number = self._sentence("language.first_of_month") if day.day == 1 else str(day.day)
        return f"{number} {_month_and_year(self._locale, day.year, day.month)}"

    def time(self, at: datetime) -> str:
        """An instant written out, in UTC and labelled so."""
        at = at.astimezone(UTC)
        clock = _clock(self._locale, self._sentence("language.time"), at.hour, at.minute)
        return self._sentence("language.date_time").format(date=self.date(at.date()), time=clock)

    def number(self, decimal: str) -> str:
        """A decimal string as this language writes it."""
        return _number(self._locale, decimal)

    def language_name(self, tag: str) -> str:
        """What a language is called; its tag where that is not known."""
        try:
            name = Locale.parse(tag, sep="-").get_display_name(self._locale)
        except (UnknownLocaleError, ValueError):
            return tag
        return name or tag

    def listed(self, items: Iterable[str]) -> str:
        """Items in a row: a, b and c."""
        *some, last = items
        return self.text("language.and", some=", ".join(some), last=last) if some else last

    def listed_html(self, items: Sequence[Markup]) -> Markup:
        """As `listed`, of HTML."""
        *some, last = items
        return self.html("language.and", some=Markup(", ").join(some), last=last) if some else last

    @property
    def _locale(self) -> str:
        return self._sentence("language.locale")

    def _sentence(self, key: str) -> str:
        try:
            return self.entries[key]
        except KeyError as error:
            raise BadCatalogue(f"the {self.language} catalogue has no “{key}”") from error

    def _plain(self, value: Value) -> str:
        if isinstance(value, datetime):
            return self.time(value)
        return self.date(value) if isinstance(value, date) else str(value)

    def mark(self, value: Value) -> Markup:
        """A value as HTML: escaped, a name isolated, a date as `<time>`."""
        return Markup(self._marked(value))  # noqa: S704  escaped there

    def _marked(self, value: Value) -> str:
        if isinstance(value, Markup):
            return value
        if isinstance(value, datetime):
            machine = value.astimezone(UTC).isoformat("T", "seconds")
            return f'<time datetime="{machine}">{escape(self.time(value))}</time>'
        if isinstance(value, date):
            return _day(self, value)
        return f"<bdi>{escape(value)}</bdi>" if isinstance(value, str) else escape(str(value))


def load_words(folder: Path = _FOLDER) -> Mapping[str, Words]:
    """Every language that has a catalogue in `folder`, by its tag.

    Raises:
        BadCatalogue: a file is no TOML of tables of sentences.
    """
    found = {}
    for file in sorted(folder.glob("*.toml")):
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadCatalogue(f"{file.name} is not readable: {error}") from error
        found[file.stem] = Words(language=file.stem, entries=_flat(file.name, tables))
    return found


def choose(accept_language: str | None, languages: Mapping[str, Words]) -> Words:
    """The language a reader asks for most (RFC 9110 §12.5.4), else the default."""
    best, best_quality = languages[DEFAULT], 0.0
    for tag, quality in _asked_for((accept_language or "")[:_LONGEST_HEADER]):
        words = languages[DEFAULT] if tag == "*" else languages.get(tag)
        if words is not None and quality > best_quality:
            best, best_quality = words, quality
    return best


# What follows is pure, and the same values come again with every page: only the last ones are kept.


@lru_cache(maxsize=512)
def _asked_for(accept_language: str) -> tuple[tuple[str, float], ...]:
    """Each language range of a header, in lower case and without its region, and how much it is wanted."""
    matches = (_RANGE.fullmatch(part.strip()) for part in accept_language.split(","))
    return tuple((match[1].lower(), float(match[2] or 1)) for match in matches if match is not None)


@lru_cache(maxsize=4_096)
def _day(words: Words, day: date) -> str:
    return f'<time datetime="{day}">{escape(words.date(day))}</time>'


@lru_cache(maxsize=4_096)
def _pieces(sentence: str) -> tuple[tuple[str, str | None], ...]:
    """A sentence as pieces of text, each with the name of the value behind it."""
    return tuple((text, name) for text, name, _, _ in Formatter().parse(sentence))


@lru_cache(maxsize=4_096)
def _escaped_pieces(sentence: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((str(escape(text)), name) for text, name in _pieces(sentence))


@lru_cache(maxsize=4_096)
def _month_and_year(locale: str, year: int, month: int) -> str:
    return format_date(date(year, month, 1), "MMMM y", locale=locale)


@lru_cache(maxsize=4_096)
def _clock(locale: str, pattern: str, hour: int, minute: int) -> str:
    """A time of day; no language here writes seconds."""
    return format_time(time(hour, minute), pattern, locale=locale)


@lru_cache(maxsize=4_096)
def _number(locale: str, decimal: str) -> str:
    try:
        number = Decimal(decimal)
    except InvalidOperation:
        return decimal
    exponent = number.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return format_decimal(number, "#,##0" + ("." + "0" * places if places else ""), locale=locale)


def _flat(name: str, tables: Mapping[str, object]) -> dict[str, str]:
    entries = {}
    for table, sentences in tables.items():
        if not isinstance(sentences, dict):
            raise BadCatalogue(f"{name}: “{table}” stands outside a table")
        for key, sentence in sentences.items():
            if not isinstance(sentence, str):
                raise BadCatalogue(f"{name}: {table}.{key} is not a sentence")
            entries[f"{table}.{key}"] = sentence
    return entries
