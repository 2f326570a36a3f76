"""QR codes as images: a link and nothing else, made to be read from paper."""

import io

import qrcode
from qrcode.constants import ERROR_CORRECT_Q
from qrcode.image.pil import PilImage
from qrcode.image.pure import PyPNGImage
from qrcode.image.svg import SvgPathFillImage
from qrcode.util import ALPHA_NUM, QRData

from ledger.errors import LedgerError

_QUIET_ZONE = 4  # modules, ISO/IEC 18004 §6.3.8
_PIXELS = 12  # per module: above 30 mm at 300 dpi for the smallest version in use
_DPI = 300


class NotAlphanumeric(LedgerError):
    """The text needs a larger kind of QR code than the one that is printed."""


def qr_png(text: str) -> bytes:
    """A PNG of the QR code of `text`, black on white, with its quiet zone, sized for print at 300 dpi.

    Raises:
        NotAlphanumeric: `text` has characters outside QR alphanumeric mode.
    """
    out = io.BytesIO()
    image: PilImage = _code(text).make_image(image_factory=PilImage)
    image.save(out, format="PNG", dpi=(_DPI, _DPI))
    return out.getvalue()


def qr_svg(text: str) -> bytes:
    """An SVG of the QR code of `text`, black on white, with its quiet zone, 1 mm a module.

    Raises:
        NotAlphanumeric: `text` has characters outside QR alphanumeric mode.
    """
    out = io.BytesIO()
    image: SvgPathFillImage = _code(text).make_image(image_factory=SvgPathFillImage)
    image.save(out)
    return out.getvalue()


def qr_version(text: str) -> int:
    """The size of the QR code of `text`: version 1 has 21 modules a side, each further one 4 more."""
    return _code(text).version


def _code(text: str) -> "qrcode.QRCode[PilImage | PyPNGImage]":
    raw = text.encode("utf-8")
    if not raw or any(byte not in ALPHA_NUM for byte in raw):
        raise NotAlphanumeric("a QR link has digits, upper-case letters and $ % * + - . / : only")
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_Q, border=_QUIET_ZONE, box_size=_PIXELS)
    code.add_data(QRData(raw), optimize=0)  # one segment, alphanumeric as every character is
    code.make(fit=True)
    return code
