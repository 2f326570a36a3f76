"""RFC 8785 for any JSON, numbers with fractions included; `ledger.canonical` is narrower, and faster."""

import rfc8785

from ledger.vc.reading import Json, MalformedDocument


def canonical_json(value: Json) -> bytes:
    """The RFC 8785 bytes of `value`.

    Raises:
        MalformedDocument: it holds what has no such bytes: an infinity, an integer beyond 2**53 - 1, half a surrogate
            pair, or more levels than Python can follow.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError) as error:
        raise MalformedDocument(f"the document has no canonical JSON: {error}") from error
