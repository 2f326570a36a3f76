"""Base64 with one spelling for each value, as notes, verifier keys and checkpoints use it (RFC 4648 §4)."""

from base64 import b64decode, b64encode


def to_base64(raw: bytes) -> str:
    """The one spelling of `raw`: standard alphabet, with padding, without line breaks."""
    return b64encode(raw).decode("ascii")


def from_base64(text: str) -> bytes | None:
    """The bytes of which `text` is the one spelling, or None if there are none."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return None
    # RFC 4648 §3.5: decoders may ignore set bits in the padding of the last digit; here such a text is refused.
    return raw if to_base64(raw) == text else None
