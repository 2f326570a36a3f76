"""The JSON that the public routes answer, as it stands in the OpenAPI description."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Immutable, and closed: nothing is answered that is not described."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FindingModel(Model):
    """One check, how it ended and why."""

    check: str
    outcome: Literal["passed", "failed", "unknown"]
    reason: str
    detail: str


class RecognitionModel(Model):
    """Whether a registry that the operator names recognises the issuer today."""

    status: Literal["recognised", "ended", "never"]
    registry: str | None = Field(description="name of the recognising body; of the one that ended, where none holds")
    registry_id: str | None = Field(description="its DID")
    scheme: str | None
    since: str | None = Field(description="first day, YYYY-MM-DD")
    ended_on: str | None = Field(description="last day, YYYY-MM-DD, where recognition ended")
    recognised_when_issued: bool | None = Field(description="null of an uploaded credential that is not on record")


class IssuerModel(Model):
    """Who awarded it."""

    id: str = Field(description="DID; of an uploaded credential it may be another URL")
    name: str | None
    domain: str | None
    recognition: RecognitionModel
    custody: Literal["issuer", "operator"] | None = Field(description="who holds the issuer's private keys, if known")


class AlignmentModel(Model):
    """Where a competency stands in a public framework."""

    framework: str | None
    code: str | None
    url: str | None


class CompetencyModel(Model):
    """What the holder can do."""

    statement: str
    alignment: AlignmentModel | None


class AssessmentModel(Model):
    """One assessment; result and score are those of the whole award."""

    type: str | None
    description: str | None
    supervised: bool
    identity_checked: bool
    result: str | None
    score: str | None = Field(description="decimal string")


class CreditModel(Model):
    """Academic credit."""

    value: str = Field(description="decimal string")
    authority: str | None
    programme: str | None


class AwardModel(Model):
    """The award that the code leads to, or what an uploaded credential says: null for what it does not say."""

    name: str | None
    learner: str | None
    issuer: IssuerModel
    awarded_on: str | None = Field(description="YYYY-MM-DD")
    valid_from: str | None = Field(description="first day, YYYY-MM-DD")
    valid_until: str | None = Field(description="last day, YYYY-MM-DD")
    competencies: list[CompetencyModel]
    assessment: list[AssessmentModel]
    hours: str | None = Field(description="of learning, decimal string")
    credit: CreditModel | None


class ChangeModel(Model):
    """The suspension or revocation behind the verdict."""

    kind: str
    reason: str | None
    public_text: str | None
    effective: str = Field(description="YYYY-MM-DD")
    recorded: str = Field(description="UTC, YYYY-MM-DDThh:mm:ss.sssZ")
    retroactive: bool | None = Field(description="of a revocation: whether it should never have been issued")


class AmendmentModel(Model):
    """One field that a later version changed; values of a field that identifies the learner are never given."""

    field: str
    old: str | None
    new: str | None
    on: str = Field(description="UTC, YYYY-MM-DDThh:mm:ss.sssZ")


class ComponentModel(Model):
    """An award that this one was built from."""

    url: str = Field(description="its printed link")
    verdict: str = Field(description="of its current version, now")
    name: str


class LogModel(Model):
    """Where the award stands in the log."""

    origin: str
    size: int = Field(description="of the published checkpoint; 0 where there is none")
    root: str | None = Field(description="of that checkpoint, base64url without padding")
    leaf_index: int | None
    witnesses: int = Field(description="independent ones that cosigned that checkpoint, of those the operator names")
    witnessed_at: str | None = Field(
        default=None,
        description="UTC, YYYY-MM-DDThh:mm:ss.sssZ: since when as many vouch for it as the operator asks for",
    )
    witnessed_as_of: str | None = Field(
        default=None, description="UTC, YYYY-MM-DDThh:mm:ss.sssZ: until when as many had seen no larger log"
    )


class VerdictModel(Model):
    """The answer to "is this genuine and in force?"."""

    verdict: str
    in_force: bool | None = Field(description="of the award as it stands at `as_of`; null where that was not found out")
    notices: list[str]
    findings: list[FindingModel]
    as_of: str = Field(description="time of the head of the log that was read")
    known_at: str = Field(description="when the question was put")
    award: AwardModel | None
    scanned_version: int | None
    current_version: int | None
    change: ChangeModel | None
    amendments: list[AmendmentModel] | None
    components: list[ComponentModel]
    log: LogModel


class ProblemDetailModel(Model):
    """One thing that stands in the way of relying on a credential."""

    type: str = Field(description="a URL that names the kind of problem")
    title: str
    detail: str


class VerificationAnswerModel(Model):
    """What the VC-API says of a credential: RFC 9457 where it is not verified, and all findings in the verdict."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    verified: bool
    problemDetails: list[ProblemDetailModel]  # noqa: N815  as the VC-API spells it
    verdict: VerdictModel | None


class PresentationAnswerModel(Model):
    """The same of a presentation."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    verified: bool
    problemDetails: list[ProblemDetailModel]  # noqa: N815  as the VC-API spells it
    findings: list[FindingModel]
    credentials: list[VerdictModel]


class HealthModel(Model):
    """Whether the process can answer."""

    status: Literal["ok", "not ready"]
    missing: list[str] = []


class ProblemModel(Model):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
