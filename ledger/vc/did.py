"""Who controls which keys: DIDs, their documents read and written, and where a `did:web` document lies.

Controlled Identifiers 1.0, and the methods `did:key` and `did:web`. Nothing is fetched here: who resolves a DID is
given as a `Resolve`; the addresses that may be asked are judged where the asking is done.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.domain.types import Kid
from ledger.vc.jcs import canonical_json
from ledger.vc.keys import MalformedPublicKey, UnsupportedKey, VerificationKey, read_jwk, read_multikey
from ledger.vc.reading import Document, DocumentError, Json, read_document
from ledger.vc.spelling import MalformedSpelling, from_time

# Controlled Identifiers 1.0 §2.3. Keys for agreement sign nothing and are not looked at.
RELATIONSHIPS: Final = ("assertionMethod", "authentication", "capabilityInvocation", "capabilityDelegation")
WRITTEN_CONTEXTS: Final = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1")
MAX_METHODS: Final = 256  # of one document; each key costs a check of its point

_MAX_DID: Final = 1024  # characters
_SHOWN: Final = 80  # characters of a refused DID that a message repeats
_KEY: Final = re.compile(r"did:key:(z[1-9A-HJ-NP-Za-km-z]+)")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# did:web §3.1: a domain name (its last label begins with a letter: an IP address must not be named), a port as %3A,
# and path segments. Segments with escapes are not read: what they would become is not said clearly enough.
_WEB: Final = re.compile(
    rf"did:web:(?P<host>(?:{_LABEL}\.)*(?=[A-Za-z]){_LABEL})(?:%3[Aa](?P<port>[1-9][0-9]{{0,4}}))?(?P<path>(?::[A-Za-z0-9._-]+)*)"
)


class DidNotResolved(DocumentError):
    """The document of this identifier could not be had, so nothing can be said of its keys."""


class MalformedDid(DidNotResolved):
    """This is no DID, or none of a method that is understood here."""


class MalformedController(DidNotResolved):
    """What was found is no document that says which keys this identifier controls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationMethod:
    """One public key as a document names it."""

    id: str  # absolute, with a fragment
    controller: str  # who controls the key
    key: VerificationKey
    expires: datetime | None = None  # from then on nothing verifies with it
    revoked: datetime | None = None  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerDocument:
    """Which keys an identifier controls, and for what."""

    id: str
    methods: Mapping[str, VerificationMethod]  # by id
    relationships: Mapping[str, frozenset[str]]  # ids by name of the relationship; those of `unsupported` too
    unsupported: frozenset[str] = frozenset()  # ids of methods whose kind of key is not used here


# The document of a DID (all before the "#" of a method's id), or `DidNotResolved`.
Resolve = Callable[[str], ControllerDocument]


def resolve_key(did: str) -> ControllerDocument:
    """The document of a `did:key`, which the DID itself spells: one key, for every relationship that signs.

    Raises:
        MalformedDid: it is no `did:key`, or of a key that may not be trusted.
    """
    match = _KEY.fullmatch(did) if len(did) <= _MAX_DID else None
    if match is None:
        raise MalformedDid(f"{_shown(did)} is no did:key")
    name = f"{did}#{match[1]}"
    relationships = dict.fromkeys(RELATIONSHIPS, frozenset((name,)))
    try:
        key = read_multikey(match[1])
    except UnsupportedKey:
        return ControllerDocument(id=did, methods={}, relationships=relationships, unsupported=frozenset((name,)))
    except MalformedPublicKey as error:
        raise MalformedDid(f"{_shown(did)} names no key: {error}") from error
    method = VerificationMethod(id=name, controller=did, key=key)
    return ControllerDocument(id=did, methods={name: method}, relationships=relationships)


def web_address(did: str) -> str:
    """The https URL of the document of a `did:web`.

    Raises:
        MalformedDid: it is no `did:web`, names an IP address, or has segments that would not stay where they stand.
    """
    match = _WEB.fullmatch(did) if len(did) <= _MAX_DID else None
    if match is None:
        raise MalformedDid(f"{_shown(did)} is no did:web: a domain name, a port as %3A, and segments after colons")
    host, port, path = match["host"], match["port"], match["path"]
    segments = path.split(":")[1:]
    if len(host) > 253 or int(port or "1") > 65535 or not {".", ".."}.isdisjoint(segments):
        raise MalformedDid(f"{_shown(did)} is no did:web: its host, port or path cannot be")
    authority = host if port is None else f"{host}:{port}"
    return f"https://{authority}/{'/'.join(segments) or '.well-known'}/did.json"


def write_document(did: str, keys: Sequence[Kid]) -> bytes:
    """The document of one of our DIDs: `keys` as Multikeys named `<did>#<kid>`, each for `assertionMethod`.

    The same arguments give the same bytes: RFC 8785, the keys in the order given.

    Args:
        did: the DID of an issuer, or of who runs this ledger.
        keys: the keys under which its documents verify: those in force and those retired, none reported stolen.
    """
    methods: list[Json] = [
        {"controller": did, "id": f"{did}#{kid}", "publicKeyMultibase": kid, "type": "Multikey"}
        for kid in dict.fromkeys(keys)
    ]
    ids: list[Json] = [f"{did}#{kid}" for kid in dict.fromkeys(keys)]
    return canonical_json(
        {"@context": list(WRITTEN_CONTEXTS), "assertionMethod": ids, "id": did, "verificationMethod": methods}
    )


def read_controller_document(raw: bytes, did: str) -> ControllerDocument:
    """The keys that the document `raw` says `did` controls.

    Members, contexts and types of methods that are unknown are passed over: such a document is read, not verified.
    What is known has to be right.

    Raises:
        MalformedController: no JSON object, of another identifier, or with a method or a key that is not right.
    """
    try:
        document = read_document(raw)
        return _Reader(did).read(document)
    except MalformedController:
        raise
    except DocumentError as error:
        raise MalformedController(f"the document of {_shown(did)} cannot be used: {error}") from error


class _Reader:
    """What was read of one document so far."""

    __slots__ = ("_did", "_methods", "_relationships", "_seen", "_unsupported")

    def __init__(self, did: str) -> None:
        self._did = did
        self._methods: dict[str, VerificationMethod] = {}
        self._relationships: dict[str, frozenset[str]] = {}
        self._seen: set[str] = set()
        self._unsupported: set[str] = set()

    def read(self, document: Document) -> ControllerDocument:
        """The document, its methods embedded in relationships as well as those in `verificationMethod`."""
        # Controlled Identifiers 1.0 §3.3: the id of the document must be the URL that led to it.
        if document.get("id") != self._did:
            raise MalformedController(f"the document found for {_shown(self._did)} has another id")
        for value in _listed(document, "verificationMethod"):
            if not isinstance(value, Mapping):
                raise MalformedController("an entry of verificationMethod is no object")
            self._method(value)
        for name in RELATIONSHIPS:
            if name in document:
                self._relationships[name] = frozenset(self._related(_listed(document, name)))
        return ControllerDocument(
            id=self._did,
            methods=self._methods,
            relationships=self._relationships,
            unsupported=frozenset(self._unsupported),
        )

    def _related(self, values: Sequence[Json]) -> Iterator[str]:
        """The ids of methods, referenced or embedded. A reference to nothing is kept; no method will answer to it."""
        for value in values:
            if isinstance(value, Mapping):
                yield self._method(value)
            elif isinstance(value, str):
                yield self._absolute(value)
            else:
                raise MalformedController("an entry of a relationship is neither an id nor a method")

    def _method(self, value: Mapping[str, Json]) -> str:
        """Take in one method and give its id."""
        spelled, controller = value.get("id"), value.get("controller")
        if not isinstance(spelled, str) or not isinstance(controller, str):
            raise MalformedController("a verification method has to have an id and a controller")
        name = self._absolute(spelled)
        # One id, one key: of two methods with one id, a reader could take either.
        if name in self._seen or len(self._seen) >= MAX_METHODS:
            raise MalformedController("two verification methods have the same id, or there are too many")
        self._seen.add(name)
        if "secretKeyMultibase" in value or "privateKeyJwk" in value:
            raise MalformedController("a verification method shows its private key, so whoever reads it can sign")
        times = {member: _time(value, member) for member in ("expires", "revoked")}
        try:
            key = _key(value)
        except UnsupportedKey:
            self._unsupported.add(name)
        else:
            self._methods[name] = VerificationMethod(
                id=name, controller=controller, key=key, expires=times["expires"], revoked=times["revoked"]
            )
        return name

    def _absolute(self, spelled: str) -> str:
        """An id of a method in full; `#key-1` is relative to the DID (DID 1.0 §3.2.2)."""
        return self._did + spelled if spelled.startswith("#") else spelled


def _key(value: Mapping[str, Json]) -> VerificationKey:
    """The key of one method."""
    kind = value.get("type")
    if kind == "Multikey":
        text = value.get("publicKeyMultibase")
        if not isinstance(text, str):
            raise MalformedController("a Multikey has to have publicKeyMultibase")
        return read_multikey(text)
    if kind in ("JsonWebKey", "JsonWebKey2020"):
        jwk = value.get("publicKeyJwk")
        if not isinstance(jwk, Mapping):
            raise MalformedController("a JsonWebKey has to have publicKeyJwk")
        return read_jwk(jwk)
    raise UnsupportedKey("this type of verification method is not used here")


def _listed(document: Document, name: str) -> Sequence[Json]:
    """The values of a member that may be missing, one value or a list."""
    value = document.get(name, [])
    return value if isinstance(value, list) else [value]


def _time(value: Mapping[str, Json], name: str) -> datetime | None:
    """A time of a method, if it has one."""
    if name not in value:
        return None
    text = value[name]
    if not isinstance(text, str):
        raise MalformedController(f"the member {name} of a verification method is no time")
    try:
        return from_time(text)
    except MalformedSpelling as error:
        raise MalformedController(f"the member {name} of a verification method is no time: {error}") from error


def _shown(did: str) -> str:
    """A DID as a message may repeat it: escaped to ASCII and short."""
    return ascii(did if len(did) <= _SHOWN else did[:_SHOWN] + "...")
