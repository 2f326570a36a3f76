"""The words of the public pages: one catalogue file for each language, and dates and numbers as that language has them.

A value put into a sentence is escaped, and a name is isolated (`<bdi>`), so that one written from right to left
cannot rearrange the sentence around it.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """All the words of one language."""

    language: str  # the lang attribute, e.g. en
    entries: Mapping[str, str]  # key -> sentence with {placeholders}

    def has(self, key: str) -> bool:
        """Whether the catalogue has this key."""
        return key in self.entries

    def text(self, key: str, **values: Value) -> str:
        """The sentence in plain characters, to be escaped by whoever shows it."""
        return self._sentence(key).format(**{name: self._plain(value) for name, value in values.items()})

    def html(self, key: str, **values: Value) -> Markup:
        """The sentence as HTML: values escaped, names isolated, dates as `<time>`."""
        return escape(self._sentence(key)).format(**{name: self.mark(value) for name, value in values.items()})

    def date(self, day: date) -> str:
        """A day written out."""
        month_and_year = format_date(day, "MMMM y", locale=self._locale)
        number = self._sentence("language.first_of_month") if day.day == 1 else str(day.day)
        return f"{number} {month_and_year}"

    def time(self, at: datetime) -> str:
        """An instant written out, in UTC and labelled so."""
        at = at.astimezone(UTC)
        clock = format_time(at, self._sentence("language.time"), locale=self._locale)
        return self._sentence("language.date_time").format(date=self.date(at.date()), time=clock)

    def number(self, decimal: str) -> str:
        """A decimal string as this language writes it."""
        try:
            number = Decimal(decimal)
        except InvalidOperation:
            return decimal
        exponent = number.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        return format_decimal(number, "#,##0" + ("." + "0" * places if places else ""), locale=self._locale)

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
        if isinstance(value, Markup):
            return value
        if isinstance(value, date):  # a datetime, too
            machine = value.astimezone(UTC).isoformat("T", "seconds") if isinstance(value, datetime) else str(value)
            return Markup('<time datetime="{}">{}</time>').format(machine, self._plain(value))
        return Markup("<bdi>{}</bdi>").format(value) if isinstance(value, str) else escape(str(value))


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
    for part in (accept_language or "")[:_LONGEST_HEADER].split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            continue
        words = languages[DEFAULT] if match[1] == "*" else languages.get(match[1].lower())
        quality = float(match[2] or 1)
        if words is not None and quality > best_quality:
            best, best_quality = words, quality
    return best


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
