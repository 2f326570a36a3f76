"""Credentials inside a credential are found wherever they stand, and too many are told from none."""

import pytest

from ledger.vc.embedded import MOST_INSIDE, MOST_LEVELS, embedded_in
from ledger.vc.reading import Json
from tests.unit.vc.proofs import document, secured

BADGE: dict[str, Json] = secured("eddsa-rdfc-2022")


def holding(value: Json, name: str = "termsOfUse") -> dict[str, Json]:
    return {**BADGE, name: value}


def test_badge_alone_holds_nothing() -> None:
    assert embedded_in(BADGE).values == ()
    assert embedded_in({}).complete


@pytest.mark.parametrize(
    "inside",
    [
        BADGE,
        document(),
        {"type": "VerifiableCredential"},
        {"@type": ["https://www.w3.org/2018/credentials#VerifiableCredential"]},
        {"type": ["Thing", "OpenBadgeCredential"]},
        {"type": ["EndorsementCredential", 7]},
        {"type": "EnvelopedVerifiableCredential", "id": "data:,"},
        {"credentialSubject": {"name": "Ada"}},
        {"https://www.w3.org/2018/credentials#credentialSubject": {}},
        {"https://w3id.org/security#proof": {}},
        {"proof": None},
    ],
)
@pytest.mark.parametrize("deep", [False, True])
def test_credential_is_found_by_its_type_its_subject_or_its_proof(inside: dict[str, Json], deep: bool) -> None:
    assert embedded_in(holding({"about": [[{"x": inside}]]} if deep else inside)).values == (inside,)


@pytest.mark.parametrize("name", ["verifiableCredential", "endorsementJwt", "urn:x:VerifiableCredential"])
@pytest.mark.parametrize("inside", ["eyJ.e30.x", {"id": "urn:a:b"}, 7, ["x"]])
def test_what_stands_where_a_credential_belongs_is_found_whatever_it_is(name: str, inside: Json) -> None:
    assert embedded_in(holding({name: [inside]})).values == (inside,)
    assert embedded_in(holding([inside], name)).values == (inside,)


def test_endorsement_is_found_and_a_link_to_one_is_none() -> None:
    assert embedded_in(holding(["https://a.example/1", {"id": "urn:a:b"}], "endorsement")).values == (
        {"id": "urn:a:b"},
    )


def test_proof_holds_no_credential() -> None:
    assert embedded_in(holding(BADGE, "proof")).values == ()


def test_credentials_in_those_inside_are_found_once_as_far_as_the_levels_go() -> None:
    whole: dict[str, Json] = BADGE
    for level in range(1, MOST_LEVELS + 1):
        whole = holding([whole], "verifiableCredential")
        assert len(embedded_in(whole).values) == level
    found = embedded_in(holding(whole, "evidence"))
    assert (found.values, found.complete) == ((), False)


def test_more_than_are_judged_are_told_from_none() -> None:
    many: list[Json] = [{**BADGE, "id": f"urn:a:{number}"} for number in range(MOST_INSIDE)]
    assert len(embedded_in(holding(many)).values) == MOST_INSIDE
    for name in ("termsOfUse", "verifiableCredential"):
        found = embedded_in(holding([*many, dict(BADGE)], name))
        assert (found.values, found.complete) == ((), False)
    assert not embedded_in(holding(many), most=MOST_INSIDE - 1).complete
    assert not embedded_in(holding([0] * 30_000)).complete
