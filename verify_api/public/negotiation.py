"""What a reader wants: a page or JSON, and in which form a link asks for it. Reads headers and paths, believes none."""

import re
from functools import lru_cache

_LONGEST_HEADER = 1_000  # characters of Accept that are read
_QUALITY = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
_JSON_SUFFIX = ".json"


def wants_json(accept: str | None) -> bool:
    """Whether JSON is named in `Accept`, and pages are not wanted more (RFC 9110 §12.5.1). Any other wish is a page."""
    return _prefers_json((accept or "")[:_LONGEST_HEADER])


@lru_cache(maxsize=512)  # pure, and browsers have few headers
def _prefers_json(accept: str) -> bool:
    qualities: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        matches = [match for parameter in parameters if (match := _QUALITY.fullmatch(parameter))]
        qualities.setdefault(kind, float(matches[0][1]) if matches else 1.0)
    json = qualities.get("application/json", 0.0)
    html = max(qualities.get("text/html", 0.0), qualities.get("application/xhtml+xml", 0.0))
    return json > 0 and json >= html


def without_suffix(last: str) -> tuple[str, bool]:
    """The last segment of a path without `.json`, and whether it had that."""
    if last[-len(_JSON_SUFFIX) :].lower() == _JSON_SUFFIX:
        return last[: -len(_JSON_SUFFIX)], True
    return last, False
