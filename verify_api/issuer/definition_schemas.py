"""The wording of an achievement and of an issuer, as JSON; one shape for what is handed in and what is answered.

These models check shapes and describe them; what may be said is decided in `ledger.domain.definition`.
"""

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from ledger.domain.definition import AssessmentType, Delivery, Kind, Pace
from ledger.domain.stacking_rule import OnLoss
from ledger.domain.values import Route


class Model(BaseModel):
    """Immutable, and closed: an unknown field is refused, and nothing is answered that is not described."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ProfileWording(Model):
    """Who an issuer or a recognising body says it is."""

    name: str = Field(examples=["Maplewood College"])
    language: str | None = Field(default=None, description="BCP 47; en where it is absent", examples=["en"])
    url: str | None = Field(default=None, examples=["https://maplewood.example"])
    email: str | None = Field(default=None, examples=["registrar@maplewood.example"])
    description: str | None = Field(default=None, examples=["A public college of applied arts."])
    recognising_body: StrictBool = Field(default=False, description="recognises others, awards nothing itself")


class AlignmentWording(Model):
    """Where a competency stands in a public framework."""

    framework: str = Field(examples=["ESCO"])
    code: str | None = Field(default=None, examples=["S4.2.1"])
    url: str | None = Field(default=None, examples=["https://esco.example/S4.2.1"])


class CompetencyWording(Model):
    """What the holder can do, in a sentence an employer understands."""

    statement: str = Field(examples=["Cleans and dresses a simple wound without contaminating it."])
    alignment: AlignmentWording | None = None


class OutcomeWording(Model):
    """A measurable learning outcome."""

    id: str = Field(examples=["O1"])
    statement: str = Field(examples=["Dresses three wounds in twenty minutes."])


class AssessmentWording(Model):
    """One assessment and which outcomes it measures; it needs a type or a description."""

    type: AssessmentType | None = Field(default=None, examples=["observed_demonstration"])
    description: str | None = Field(default=None, examples=["Two observed dressings on a mannequin."])
    outcomes: tuple[str, ...] | None = Field(default=None, description="ids of outcomes", examples=[["O1"]])
    supervised: StrictBool = False
    identity_checked: StrictBool = False
    practice_offered: StrictBool = False


class GradingWording(Model):
    """Which results earn the award, and the scale of scores."""

    results: tuple[str, ...] = Field(examples=[["Pass", "Pass with distinction"]])
    score_from: str | None = Field(default=None, description="decimal string", examples=["0"])
    score_to: str | None = Field(default=None, description="decimal string", examples=["100"])
    pass_mark: str | None = Field(default=None, description="decimal string", examples=["70"])


class CreditWording(Model):
    """Academic credit that the award carries."""

    value: str = Field(description="decimal string", examples=["0.5"])
    authority: str = Field(examples=["Maplewood College"])
    programme: str | None = Field(default=None, examples=["Practical Nursing"])


class PartnerWording(Model):
    """An industry partner and what it does."""

    name: str = Field(examples=["Lakeside Health"])
    role: str = Field(examples=["co-designed the assessment"])


class ScheduleWording(Model):
    """When a cohort runs."""

    begins: str = Field(description="YYYY-MM-DD", examples=["2026-09-01"])
    ends: str = Field(description="YYYY-MM-DD", examples=["2026-11-20"])


class ImageWording(Model):
    """The picture on the badge."""

    url: str = Field(examples=["https://maplewood.example/wound-care.png"])
    alt: str = Field(examples=["A hand with a bandage"])


class CountRuleWording(Model):
    """At least so many of these achievements."""

    n: StrictInt = Field(description="at least one, at most all of them", examples=[3])
    of: tuple[str, ...] = Field(description="slugs of achievements", examples=[["wound-cleaning", "wound-dressing"]])


class RuleWording(Model):
    """What a learner must hold; exactly one of the two."""

    all_of: tuple[str, ...] | None = Field(
        default=None,
        description="slugs of achievements of the same issuer, all of which are needed",
        examples=[["wound-cleaning", "wound-dressing"]],
    )
    n_of: CountRuleWording | None = Field(default=None, description="so many of them are needed")


class _Wording(Model):
    """One version of what can be earned, by itself or by holding other awards."""

    slug: str = Field(description="short name, fixed for ever", examples=["wound-care"])
    name: str = Field(examples=["Wound care, level 1"])
    language: str | None = Field(default=None, description="BCP 47; en where it is absent", examples=["en"])
    description: str = Field(examples=["Assess, clean and dress simple wounds."])
    kind: Kind | None = Field(default=None, description="micro where it is absent", examples=["micro"])
    level: str | None = Field(default=None, examples=["EQF 4"])
    competencies: tuple[CompetencyWording, ...]
    outcomes: tuple[OutcomeWording, ...] | None = Field(
        default=None, examples=[[{"id": "O1", "statement": "Dresses three wounds in twenty minutes."}]]
    )
    grading: GradingWording | None = Field(default=None, description="the one result “Pass” where it is absent")
    minutes: StrictInt | None = Field(default=None, description="of learning", examples=[720])
    delivery: Delivery | None = Field(default=None, examples=["hybrid"])
    pace: Pace | None = Field(default=None, examples=["scheduled"])
    schedule: ScheduleWording | None = None
    credit: CreditWording | None = Field(default=None, description="absent: not credit-bearing")
    routes: tuple[Route, ...] | None = Field(default=None, description="all where it is absent", examples=[["course"]])
    partner: PartnerWording | None = None
    pathways: tuple[str, ...] | None = Field(
        default=None, description="web addresses of what it leads to", examples=[["https://maplewood.example/nursing"]]
    )
    quality: str | None = Field(
        default=None, description="reference of a quality assurance decision", examples=["QA-7"]
    )
    image: ImageWording | None = None


class DefinitionWording(_Wording):
    """One version of an achievement."""

    assessments: tuple[AssessmentWording, ...]


class PathwayWording(_Wording):
    """One version of a pathway: an achievement that is earned by holding others."""

    assessments: tuple[AssessmentWording, ...] | None = Field(
        default=None, description="beside those of its parts, if there are any"
    )
    rule: RuleWording
    on_component_loss: OnLoss | None = Field(
        default=None,
        description="what the issuer declares for the case that a part is no longer in force: a person reviews the "
        "award, it is revoked, or it stands; review where it is absent",
        examples=["review"],
    )
