"""What a verdict depends on stands in the member in which it is read, and what that member says is what was signed."""

import json
from collections.abc import Callable
from functools import partial
from typing import cast

import pytest

from ledger.vc.budget import Budget
from ledger.vc.data_integrity import check
from ledger.vc.did import resolve_key
from ledger.vc.rdf import canonical_nquads, statements
from ledger.vc.reading import Document, Json
from ledger.vc.stated import StatedElsewhere, check_stated, judged_nquads
from tests.unit.vc.proofs import NOW, document, secured

V1 = "https://www.w3.org/2018/credentials/v1"
V2 = "https://www.w3.org/ns/credentials/v2"
CLR = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"
UNDEFINED = "https://www.w3.org/ns/credentials/undefined-terms/v2"
ROOT = "urn:uuid:0c3ab5fb-7d1f-4a2b-9a77-4b3f0a3d5b10"
ENTRY: dict[str, Json] = {
    "id": "https://a.example/list#7",
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "7",
    "statusSize": 1,
    "statusListCredential": "https://a.example/list",
}
LIST: dict[str, Json] = {
    "@context": [V2],
    "id": "https://a.example/list",
    "type": ["VerifiableCredential", "BitstringStatusListCredential"],
    "issuer": "did:example:a",
    "validUntil": "2026-03-03T00:00:00Z",
    "credentialSubject": {
        "id": "https://a.example/list#list",
        "type": "BitstringStatusList",
        "statusPurpose": "revocation",
        "encodedList": "uAAA",
    },
}
PRESENTATION: dict[str, Json] = {
    "@context": [V2],
    "type": "VerifiablePresentation",
    "holder": {"id": "did:example:h"},
    "verifiableCredential": [document(), {**document(), "id": "urn:a:other"}],
}
Whole = dict[str, Json]


def inner(whole: Whole, *names: str) -> Whole:
    """The object at some members of `whole`."""
    for name in names:
        whole = cast("Whole", whole[name])
    return whole


def copied(whole: Document) -> Whole:
    return cast("Whole", json.loads(json.dumps(whole)))


def badge(**more: Json) -> Whole:
    return {**document(), "credentialStatus": ENTRY, **more}


def without_id(whole: Whole) -> Whole:
    return {name: value for name, value in whole.items() if name != "id"}


@pytest.mark.parametrize(
    "whole",
    [
        document(),
        badge(),
        badge(credentialStatus=[ENTRY, {**without_id(ENTRY), "statusPurpose": "suspension"}]),
        badge(credentialStatus=[without_id(ENTRY), {**without_id(ENTRY), "statusPurpose": "suspension"}]),
        badge(type=["VerifiableCredential", "AchievementCredential", "https://a.example/Kind"]),
        badge(evidence=[{"id": ROOT}, {"id": ROOT, "type": ["VerifiableCredential"]}]),
        badge(
            endorsement={
                "type": ["VerifiableCredential", "EndorsementCredential"],
                "credentialSubject": {"id": ROOT, "type": "EndorsementSubject", "endorsementComment": "A"},
            }
        ),
        without_id(document()),
        LIST,
        {**LIST, "credentialSubject": without_id(cast("Whole", LIST["credentialSubject"]))},
        PRESENTATION,
        {**PRESENTATION, "id": "urn:a:presentation", "holder": "did:example:h"},
        {
            "@context": [V1],
            "type": ["VerifiableCredential"],
            "issuer": "did:example:a",
            "issuanceDate": "2026-01-01T00:00:00Z",
            "expirationDate": "2027-01-01T00:00:00Z",
            "credentialSubject": [{"id": "did:example:b"}, {"id": "did:example:c"}],
        },
        {
            "@context": [V2, CLR],
            "id": "urn:a:record",
            "type": ["VerifiableCredential", "ClrCredential"],
            "issuer": "did:example:a",
            "credentialStatus": ENTRY,
            "credentialSubject": {
                "id": "did:example:learner",
                "type": "ClrSubject",
                "verifiableCredential": [
                    badge(),
                    {**badge(), "id": "urn:a:other", "validUntil": "2027-01-01T00:00:00Z"},
                ],
            },
        },
    ],
)
def test_what_everybody_writes_says_what_it_states(whole: Whole) -> None:
    assert judged_nquads(whole, Budget()) == canonical_nquads(whole)


# They refer to themselves, or to their status, in a place that may hold more of it.
REFERRING: Whole = badge(evidence=[{"id": ROOT}])
REFERRING_STATUS: Whole = badge(evidence=[{"id": ENTRY["id"]}])
REFERRING_LIST: Whole = {**LIST, "evidence": [{"id": LIST["id"]}]}


def _moved(whole: Whole, *, name: str) -> Whole:
    """A member is said in a second object with the same id."""
    object_: Json = {"id": whole["id"], "type": ["VerifiableCredential"], name: whole[name]}
    return {**{each: value for each, value in whole.items() if each != name}, "evidence": [object_]}


def _named(whole: Whole, name: str, vocabulary: str) -> Whole:
    return {(vocabulary + each if each == name else each): value for each, value in whole.items()}


def _shared(whole: Whole, *, hide: str) -> Whole:
    """A member of the status is said in a second object with its id."""
    changed = copied(whole)
    status = inner(changed, "credentialStatus")
    hidden: Json = {"id": status["id"], "type": ["BitstringStatusListEntry"], hide: status.pop(hide)}
    return {**changed, "evidence": [hidden]}


CRED = "https://www.w3.org/2018/credentials#"
TRICKS: dict[str, tuple[Whole, Callable[[Whole], Whole], str]] = {
    **{
        f"{name} in a second object": (REFERRING, partial(_moved, name=name), name)
        for name in ("validFrom", "validUntil", "credentialStatus", "issuer", "credentialSubject")
    },
    "status under its address": (badge(), lambda whole: _named(whole, "credentialStatus", CRED), "credentialStatus"),
    "holder under its address": (PRESENTATION, lambda whole: _named(whole, "holder", CRED), "holder"),
    "purpose of the status in a second object": (
        REFERRING_STATUS,
        partial(_shared, hide="statusPurpose"),
        "credentialStatus",
    ),
    "index of the status in a second object": (
        REFERRING_STATUS,
        partial(_shared, hide="statusListIndex"),
        "credentialStatus",
    ),
    "type of the whole in a second object": (
        REFERRING,
        lambda whole: {**whole, "type": ["VerifiableCredential"], "evidence": [{"id": ROOT, "type": whole["type"]}]},
        "type",
    ),
    "type under a keyword": (
        badge(),
        lambda whole: {**whole, "type": ["VerifiableCredential"], "@type": ["OpenBadgeCredential"]},
        "type",
    ),
    "end of a list in a second object": (REFERRING_LIST, partial(_moved, name="validUntil"), "validUntil"),
    "bits of a list in a second object": (
        LIST,
        lambda whole: {
            **whole,
            "credentialSubject": [
                {"id": "https://a.example/list#list", "type": "BitstringStatusList", "statusPurpose": "revocation"},
                inner(whole, "credentialSubject"),
            ],
        },
        "credentialSubject",
    ),
    "status twice, once with less": (
        badge(),
        lambda whole: {**whole, "credentialStatus": [{"id": ENTRY["id"]}, ENTRY]},
        "credentialStatus",
    ),
}


@pytest.mark.parametrize("name", TRICKS)
def test_what_is_signed_and_read_elsewhere_is_refused(name: str) -> None:
    whole, trick, place = TRICKS[name]
    tricked = trick(copied(whole))
    assert canonical_nquads(tricked) == canonical_nquads(whole)  # the same signature holds
    with pytest.raises(StatedElsewhere, match=place) as refused:
        judged_nquads(tricked, Budget())
    assert refused.value.name == place


@pytest.mark.parametrize(
    ("whole", "place"),
    [
        (badge(credentialStatus={**ENTRY, "statusPurpose": {"@value": "revocation"}}), "credentialStatus"),
        (badge(credentialStatus={**ENTRY, "statusSize": 1.5}), "credentialStatus"),
        (badge(issuer=[["did:example:a"]]), "issuer"),
        (badge(validUntil={"@value": "2030-02-28T00:00:00Z"}), "validUntil"),
        ({"@context": [V2, UNDEFINED], "type": ["VerifiableCredential", "OpenBadgeCredential"]}, "type"),
        ({"@context": [V2, UNDEFINED], "validUntil": "2030-02-28T00:00:00Z"}, "validUntil"),
        ({"@context": [V2], "@id": ROOT, "type": "VerifiableCredential"}, "id"),
    ],
)
def test_what_readers_of_json_take_for_something_else_is_refused(whole: Whole, place: str) -> None:
    with pytest.raises(StatedElsewhere, match=place):
        check_stated(whole, statements(whole))


def test_proof_over_what_is_read_elsewhere_fails_and_names_the_member() -> None:
    signed = secured("eddsa-rdfc-2022", unsecured=REFERRING)
    (good,) = check(signed, resolve_key, now=NOW)
    assert good.outcome == "passed"
    (bad,) = check(_moved(signed, name="validUntil"), resolve_key, now=NOW)
    assert (bad.outcome, bad.reason) == ("failed", "stated_elsewhere")
    assert "the member validUntil" in bad.detail
