"""What may be sent to the issuer's API, as it stands in the OpenAPI description; what it answers is in `answers`."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, WithJsonSchema

from ledger.domain.values import BadValue, Reason, Role, parse_date
from verify_api.issuer.definition_schemas import Model, ProfileWording


def read_day(value: object) -> date | None:
    """The day that a text of the one accepted spelling names; None for null.

    Raises:
        ValueError: anything else, as pydantic wants to be told.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be a date in quotation marks, YYYY-MM-DD")
    try:
        return parse_date(value)
    except BadValue as error:
        raise ValueError(str(error)) from error


Day = Annotated[date, BeforeValidator(read_day), WithJsonSchema({"type": "string", "format": "date"})]

_BODY = "id, slug or DID of the recognising body"
_RECOVERY = Field(
    default=False, description="signed by the operator's event key, because the issuer lost its root key; stays visible"
)
_PUBLIC_TEXT = Field(
    default=None,
    description="shown to everybody who scans; at most 500 characters",
    examples=["Reissued as version 2."],
)
_NOTES = Field(default=None, description="for the issuer alone; at most 500 characters", examples=["Ticket 4711"])


class IssuerRegistration(Model):
    """An issuer to admit."""

    slug: str = Field(description="short name in links and DIDs, fixed for ever", examples=["maplewood"])
    profile: ProfileWording


class RecognitionStatement(Model):
    """That a body recognises the issuer under a scheme."""

    by: str = Field(description=_BODY, examples=["accreditation-board"])
    scheme: str = Field(description="short name of the scheme", examples=["public-colleges"])
    since: Day = Field(description="first day", examples=["2026-01-01"])
    until: Day | None = Field(default=None, description="last day, where it is known", examples=["2030-12-31"])


class RecognitionEnd(Model):
    """The last day of a recognition."""

    by: str = Field(description=_BODY, examples=["accreditation-board"])
    scheme: str = Field(examples=["public-colleges"])
    until: Day = Field(description="last day", examples=["2026-10-31"])


class NewKey(Model):
    """A key to make and add."""

    role: Role = Field(description="root: the issuer's own standing; signing: what it awards", examples=["signing"])
    recovery: StrictBool = _RECOVERY


class KeyRetirement(Model):
    """How a key is retired."""

    recovery: StrictBool = _RECOVERY


class KeyCompromise(Model):
    """That a key was in other hands."""

    from_position: StrictInt | None = Field(
        default=None, ge=1, description="position from which it was; absent: from when it was added", examples=[120]
    )
    recovery: StrictBool = _RECOVERY


class AwardInput(Model):
    """One award, by the columns of a CSV file. An empty text means the same as an absent field."""

    student_number: str | None = Field(default=None, description="needed", examples=["S-204471"])
    full_name: str | None = Field(default=None, description="needed", examples=["Zoé Amara Okafor"])
    achievement: str | None = Field(default=None, description="slug or id; needed", examples=["wound-care"])
    awarded_on: str | None = Field(default=None, description="YYYY-MM-DD; needed", examples=["2026-06-12"])
    email: str | None = Field(default=None, examples=["zoe@example.org"])
    result: str | None = Field(default=None, examples=["Pass"])
    score: str | None = Field(default=None, description="decimal string", examples=["83.5"])
    route: str | None = Field(default=None, description="course, prior-learning or workplace", examples=["course"])
    assessor: str | None = Field(default=None, examples=["R. Lindqvist"])
    language: str | None = Field(default=None, description="BCP 47", examples=["en"])
    evidence_url: str | None = Field(default=None, examples=["https://portfolio.example/zoe"])
    valid_from: str | None = Field(default=None, description="first day; the day of the award where it is absent")
    valid_until: str | None = Field(default=None, description="last day", examples=["2029-06-11"])


class StackInput(Model):
    """The award of a pathway to a learner who holds its parts."""

    learner: str | None = Field(
        default=None,
        description="id of the learner record; this or the student number is needed",
        examples=["6f1b4a8e-5c1d-4b7e-9a55-0b6a3e5a9d11"],
    )
    student_number: str | None = Field(default=None, examples=["S-204471"])
    pathway: str = Field(description="slug or id", examples=["wound-care-specialist"])
    components: tuple[str, ...] | None = Field(
        default=None,
        description="awards of the learner, each by id, code or short code; absent: of each part the learner's last "
        "award that is in force",
        examples=[["019e0b52-7f3c-8a61-9d1e-2f6f0a7c9b11"]],
    )
    awarded_on: str | None = Field(default=None, description="YYYY-MM-DD; today where it is absent")
    result: str | None = Field(default=None, examples=["Pass"])
    score: str | None = Field(default=None, description="decimal string")
    assessor: str | None = Field(default=None, description="who approved it", examples=["R. Lindqvist"])
    language: str | None = Field(default=None, description="BCP 47", examples=["en"])
    evidence_url: str | None = None
    valid_from: str | None = Field(default=None, description="first day; the day of the award where it is absent")
    valid_until: str | None = Field(default=None, description="last day", examples=["2029-06-11"])


class LearnerQuestion(Model):
    """Whose learner record is looked for."""

    student_number: str = Field(
        min_length=1, max_length=200, description="the whole of it, as it was awarded to", examples=["S-204471"]
    )


class CredentialSearch(Model):
    """Which awards are looked for; an absent field sets no condition."""

    query: str | None = Field(
        default=None,
        max_length=200,
        description="words that all occur in name, student number, e-mail or achievement",
        examples=["okafor"],
    )
    achievement: str | None = Field(default=None, description="its slug or id", examples=["wound-care"])
    status: str | None = Field(default=None, description="as in the answer", examples=["in_force"])
    after: str | None = Field(default=None, description="`next` of the page before")
    limit: StrictInt = Field(default=50, ge=1, le=500, description="awards on a page", examples=[50])


class Amendment(Model):
    """What to change in an award, and why."""

    values: dict[str, str] = Field(
        description="column -> new text, the empty text takes a value away; any column of an award except "
        "`student_number` and `achievement`, and `achievement_version`",
        examples=[{"full_name": "Zoë Amara Okafor"}],
    )
    reason: Reason = Field(examples=["issued_in_error"])
    public_text: str | None = _PUBLIC_TEXT
    notes: str | None = _NOTES


class Suspension(Model):
    """Why an award is put on hold, and from when."""

    reason: Reason = Field(examples=["assessment_integrity"])
    from_: Day | None = Field(default=None, alias="from", description="today where it is absent")
    public_text: str | None = _PUBLIC_TEXT
    notes: str | None = _NOTES


class Reinstatement(Model):
    """What to say about letting an award stand again."""

    public_text: str | None = _PUBLIC_TEXT
    notes: str | None = _NOTES


class Revocation(Model):
    """Why an award is withdrawn, and from when."""

    reason: Reason = Field(examples=["issued_in_error"])
    from_: Day | None = Field(
        default=None,
        alias="from",
        description="first day without it; today where it is absent",
        examples=["2026-11-01"],
    )
    retroactive: StrictBool = Field(default=False, description="it should never have been issued")
    public_text: str | None = _PUBLIC_TEXT
    notes: str | None = _NOTES


class NewApiKey(Model):
    """An API key to make."""

    issuer: str | None = Field(
        default=None,
        description="id, slug or DID of the issuer it belongs to; absent: the operator",
        examples=["maplewood"],
    )
    scopes: tuple[str, ...] = Field(
        description="some of define, issue, change, read; admin for the operator's", examples=[["issue", "read"]]
    )
    label: str = Field(default="", description="what it is for", examples=["student system"])
