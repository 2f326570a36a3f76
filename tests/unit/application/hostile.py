"""Files that attack a verifier: each must be refused or left unchecked, at little cost, and lead nowhere.

Run as a program, it judges all of them and prints by how many bytes the memory of the process grew.
"""

import gzip
import json
import resource
import sys
import zlib
from collections.abc import Iterator
from typing import Final, cast

from ledger.application.foreign import Uploads
from ledger.testing.faults import FakeClock
from ledger.vc.reading import Document, Json
from ledger.vc.spelling import to_base64url, to_multibase
from ledger.vc.upload import UnreadableUpload, read_upload
from ledger.verification.verdict import State
from tests.unit.application.hostile_spelling import spelled
from tests.unit.vc.proofs import ED25519, NOW, OTHER, document, proof, secured, value
from tests.unit.vc.test_jwt import claims, compact, header
from tests.unit.vc.test_upload import PNG, chunk

SIGNED: Final = secured("eddsa-rdfc-2022")
RAW: Final = json.dumps(SIGNED).encode()
V2: Final = "https://www.w3.org/ns/credentials/v2"
OB: Final = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
# Three of the eight points of small order: the identity, under which anything seems signed, and those of order 2 and 4.
_POINTS: Final = (1, 2**255 - 20, 0)
SMALL_ORDER: Final = tuple(to_multibase(b"\xed\x01" + point.to_bytes(32, "little")) for point in _POINTS)


def changed(**members: Json) -> bytes:
    return json.dumps({**SIGNED, **members}).encode()


def with_contexts(*contexts: Json) -> bytes:
    return json.dumps({**SIGNED, "@context": list(contexts)}).encode()


def with_proof(**members: Json) -> bytes:
    return changed(proof={**cast("dict[str, Json]", SIGNED["proof"]), **members})


def with_achievement(members: Document) -> bytes:
    subject = cast("dict[str, Json]", document()["credentialSubject"])
    achievement: Json = {**cast("dict[str, Json]", subject["achievement"]), **members}
    return changed(credentialSubject={**subject, "achievement": achievement})


def files() -> Iterator[tuple[str, bytes]]:
    """Each with a name."""
    yield from _ambiguous()
    yield from _altered()
    yield from _keys()
    yield from _costly()
    yield from _inside()
    yield from spelled()


def _ambiguous() -> Iterator[tuple[str, bytes]]:
    yield "duplicate key", RAW[:-1] + b',"name":"Other"}'
    yield "duplicate key inside", RAW.replace(b'"type": ["Profile"]', b'"type": ["Profile"], "name": "Other"', 1)
    yield "NaN", changed(x=1).replace(b'"x": 1', b'"x": NaN')
    yield "infinity", changed(x=1).replace(b'"x": 1', b'"x": 1e999')
    yield "lone surrogate", changed(x=1).replace(b'"x": 1', b'"x": "\\udc00"')
    yield "huge integer", changed(x=1).replace(b'"x": 1', b'"x": ' + b"9" * 10_000)
    yield "1000 levels", changed(x=1).replace(b'"x": 1', b'"x": ' + b"[" * 1_000 + b"]" * 1_000)
    yield "byte order mark", b"\xef\xbb\xbf" + RAW
    yield "UTF-16", json.dumps(SIGNED).encode("utf-16")
    yield "nul behind it", RAW + b"\0"


def _altered() -> Iterator[tuple[str, bytes]]:
    yield "extra unsigned property", changed(grade="A")
    yield "extra unsigned property that a context defines", changed(description="Best of all")
    # Appended to what says nothing in its terms, a context changes no statement, and so no signature.
    meaning = [V2, OB, "https://www.w3.org/ns/credentials/undefined-terms/v2"]
    yield "context appended for a word", json.dumps({**SIGNED, "@context": meaning, "grade": "A"}).encode()
    yield "context taken away", with_contexts(V2, "https://www.w3.org/ns/credentials/undefined-terms/v2")
    yield "context unheard of", with_contexts(V2, OB, "https://evil.example/context")
    yield "context inside", with_contexts(V2, OB, {"name": "https://evil.example/#name"})
    yield "context in the subject", with_achievement({"@context": {"name": "https://evil.example/#name"}})
    yield "proof of another document", changed(name="Other")
    yield "proof of another key", changed(proof=secured("eddsa-rdfc-2022", OTHER)["proof"])
    good, bad = SIGNED["proof"], secured("eddsa-rdfc-2022", OTHER)["proof"]
    yield "proof set with a bad one", changed(proof=[good, bad])
    yield "proof set with an unknown one", changed(proof=[good, {"type": "Ed25519Signature2020"}])
    yield "proof that follows none", with_proof(previousProof="urn:uuid:9c9a36f8-518f-4976-a934-6649502d0008")
    yield "no proof in the list", changed(proof=[])
    yield "nobody signed it", json.dumps(document()).encode()
    yield "wrong purpose", json.dumps(secured("eddsa-rdfc-2022", members={"proofPurpose": "authentication"})).encode()
    yield "another suite", with_proof(cryptosuite="eddsa-jcs-2022")
    yield "JWT without a signature", compact({"alg": "none", "typ": "JWT"}, claims())
    yield "JWT of another key", compact(header(OTHER), claims())
    yield "JWT with a key of its own", compact(header(jwk={"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}), claims())
    yield "JWT with another signature spelling", _respelled(compact(header(), claims()))


def _respelled(token: bytes) -> bytes:
    """The last character of 64 bytes in base64url has four bits that no byte has."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + bytes([alphabet[alphabet.index(token[-1]) ^ 1]])


def _keys() -> Iterator[tuple[str, bytes]]:
    yield "key of another issuer", json.dumps(secured("eddsa-rdfc-2022", OTHER, unsecured=document())).encode()
    yield "method of another", with_proof(verificationMethod=OTHER.method)
    yield "method without a key", with_proof(verificationMethod=ED25519.did)
    yield "method on this machine", with_proof(verificationMethod="did:web:localhost#key")
    yield "method that is an address", with_proof(verificationMethod="https://127.0.0.1/keys#1")
    for number, multikey in enumerate(SMALL_ORDER):
        unsecured: Document = document(f"did:key:{multikey}")
        options = proof("eddsa-rdfc-2022", ED25519, {"verificationMethod": f"did:key:{multikey}#{multikey}"})
        identity = "z" + "1" * 64  # R and S of all zeros, or nearly
        yield (
            f"small-order key {number}",
            json.dumps({**unsecured, "proof": {**options, "proofValue": identity}}).encode(),
        )
    signature = str(cast("dict[str, Json]", SIGNED["proof"])["proofValue"])
    yield "base58 with a leading one", with_proof(proofValue="z1" + signature[1:])
    yield "base58 with a letter that is none", with_proof(proofValue=signature[:-1] + "l")
    yield "another multibase", with_proof(proofValue="u" + to_base64url(b"\0" * 64))
    yield "blank in base58", with_proof(proofValue=signature + " ")


def _costly() -> Iterator[tuple[str, bytes]]:
    yield "poison graph", changed(credentialSubject={"type": ["AchievementSubject"], "achievement": _clique(30)})
    yield "many equal nodes", with_achievement({"alignment": [{"type": ["Alignment"], "targetName": "n"}] * 12_000})
    yield "many subjects", changed(credentialSubject=[{"type": ["AchievementSubject"]}] * 25_000)
    yield "many contexts", with_contexts(V2, *[OB] * 12_000)
    yield "many types", changed(type=["VerifiableCredential", *(f"https://a.example/{n}" for n in range(30_000))])
    yield "many proofs", changed(proof=[SIGNED["proof"]] * 2_000)
    yield "many statuses", changed(credentialStatus=[{"type": "BitstringStatusListEntry"}] * 15_000)
    yield "many members", changed(**{f"k{number}": number for number in range(50_000)})
    yield "many numbers", changed(x=[1.5] * 100_000)
    yield "long text", changed(name="x" * 1_000_000)
    yield "long proof", with_proof(proofValue="z" + "2" * 1_000_000)
    yield "long DID", changed(issuer="did:key:z6Mk" + "1" * 900_000)
    yield "escapes", b'{"@context":"' + b'\\"' * 500_000
    yield "brackets", b'{"a":' + b"[" * 1_000_000
    yield (
        "gibibyte in gzip",
        changed(credentialStatus=_entry(encodedList="u" + to_base64url(gzip.compress(bytes(1 << 26))))),
    )
    deflated = zlib.compress(b" " * (1 << 28), 9)
    yield "PNG that inflates", _png(chunk(b"iTXt", b"openbadgecredential\x00\x01\x00\x00\x00" + deflated))
    yield "PNG of many chunks", _png(chunk(b"tEXt", b"") * 80_000)
    yield "PNG of another length", _png(b"\x7f\xff\xff\xffiTXt")
    yield "SVG of many elements", b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g/>" * 250_000 + b"</svg>"
    yield "SVG of many levels", b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 300_000
    entities = b'<!ENTITY a "aaaaaaaa">' + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a;" * 8) for n in range(9))
    yield "SVG of entities", b"<!DOCTYPE svg [" + entities + b"]><svg>&a8;</svg>"
    yield "status list of another issuer", _with_status(_entry(statusListCredential="https://evil.example/list"))
    yield "status list on this machine", _with_status(_entry(statusListCredential="https://127.0.0.1/list"))
    yield "status index out of range", _with_status(_entry(statusListIndex="99999999999"))


def record(*inside: Json, **more: Json) -> dict[str, Json]:
    """A learner record of whoever calls themselves a college, with a good signature, around whatever it likes."""
    unsecured: Document = {
        "@context": [V2, "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json", OB],
        "id": "urn:uuid:2c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b10",
        "type": ["VerifiableCredential", "ClrCredential"],
        "name": "Record of achievements",
        "issuer": {"id": ED25519.did, "type": ["Profile"], "name": "College"},
        "validFrom": "2026-02-28T00:00:00Z",
        "credentialSubject": {"type": ["ClrSubject"], "verifiableCredential": list(inside)},
        **more,
    }
    return secured("eddsa-jcs-2022", unsecured=unsecured)  # which signs any JSON


def famous(value: str = "z" + "1" * 64) -> dict[str, Json]:
    """A badge that a well-known issuer never signed."""
    options = proof("eddsa-rdfc-2022", OTHER, {"verificationMethod": "did:web:famous.example#key"})
    return {**document("did:web:famous.example"), "proof": {**options, "proofValue": value}}


def _inside() -> Iterator[tuple[str, bytes]]:
    """The signature around them is good; what stands inside is somebody else's word."""
    good: Document = secured("eddsa-rdfc-2022", OTHER)
    jwt = compact(header(OTHER), claims()).decode()
    envelope: Json = {"@context": V2, "type": "EnvelopedVerifiableCredential", "id": f"data:application/vc+jwt,{jwt}"}
    endorsement: Document = {**dict(good), "type": ["VerifiableCredential", "EndorsementCredential"]}
    held: list[tuple[str, Json]] = [
        ("badge of a famous issuer", famous()),
        ("badge of a famous issuer without a proof", document("did:web:famous.example")),
        ("badge that was changed", {**good, "name": "Other"}),
        ("badge signed by another", secured("eddsa-rdfc-2022", OTHER, unsecured=document())),
        ("JWT of another key", jwt),
        ("envelope of another key", envelope),
        ("text", "eyJhbGciOiJub25lIn0.e30."),
        ("number", 7),
        ("badge of another type", {**famous(), "type": ["Thing"]}),
    ]
    for name, each in held:
        yield f"record with a {name}", json.dumps(record(dict(good), each)).encode()
    nested: Json = record(famous())
    yield "record in a record with a forged badge", json.dumps(record(nested)).encode()
    for _ in range(10):
        nested = record(nested)
    yield "record in record in record", json.dumps(nested).encode()
    yield "record with more badges than are judged", json.dumps(record(*[dict(good)] * 21)).encode()
    yield "record with 900 badges", json.dumps(record(*[famous("z" + "1" * 5)] * 900)).encode()
    achievement = cast("dict[str, Json]", cast("dict[str, Json]", document()["credentialSubject"])["achievement"])
    places: list[tuple[str, list[Json]]] = [
        ("endorsement", [{**endorsement, "name": "Other"}]),
        ("endorsementJwt", [jwt]),
    ]
    for place, forged in places:
        yield f"forged {place}", json.dumps(record(**{place: forged})).encode()
        subject: Json = {"type": ["AchievementSubject"], "achievement": {**achievement, place: forged}}
        inside: Document = {**document(OTHER.did), "credentialSubject": subject}
        signed = secured("eddsa-jcs-2022", OTHER, unsecured=inside)
        yield f"badge with a forged {place}", json.dumps(signed).encode()
        yield f"record of a badge with a forged {place}", json.dumps(record(signed)).encode()
    yield (
        "forged badge under an odd name",
        json.dumps(record(termsOfUse={"type": "Terms", "about": [[famous()]]})).encode(),
    )


def _clique(size: int) -> list[Json]:
    names = [f"_:n{number}" for number in range(size)]
    return [
        {
            "id": name,
            "type": ["Achievement"],
            "related": [{"id": other, "type": ["Related"]} for other in names if other != name],
        }
        for name in names
    ]


def _png(more: bytes) -> bytes:
    return PNG[:-12] + more + PNG[-12:]


def _entry(**members: Json) -> dict[str, Json]:
    entry: dict[str, Json] = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": "https://a.example/list",
    }
    return {**entry, **members}


def _with_status(entry: dict[str, Json]) -> bytes:
    """Signed as it is: only the status stands in the way."""
    unsecured: Document = {**document(), "credentialStatus": entry}
    options = proof("eddsa-rdfc-2022", ED25519)
    return json.dumps({**unsecured, "proof": {**options, "proofValue": value(unsecured, options, ED25519)}}).encode()


def judge(raw: bytes) -> State | None:
    """The state of a file; None where it cannot be read."""
    try:
        return Uploads(clock=FakeClock(NOW)).prepare(read_upload(raw))().state
    except UnreadableUpload:
        return None


if __name__ == "__main__":
    collected = list(files())
    judge(RAW)  # what is loaded once for all
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _, attack in collected:
        judge(attack)
    sys.stdout.write(str((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024))
