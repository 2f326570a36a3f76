"""The demo's pathways, and the awards that are built from others; dates are counted from the day of the demo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from ledger.canonical import Json
from verify_api.cli.demo_awards import WOUND_CARE, DemoAward
from verify_api.cli.demo_wording import Wording

PATHWAYS: Mapping[str, Sequence[Wording]] = {
    "maplewood": (
        {
            "slug": "wound-care-practice",
            "name": "Wound Care Practice",
            "description": "The five micro-credentials in wound care together; the programme grants credit for them.",
            "kind": "larger",
            "competencies": [
                {"statement": "plan and carry out the care of simple and complex wounds"},
                {"statement": "hand over a wound's history so that the next shift can go on"},
            ],
            "credit": {
                "value": "3",
                "authority": "Maplewood College of Applied Arts",
                "programme": "Personal Support Worker (PSW 101)",
            },
            "rule": {"all_of": [slug for slug, _, _ in WOUND_CARE]},
            "on_component_loss": "review",
        },
    ),
    "brightline": (
        {
            "slug": "graphic-designer",
            "name": "Graphic Design Foundations",
            "description": "Any two of the three courses in graphic design.",
            "kind": "larger",
            "competencies": [{"statement": "take a small brand from first sketch to printed matter"}],
            "rule": {"n_of": {"n": 2, "of": ["visual-identity", "layout-and-type", "design-for-campaigns"]}},
            "on_component_loss": "keep",
        },
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStack:
    """One award of a pathway, with the parts that are recorded for it alone, and what its page is there to show."""

    scenario: str
    title: str
    issuer: str
    student_number: str
    pathway: str
    more: Mapping[str, Json] = field(default_factory=dict)
    parts: Sequence[DemoAward] = ()  # recorded before it; their acts follow it

    @property
    def key(self) -> str:
        """What tells this award from the others."""
        return f"{self.student_number}-{self.pathway}"


def stacks(today: date) -> list[DemoStack]:
    """Every award of a pathway."""
    return [
        DemoStack(
            scenario="S1",
            title="Valid: five awards in wound care became one that grants credit",
            issuer="maplewood",
            student_number="M-20417",
            pathway="wound-care-practice",
            more={"assessor": "R. Lindqvist"},
        ),
        DemoStack(
            scenario="component_review",
            title="Valid, one part under review: the third of its five parts was withdrawn",
            issuer="maplewood",
            student_number="M-20860",
            pathway="wound-care-practice",
            parts=_parts_of_samira(today),
        ),
        DemoStack(
            scenario="S5",
            title="Genuine, issuer not recognised: built from the courses in graphic design",
            issuer="brightline",
            student_number="B-118",
            pathway="graphic-designer",
        ),
    ]


def _parts_of_samira(today: date) -> list[DemoAward]:
    withdrawn: dict[str, Json] = {"reason": "assessment_integrity", "notes": "Academic integrity panel, case 91."}
    return [
        DemoAward(
            scenario="component_review",
            title=f"Part {number} of five",
            issuer="maplewood",
            row={
                "student_number": "M-20860",
                "full_name": "Samira El-Haddad",
                "achievement": slug,
                "awarded_on": (today - timedelta(days=190 - 20 * number)).isoformat(),
                "result": "Pass",
                "route": "course",
            },
            acts=(("revoke", withdrawn),) if number == 3 else (),
        )
        for number, (slug, _, _) in enumerate(WOUND_CARE, 1)
    ]
