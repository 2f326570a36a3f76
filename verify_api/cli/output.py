"""What a command prints: results on standard output, messages on standard error; with --json one object and no more."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ledger.canonical import Json

_WIDE = 240  # columns where there is no terminal to fit a table into


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The two streams of a command, as its options want them."""

    as_json: bool
    quiet: bool
    waited: int | None = None  # seconds that publication was waited for

    def result(self, document: Mapping[str, Json], lines: Iterable[str]) -> None:
        """Print what the command found out: `document` with --json, else `lines`."""
        if self.as_json:
            self._document(document)
        else:
            for line in lines:
                typer.echo(line)
        if self.waited is not None:
            self._proved(document.get("proof"), self.waited)

    def table(self, document: Mapping[str, Json], columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a list: `document` with --json, else a table, or "none"."""
        told = list(rows)
        if self.as_json:
            self._document(document)
        elif told:
            self.rows(columns, told)
        else:
            typer.echo("none")

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table for people, even a long one; nothing where the result is JSON or there is no row."""
        told = list(rows)
        if self.as_json or not told:
            return
        table = Table(*columns, box=None, pad_edge=False, header_style="bold", show_edge=False)
        for row in told:
            table.add_row(*(Text(cell) for cell in row))
        console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
        console.print(table)

    def refused(self, problem: Mapping[str, Json]) -> None:
        """Print the problem document that a refusal is, with --json; people get its sentence."""
        if self.as_json:
            self._document(problem)

    def say(self, message: str) -> None:
        """A message beside the result."""
        if not self.quiet:
            typer.echo(message, err=True)

    def warn(self, message: str) -> None:
        """A message beside the result about something that is probably not meant so."""
        self.say(f"warning: {message}")

    def _proved(self, proof: Json, waited: int) -> None:
        if not isinstance(proof, str):
            self.say(f"it is recorded, but was not published within {waited} seconds: there is no proof of it yet")
        elif not self.as_json:
            typer.echo(f"\n{proof}", nl=False)

    def _document(self, document: Mapping[str, Json]) -> None:
        typer.echo(json.dumps(document, ensure_ascii=False))


def fail(message: str) -> None:
    """Say why a command ends without doing what it was asked."""
    typer.echo(f"testamur: {message}", err=True)
