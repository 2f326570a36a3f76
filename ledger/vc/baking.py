"""Puts a credential into an image and takes it out again, as Open Badges 3.0 §“Baked Badge” has it.

PNG: one `iTXt` chunk `openbadgecredential`. SVG: one element `openbadges:credential` directly behind the opening tag,
with the document as its text, or a compact JWT as its attribute `verify`. A credential that an image carried before is
replaced. What is taken out is bytes and nothing more: nobody has looked at a signature.
"""

import re
import zlib
from typing import Final

from ledger.vc.png import SIGNATURE, Chunk, MalformedImage, read_chunks, write_chunks
from ledger.vc.reading import DocumentError
from ledger.vc.svg import CREDENTIAL, Element, clean, read_svg, write_svg

MAX_IMAGE: Final = 1 << 20  # bytes
MAX_TEXT: Final = 1 << 20  # bytes of the credential in it, inflated
_KEYWORD = b"openbadgecredential"
_BLANKS = " \t\r\n"
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", re.ASCII)
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2: all but Char


class NotBaked(DocumentError):
    """The image is sound, and carries no credential."""


class NotBakeable(DocumentError):
    """No image can carry this document so that the same bytes come out again."""


def bake_png(png: bytes, document: bytes, *, limit: int = MAX_IMAGE) -> bytes:
    """The PNG with the document in it, before its pixels.

    Args:
        document: UTF-8, JSON or a compact JWT, of at most `MAX_TEXT` bytes.
        limit: of the PNG, in bytes.

    Raises:
        MalformedImage: `png` is no PNG that is read here.
        NotBakeable: no image can carry the document.
    """
    _carried(document)
    chunks = [chunk for chunk in read_chunks(png, limit=limit) if not _is_credential(chunk)]
    # Keyword, no compression, no language, no translated keyword: PNG §11.3.3.4. "Compression MUST NOT be used."
    baked = Chunk(kind=b"iTXt", data=_KEYWORD + bytes(5) + document)
    pixels = next(place for place, chunk in enumerate(chunks) if chunk.kind == b"IDAT")
    return write_chunks([*chunks[:pixels], baked, *chunks[pixels:]])


def bake_svg(svg: bytes, document: bytes, *, limit: int = MAX_IMAGE) -> bytes:
    """The SVG with the document in it, and without anything that runs, loads or leads elsewhere (`ledger.vc.svg`).

    Args:
        document: as `bake_png`.
        limit: of the SVG, in bytes.

    Raises:
        MalformedImage: `svg` is no SVG that is read here.
        NotBakeable: no image can carry the document.
    """
    text = _carried(document)
    if _NO_XML.search(text):
        raise NotBakeable("the document has a character that no SVG may have")
    if _JWT.fullmatch(text):
        element = f'<openbadges:credential verify="{text}"></openbadges:credential>'
    else:
        # A section of characters ends at ]]>, and would have its carriage returns changed.
        sections = text.replace("]]>", "]]]]><![CDATA[>").replace("\r", "]]>&#13;<![CDATA[")
        element = f"<openbadges:credential><![CDATA[{sections}]]></openbadges:credential>"
    return write_svg(clean(read_svg(svg, limit=limit)), element)


def unbake(raw: bytes, *, limit: int = MAX_IMAGE) -> bytes:
    """The document, or the compact JWT, that a PNG or an SVG carries; believed by nobody yet.

    Args:
        limit: of the image, in bytes.

    Raises:
        NotBaked: the image carries none.
        MalformedImage: it is no PNG or SVG that is read here, is damaged, or carries more than one credential.
    """
    text = _of_png(raw, limit) if raw.startswith(SIGNATURE) else _of_svg(raw, limit)
    if len(text) > MAX_TEXT:
        raise MalformedImage(f"the credential in the image has more than {MAX_TEXT:,} bytes")
    if not text:
        raise MalformedImage("the place of the credential in the image is empty")
    return text


def _carried(document: bytes) -> str:
    """The document as text, if each kind of image gives it back unchanged."""
    if len(document) > MAX_TEXT:
        raise NotBakeable(f"the document has more than {MAX_TEXT:,} bytes")
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotBakeable("the document is not UTF-8") from error
    if not text or text != text.strip(_BLANKS) or "\0" in text:
        raise NotBakeable("the document is empty, begins or ends with a blank, or has a NUL")
    return text


def _is_credential(chunk: Chunk) -> bool:
    return chunk.kind == b"iTXt" and chunk.data.startswith(_KEYWORD + b"\0")


def _of_png(raw: bytes, limit: int) -> bytes:
    found = [chunk for chunk in read_chunks(raw, limit=limit) if _is_credential(chunk)]
    if not found:
        raise NotBaked("this PNG carries no Open Badges 3.0 credential")
    if len(found) > 1:
        raise MalformedImage("the PNG carries more than one credential")
    rest = found[0].data[len(_KEYWORD) + 1 :]
    flags, fields = rest[:2], rest[2:].split(b"\0", 2)  # language, translated keyword, text: whatever the first two say
    if len(fields) != 3 or flags[0] not in (0, 1) or (flags[0] and flags[1]):
        raise MalformedImage("the credential of the PNG stands in a chunk of another form")
    # Bakers must not compress, PNG allows it, and a reader that cannot tell has no reason to refuse.
    text = _inflate(fields[2]) if flags[0] else fields[2]
    return text.strip(_BLANKS.encode("ascii"))


def _inflate(packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(packed, MAX_TEXT + 1)
    except zlib.error as error:
        raise MalformedImage("the credential of the PNG is damaged: it cannot be inflated") from error
    if len(text) <= MAX_TEXT and (not stream.eof or stream.unused_data):
        raise MalformedImage("the credential of the PNG is damaged: it ends too early, or something stands behind it")
    return text


def _of_svg(raw: bytes, limit: int) -> bytes:
    root = read_svg(raw, limit=limit)
    found = [element for element in root.elements() if element.name == CREDENTIAL]
    if not found:
        raise NotBaked("this SVG carries no Open Badges 3.0 credential")
    if len(found) > 1:
        raise MalformedImage("the SVG carries more than one credential")
    return _credential_text(found[0]).encode("utf-8")


def _credential_text(element: Element) -> str:
    text, verify = element.text.strip(_BLANKS), element.attributes.get("verify", "").strip(_BLANKS)
    if text and verify:
        raise MalformedImage("the SVG carries a credential as text, and another one as an attribute")
    return text or verify
