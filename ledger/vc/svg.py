"""Reads an SVG that a stranger made: no document type, no entities, limits on size, depth and number of elements.

`clean` keeps what draws and says something, by a list of what is allowed; everything else is removed with all that
stands in it: scripts, style sheets, foreign objects, images, links, animations, elements of other namespaces, event
attributes, and every reference but one to a part of the same image. Nothing is refused for what it would have drawn.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from ledger.vc.png import MalformedImage

SVG = "http://www.w3.org/2000/svg"
BADGES = "https://purl.imsglobal.org/ob/v3p0"
CREDENTIAL: Final = f"{{{BADGES}}}credential"
_ROOT: Final = f"{{{SVG}}}svg"
MAX_DEPTH = 64
MAX_ELEMENTS = 20_000
_XML = "{http://www.w3.org/XML/1998/namespace}"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"

_GRADIENTS = frozenset(f"{{{SVG}}}{name}" for name in ("linearGradient", "radialGradient"))
_ELEMENTS = _GRADIENTS | frozenset(
    f"{{{SVG}}}{name}"
    for name in (
        "svg g defs title desc path rect circle ellipse line polyline polygon text tspan stop clipPath".split()  # noqa: SIM905
    )
)
_ATTRIBUTES = frozenset(
    "id role lang aria-label aria-labelledby aria-describedby aria-hidden version viewBox preserveAspectRatio "  # noqa: SIM905
    "width height x y x1 y1 x2 y2 cx cy r rx ry fx fy dx dy d points transform pathLength rotate textLength "
    "lengthAdjust fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin "
    "stroke-miterlimit stroke-dasharray stroke-dashoffset opacity color display visibility clip-path clip-rule "
    "clipPathUnits offset stop-color stop-opacity gradientUnits gradientTransform spreadMethod "
    "font-family font-size font-weight font-style font-variant text-anchor text-decoration dominant-baseline "
    "letter-spacing word-spacing direction unicode-bidi writing-mode".split()
)
_XML_ATTRIBUTES: Mapping[str, str] = {_XML + "lang": "xml:lang", _XML + "space": "xml:space"}
_SPEAKING = frozenset(("id", "role", "lang", "aria-label", "aria-labelledby", "aria-describedby"))  # drawn by nothing
_LOCAL = re.compile(r"#[A-Za-z_][\w.-]*", re.ASCII)
_LOCAL_URL = re.compile(r"url\(\s*(['\"]?)#[A-Za-z_][\w.-]*\1\s*\)", re.ASCII)
_CALLED = re.compile(r"(?:^|[^\w-])(?:rgba?|hsla?|matrix|translate|scale|rotate|skew[XY])\s*$", re.ASCII)
_LONGEST_CALL = 16  # characters before a parenthesis that are looked at
_DECLARED = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*['\"]([A-Za-z0-9._-]*)['\"]")
_READ_ENCODINGS = frozenset((b"utf-8", b"us-ascii"))
_MAX_DECLARATION = 200  # bytes


class Element:
    """One element, with the text and the elements in it in their order. Mutable while it is read."""

    __slots__ = ("attributes", "children", "name")

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name = name  # {namespace}local
        self.attributes = attributes
        self.children: list[Element | str] = []

    @property
    def text(self) -> str:
        """The text that stands directly in it."""
        return "".join(child for child in self.children if isinstance(child, str))

    def elements(self) -> "Iterator[Element]":
        """This one and all within, in document order."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.elements()


class _Builder:
    """What the parser calls: builds the tree, and gives up at a limit, however much is still to come."""

    def __init__(self) -> None:
        self._open: list[Element] = []
        self._count = 0
        self.root: Element | None = None

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) == MAX_DEPTH:
            raise MalformedImage(f"the SVG has more than {MAX_ELEMENTS:,} elements, or {MAX_DEPTH} within each other")
        element = Element(name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        self._open[-1].children.append(text)

    def close(self) -> None:
        """Nothing is left to do."""


def read_svg(raw: bytes, *, limit: int) -> Element:
    """The root element of an SVG in UTF-8.

    Args:
        limit: of the file, in bytes.

    Raises:
        MalformedImage: no SVG, not well-formed, with a document type, or above a limit.
    """
    if len(raw) > limit:
        raise MalformedImage(f"the image has more than {limit:,} bytes")
    declared = _DECLARED.match(raw[:_MAX_DECLARATION].removeprefix(b"\xef\xbb\xbf"))
    if (declared is not None and declared[1].lower() not in _READ_ENCODINGS) or not _is_utf8(raw):
        raise MalformedImage("the image is neither a PNG nor an SVG in UTF-8")
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, encoding="utf-8", forbid_dtd=True)
    try:
        parser.feed(raw)
        parser.close()
    except (ParseError, DefusedXmlException) as error:
        raise MalformedImage("the image is no well-formed SVG without a document type") from error
    if builder.root is None or builder.root.name != _ROOT:
        raise MalformedImage("the image is not an SVG")
    return builder.root


def clean(root: Element) -> Element:
    """The image of `root` without anything that runs, loads, or leads elsewhere."""
    kept = Element(root.name, _clean_attributes(root))
    for child in root.children:
        if isinstance(child, str):
            kept.children.append(child)
        elif child.name in _ELEMENTS:
            kept.children.append(clean(child))
    return kept


def write_svg(root: Element, first: str) -> bytes:
    """The cleaned image in UTF-8.

    Args:
        first: markup that stands directly behind the opening tag; may use the prefix `openbadges`.
    """
    pieces = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _write(root, pieces, f' xmlns="{SVG}" xmlns:openbadges="{BADGES}"', first)
    return "".join(pieces).encode("utf-8")


def _is_utf8(raw: bytes) -> bool:
    """Whether the parser, which goes by byte order marks and zeros before what it is told, takes it for UTF-8, too."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in raw


def _write(element: Element, pieces: list[str], spaces: str, first: str) -> None:
    name = element.name.removeprefix(f"{{{SVG}}}")
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in element.attributes.items())
    pieces.append(f"<{name}{spaces}{attributes}>{first}")
    for child in element.children:
        if isinstance(child, str):
            pieces.append(escape(child, {"\r": "&#13;"}))
        else:
            _write(child, pieces, "", "")
    pieces.append(f"</{name}>")


def _clean_attributes(element: Element) -> dict[str, str]:
    kept = {}
    for name, value in element.attributes.items():
        if name in _XML_ATTRIBUTES:
            kept[_XML_ATTRIBUTES[name]] = value
        elif name in ("href", _XLINK_HREF):
            if element.name in _GRADIENTS and _LOCAL.fullmatch(value):
                kept["href"] = value
        elif name in _ATTRIBUTES and (name in _SPEAKING or _draws_only(value)):
            kept[name] = value
    return kept


def _draws_only(value: str) -> bool:
    """Whether a value names nothing outside the image: no escapes, no comments, no functions but those of drawing."""
    if "\\" in value or "/*" in value:
        return False
    rest = _LOCAL_URL.sub("", value)
    called = (rest[max(0, found.start() - _LONGEST_CALL) : found.start()] for found in re.finditer(r"\(", rest))
    return all(_CALLED.search(before) for before in called)
