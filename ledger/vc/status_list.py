"""Bitstring Status Lists 1.0 of the W3C: bits as text, the credential that publishes them, what an entry's bit says.

Lists of anybody are read, with limits; ours have 131,072 bits and one purpose, `revocation`. Which bit is set is
decided in `ledger.domain.status`; proofs are checked in `ledger.vc.data_integrity`.
"""

import re
import zlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from gzip import compress
from typing import Final

from ledger.domain.types import Did, Kid, ListId, Slug
from ledger.domain.values import host_of, slug_of
from ledger.vc.data_integrity import check as check_proofs
from ledger.vc.did import read_controller_document, write_document
from ledger.vc.reading import Document, DocumentError, Json, read_document
from ledger.vc.spelling import MalformedSpelling, from_base64url, from_time, to_base64url

LEAST_BITS: Final = 131_072  # "minimumNumberOfEntries", below which single holders could be told apart
MOST_BYTES: Final = 2**24  # of a list that is inflated: a gibibyte of zeros fits in a megabyte of gzip
VALID: Final = timedelta(hours=24)  # a list of ours, after it was made
TTL: Final = 300_000  # milliseconds that a list of ours may be kept by whoever read it

CREDENTIAL: Final = "BitstringStatusListCredential"
LIST: Final = "BitstringStatusList"
ENTRY: Final = "BitstringStatusListEntry"
_LATEST: Final = datetime.max.replace(tzinfo=UTC) - VALID  # beyond it, the calendar ends before a list does
_V2: Final = "https://www.w3.org/ns/credentials/v2"
_MULTIBASE: Final = "u"  # base64url without padding
_LONGEST: Final = 2**25  # characters of a list as text: more than what is inflated could need
_GZIP: Final = zlib.MAX_WBITS | 16
_LEVEL: Final = 5  # of compression; the most costs a hundred times as much for lists with some thousand bits set
_INDEX = re.compile(r"0|[1-9][0-9]{0,11}")


class MalformedStatusList(DocumentError):
    """The text is no list of bits, or one that is too small or too large to be read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason  # snake_case


def encode(bits: bytes) -> str:
    """Bits as `encodedList`: gzip in base64url, behind the letter that says so. Bit 0 is the left-most of byte 0."""
    return _MULTIBASE + to_base64url(compress(bits, _LEVEL, mtime=0))


def decode(text: str) -> bytes:
    """The bits of an `encodedList`, however far they would inflate.

    Raises:
        MalformedStatusList: another multibase or spelling, no gzip or not one whole member, fewer bits than 131,072
            or more bytes than `MOST_BYTES`.
    """
    if not text.startswith(_MULTIBASE):
        raise MalformedStatusList("status_list_malformed", "a status list is multibase base64url: it begins with u")
    if len(text) > _LONGEST:
        raise MalformedStatusList("status_list_too_large", "the status list is too long to be read")
    inflating = zlib.decompressobj(_GZIP)
    try:
        bits = inflating.decompress(from_base64url(text[len(_MULTIBASE) :]), MOST_BYTES + 1)
    except (MalformedSpelling, zlib.error) as error:
        raise MalformedStatusList("status_list_malformed", f"the status list cannot be read: {error}") from error
    if len(bits) > MOST_BYTES:
        raise MalformedStatusList("status_list_too_large", f"the status list inflates beyond {MOST_BYTES} bytes")
    if not inflating.eof or inflating.unused_data:
        raise MalformedStatusList("status_list_malformed", "the status list ends too early, or something follows it")
    if len(bits) * 8 < LEAST_BITS:
        raise MalformedStatusList("status_list_too_short", f"a status list has {LEAST_BITS} bits at least")
    return bits


def is_set(bits: bytes, index: int) -> bool:
    """Whether a bit, counted from the left-most one of byte 0, is 1; False for any that is not there."""
    return 0 <= index < len(bits) * 8 and bool(bits[index >> 3] & 0x80 >> (index & 7))


def address_of(base_url: str, slug: Slug, status_list: ListId) -> str:
    """Where a list of ours is published."""
    return f"{base_url}/status/{slug}/{to_base64url(status_list)}"


def build(*, address: str, issuer: Did, bits: bytes, made: datetime) -> dict[str, Json]:
    """The credential of one of our lists, not yet signed.

    Args:
        address: where it is published, which is its id.
        made: the moment from which it holds.
    """
    return _framed(address, issuer, encode(bits), made)


def _framed(address: str, issuer: Did, encoded: str, made: datetime) -> dict[str, Json]:
    return {
        "@context": [_V2],
        "id": address,
        "type": ["VerifiableCredential", CREDENTIAL],
        "issuer": issuer,
        "validFrom": _spelled(made),
        "validUntil": _spelled(made + VALID),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": LIST,
            "statusPurpose": "revocation",
            "encodedList": encoded,
            "ttl": TTL,
        },
    }


def _spelled(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def bits_of(published: Document) -> bytes:
    """The bits that a status list credential publishes.

    Raises:
        MalformedStatusList.
    """
    subject = published.get("credentialSubject")
    encoded = subject.get("encodedList") if isinstance(subject, Mapping) else None
    if not isinstance(encoded, str):
        raise MalformedStatusList("status_list_malformed", "the credential publishes no status list")
    return decode(encoded)


def method_of(published: Document) -> str:
    """The key that a status list credential of ours was signed with, as its proof names it; empty where it does not."""
    proof = published.get("proof")
    method = proof.get("verificationMethod") if isinstance(proof, Mapping) else None
    return method if isinstance(method, str) else ""


def check_own(
    raw: bytes, *, issuer: Did, status_list: ListId, bits: bytes, made: datetime, keys: Collection[Kid]
) -> str | None:
    """Whether a document is one of our lists with these bits, signed by one of these keys: None, or why not.

    Args:
        keys: that may sign for the issuer.

    Returns:
        A reason in snake_case.
    """
    try:
        document = read_document(raw)
        held = bits_of(document)
    except MalformedStatusList as error:
        return error.reason
    except DocumentError:
        return "document_malformed"
    subject, address = document["credentialSubject"], document.get("id")
    encoded = subject["encodedList"] if isinstance(subject, dict) else None
    if address not in _addresses(issuer, status_list) or made > _LATEST:
        return "document_differs"
    expected = _framed(str(address), issuer, str(encoded), made)
    if {name: value for name, value in document.items() if name != "proof"} != expected:
        return "document_differs"
    return "bits_differ" if held != bits else _proof_fault(document, issuer, made, keys)


def _proof_fault(document: Document, issuer: Did, made: datetime, keys: Collection[Kid]) -> str | None:
    """Why one of these keys did not sign a list."""
    # Of all keys the one that it names, or none: however many an issuer has, and however many a document may name.
    named = [kid for kid in keys if method_of(document) == f"{issuer}#{kid}"]
    known = read_controller_document(write_document(issuer, named), issuer)
    proofs = check_proofs(document, lambda _: known, now=made)
    if len(proofs) != 1:
        return "proof_missing"
    return None if proofs[0].outcome == "passed" else proofs[0].reason


def _addresses(issuer: Did, status_list: ListId) -> tuple[str, ...]:
    """Where a list of an issuer can be published: its host is in the issuer's DID, and says nothing of the scheme."""
    slug = slug_of(issuer) or Slug("")
    return tuple(address_of(f"{scheme}://{host_of(issuer)}", slug, status_list) for scheme in ("https", "http"))


def check_entry(entry: Json, published: Document, *, issuer: str, now: datetime) -> bool | str:
    """What a status entry of anybody's credential finds in the list that it names: whether its bit is set.

    Whose signature the list bears is not judged here.

    Args:
        entry: of `credentialStatus`.
        published: the status list credential that was found at its address.
        issuer: of the credential that has the entry.

    Returns:
        The bit; or a reason in snake_case why it says nothing.
    """
    if not isinstance(entry, Mapping) or ENTRY not in _listed(entry.get("type")):
        return "status_type_unknown"
    index = entry.get("statusListIndex")
    if not isinstance(index, str) or not _INDEX.fullmatch(index):
        return "status_index_malformed"
    size = entry.get("statusSize", 1)
    if isinstance(size, bool) or size != 1:
        return "status_size_unsupported"
    wrong = _list_fault(entry, published, issuer) or _date_fault(published, now)
    if wrong is not None:
        return wrong
    try:
        bits = bits_of(published)
    except MalformedStatusList as error:
        return error.reason
    return is_set(bits, int(index)) if int(index) < len(bits) * 8 else "status_index_out_of_range"


def _list_fault(entry: Mapping[str, Json], published: Document, issuer: str) -> str | None:
    """Why a credential is not the list that an entry names."""
    subject = published.get("credentialSubject")
    if not isinstance(subject, Mapping) or LIST not in _listed(subject.get("type")):
        return "status_list_wrong_type"
    if CREDENTIAL not in _listed(published.get("type")):
        return "status_list_wrong_type"
    named = entry.get("statusListCredential")
    if not isinstance(named, str) or published.get("id") != named:
        return "status_list_of_another_address"
    by = published.get("issuer")
    if (by.get("id") if isinstance(by, Mapping) else by) != issuer:
        return "status_list_of_another_issuer"
    purpose = entry.get("statusPurpose")
    if not isinstance(purpose, str) or purpose not in _listed(subject.get("statusPurpose")):
        return "status_purpose_differs"
    return None


def _date_fault(published: Document, now: datetime) -> str | None:
    """Why a list does not hold now. The dates may be missing."""
    times: list[datetime | None] = []
    for name in ("validFrom", "validUntil"):
        value = published.get(name)
        if value is not None and not isinstance(value, str):
            return "status_list_dates_malformed"
        try:
            times.append(None if value is None else from_time(value))
        except MalformedSpelling:
            return "status_list_dates_malformed"
    begins, ends = times
    if begins is not None and now < begins:
        return "status_list_not_yet_valid"
    return "status_list_expired" if ends is not None and now > ends else None


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
