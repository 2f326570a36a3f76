"""QR codes are decoded by software that is not ours."""

import io
import re
import xml.etree.ElementTree as ET

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from tests.unit.public.samples import CODE
from verify_api.public.links import link_url
from verify_api.public.qr import NotAlphanumeric, qr_png, qr_svg, qr_version

LINK = link_url("https://verify.college.example", CODE, 2)
LONGEST = link_url("https://" + "v" * 32 + ".example", CODE, 1)  # 87 characters


def read(image: Image.Image) -> zxingcpp.Barcode:
    codes = zxingcpp.read_barcodes(image)
    assert len(codes) == 1
    return codes[0]


def drawn(svg: bytes) -> Image.Image:
    """The SVG's path of unit squares on its background, ten pixels a millimetre."""
    root = ET.fromstring(svg)  # noqa: S314  our own output
    side = float(root.attrib["viewBox"].split()[2])
    path = next(element.attrib["d"] for element in root.iter() if element.tag.endswith("path"))
    background = next(element.attrib["fill"] for element in root.iter() if element.tag.endswith("rect"))
    image = Image.new("L", (round(side * 10), round(side * 10)), background)
    pen = ImageDraw.Draw(image)
    for left, top, right, bottom in re.findall(r"M([\d.]+),([\d.]+)H([\d.]+)V([\d.]+)H[\d.]+z", path):
        box = [round(float(value) * 10) for value in (left, top, right, bottom)]
        pen.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=0)
    return image


def test_the_png_decodes_to_the_link_at_level_q() -> None:
    found = read(Image.open(io.BytesIO(qr_png(LINK))))
    assert (found.text, found.ec_level) == (LINK, "Q")


def test_the_svg_decodes_to_the_link_at_level_q() -> None:
    found = read(drawn(qr_svg(LINK)))
    assert (found.text, found.ec_level) == (LINK, "Q")


def test_a_smudged_print_in_grey_still_decodes() -> None:
    image = Image.open(io.BytesIO(qr_png(LINK))).convert("L").point(lambda shade: 70 if shade < 128 else 190)
    side = image.width
    pen = ImageDraw.Draw(image)
    pen.rectangle((side * 0.5, side * 0.5, side * 0.65, side * 0.65), fill=190)
    assert read(image).text == LINK


def test_usual_links_fit_version_five_and_longer_hosts_still_get_a_code() -> None:
    assert len(LONGEST) == 87
    assert qr_version(LINK) <= 5
    assert qr_version(LONGEST) == 5
    assert qr_version(LONGEST + "/2") == 6


def test_four_modules_of_quiet_zone_surround_the_code() -> None:
    image = Image.open(io.BytesIO(qr_png(LINK))).convert("L")
    modules = 17 + 4 * qr_version(LINK) + 2 * 4
    size = image.width // modules
    assert image.width == modules * size
    first = next(x for x in range(image.width) if image.getpixel((x, 4 * size)) == 0)
    assert first == 4 * size
    assert size * modules / 300 * 25.4 >= 25  # millimetres at the 300 dpi that the file names


@pytest.mark.parametrize("text", ["", "https://lower.example", "HTTPS://A.EXAMPLE/C/É"])
def test_text_outside_the_alphanumeric_mode_is_refused(text: str) -> None:
    with pytest.raises(NotAlphanumeric):
        qr_png(text)
