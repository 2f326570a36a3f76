"""The JSON-LD contexts that documents may use: files of this package, pinned by their SHA-256; none is fetched."""

import hashlib
from functools import cache
from importlib import resources

from ledger.vc.reading import DocumentError

CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
OPEN_BADGES_EXTENSIONS = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"
CLR = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"

_OB = "https://purl.imsglobal.org/spec/ob/v3p0/"
_W3 = "https://www.w3.org/ns/"

# By URL: file of `data/contexts`, and its SHA-256. Where each comes from stands in `data/README.md`.
_PINNED = {
    CREDENTIALS_V2: ("credentials-v2", "8a9f494a89ecc51db093e90e84713e07e84d6d9204364a9b3c7868b21751236f"),
    "https://www.w3.org/2018/credentials/v1": (
        "credentials-v1",
        "00d7dd6d3ad8b920e3e550dd3a3d9090bffcac84cdbf943da6924b3e0a5c8bb8",
    ),
    OPEN_BADGES: ("open-badges-3.0.3", "ef2fa9c7846dce233cc166b43639027278be4ee44f00bb1d45c75de2dd0cd761"),
    _OB + "context-3.0.2.json": (
        "open-badges-3.0.2",
        "00666ad080ba407687ed1846b7f5e7495f5019042b202a727de47c48a1755c53",
    ),
    _OB + "context-3.0.1.json": (
        "open-badges-3.0.1",
        "af095468326d3449160509b26ca71576e6321d13c85b0369cfe3b654c9a48fba",
    ),
    OPEN_BADGES_EXTENSIONS: (
        "open-badges-extensions",
        "2d013f981d1f4516081a6a04e55468ba2b071d4153b794f19a79715c45a89a5e",
    ),
    CLR: ("clr-2.0.1", "d371397030ae9b16a37c468fac463d37ff441f3a7bb364ddfc964624c573b847"),
    "https://w3id.org/security/data-integrity/v2": (
        "data-integrity-v2",
        "0f77743daf5b4e8fc067fc5ba5b21044283053aa717fc6b0219843bed3b00363",
    ),
    "https://w3id.org/security/data-integrity/v1": (
        "data-integrity-v1",
        "b5d829bd09aa7c42abc6efa0c8ed7635313b5487f37ccfce3ecd149ca9418554",
    ),
    "https://w3id.org/security/multikey/v1": (
        "multikey-v1",
        "c5f3806f8286920573221938917988a18a4cc5a09e968d29649613c7a1c2b1f6",
    ),
    _W3 + "did/v1": ("did-v1", "62c1054bf404d6dd3a4b26b64f830fd72095f6a26edc4469908c94351352ce5f"),
    _W3 + "credentials/examples/v2": (
        "examples-v2",
        "57393fbc69d6efb9b9b5dc9cb6b9880b0944360abfe2eaf459c9e58cf2279d7c",
    ),
    _W3 + "credentials/undefined-terms/v2": (
        "undefined-terms-v2",
        "82dab514ba44eb18f5d1b0f638c5e140c6a556fbfb5089601bdc0fa5eb8b2581",
    ),
}

KNOWN = frozenset(_PINNED)
_FILES = resources.files("ledger.vc") / "data" / "contexts"
_SHOWN = 200  # characters of what a stranger wrote, in a message


class UnknownContext(DocumentError):
    """A document uses a context that is not bundled, or one that is not named by its URL."""


class DamagedContext(DocumentError):
    """A bundled context file is not the one that was shipped. Install the package again."""


@cache
def context(url: str) -> bytes:
    """The bundled file of the context `url`, as it was pinned.

    Raises:
        UnknownContext: no such context is bundled.
        DamagedContext: the file is not the one that was pinned.
    """
    if url not in _PINNED:
        raise UnknownContext(f"the context {url[:_SHOWN]!r} is not known here, and none is fetched")
    name, digest = _PINNED[url]
    try:
        raw = (_FILES / f"{name}.json").read_bytes()
    except OSError as error:
        raise DamagedContext(f"the context file {name}.json cannot be read: {error}") from error
    if hashlib.sha256(raw).hexdigest() != digest:
        raise DamagedContext(f"the context file {name}.json is not the one that was shipped")
    return raw
