"""Reads a credential in whatever form somebody has it: JSON, compact JWT, PNG, SVG, or one of these inside another.

What it is worth is not asked here. No key, no network; every limit on size stands in the readers that this calls.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ledger.vc.baking import unbake
from ledger.vc.data_model import DataModelViolated, check_enveloped, types_of
from ledger.vc.embedded import MOST_INSIDE, embedded_in
from ledger.vc.jwt import Jwt, read_jwt
from ledger.vc.reading import MAX_DOCUMENT, Document, DocumentError, Json, read_document

MAX_UPLOAD: Final = MAX_DOCUMENT  # bytes
_ENVELOPED: Final = "EnvelopedVerifiableCredential"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_BLANKS: Final = b" \t\r\n"
# VC-JOSE-COSE 1.0 §3.1.3: what a data: URL of a JWT may say of itself; some leave the "vc" out.
_DATA: Final = re.compile(r"data:application/(?:vc(?:-ld)?\+)?jwt(?:;[a-z0-9=-]+)*,([A-Za-z0-9._-]+)", re.ASCII)
_JWT: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


class UnreadableUpload(DocumentError):
    """What was sent holds no credential that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A credential as it was sent."""

    document: Document
    jwt: Jwt | None = None  # that it stood in
    # The credentials inside it, at all levels, or a sentence about one that cannot be read; None where they are too
    # many or were not looked for. Of those inside it is empty: what is inside them is inside the whole.
    inside: "tuple[Upload | str, ...] | None" = None


def read_upload(raw: bytes) -> Upload:
    """The credential in a file.

    Raises:
        UnreadableUpload: it is none of the kinds that are read here, or damaged; the message says which and how.
    """
    if len(raw) > MAX_UPLOAD:
        raise UnreadableUpload(f"the file has more than {MAX_UPLOAD:,} bytes")
    try:
        text = raw if raw.startswith(_PNG) else raw.strip(_BLANKS)
        if text.startswith((_PNG, b"<")):
            text = unbake(text).strip(_BLANKS)
        return _read_text(text)
    except UnreadableUpload:
        raise
    except DocumentError as error:
        raise UnreadableUpload(str(error)) from error


def read_value(value: Json, *, most: int = MOST_INSIDE) -> Upload:
    """The credential in a JSON value: the document itself, a compact JWT, or an envelope around one.

    Args:
        most: credentials inside it that are read.

    Raises:
        UnreadableUpload.
    """
    upload = _read_alone(value)
    embedded = embedded_in(upload.document, most=most)
    return replace(upload, inside=tuple(map(_read_inside, embedded.values)) if embedded.complete else None)


def _read_inside(value: Json) -> Upload | str:
    try:
        return replace(_read_alone(value), inside=())
    except UnreadableUpload as error:
        return f"{error}."


def _read_alone(value: Json) -> Upload:
    if isinstance(value, str):
        return _read_jwt(value.encode("utf-8"))
    if not isinstance(value, Mapping):
        raise UnreadableUpload("a credential is a JSON object or a JWT")
    if _ENVELOPED not in types_of(value):
        return Upload(document=value)
    try:
        address = check_enveloped(value, _ENVELOPED)
    except DataModelViolated as error:
        raise UnreadableUpload(f"the envelope is malformed: {error}") from error
    match = _DATA.fullmatch(address)
    if match is None:
        raise UnreadableUpload("the envelope holds something else than a JWT")
    return _read_jwt(match[1].encode("ascii"))


def _read_text(text: bytes) -> Upload:
    if not text.startswith(b"{"):
        return read_value(text.decode("latin-1"))
    document = read_document(text)
    if "@context" not in document and "credential" in document:
        return read_value(document["credential"])
    return read_value(document)


def _read_jwt(raw: bytes) -> Upload:
    if not _JWT.fullmatch(raw):
        raise UnreadableUpload("the file is neither JSON, nor a JWT, nor a PNG or SVG image")
    try:
        jwt = read_jwt(raw)
    except DocumentError as error:
        raise UnreadableUpload(str(error)) from error
    return Upload(document=jwt.document, jwt=jwt)
