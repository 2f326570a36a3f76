"""The document of each version: recorded with it, signed by the key of the entry, held against what was recorded."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ledger.application.documents import Documents
from ledger.application.ports import Appended
from ledger.domain.codes import format_link_code
from ledger.domain.values import Part, Reason, Role
from ledger.verification.verdict import Finding, State
from tests.unit.application.office import OPERATOR, Office, run


def document(office: Office, award: Appended, version: int = 1) -> bytes:
    code = format_link_code(office.ledger.awards.receipt(OPERATOR, award).code)
    examined = office.ledger.scanning().examine(code, version)
    openings = [
        parts[Part.DOCUMENT].opening for _, parts in sorted(examined.evidence.parts.items()) if Part.DOCUMENT in parts
    ]
    opening = openings[version - 1]
    assert opening is not None
    return opening.content


def finding(office: Office, award: Appended) -> Finding:
    code = format_link_code(office.ledger.awards.receipt(OPERATOR, award).code)
    (found,) = [each for each in office.ledger.scanning().scan(code, 1).findings if each.check == "document"]
    return found


def test_award_is_recorded_with_the_document_that_the_key_of_its_entry_signed(office: Office) -> None:
    award = run(office.issue())
    said = json.loads(document(office, award))
    (kid,) = office.kids(Role.SIGNING)
    did = office.issuer().did
    assert said["id"] == f"urn:uuid:{award.stream}"
    assert said["issuer"]["id"] == did
    assert said["credentialSubject"]["identifier"][0]["identityHash"] == "Zoé Okonkwo-Lindqvist"
    assert said["proof"]["verificationMethod"] == f"{did}#{kid}"
    assert (finding(office, award).reason, office.state(award)) == ("ok", State.VALID)
    office.assert_sound()


def test_amended_award_gets_another_document_with_the_same_id_and_another_slot(office: Office) -> None:
    award = run(office.issue())
    run(office.ledger.changing.amend(office.registrar, award.stream, {"result": ""}, Reason.OTHER))
    first, second = (json.loads(document(office, award, version)) for version in (1, 2))
    assert first["id"] == second["id"]
    assert first["credentialStatus"]["id"] != second["credentialStatus"]["id"]
    assert first["validFrom"] < second["validFrom"]
    office.assert_sound()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying(Documents):
    """Makes another document than the award's."""

    lie: Callable[[bytes], bytes] = lambda raw: raw

    def make(self, *arguments: object, **named: object) -> bytes:
        """What the lie makes of the right one."""
        return self.lie(Documents.make(self, *arguments, **named))  # type: ignore[arg-type]


def lying(office: Office, lie: Callable[[bytes], bytes]) -> Appended:
    desk = office.ledger.desk
    honest = desk.documents
    desk.documents = Lying(
        base_url=honest.base_url,
        profile=honest.profile,
        definition=honest.definition,
        boxes=honest.boxes,
        lie=lie,
    )
    try:
        return run(office.issue())
    finally:
        desk.documents = honest


def _with(change: Callable[[dict[str, object]], object]) -> Callable[[bytes], bytes]:
    def lie(raw: bytes) -> bytes:
        value = json.loads(raw)
        change(value)
        return json.dumps(value).encode()

    return lie


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (lambda _: b"{", "unreadable"),
        (lambda _: b"{}", "differs"),
        (_with(lambda value: value.update(name="Surgery")), "differs"),
        (_with(lambda value: value.update(issuer="did:web:localhost%3A8000:issuers:college")), "differs"),
        (_with(lambda value: value.update(credentialStatus={"statusListCredential": "nowhere"})), "differs"),
        (_with(lambda value: value.update(credentialStatus={"statusListCredential": 7})), "differs"),
        (_with(lambda value: value["issuer"].update(name=7)), "differs"),  # type: ignore[attr-defined]
        (_with(lambda value: value["issuer"].pop("inLanguage")), "differs"),  # type: ignore[attr-defined]
        (_with(lambda value: value["issuer"].update(name="Another College")), "differs"),  # type: ignore[attr-defined]
        (_with(lambda value: value.pop("proof")), "wrong_proof"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_document_that_says_something_else_is_not_relied_on_and_the_audit_names_it(
    office: Office, lie: Callable[[bytes], bytes], reason: str
) -> None:
    award = lying(office, lie)
    assert office.state(award) is State.SIGNATURE_INVALID
    problems = office.audited().problems
    assert [(str(each.check), each.position) for each in problems] == [("document", award.position)]
    assert problems[0].reason.endswith(reason)


def test_award_from_before_documents_is_valid_without_one(office: Office) -> None:
    award = lying(office, lambda _: b"")
    assert (finding(office, award).reason, office.state(award)) == ("none_made", State.VALID)
    office.assert_sound()


def test_document_of_one_award_does_not_serve_another(office: Office) -> None:
    other = document(office, run(office.issue()))
    award = lying(office, lambda _: other)
    assert office.state(award) is State.SIGNATURE_INVALID
