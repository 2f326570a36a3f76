"""What a reader wants: a page or JSON, and in which form a link asks for it. Reads headers and paths, believes none."""

import re
from functools import lru_cache

_LONGEST_HEADER = 1_000  # characters of Accept that are read
_QUALITY = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
_JSON_SUFFIX = ".json"
# The most precise name of a credential first: VC Data Model 2.0 registers it; Open Badges 3.0 §“Web Resource” still has
# a name from before, and allows others. Widespread clients read no body whose type lacks “json”, and ask for that.
CREDENTIAL_TYPES = ("application/vc", "application/ld+json", "application/json")


def wants_json(accept: str | None) -> bool:
    """Whether JSON is named in `Accept`, and pages are not wanted more (RFC 9110 §12.5.1). Any other wish is a page."""
    return _prefers_json((accept or "")[:_LONGEST_HEADER])


@lru_cache(maxsize=512)  # pure, and browsers have few headers
def _prefers_json(accept: str) -> bool:
    qualities = _qualities(accept)
    json = qualities.get("application/json", 0.0)
    html = max(qualities.get("text/html", 0.0), qualities.get("application/xhtml+xml", 0.0))
    return json > 0 and json >= html


def credential_type(accept: str | None) -> str:
    """Under which of its media types a credential is given out: the one named in `Accept`, else the most precise.

    VC Data Model 2.0 §6.2.1 allows the less precise ones.
    """
    return _credential_type((accept or "")[:_LONGEST_HEADER])


@lru_cache(maxsize=512)
def _credential_type(accept: str) -> str:
    qualities = _qualities(accept)
    best = max(CREDENTIAL_TYPES, key=lambda kind: qualities.get(kind, 0.0))
    return best if qualities.get(best, 0.0) > 0 else CREDENTIAL_TYPES[0]


def _qualities(accept: str) -> dict[str, float]:
    """How much each media type that is named is wanted, in lower case."""
    qualities: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        matches = [match for parameter in parameters if (match := _QUALITY.fullmatch(parameter))]
        qualities.setdefault(kind, float(matches[0][1]) if matches else 1.0)
    return qualities


def without_suffix(last: str) -> tuple[str, bool]:
    """The last segment of a path without `.json`, and whether it had that."""
    if last[-len(_JSON_SUFFIX) :].lower() == _JSON_SUFFIX:
        return last[: -len(_JSON_SUFFIX)], True
    return last, False
