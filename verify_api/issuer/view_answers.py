"""What the API answers about wallets and about the views themselves; `answers` has the rest."""

from pydantic import Field

from verify_api.issuer.definition_schemas import Model

_ID = Field(description="id of the stream", examples=["019a8f3e-6c00-8abc-9def-0123456789ab"])
_DID = Field(description="DID", examples=["did:web:verify.college.example:issuers:maplewood"])
_LEARNER = Field(description="id of the learner record", examples=["5f2b7c9e-3f0a-4c58-9d43-2f6f5b0c1a77"])
_STATUS = Field(
    description="in_force, suspended, revoked, disowned, expired or not_yet_valid: what the issuer's own records say; "
    "whether it is genuine is for a scan",
    examples=["in_force"],
)
_SLUG = Field(description="null where the wording was taken down", examples=["wound-care"])
_NAME = Field(description="null where the wording was taken down", examples=["Wound care, level 1"])
_VIEW = Field(examples=["wallet"])


class LearnerRecord(Model):
    """A learner record of one issuer, as its last award names the learner."""

    id: str = _LEARNER
    issuer: str = _DID
    student_number: str = Field(examples=["S-204471"])
    full_name: str = Field(examples=["Zoé Amara Okafor"])
    email: str | None = Field(examples=["zoe@example.org"])


class WalletPart(Model):
    """An award that a stack was built from, as it stands today."""

    credential_id: str = _ID
    seq: int = Field(description="of the event that the stack pins", examples=[0])
    status: str | None = Field(description="null where this wallet does not have the award", examples=["in_force"])
    achievement: str | None = _SLUG
    achievement_name: str | None = _NAME


class WalletAward(Model):
    """An award with how it stands today; the facts are those of its current version."""

    credential_id: str = _ID
    revision: int = Field(examples=[0])
    version: int = Field(examples=[1])
    status: str = _STATUS
    in_force: bool = Field(examples=[True])
    under_review: bool = Field(
        description="a stack in force of which a part is not: whether it still stands is for the issuer to decide",
        examples=[False],
    )
    parked: bool = Field(description="later events of the award could not be applied to the views: ask for the award")
    achievement: str | None = _SLUG
    achievement_name: str | None = _NAME
    awarded_on: str = Field(examples=["2026-06-12"])
    valid_from: str = Field(examples=["2026-06-12"])
    valid_until: str | None
    result: str | None = Field(examples=["Pass"])
    score: str | None = Field(description="decimal string")
    credit: str | None = Field(description="decimal string", examples=["2.0"])
    minutes: int | None = Field(description="of learning", examples=[900])
    components: list[WalletPart] = Field(description="of a stack; else none")


class PathwayStanding(Model):
    """How far the learner has come on a pathway: "3 of 5"."""

    pathway: str = Field(description="slug", examples=["wound-care-specialist"])
    name: str = Field(examples=["Wound care specialist"])
    held: int = Field(examples=[3])
    needed: int = Field(examples=[5])
    complete: bool
    missing: list[str] = Field(description="slugs of the parts not held, in the order of the rule")
    credential_id: str | None = Field(description="of its award that is in force")


class WalletIssuer(Model):
    """What one issuer awarded, and how far the learner is on the pathways that it offers."""

    issuer: str = _DID
    slug: str = Field(examples=["maplewood"])
    name: str = Field(examples=["Maplewood College"])
    awards: list[WalletAward] = Field(description="the first issued first")
    pathways: list[PathwayStanding] = Field(description="by slug")


class WalletModel(Model):
    """Everything that a learner record holds."""

    learner: LearnerRecord
    today: str = Field(description="day for which it stands, UTC", examples=["2026-11-21"])
    issuers: list[WalletIssuer]


class ParkedRecord(Model):
    """An event that a view could not apply; it waits for a rebuild."""

    position: int = Field(examples=[42])
    stream: str | None = Field(description="null where the entry's bytes do not say it")
    reason: str = Field(examples=["the private part facts is missing or cannot be opened"])


class ViewRecord(Model):
    """How far a view has come."""

    view: str = _VIEW
    position: int = Field(description="the last one folded", examples=[1042])
    lag: int = Field(description="events not folded yet", examples=[0])
    rows: int = Field(examples=[1000])
    parked: list[ParkedRecord] = Field(description="at most 100")
    parked_total: int = Field(examples=[0])


class ViewList(Model):
    """Every view, by name."""

    views: list[ViewRecord]


class RebuiltView(ViewRecord):
    """A view after it was folded anew."""

    events: int = Field(description="folded", examples=[1042])


class DifferenceRecord(Model):
    """One cell that is not what the events give."""

    table: str = Field(examples=["wallet"])
    key: int | str | None = Field(description="of the row: its first cell", examples=[42])
    column: str = Field(
        description="`row` where there is a row on one side only; `live` and `rebuilt` tell its key",
        examples=["learner_name"],
    )
    position: int = Field(description="of the last event that the row shows", examples=[42])
    credential_id: str | None
    personal: bool = Field(description="the values are not told", examples=[True])
    live: str | None = Field(description="what stands there; null where personal, or nothing")
    rebuilt: str | None = Field(description="what the events give; null where personal, or nothing")


class DifferenceList(Model):
    """A view held against the events, folded anew aside."""

    view: str = _VIEW
    differences: list[DifferenceRecord] = Field(description="at most 100")
    total: int = Field(examples=[1])
