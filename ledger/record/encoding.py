"""base64url without padding, read in one spelling only (RFC 4648 §5, unused bits zero)."""

from binascii import a2b_base64, b2a_base64

from ledger.errors import LedgerError

_TO_URL = bytes.maketrans(b"+/", b"-_")
# What base64 writes otherwise, and the padding, are no spelling here: they become what no decoder takes.
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"===", b"==", b"=")  # by length, modulo 4


class MalformedEncoding(LedgerError):
    """The text is not the one base64url spelling of so many bytes."""


def to_text(raw: bytes) -> str:
    """The base64url spelling of `raw`."""
    return b2a_base64(raw, newline=False).translate(_TO_URL, b"=").decode()


def from_text(text: object, length: int) -> bytes:
    """The `length` bytes that `text` spells.

    Raises:
        MalformedEncoding: not text, another length, or another spelling of the same bytes.
    """
    if type(text) is not str or len(text) != (length * 8 + 5) // 6:
        raise MalformedEncoding(f"not the base64url spelling of {length} bytes")
    try:
        padded = text.encode().translate(_FROM_URL) + _PADDING[len(text) & 3]
        raw = a2b_base64(padded)
    except ValueError as error:
        raise MalformedEncoding("not base64url") from error
    if b2a_base64(raw, newline=False) != padded:  # also refuses what the decoder skips, such as all beyond ASCII
        raise MalformedEncoding("not the one spelling of these bytes")
    return raw
