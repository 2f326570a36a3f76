"""The document of each version says what its facts say, and the key of its entry signed it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import orjson
import pytest

from ledger.domain.credential import Credential, Version
from ledger.domain.types import Digest, Position, Seq
from ledger.signing.signer import Ed25519Signer
from ledger.vc.documents import sign_badge
from ledger.vc.reading import Json
from ledger.verification.contents_check import Contents
from ledger.verification.document_check import check_documents
from tests.unit.vc.making import AWARD, CREATED, DEFINITION, SOURCE

_SIGNER, _THIEF = Ed25519Signer(b"\x01" * 32), Ed25519Signer(b"\x02" * 32)
_FIRST = Version(
    number=1,
    seq=Seq(0),
    position=Position(9),
    at=CREATED,
    kid=_SIGNER.kid,
    list=SOURCE.list,
    slot=SOURCE.slot,
    disowned=False,
)
_SECOND = replace(_FIRST, number=2, seq=Seq(1), position=Position(12))
_RAW = sign_badge(SOURCE, _SIGNER, created=CREATED)
_AMENDED = sign_badge(replace(SOURCE, first=False), _SIGNER, created=CREATED)


def _credential(*versions: Version) -> Credential:
    return Credential(
        stream=SOURCE.stream,
        issuer=SOURCE.issuer,
        link=Digest(bytes(32)),
        head=versions[-1].seq,
        versions=versions,
    )


def _checked(documents: Mapping[int, bytes], *versions: Version) -> tuple[str, str | None]:
    """The reason, and the state that the finding makes."""
    contents = Contents(
        awards={version.seq: AWARD for version in versions},
        documents={Seq(seq): raw for seq, raw in documents.items()},
        acts={},
        definitions={AWARD.achievement.digest: DEFINITION},
        findings=(),
    )
    finding = check_documents(_credential(*versions), contents)
    assert finding.check == "document"
    return finding.reason, None if finding.makes is None else finding.makes.value


def test_documents_that_say_what_was_recorded_pass() -> None:
    assert _checked({0: _RAW}, _FIRST) == ("ok", None)
    assert _checked({0: _RAW, 1: _AMENDED}, _FIRST, _SECOND) == ("ok", None)


def test_an_award_from_before_there_were_documents_has_none() -> None:
    assert _checked({0: b""}, _FIRST) == ("none_made", None)


def test_a_version_that_is_not_given_or_a_thiefs_is_compared_with_nothing() -> None:
    thiefs = replace(_SECOND, disowned=True, kid=_THIEF.kid)
    assert _checked({0: _RAW}, _FIRST, _SECOND) == ("ok", None)
    assert _checked({0: _RAW, 1: b"{"}, _FIRST, thiefs) == ("ok", None)
    assert _checked({1: b"{"}, _FIRST, thiefs) == ("none_made", None)


def _without(name: str) -> bytes:
    return orjson.dumps({key: value for key, value in orjson.loads(_RAW).items() if key != name})


def _with(change: Callable[[dict[str, dict[str, Json]]], object]) -> bytes:
    document = orjson.loads(_RAW)
    change(document)
    return orjson.dumps(document)


def _forged() -> bytes:
    """With the signature of another document."""
    document, other = orjson.loads(_RAW), orjson.loads(_AMENDED)
    document["proof"]["proofValue"] = other["proof"]["proofValue"]
    return orjson.dumps(document)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "unreadable"),
        (b'{"a":1,"a":1}', "unreadable"),
        (_without("issuer"), "differs"),
        (_without("credentialStatus"), "differs"),
        (_with(lambda it: it["credentialStatus"].update(statusListCredential=7)), "differs"),
        (_with(lambda it: it["credentialStatus"].update(statusListCredential="https://elsewhere.example/")), "differs"),
        (_with(lambda it: it["credentialSubject"].update(result=None)), "differs"),
        (_with(lambda it: it["issuer"].update(name="South College")), "differs"),
        (_AMENDED, "differs"),
        (sign_badge(SOURCE, _THIEF, created=CREATED), "wrong_method"),
        (_RAW.replace(b'"proofValue":"z', b'"proofValue":"z1'), "wrong_proof"),
        (_forged(), "signature_invalid"),
        (_without("proof"), "wrong_proof"),
    ],
)
def test_a_document_that_says_something_else_or_is_signed_by_another_is_not_genuine(raw: bytes, reason: str) -> None:
    assert _checked({0: raw}, _FIRST) == (reason, "signature_invalid")
    assert _checked({0: _RAW, 1: raw if raw != _AMENDED else _RAW}, _FIRST, _SECOND)[1] == "signature_invalid"


def test_a_document_with_blanks_is_the_same_document() -> None:
    assert _checked({0: orjson.dumps(orjson.loads(_RAW), option=orjson.OPT_INDENT_2)}, _FIRST) == ("ok", None)
