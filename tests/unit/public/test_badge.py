"""The image of a badge: readable colours, every script, and nothing in it but words."""

import io
from dataclasses import replace

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ledger.vc.baking import bake_svg
from ledger.vc.reading import MalformedDocument
from verify_api.public.badge import BadgeImages, Face, colours, face_of

FACE = Face(
    title="Donning and Doffing Personal Protective Equipment",
    issuer="Lakeshore College",
    issuer_id="did:web:verify.college.example:issuers:lakeshore",
    description="Safe use of protective equipment",
    language="en",
)
IMAGES = BadgeImages()
TEXT = "{http://www.w3.org/2000/svg}text"
TRAPS = (
    '#panic("x") $x$ *b* `c` @d <e> //',
    "</title><script>alert(1)</script>",
    ']]>&amp;&#0; \\u{41} #import "x"',
    '"}}; #read("/etc/passwd")',
    "\u202eevil\u2066 \x00 \ufffe \n\t",
    "傷の手当てと感染予防の基礎コース",
    "العناية بالجروح",
    "W" * 400,
    "",
)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@given(issuer=st.text(max_size=60))
def test_what_is_written_can_be_read_whoever_the_issuer_is(issuer: str) -> None:
    ground, tint = colours(issuer)
    assert 1.05 / (luminance(ground) + 0.05) >= 4.5
    assert (luminance(tint) + 0.05) / (luminance(ground) + 0.05) >= 4.5


def test_issuers_have_colours_of_their_own() -> None:
    assert len({colours(f"did:web:college-{number}.example") for number in range(50)}) > 40


def words(svg: bytes) -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(TEXT)]


def test_badge_shows_the_title_and_the_issuer() -> None:
    assert " ".join(words(IMAGES.svg(FACE))) == f"{FACE.title} {FACE.issuer}"


@pytest.mark.parametrize("text", TRAPS)
def test_text_of_a_stranger_stays_text_in_both_images(text: str) -> None:
    face = Face(title=text, issuer=text, issuer_id=text, description=text, language=text)
    root = ElementTree.fromstring(IMAGES.svg(face), forbid_dtd=True)
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "rect",
        "path",
        "g",
        "text",
    }
    with Image.open(io.BytesIO(IMAGES.png(face))) as image:
        image.load()
        assert image.size == (600, 600)


@given(title=st.text(max_size=450), issuer=st.text(max_size=200))
def test_every_line_is_on_the_badge_and_says_what_the_title_begins_with(title: str, issuer: str) -> None:
    svg = IMAGES.svg(replace(FACE, title=title, issuer=issuer))
    rows = list(ElementTree.fromstring(svg).iter(TEXT))
    assert all(20 < float(each.attrib["y"]) < 384 for each in rows)
    titles = "".join("".join("".join(row.itertext()) for row in rows if row.get("fill") == "#ffffff").split())
    plain = "".join(IMAGES_PLAIN(title).split())
    assert titles == plain or plain.startswith(titles.removesuffix("…"))


def IMAGES_PLAIN(text: str) -> str:  # noqa: N802
    return "".join(ElementTree.fromstring(IMAGES.svg(replace(FACE, title=text))).findtext("{*}title") or "")


def test_image_loses_nothing_by_being_cleaned() -> None:
    svg = IMAGES.svg(FACE)
    body = svg.partition(b"<title")[2].replace(b"/>", b"></X>")
    cleaned = bake_svg(svg, b"{}")
    for piece in (
        b'role="img"',
        b'aria-labelledby="badge-title"',
        b'aria-describedby="badge-description"',
        b'lang="en"',
    ):
        assert piece in cleaned
    assert body.count(b"<") == cleaned.partition(b"<title")[2].count(b"<")


def test_same_face_gives_the_same_bytes_and_another_face_others() -> None:
    again = BadgeImages()
    assert (again.png(FACE), again.svg(FACE)) == (IMAGES.png(FACE), IMAGES.svg(FACE))
    other = replace(FACE, title="Another")
    assert (IMAGES.png(other) != IMAGES.png(FACE), IMAGES.svg(other) != IMAGES.svg(FACE)) == (True, True)


def test_face_is_read_from_the_badge_and_empty_where_that_says_nothing() -> None:
    badge = (
        b'{"issuer":{"id":"did:web:x","name":"X"},'
        b'"credentialSubject":{"achievement":{"name":"T","description":"D","inLanguage":"de"}}}'
    )
    assert face_of(badge) == Face(title="T", issuer="X", issuer_id="did:web:x", description="D", language="de")
    assert face_of(b'{"issuer":"did:web:x","credentialSubject":[{}]}') == Face(
        title="", issuer="", issuer_id="", description="", language=""
    )
    with pytest.raises(MalformedDocument):
        face_of(b"[]")
