"""Walks the chunks of a PNG: strict as to form, with limits, and never a pixel decoded.

What the text of a chunk means is decided in `ledger.vc.baking`.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.vc.reading import DocumentError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_SIDE = 4096  # pixels: no badge is larger
MAX_CHUNKS = 4096
_FRAME = 12  # bytes of a chunk beside its data: length, type, CRC
_HEADER = struct.Struct(">IIBBBBB")
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type, PNG §11.2.1
_PALETTE = 3
_CRITICAL = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND"))
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class MalformedImage(DocumentError):
    """The image is not one that can be read one way only, or it is larger than is read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One chunk whose CRC was right."""

    kind: bytes  # 4 ASCII letters
    data: bytes


def read_chunks(raw: bytes, *, limit: int) -> tuple[Chunk, ...]:
    """Every chunk of a PNG, from IHDR to IEND.

    Args:
        limit: of the file, in bytes.

    Raises:
        MalformedImage: it breaks the form of a PNG, or a limit.
    """
    if len(raw) > limit:
        raise MalformedImage(f"the image has more than {limit:,} bytes")
    if not raw.startswith(SIGNATURE):
        raise MalformedImage("this is not a PNG")
    chunks: list[Chunk] = []
    at = len(SIGNATURE)
    while at < len(raw):
        if len(chunks) == MAX_CHUNKS:
            raise MalformedImage(f"the PNG has more than {MAX_CHUNKS:,} chunks")
        chunk = _read_chunk(raw, at)
        if not chunks:
            _check_header(chunk)
        chunks.append(chunk)
        at += _FRAME + len(chunk.data)
    _check_order(chunks)
    return tuple(chunks)


def write_chunks(chunks: Sequence[Chunk]) -> bytes:
    """The PNG that has these chunks."""
    pieces = [SIGNATURE]
    for chunk in chunks:
        named = chunk.kind + chunk.data
        pieces += (len(chunk.data).to_bytes(4, "big"), named, zlib.crc32(named).to_bytes(4, "big"))
    return b"".join(pieces)


def _read_chunk(raw: bytes, at: int) -> Chunk:
    if len(raw) - at < _FRAME:
        raise MalformedImage("the PNG ends within a chunk")
    end = at + 8 + int.from_bytes(raw[at : at + 4], "big")
    if end + 4 > len(raw):
        raise MalformedImage("a chunk of the PNG is longer than what is left of the file")
    kind = raw[at + 4 : at + 8]
    if not _LETTERS.issuperset(kind) or not chr(kind[2]).isupper():
        raise MalformedImage("a chunk of the PNG has a type that is none")
    if zlib.crc32(raw[at + 4 : end]) != int.from_bytes(raw[end : end + 4], "big"):
        raise MalformedImage("a chunk of the PNG is damaged: its check sum is wrong")
    if chr(kind[0]).isupper() and kind not in _CRITICAL:
        raise MalformedImage(f"the PNG has the critical chunk {kind.decode('ascii')}, which nobody knows")
    return Chunk(kind=kind, data=raw[at + 8 : end])


def _check_header(chunk: Chunk) -> None:
    if chunk.kind != b"IHDR" or len(chunk.data) != _HEADER.size:
        raise MalformedImage("the PNG does not begin with its header")
    width, height, depth, colour, compression, filtering, interlace = _HEADER.unpack(chunk.data)
    if not 1 <= width <= MAX_SIDE or not 1 <= height <= MAX_SIDE:
        raise MalformedImage(f"the PNG is not between 1 and {MAX_SIDE:,} pixels wide and high")
    if depth not in _DEPTHS.get(colour, ()) or compression != 0 or filtering != 0 or interlace not in (0, 1):
        raise MalformedImage("the header of the PNG names a kind of image that there is not")


def _check_order(chunks: Sequence[Chunk]) -> None:
    """PNG §5.6, as far as reading depends on it: one header, one palette before the pixels, these together, one end."""
    kinds = [chunk.kind for chunk in chunks]
    if not kinds or kinds.count(b"IHDR") != 1 or b"IEND" in kinds[:-1] or kinds[-1] != b"IEND" or chunks[-1].data:
        raise MalformedImage("the PNG has not one beginning and one end")
    pixels = [place for place, kind in enumerate(kinds) if kind == b"IDAT"]
    if not pixels or pixels[-1] - pixels[0] + 1 != len(pixels):
        raise MalformedImage("the pixels of the PNG are missing, or do not stand together")
    palettes = [place for place, kind in enumerate(kinds) if kind == b"PLTE"]
    if len(palettes) > 1 or any(place > pixels[0] for place in palettes):
        raise MalformedImage("the PNG has a palette where none may stand")
    if chunks[0].data[9] == _PALETTE and not palettes:
        raise MalformedImage("the PNG lacks its palette")
