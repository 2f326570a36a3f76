"""Which awards the demo makes, and what happens to them afterwards; every date is counted from the day it began."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeAlias

from ledger.canonical import Json

PAST = 400  # days before the day of the demo on which its first part was recorded
Ago: TypeAlias = Callable[[int], str]  # days ago -> YYYY-MM-DD


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAward:
    """One award of the demo, with the acts on it in their order, and what its page is there to show."""

    scenario: str  # of the acceptance scenarios, or the state that its page shows
    title: str
    issuer: str
    row: Mapping[str, Json]
    acts: Sequence[tuple[str, Mapping[str, Json]]] = field(default=())
    version: int = 1  # of the link that is shown

    @property
    def key(self) -> str:
        """What tells this award from the others."""
        return f"{self.row['student_number']}-{self.row['achievement']}"


_AMARA = {"student_number": "M-20417", "full_name": "Amara Okafor", "email": "amara.okafor@learners.example"}
WOUND_CARE = (  # slug, result and score of each of the five
    ("wound-assessment", "Pass with distinction", "91"),
    ("wound-cleansing", "Pass", "78"),
    ("dressing-selection", "Pass", "83"),
    ("infection-control", "Pass", "74"),
    ("wound-documentation", "Pass", "69"),
)


def awards(today: date) -> list[DemoAward]:
    """Every award, apart from the two around the stolen key."""

    def ago(days: int) -> str:
        return (today - timedelta(days=days)).isoformat()

    return [*_valid(ago), *_amended(ago), *_stopped(ago), *_dated(today, ago), *_unrecognised(ago), lapsed(today)]


def lapsed(today: date) -> DemoAward:
    """The award that was recorded `PAST` days ago, when its issuer was still recognised."""
    return DemoAward(
        scenario="S13",
        title="Recognised when it was issued; the recognition has ended since",
        issuer="northgate",
        row=_row(
            "N-5512",
            "Nkechi Jónsdóttir",
            "food-handling",
            (today - timedelta(days=PAST + 2)).isoformat(),
            result="Pass",
        ),
    )


def around_the_theft(today: date) -> tuple[DemoAward, DemoAward]:
    """An award from before the key was stolen, and one that the thief made and dated back."""
    on = (today - timedelta(days=60)).isoformat()
    before = DemoAward(
        scenario="S14",
        title="Signed before the issuer's key was stolen: keeps its verdict",
        issuer="lakeside",
        row=_row("L-3301", "Rui Tavares", "healthy-menus", on, result="Pass", assessor="M. Haddad"),
    )
    after = DemoAward(
        scenario="S14",
        title="Made with the stolen key, and dated back: refused",
        issuer="lakeside",
        row=_row("L-3302", "Casey Morgan", "healthy-menus", on, result="Pass", assessor="M. Haddad"),
    )
    return before, after


def _row(number: str, name: str, achievement: str, awarded_on: str, **more: Json) -> dict[str, Json]:
    row: dict[str, Json] = {
        "student_number": number,
        "full_name": name,
        "achievement": achievement,
        "awarded_on": awarded_on,
    }
    return row | more


def _valid(ago: Ago) -> list[DemoAward]:
    series = [
        DemoAward(
            scenario="S1",
            title=f"Valid: part {number} of five in wound care",
            issuer="maplewood",
            row={
                **_AMARA,
                "achievement": slug,
                "awarded_on": ago(200 - 20 * number),
                "result": result,
                "score": score,
                "route": "course",
                "assessor": "R. Lindqvist",
            },
        )
        for number, (slug, result, score) in enumerate(WOUND_CARE, 1)
    ]
    ppe = DemoAward(
        scenario="S2",
        title="Valid: pass or fail, assessed by observed demonstration",
        issuer="lakeside",
        row=_row(
            "L-3117",
            "Siobhán O'Neil",
            "ppe-donning-doffing",
            ago(45),
            result="Pass",
            assessor="T. Nguyễn",
            route="course",
        ),
    )
    return [*series, ppe]


def _amended(ago: Ago) -> list[DemoAward]:
    title: dict[str, Json] = {
        "values": {"achievement_version": "2"},
        "reason": "issued_in_error",
        "public_text": "The first title promised more than the course teaches.",
    }
    mental_health = _row("M-20988", "Björn Åkesson", "mental-health-in-care", ago(90), result="Pass", score="81")
    first = DemoAward(
        scenario="S3",
        title="Amended: the title claimed too much; this is the link as first printed",
        issuer="maplewood",
        row=mental_health,
        acts=(("amend", title),),
    )
    second = DemoAward(
        scenario="S3",
        title="Valid, corrected: the link of the second version",
        issuer="maplewood",
        row=mental_health,
        version=2,
    )
    return [first, second]


def _stopped(ago: Ago) -> list[DemoAward]:
    revoked: dict[str, Json] = {
        "reason": "assessment_integrity",
        "from": ago(12),
        "public_text": "The examination was taken by another person.",
        "notes": "Academic integrity panel, case 88.",
    }
    on_hold: dict[str, Json] = {"reason": "assessment_integrity", "from": ago(3)}
    return [
        DemoAward(
            scenario="revoked",
            title="Revoked from a day on; what it said of the time before stands",
            issuer="maplewood",
            row=_row("M-20551", "Δήμητρα Παππά", "wound-documentation", ago(150), result="Pass", score="72"),
            acts=(("revoke", revoked),),
        ),
        DemoAward(
            scenario="revoked",
            title="Revoked as one that should never have been issued",
            issuer="lakeside",
            row=_row("L-3140", "Jordan Tremblay", "healthy-menus", ago(110), result="Pass"),
            acts=(("revoke", {"reason": "issued_in_error", "retroactive": True}),),
        ),
        DemoAward(
            scenario="suspended",
            title="On hold while something is looked into",
            issuer="maplewood",
            row=_row("M-20733", "Łukasz Wiśniewski", "infection-control", ago(80), result="Pass", score="66"),
            acts=(("suspend", on_hold),),
        ),
    ]


def _dated(today: date, ago: Ago) -> list[DemoAward]:
    next_year = (today + timedelta(days=365)).isoformat()
    return [
        DemoAward(
            scenario="expired",
            title="Genuine, but expired: this one is good for two years",
            issuer="lakeside",
            row=_row("L-2204", "Chloé Smith", "ppe-donning-doffing", ago(800), result="Pass", valid_until=ago(70)),
        ),
        DemoAward(
            scenario="not_yet_valid",
            title="Not in force yet: takes effect next year",
            issuer="lakeside",
            row=_row("L-3390", "さくら 田中", "healthy-menus", ago(5), result="Pass", valid_from=next_year),
        ),
    ]


def _unrecognised(ago: Ago) -> list[DemoAward]:
    mila = {"student_number": "B-118", "full_name": "Mila Kowalski", "route": "course", "result": "Pass"}
    slugs = ("visual-identity", "layout-and-type", "design-for-campaigns")
    return [
        DemoAward(
            scenario="S5",
            title=f"Genuine, issuer not recognised: graphic design, {number} of three",
            issuer="brightline",
            row={**mila, "achievement": slug, "awarded_on": ago(300 - 60 * number), "score": "88"},
        )
        for number, slug in enumerate(slugs, 1)
    ]
