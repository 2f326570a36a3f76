"""What a command prints: results on standard output, messages on standard error; with --json one object and no more."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ledger.canonical import Json
from verify_api.cli.errors import Unprintable

_WIDE = 240  # columns where there is no terminal to fit a table into
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, halves of a pair, breaks of lines
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The two streams of a command, as its options want them."""

    as_json: bool
    quiet: bool
    waited: int | None = None  # seconds that publication was waited for

    def result(self, document: Mapping[str, Json], lines: Iterable[str], *, done: str | None = None) -> None:
        """Print what the command found out: `document` with --json, else `lines`.

        Args:
            done: what to say was done already, should it not be printable; absent: what `document` says.
        """
        with _having(_done(document) if done is None else done):
            if self.as_json:
                _print_json(document)
            else:
                for line in lines:
                    _print(line)
            if self.waited is not None:
                self._proved(document.get("proof"), self.waited)

    def event(self, document: Mapping[str, Json], line: str) -> None:
        """Print one of many things that happen: `document` in one line with --json, else `line`."""
        if self.as_json:
            _print_json(document)
        else:
            _print(line)

    def note(self, document: Mapping[str, Json], note: str) -> None:
        """Print a signed note: `document` with --json, else its bytes as they were signed."""
        if self.as_json:
            _print_json(document)
        else:
            _print_note(note)

    def table(self, document: Mapping[str, Json], columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a list: `document` with --json, else a table, or "none"."""
        told = list(rows)
        if self.as_json:
            _print_json(document)
        elif told:
            self.rows(columns, told)
        else:
            _print("none")

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, done: str = "") -> None:
        """Print a table for people, even a long one; nothing where the result is JSON or there is no row.

        Args:
            done: what to say was done already, should it not be printable.
        """
        told = list(rows)
        if self.as_json or not told:
            return
        table = Table(*columns, box=None, pad_edge=False, header_style="bold", show_edge=False)
        for row in told:
            table.add_row(*(Text(escaped(cell)) for cell in row))
        with _having(done):
            Console(highlight=False, width=None if _stdout().isatty() else _WIDE).print(table)

    def refused(self, problem: Mapping[str, Json], sentence: str) -> None:
        """Print the problem document that a refusal is, with --json; people get its sentence."""
        if self.as_json:
            with _having(sentence):
                _print_json(problem)

    def say(self, message: str) -> None:
        """A message beside the result."""
        if not self.quiet:
            _say(message)

    def warn(self, message: str) -> None:
        """A message beside the result about something that is probably not meant so."""
        self.say(f"warning: {message}")

    def _proved(self, proof: Json, waited: int) -> None:
        if not isinstance(proof, str):
            self.say(f"it is recorded, but was not published within {waited} seconds: there is no proof of it yet")
        elif not self.as_json:
            _print_note(f"\n{proof}")


def fail(message: str) -> None:
    """Say why a command ends without doing what it was asked."""
    _say(f"testamur: {message}")


def escaped(text: str) -> str:
    """`text` in one line that no terminal takes for a command and shows in no other order: as escapes what would.

    What a server, a file or a record says is somebody else's, and is printed beside what the command itself says.
    """
    if text.isprintable():
        return text
    return "".join(each if _harmless(each) else each.encode("unicode_escape").decode("ascii") for each in text)


def _harmless(character: str) -> bool:
    return character not in _REORDERING and unicodedata.category(character) not in _UNSEEN


def _done(document: Mapping[str, Json]) -> str:
    """What is true though the document cannot be printed; a position has what was recorded, and nothing else."""
    position, credential = document.get("position"), document.get("credential_id")
    if not isinstance(position, int):
        return "what the command was to do is done"
    award = f", credential id {credential}" if isinstance(credential, str) else ""
    return f"it is recorded, at position {position}{award}"


@contextmanager
def _having(done: str) -> Iterator[None]:
    try:
        yield
    except Unprintable as error:
        raise Unprintable(error.why, done) from error


def _stdout() -> TextIO:
    if sys.stdout is None:
        raise Unprintable("standard output is closed")
    return sys.stdout


def _print(line: str) -> None:
    _put(_stdout(), escaped(line))


def _print_json(document: Mapping[str, Json]) -> None:
    stream = _stdout()
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode(stream.encoding)
    except UnicodeEncodeError:  # the escapes of JSON, not those of `escaped`
        text = json.dumps(document)
    _put(stream, text)


def _print_note(note: str) -> None:
    """Signed is what its UTF-8 is, in whatever way a terminal shows that."""
    stream = _stdout()
    stream.flush()
    stream.buffer.write(note.encode("utf-8"))
    stream.buffer.flush()


def _say(message: str) -> None:
    if sys.stderr is not None:
        _put(sys.stderr, escaped(message))


def _put(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()
