"""A credential is read from whatever it stands in; what holds none is refused with one kind of error."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.vc.baking import bake_png, bake_svg
from ledger.vc.reading import Json
from ledger.vc.upload import MAX_UPLOAD, UnreadableUpload, Upload, read_upload, read_value
from tests.unit.vc.proofs import document, secured
from tests.unit.vc.test_jwt import claims, compact, header

SIGNED = secured("eddsa-rdfc-2022")
RAW = json.dumps(SIGNED).encode()
JWT = compact(header(), claims())
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="10" height="10"/></svg>'


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", b"\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00")
    + chunk(b"IDAT", zlib.compress(b"\x00\x00"))
    + chunk(b"IEND", b"")
)


def envelope(address: str, **more: Json) -> dict[str, Json]:
    context: Json = "https://www.w3.org/ns/credentials/v2"
    return {"@context": context, "type": "EnvelopedVerifiableCredential", "id": address, **more}


@pytest.mark.parametrize(
    "raw",
    [
        RAW,
        b"\n " + RAW + b"\r\n",
        json.dumps({"credential": SIGNED}).encode(),
        bake_png(PNG, RAW),
        bake_svg(SVG, RAW),
        b"  " + bake_svg(SVG, RAW),
    ],
)
def test_document_is_read_from_whatever_it_stands_in(raw: bytes) -> None:
    assert read_upload(raw) == Upload(document=SIGNED, inside=())


@pytest.mark.parametrize(
    "raw",
    [
        JWT,
        JWT + b"\n",
        json.dumps({"credential": JWT.decode()}).encode(),
        bake_png(PNG, JWT),
        bake_svg(SVG, JWT),
        json.dumps(envelope(f"data:application/vc+jwt,{JWT.decode()}")).encode(),
        json.dumps(envelope(f"data:application/jwt,{JWT.decode()}")).encode(),
        json.dumps(envelope(f"data:application/vc-ld+jwt;base64url,{JWT.decode()}")).encode(),
    ],
)
def test_jwt_is_read_from_whatever_it_stands_in(raw: bytes) -> None:
    upload = read_upload(raw)
    assert upload.jwt is not None
    assert upload.document == upload.jwt.document == document()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "neither JSON, nor a JWT"),
        (b"hello", "neither JSON, nor a JWT"),
        (b"{", "not JSON"),
        (b"[]", "neither JSON, nor a JWT"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":' + b"[" * 1_000 + b"]" * 1_000 + b"}", "deeper"),
        (b"\xef\xbb\xbf{}", "neither JSON, nor a JWT"),
        (b" " * (MAX_UPLOAD + 1), "more than"),
        (b"a.b.c", "JWT"),
        (JWT[:-2] + b"\xff\xff", "neither JSON, nor a JWT"),
        (PNG, "carries no"),
        (SVG, "carries no"),
        (PNG[:40], "PNG"),
        (b"<svg", "SVG"),
        (b'{"credential":7}', "JSON object or a JWT"),
        (b'{"credential":"x"}', "neither JSON, nor a JWT"),
        (json.dumps(envelope("https://a.example/vc")).encode(), "malformed"),
        (json.dumps(envelope("data:application/vc+jwt,a.b.c", **{"@context": []})).encode(), "malformed"),
        (json.dumps(envelope("data:text/html,<p>")).encode(), "something else than a JWT"),
        (json.dumps(envelope("data:application/vc+jwt,a")).encode(), "neither JSON, nor a JWT"),
    ],
)
def test_what_holds_no_credential_is_refused_and_told_why(raw: bytes, reason: str) -> None:
    with pytest.raises(UnreadableUpload, match=reason):
        read_upload(raw)


def test_gibibyte_in_a_small_image_is_not_inflated() -> None:
    deflated = zlib.compress(b" " * (8 << 20), 9)
    bomb = PNG[:-12] + chunk(b"iTXt", b"openbadgecredential\x00\x01\x00\x00\x00" + deflated) + PNG[-12:]
    with pytest.raises(UnreadableUpload):
        read_upload(bomb)


def test_envelope_in_an_envelope_is_no_credential_to_be_unpacked_for_ever() -> None:
    value: dict[str, Json] = {"credential": SIGNED}
    assert read_upload(json.dumps({"credential": value}).encode()).document == value  # judged as it is: no credential


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read_upload(raw)
    except UnreadableUpload:
        return


@given(st.recursive(st.none() | st.text(max_size=8), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_value_is_read_or_refused(value: Json) -> None:
    try:
        read_value(value)
    except UnreadableUpload:
        return


def test_what_is_inside_is_read_and_what_cannot_be_is_told_of() -> None:
    inside: list[Json] = [SIGNED, {"type": "EnvelopedVerifiableCredential", "id": "data:text/plain,nothing"}]
    upload = read_value({**document(), "termsOfUse": inside})
    assert upload.inside is not None
    told, whole = sorted(upload.inside, key=lambda each: isinstance(each, Upload))
    assert isinstance(whole, Upload)
    assert (whole.document, whole.inside) == (SIGNED, ())
    assert isinstance(told, str)
    assert told.endswith(".")
