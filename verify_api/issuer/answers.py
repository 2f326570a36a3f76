"""What the issuer's API answers, as it stands in the OpenAPI description; what may be sent is in `schemas`."""

from typing import Literal

from pydantic import Field

from verify_api.issuer.definition_schemas import DefinitionWording, Model, PathwayWording, ProfileWording

_REVISION = Field(description="seq of the stream's last event; for `If-Match`", examples=[0])
_POSITION = Field(description="place of the event in the log, from 1", examples=[42])
_ID = Field(description="id of the stream", examples=["019a8f3e-6c00-8abc-9def-0123456789ab"])
_DID = Field(examples=["did:web:verify.college.example:issuers:maplewood"])
_TIME = Field(description="UTC", examples=["2026-11-21T14:03:00.000Z"])
_CODE = Field(description="36 characters, Crockford base32", examples=["06A7Z9K4M0C8WJ2N5V1B3R6T9Y0D4F7H2G80"])
_SHORT = Field(description="13 characters, for typing", examples=["7KQ2M9XW4D3T5"])
_URL = Field(
    description="text of the printed QR code",
    examples=["HTTPS://VERIFY.COLLEGE.EXAMPLE/C/06A7Z9K4M0C8WJ2N5V1B3R6T9Y0D4F7H2G80"],
)
PROOF = Field(
    default=None,
    exclude_if=lambda proof: proof is None,
    description="only if it was waited for (`Prefer: wait`): that the event is published, as a C2SP tlog-proof",
)


class RowProblem(Model):
    """One thing that is wrong, or odd, with what was sent."""

    row: int | None = Field(description="data row of a CSV file, from 1; null for a single object", examples=[3])
    line: int | None = Field(default=None, description="line of the file where the row begins", examples=[4])
    column: str = Field(description="field or column; empty for the whole row", examples=["awarded_on"])
    code: str = Field(examples=["in_the_future"])
    reason: str = Field(examples=["2027-01-01 is in the future"])


class Problem(Model):
    """RFC 9457 problem details."""

    type: str = Field(examples=["/problems/refused"])
    title: str = Field(examples=["Refused"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["awarded_on: 2027-01-01 is in the future"])
    errors: list[RowProblem] | None = Field(default=None, description="everything that is wrong, if it was refused")
    warnings: list[RowProblem] | None = Field(default=None, description="of a batch: what is odd")
    rows: int | None = Field(default=None, description="of a batch: rows of the file")
    ready: int | None = Field(default=None, description="of a batch: rows that could be issued")


class ReceiptModel(Model):
    """What every change of an award is answered with."""

    credential_id: str = _ID
    revision: int = _REVISION
    version: int = Field(description="of the document, from 1; raised by amending only", examples=[1])
    code: str = _CODE
    short_code: str = _SHORT
    url: str = _URL
    position: int = _POSITION
    proof: str | None = PROOF


class IssuerReceipt(Model):
    """What a change of an issuer is answered with."""

    id: str = _ID
    revision: int = _REVISION
    position: int = _POSITION
    did: str = _DID
    slug: str = Field(examples=["maplewood"])
    proof: str | None = PROOF


class KeyReceipt(IssuerReceipt):
    """What a change of an issuer's keys is answered with."""

    kid: str = Field(description="Multikey", examples=["z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH"])


class AchievementReceipt(Model):
    """What a change of an achievement is answered with."""

    id: str = _ID
    revision: int = _REVISION
    position: int = _POSITION
    slug: str = Field(examples=["wound-care"])
    version: int = Field(description="of the wording, from 1", examples=[1])
    proof: str | None = PROOF


class RecognitionRecord(Model):
    """That a body recognises the issuer under a scheme."""

    by: str = Field(description="DID of the recognising body")
    scheme: str
    since: str
    until: str | None = Field(description="last day")
    position: int
    ended: bool


class IssuerRecord(Model):
    """An issuer or a recognising body."""

    id: str = _ID
    revision: int = _REVISION
    did: str = _DID
    slug: str = Field(examples=["maplewood"])
    custody: Literal["issuer", "operator"] = Field(description="who holds its private keys")
    profile: ProfileWording
    profile_version: int
    recognitions: list[RecognitionRecord]


class IssuerList(Model):
    """Issuers, oldest first."""

    issuers: list[IssuerRecord]


class KeyRecord(Model):
    """One key of an issuer."""

    kid: str
    role: Literal["root", "signing"]
    added: int = Field(description="position")
    retired: int | None = Field(description="position")
    compromised_from: int | None = Field(description="earliest position from which it is disowned")
    held: bool = Field(description="whether its private key is here")


class KeyList(Model):
    """Every key that an issuer ever had, in the order they were added."""

    id: str = _ID
    revision: int = _REVISION
    keys: list[KeyRecord]


class Affected(Model):
    """What bears the signature of a key that was reported as stolen."""

    keys: list[str] = Field(description="the keys that the issuer's DID document does not name any more")
    awards: int = Field(description="living awards whose credential file one of them signed")


class SignedAgain(Model):
    """What one call signed again."""

    signed: int = Field(description="awards")
    next: int | None = Field(description="`after` of the following call; null when all is done")


class AchievementRecord(Model):
    """What can be earned, as it is worded now."""

    id: str = _ID
    revision: int = _REVISION
    issuer: str = Field(description="DID")
    version: int = Field(description="of the wording, from 1")
    retired: bool
    definition: DefinitionWording


class AchievementList(Model):
    """Achievements of an issuer, by slug."""

    achievements: list[AchievementRecord]


class PathwayRecord(Model):
    """What is earned by holding other awards, as it is worded now."""

    id: str = _ID
    revision: int = _REVISION
    issuer: str = Field(description="DID")
    version: int = Field(description="of the wording, from 1")
    retired: bool
    definition: PathwayWording


class PathwayList(Model):
    """Pathways of an issuer, by slug."""

    pathways: list[PathwayRecord]


class AwardedAchievement(Model):
    """What was awarded."""

    id: str = _ID
    slug: str
    name: str
    version: int


class AwardRecord(Model):
    """An award with everything its issuer may see; `verdict` as a scan of its current version says now."""

    credential_id: str = _ID
    revision: int = _REVISION
    version: int
    code: str = _CODE
    short_code: str = _SHORT
    url: str = _URL
    position: int = Field(description="of the event with that revision", examples=[42])
    verdict: str = Field(examples=["valid"])
    in_force: bool | None
    notices: list[str]
    issuer: str = Field(description="DID")
    achievement: AwardedAchievement
    student_number: str
    full_name: str
    email: str | None
    awarded_on: str
    valid_from: str
    valid_until: str | None
    result: str | None
    score: str | None
    route: str | None
    assessor: str | None
    language: str
    evidence_url: str | None


class ChangedField(Model):
    """One field that an amendment changed; for the issuer with both values."""

    field: str
    old: str | None
    new: str | None


class HistoryEvent(Model):
    """One recorded act."""

    position: int = _POSITION
    seq: int
    type: str = Field(examples=["credential.revoked/1"])
    at: str = _TIME
    text: str = Field(description="the act in plain words", examples=["Revoked from 2026-11-01: issued in error."])
    actor: str = Field(examples=["api-key 3f0c… (student system)"])
    reason: str | None
    effective: str | None
    retroactive: bool | None
    public_text: str | None
    notes: str | None
    version: int | None = Field(description="of the document that it brought")
    changes: list[ChangedField]
    disowned: bool = Field(description="signed with a key that was in other hands")


class History(Model):
    """Every act on an award, oldest first."""

    credential_id: str = _ID
    revision: int = _REVISION
    events: list[HistoryEvent]


class CredentialSummary(Model):
    """One award in the registrar's list; the facts are those of its current version."""

    credential_id: str = _ID
    revision: int = _REVISION
    version: int
    status: str = Field(
        description="in_force, suspended, revoked, disowned, expired or not_yet_valid: what the issuer's own records "
        "say; whether it is genuine is for a scan",
        examples=["in_force"],
    )
    student_number: str = Field(examples=["S-204471"])
    full_name: str = Field(examples=["Zoé Amara Okafor"])
    email: str | None
    achievement: str | None = Field(description="slug", examples=["wound-care"])
    achievement_name: str | None = Field(examples=["Wound care, level 1"])
    awarded_on: str = Field(examples=["2026-06-12"])
    valid_from: str = Field(examples=["2026-06-12"])
    valid_until: str | None
    issued_at: str = _TIME


class CredentialList(Model):
    """A page of the registrar's list, the last issued first."""

    credentials: list[CredentialSummary]
    total: int = Field(description="awards on all pages", examples=[292])
    next: str | None = Field(description="`after` of the next page; null on the last")


class BatchAward(ReceiptModel):
    """The award of one row."""

    row: int
    already_issued: bool = Field(description="by an earlier run")


class BatchAnswer(Model):
    """What became of a file."""

    rows: int = Field(examples=[300])
    ready: int = Field(description="rows that could be issued", examples=[292])
    issued: int = Field(description="rows that this run issued", examples=[292])
    already_issued: int = Field(examples=[0])
    dry_run: bool
    errors: list[RowProblem]
    warnings: list[RowProblem]
    awards: list[BatchAward] = Field(description="issued now and before, by row; of a dry run those issued before")


class Progress(Model):
    """One line of a streamed batch before the last."""

    done: int
    total: int


class ApiKeyRecord(Model):
    """An API key; the key itself is told once, when it is made."""

    id: str
    issuer: str | None = Field(description="id of the issuer; null: the operator's")
    scopes: list[str]
    label: str
    created_at: str = _TIME
    revoked_at: str | None


class ApiKeyCreated(ApiKeyRecord):
    """A new API key."""

    key: str = Field(description="keep it: it is told once", examples=["testamur_k3v5x7z2a4c6e8g1j3m5p7r9ta"])


class ApiKeyList(Model):
    """API keys, oldest first."""

    api_keys: list[ApiKeyRecord]
