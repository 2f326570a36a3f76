"""Situations in which a document is judged by others, and what each of them says there.

What is written down here is what the libraries do, right or wrong; `docs/interop.md` shows it as a table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ledger.vc.reading import Document, Json
from tests.interop.forging import Stranger
from tests.interop.others import Verdict

NOW: Final = "2026-11-21T13:00:00Z"
ACCEPTS: Final = "accepts"
REFUSES: Final = "refuses"
BIT: Final = "`verified`, `status` is set"
PAST: Final = "–"
LIBRARIES: Final = ("digitalbazaar", "verifierCore", "schema")
TITLES: Final = ("`@digitalbazaar/vc`", "`verifier-core`", "1EdTech schema, `ajv`", "here, `POST /verify`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A document as somebody meets it."""

    document: Document
    given: Mapping[str, object] = field(default_factory=dict)  # other documents by address, instead of the published
    now: str = NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The documents of one ledger, at three times."""

    good: tuple[Document, ...]  # valid ones, of several issuers
    records: tuple[Document, ...]  # of stacks
    stopped: Mapping[str, Document]  # by verdict: revoked, suspended, amended, expired, not_yet_valid
    corrected: Document  # the second version of the one that was amended
    held: Document  # suspended, later reinstated
    while_held: Mapping[str, object]  # its list as it was published then
    forged: Document  # dated back, by a key that was reported stolen afterwards
    robbed: Document  # signed by that key when it was still its issuer's
    before_report: Mapping[str, object]  # the issuer's DID document and its status list before
    signed_again: Document  # that award's later version
    registry: Mapping[str, object]  # where all issuers of the ledger are listed


Making = Callable[[Story], list[Question]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One row of the table."""

    name: str
    make: Making
    says: tuple[str, str, str]  # in the order of LIBRARIES
    here: str  # the verdicts of this service at the end of the story; PAST for a row about an earlier time


def cell(library: str, verdict: Verdict) -> str:
    """What a library said, in few words."""
    if verdict.accepted:
        return ACCEPTS
    if library == "digitalbazaar":
        return BIT if verdict.said["verified"] else REFUSES
    if library == "schema":
        return REFUSES
    if verdict.reason:
        return f"`{verdict.reason}`"
    wrong = [f"`{step}`: {_told(said)}" for step, said in verdict.said["steps"].items() if said is not True]
    return ", ".join(wrong) or "no word on the signature"


def _told(said: bool | str) -> str:
    return "no" if said is False else f"`{said}`"


# ------------------------------------------------------------------------------------------------------------ documents

_FORGER, _OTHER = Stranger("forger"), Stranger("other")


def _object(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value


def _first(value: Json) -> Json:
    assert isinstance(value, list)
    return value[0]


def _changed(story: Story) -> list[Question]:
    """One member of what a badge says is another, in every place that a reader looks at."""
    badge = next(each for each in story.good if "result" in _object(each["credentialSubject"]))
    subject, issuer = _object(badge["credentialSubject"]), _object(badge["issuer"])
    achievement, holder = _object(subject["achievement"]), _object(_first(subject["identifier"]))
    assert isinstance(subject["result"], list)
    results: list[Json] = [{**_object(each), "value": "Pass with honours"} for each in subject["result"]]
    subjects: list[dict[str, Json]] = [
        {**subject, "identifier": [{**holder, "identityHash": "A. Thief"}]},
        {**subject, "result": results},
        {**subject, "achievement": {**achievement, "name": "Brain surgery"}},
        {**subject, "achievement": {**achievement, "criteria": {"narrative": "None."}}},
        {**subject, "id": "did:key:z6MkwJss6a1fBzVFjLEa3gfJjUWrfU9AV4n8b2dRSGEEvL1f"},
    ]
    changes: list[dict[str, Json]] = [
        {"id": "urn:uuid:0f0fa1a0-0000-4000-8000-000000000001"},
        {"name": "Brain surgery"},
        {"validFrom": "2020-01-01T00:00:00Z"},
        {"validUntil": "2099-01-01T00:00:00Z"},
        {"awardedDate": "2020-01-01T00:00:00Z"},
        {"issuer": {**issuer, "name": "University of Everywhere"}},
        {"credentialStatus": {**_object(badge["credentialStatus"]), "statusListIndex": "1"}},
        {"proof": {**_object(badge["proof"]), "created": "2020-01-01T00:00:00Z"}},
    ]
    changes += [{"credentialSubject": each} for each in subjects]
    return [Question(document={**badge, **change}) for change in changes]


def _changed_inside(story: Story) -> list[Question]:
    """A badge inside a learner record names somebody else."""
    record = story.records[0]
    subject = _object(record["credentialSubject"])
    inside = subject["verifiableCredential"]
    assert isinstance(inside, list)
    other = {**_object(inside[-1]), "name": "Brain surgery"}
    return [
        Question(document={**record, "credentialSubject": {**subject, "verifiableCredential": [*inside[:-1], other]}})
    ]


def _undefined_term(story: Story) -> list[Question]:
    return [Question(document={**story.good[0], "honours": "summa cum laude"})]


def _swapped(story: Story) -> list[Question]:
    return [Question(document={**story.good[0], "proof": story.good[1]["proof"]})]


def _unsigned(story: Story) -> list[Question]:
    return [Question(document={name: value for name, value in story.good[0].items() if name != "proof"})]


def _other_purpose(story: Story) -> list[Question]:
    proof: dict[str, Json] = {**_object(story.good[0]["proof"]), "proofPurpose": "authentication"}
    return [Question(document={**story.good[0], "proof": proof})]


def _wrong_key(story: Story) -> list[Question]:
    """The proof names the issuer's key, and another key made it."""
    method = _object(story.good[0]["proof"])["verificationMethod"]
    return [Question(document=_FORGER.signed(story.good[0], method=str(method)))]


def _unlisted_key(story: Story) -> list[Question]:
    """The proof names a key of the issuer that its DID document does not list."""
    method = f"{_object(story.good[0]['issuer'])['id']}#{_FORGER.signer.kid}"
    return [Question(document=_FORGER.signed(story.good[0], method=method))]


def _key_of_another(story: Story) -> list[Question]:
    """The proof is good, by a key of somebody who is not the issuer."""
    return [Question(document=_FORGER.signed(story.good[0]), given=_FORGER.site)]


def _with_list(story: Story, given: Mapping[str, object], **entry: Json) -> list[Question]:
    """A badge of an issuer elsewhere, whose status list is as given."""
    document = _FORGER.issued(story.good[0], **entry)
    listed = {address: {"registry": {_FORGER.did: {"name": "Elsewhere"}}} for address in story.registry}
    return [Question(document=document, given={**listed, **_FORGER.site, **given})]


def _own_list(story: Story) -> list[Question]:
    return _with_list(story, {_FORGER.list: _FORGER.status_list()})


def _expired_list(story: Story) -> list[Question]:
    return _with_list(story, {_FORGER.list: _FORGER.status_list(made=datetime(2026, 11, 1, tzinfo=UTC))})


def _list_of_another(story: Story) -> list[Question]:
    given = {_OTHER.list: _OTHER.status_list(), **_OTHER.site}
    return _with_list(story, given, id=f"{_OTHER.list}#7", statusListCredential=_OTHER.list)


def _tampered_list(story: Story) -> list[Question]:
    return _with_list(story, {_FORGER.list: {**_FORGER.status_list(), "validUntil": "2027-01-01T00:00:00Z"}})


def _list_beyond_end(story: Story) -> list[Question]:
    given = {_FORGER.list: _FORGER.status_list()}
    return _with_list(story, given, id=f"{_FORGER.list}#900000", statusListIndex="900000")


def _list_for_another_purpose(story: Story) -> list[Question]:
    return _with_list(story, {_FORGER.list: _FORGER.status_list(statusPurpose="suspension")})


def _all(*documents: Document, given: Mapping[str, object] | None = None) -> list[Question]:
    return [Question(document=each, given=given or {}) for each in documents]


_EVERYONE = (ACCEPTS, ACCEPTS, ACCEPTS)
_SIGNATURE = (REFUSES, "`invalid_signature`", ACCEPTS)
_STOPPED = (BIT, "`revocation_status`: no", ACCEPTS)

SITUATIONS: Final = (
    Situation(
        name="valid", make=lambda story: _all(*story.good), says=_EVERYONE, here="`issuer_unrecognised` / `valid`"
    ),
    Situation(
        name="a learner record of a stack",
        make=lambda story: _all(*story.records),
        says=_EVERYONE,
        here="`component_review` / `issuer_unrecognised` / `valid`",
    ),
    Situation(name="revoked", make=lambda story: _all(story.stopped["revoked"]), says=_STOPPED, here="`revoked`"),
    Situation(name="suspended", make=lambda story: _all(story.stopped["suspended"]), says=_STOPPED, here="`suspended`"),
    Situation(
        name="suspended, as long as it was",
        make=lambda story: _all(story.held, given=story.while_held),
        says=_STOPPED,
        here=PAST,
    ),
    Situation(
        name="the same after it was reinstated", make=lambda story: _all(story.held), says=_EVERYONE, here="`valid`"
    ),
    Situation(
        name="amended: the document as first printed",
        make=lambda story: _all(story.stopped["amended"]),
        says=_STOPPED,
        here="`amended`",
    ),
    Situation(
        name="amended: the document of today", make=lambda story: _all(story.corrected), says=_EVERYONE, here="`valid`"
    ),
    Situation(
        name="expired",
        make=lambda story: _all(story.stopped["expired"]),
        says=(REFUSES, "`expiration`: no", ACCEPTS),
        here="`expired`",
    ),
    Situation(
        name="not yet valid",
        make=lambda story: _all(story.stopped["not_yet_valid"]),
        says=(REFUSES, "no word on the signature", ACCEPTS),
        here="`not_yet_valid`",
    ),
    Situation(name="any member changed", make=_changed, says=_SIGNATURE, here="`signature_invalid`"),
    Situation(
        name="a credential inside a learner record changed",
        make=_changed_inside,
        says=_SIGNATURE,
        here="`signature_invalid`",
    ),
    Situation(
        name="a member added that no context defines",
        make=_undefined_term,
        says=(REFUSES, "`jsonld.ValidationError`", ACCEPTS),
        here="`signature_invalid`",
    ),
    Situation(name="the proof of another document", make=_swapped, says=_SIGNATURE, here="`signature_invalid`"),
    Situation(name="no proof", make=_unsigned, says=(REFUSES, "`no_proof`", ACCEPTS), here="`signature_invalid`"),
    Situation(name="a proof for another purpose", make=_other_purpose, says=_SIGNATURE, here="`signature_invalid`"),
    Situation(name="signed by another key than it says", make=_wrong_key, says=_SIGNATURE, here="`signature_invalid`"),
    Situation(
        name="signed by a key that the issuer does not list",
        make=_unlisted_key,
        says=_SIGNATURE,
        here="`signature_invalid`",
    ),
    Situation(
        name="signed by somebody else than the issuer",
        make=_key_of_another,
        says=_SIGNATURE,
        here="`signature_invalid`",
    ),
    Situation(
        name="forged with a stolen key and dated back, before the theft was reported",
        make=lambda story: _all(story.forged, given=story.before_report),
        says=_EVERYONE,
        here=PAST,
    ),
    Situation(
        name="the same after the report",
        make=lambda story: _all(story.forged),
        says=_SIGNATURE,
        here="`key_compromised`",
    ),
    Situation(
        name="signed with that key before it was stolen, after the report",
        make=lambda story: _all(story.robbed),
        says=_SIGNATURE,
        here="`issuer_unrecognised`",
    ),
    Situation(
        name="the same award, signed again",
        make=lambda story: _all(story.signed_again),
        says=_EVERYONE,
        here="`issuer_unrecognised`",
    ),
    Situation(name="issued elsewhere, with a status list", make=_own_list, says=_EVERYONE, here="`not_checked`"),
    Situation(
        name="its status list has expired",
        make=_expired_list,
        says=(REFUSES, "`revocation_status`: `status_list_expired`", ACCEPTS),
        here="`not_checked`",
    ),
    Situation(
        name="its status list cannot be had",
        make=lambda story: _with_list(story, {}),
        says=(REFUSES, "`revocation_status`: `status_list_not_found`", ACCEPTS),
        here="`not_checked`",
    ),
    Situation(
        name="its status list was changed",
        make=_tampered_list,
        says=(REFUSES, "`revocation_status`: `status_list_signature_error`", ACCEPTS),
        here="`not_checked`",
    ),
    Situation(
        name="its status list is another issuer's",
        make=_list_of_another,
        says=(REFUSES, ACCEPTS, ACCEPTS),
        here="`not_checked`",
    ),
    Situation(
        name="its status list has another purpose",
        make=_list_for_another_purpose,
        says=(REFUSES, "`revocation_status`: `status_list_error`", ACCEPTS),
        here="`not_checked`",
    ),
    Situation(
        name="its place is beyond the end of the status list",
        make=_list_beyond_end,
        says=(REFUSES, "`revocation_status`: `status_list_error`", ACCEPTS),
        here="`not_checked`",
    ),
    Situation(
        name="its issuer is in no registry",
        make=lambda story: [
            Question(document=story.good[0], given={address: {"registry": {}} for address in story.registry})
        ],
        says=(ACCEPTS, "`registered_issuer`: no", ACCEPTS),
        here="`valid`",
    ),
)
