"""The default image of a badge: what was earned and who awarded it, in colours that belong to the issuer.

The same few lines are drawn as an SVG, whose words stay words, and as a PNG. Everything written on it is a stranger's
text: it reaches the SVG escaped, and the PNG as data of a template that is ours. The same face gives the same bytes.
"""

import colorsys
import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, cast
from xml.sax.saxutils import escape, quoteattr

import typst

from ledger.vc.reading import Json, read_document

_SIDE: Final = 400  # units of both drawings
_PIXELS_PER_INCH = 108  # 72 units an inch: 600 pixels a side
_WIDTH: Final = 328  # units that a line may take
_TITLE = ((40, 4), (34, 5), (28, 6), (23, 7))  # sizes, and how many lines of each there may be
_ISSUER = ((20, 2), (16, 3))
_TITLE_MIDDLE, _ISSUER_TOP, _LINE = 160, 306, 1.2
_MOST_TEXT = 400  # characters of a title that are looked at
_REMEMBERED = 256  # images of each kind
_CONTRAST = 7.0  # WCAG 2.2 level AAA for white on the ground; the tint keeps AA, 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What a badge shows."""

    title: str
    issuer: str
    issuer_id: str  # gives the colours
    description: str
    language: str  # of the title; empty where it is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of text on the badge."""

    text: str
    size: int
    y: float  # of its base line


def face_of(badge: bytes) -> Face:
    """What the badge of a signed OpenBadgeCredential shows; empty where that says nothing.

    Raises:
        MalformedDocument: it is no JSON object.
    """
    document = read_document(badge)
    achievement = _member(_member(document, "credentialSubject"), "achievement")
    issuer = _member(document, "issuer")
    return Face(
        title=_text(achievement, "name"),
        issuer=_text(issuer, "name"),
        issuer_id=_text(issuer, "id"),
        description=_text(achievement, "description"),
        language=_text(achievement, "inLanguage"),
    )


def colours(issuer_id: str) -> tuple[str, str]:
    """The ground and the tint of an issuer, as #rrggbb: white and the tint can be read on the ground."""
    digest = hashlib.sha256(issuer_id.encode("utf-8", "surrogatepass")).digest()
    hue, lightness = int.from_bytes(digest[:2], "big") / 0x10000, 0.45
    while _contrast(ground := colorsys.hls_to_rgb(hue, lightness, 0.55)) < _CONTRAST:
        lightness -= 0.01
    return _spelled(ground), _spelled(colorsys.hls_to_rgb(hue, 0.88, 0.55))


class BadgeImages:
    """Draws badges, and remembers some."""

    def __init__(self) -> None:
        """Nothing is drawn yet; the fonts are read when the first PNG is."""
        self._template = (Path(__file__).parent / "templates" / "badge.typ").read_bytes()
        self._compiler: typst.Compiler | None = None
        self.png = lru_cache(maxsize=_REMEMBERED)(self._png)
        self.svg = lru_cache(maxsize=_REMEMBERED)(_svg)

    def _png(self, face: Face) -> bytes:
        if self._compiler is None:
            # The fonts of the machine come in where those that typst brings lack a script.
            self._compiler = typst.Compiler(ignore_system_fonts=False)
        ground, tint = colours(face.issuer_id)
        title, issuer = _rows(face)
        drawn: Mapping[str, Json] = {
            "back": ground,
            "tint": tint,
            "title": [{"text": row.text, "size": row.size, "y": row.y} for row in title],
            "issuer": [{"text": row.text, "size": row.size, "y": row.y} for row in issuer],
        }
        inputs = {"face": json.dumps(drawn)}
        made = self._compiler.compile(self._template, format="png", ppi=_PIXELS_PER_INCH, sys_inputs=inputs)
        return cast("bytes", made)  # of one page; of several it would be a list


def _svg(face: Face) -> bytes:
    ground, tint = colours(face.issuer_id)
    title, issuer = _rows(face)
    language = f" lang={quoteattr(_printable(face.language))}" if face.language else ""
    told = " — ".join(_printable(each) for each in (face.issuer, face.description) if each)
    lines = "".join(_svg_row(row, "#ffffff") for row in title) + "".join(_svg_row(row, tint) for row in issuer)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE} {_SIDE}" width="{_SIDE}" height="{_SIDE}" '
        f'role="img" aria-labelledby="badge-title" aria-describedby="badge-description"{language}>'
        f'<title id="badge-title">{escape(_printable(face.title))}</title>'
        f'<desc id="badge-description">{escape(told)}</desc>'
        f'<rect width="{_SIDE}" height="{_SIDE}" rx="48" fill="{ground}"/>'
        f'<rect x="16" y="16" width="368" height="368" rx="34" fill="none" stroke="{tint}" stroke-width="3"/>'
        f'<path d="M100 290h200" stroke="{tint}" stroke-width="2"/>'
        '<g text-anchor="middle" font-family="Libertinus Serif, Georgia, serif">'
        f"{lines}</g></svg>"
    ).encode()


def _svg_row(row: _Row, colour: str) -> str:
    words = escape(row.text)
    return f'<text x="200" y="{row.y:g}" font-size="{row.size}" fill="{colour}" unicode-bidi="plaintext">{words}</text>'


def _rows(face: Face) -> tuple[list[_Row], list[_Row]]:
    """The lines of the title around its middle, and those of the issuer below the rule."""
    size, lines = _set(face.title, _TITLE)
    first = _TITLE_MIDDLE - (len(lines) - 1) * size * _LINE / 2 + size * 0.35
    title = [_Row(text=text, size=size, y=first + n * size * _LINE) for n, text in enumerate(lines)]
    size, lines = _set(face.issuer, _ISSUER)
    return title, [_Row(text=text, size=size, y=_ISSUER_TOP + (n + 1) * size * _LINE) for n, text in enumerate(lines)]


def _set(text: str, sizes: tuple[tuple[int, int], ...]) -> tuple[int, list[str]]:
    """The largest size at which the text fits, and its lines; cut off at the smallest one."""
    text = _printable(text[:_MOST_TEXT])
    size, most, lines = 0, 0, [""]
    for size, most in sizes:
        lines = _wrapped(text, _WIDTH / size)
        if len(lines) <= most:
            return size, lines
    return size, [*lines[: most - 1], f"{lines[most - 1]}…"]


def _wrapped(text: str, width: float) -> list[str]:
    """The text in lines of about `width` ems, words kept whole where they fit into one."""
    lines, line, used = [], "", 0.0
    for word in text.split():
        for piece in _pieces(word, width):
            length = _width(piece)
            if line and used + _EM_BLANK + length > width:
                lines.append(line)
                line, used = "", 0.0
            line, used = (f"{line} {piece}", used + _EM_BLANK + length) if line else (piece, length)
    return [*lines, line] if line else lines


_EM_BLANK = 0.25


def _pieces(word: str, width: float) -> list[str]:
    """A word in pieces that fit into a line; combining characters stay with what they combine with."""
    pieces, used = [""], 0.0
    for character in word:
        advance = _width(character)
        if used + advance > width:
            pieces.append("")
            used = 0.0
        pieces[-1] += character
        used += advance
    return pieces


@lru_cache(maxsize=4096)  # a pure function of what titles are made of
def _width(text: str) -> float:
    """About how many ems a text takes, in an ordinary font."""
    return sum(map(_advance, text))


def _advance(character: str) -> float:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    return 0.7 if character.isupper() else 0.52


def _printable(text: str) -> str:
    """The text without what XML has not, and without what would change the direction of what stands behind it."""
    joiners = "\u200c\u200d"
    kept = (each if each in joiners or unicodedata.category(each)[0] != "C" else " " for each in text)
    return " ".join("".join(kept).split())


def _contrast(colour: tuple[float, float, float]) -> float:
    """Of white on a colour, WCAG 2.2."""
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in colour)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _spelled(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(each * 255):02x}" for each in colour)


def _member(value: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Mapping[str, Json], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
