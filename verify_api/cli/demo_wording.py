"""What the demo's issuers say about themselves and what can be earned there: plausible, and made up."""

from collections.abc import Mapping, Sequence

from ledger.canonical import Json

BODY = "quality-council"
SCHEME = "quality-assured"

Wording = dict[str, Json]

PROFILES: Mapping[str, Wording] = {
    BODY: {
        "name": "Council for Post-Secondary Quality",
        "url": "https://quality-council.example",
        "description": "Recognises providers whose micro-credentials meet the provincial framework.",
        "recognising_body": True,
    },
    "maplewood": {
        "name": "Maplewood College of Applied Arts",
        "url": "https://maplewood.example",
        "email": "registrar@maplewood.example",
        "description": "A public college; health and community programmes on three campuses.",
    },
    "lakeside": {
        "name": "Lakeside Care Academy",
        "url": "https://lakeside-academy.example",
        "email": "awards@lakeside-academy.example",
        "description": "Training provider of Lakeside Health Partners, with eleven care homes as employers.",
    },
    "brightline": {
        "name": "Brightline Studio School",
        "url": "https://brightline.example",
        "email": "hello@brightline.example",
        "description": "An independent design school without government recognition, endorsed by two employers.",
    },
    "northgate": {
        "name": "Northgate Training Institute",
        "url": "https://northgate.example",
        "email": "records@northgate.example",
        "description": "A private institute; its recognition ended this year.",
    },
}


def _course(
    slug: str,
    name: str,
    description: str,
    can: Sequence[str],
    assessments: Sequence[Wording],
    hours: int,
    **more: Json,
) -> Wording:
    """A definition with an outcome for each competency, all of them measured by each assessment."""
    outcomes: list[Json] = [{"id": f"O{number}", "statement": each} for number, each in enumerate(can, 1)]
    ids: list[Json] = [f"O{number}" for number in range(1, len(can) + 1)]
    measured: list[Json] = [{**each, "outcomes": ids} for each in assessments]
    definition: Wording = {
        "slug": slug,
        "name": name,
        "language": "en",
        "description": description,
        "kind": "micro",
        "competencies": [{"statement": each, "alignment": _ALIGNMENT.get(slug)} for each in can],
        "outcomes": outcomes,
        "assessments": measured,
        "grading": _GRADED,
        "minutes": hours * 60,
        "delivery": "hybrid",
        "pace": "scheduled",
        "routes": ["course", "prior-learning", "workplace"],
        "image": {"url": f"https://images.example/{slug}.png", "alt": f"Badge: {name}"},
    }
    return definition | more


_ALIGNMENT: Mapping[str, Json] = {
    "ppe-donning-doffing": {
        "framework": "Infection prevention core competencies",
        "code": "IPAC-3.2",
        "url": "https://frameworks.example/ipac/3.2",
    },
    "wound-assessment": {
        "framework": "Personal support worker standard",
        "code": "PSW-7.1",
        "url": "https://frameworks.example/psw/7.1",
    },
}
_GRADED: Wording = {
    "results": ["Pass", "Pass with distinction"],
    "score_from": "0",
    "score_to": "100",
    "pass_mark": "60",
}
_PASS: Wording = {"results": ["Pass"]}
_OBSERVED: Wording = {
    "type": "observed_demonstration",
    "description": "Shown step by step in front of an assessor with a checklist.",
    "supervised": True,
    "identity_checked": True,
    "practice_offered": True,
}
_EXAM: Wording = {
    "type": "examination",
    "description": "Ninety minutes, written, with short cases.",
    "supervised": True,
    "identity_checked": True,
    "practice_offered": False,
}
_PORTFOLIO: Wording = {
    "type": "portfolio",
    "description": "Four pieces with a written rationale, reviewed by two working designers.",
    "supervised": False,
    "identity_checked": True,
    "practice_offered": True,
}
_PSW: Wording = {
    "credit": {"value": "0.5", "authority": "Maplewood College of Applied Arts", "programme": "PSW 101"},
    "level": "Certificate level, year 1",
    "pathways": ["https://maplewood.example/programmes/personal-support-worker"],
    "quality": "Council for Post-Secondary Quality, decision 2024-118",
}

MAPLEWOOD: Sequence[Wording] = (
    _course(
        "wound-assessment",
        "Wound assessment",
        "Assess a wound, describe it in the resident's record, and know when to call the nurse.",
        (
            "Measures and describes a wound so that the next shift can compare it.",
            "Recognises signs of infection and reports them at once.",
        ),
        (_OBSERVED, _EXAM),
        12,
        **_PSW,
    ),
    _course(
        "wound-cleansing",
        "Wound cleansing",
        "Cleanse simple wounds without contaminating them.",
        ("Cleanses a simple wound with the technique that the care plan names.",),
        (_OBSERVED,),
        10,
        **_PSW,
    ),
    _course(
        "dressing-selection",
        "Dressing selection",
        "Choose and apply dressings for simple wounds.",
        ("Chooses a dressing that suits the wound and can say why.", "Applies and removes it without harm."),
        (_OBSERVED, _EXAM),
        12,
        **_PSW,
    ),
    _course(
        "infection-control",
        "Infection control in wound care",
        "Keep infections from spreading while caring for wounds.",
        ("Keeps a clean field throughout a dressing change.", "Disposes of used material safely."),
        (_OBSERVED,),
        8,
        **_PSW,
    ),
    _course(
        "wound-documentation",
        "Wound documentation",
        "Document the course of a wound so that others can act on it.",
        ("Writes wound notes that are complete, dated and signed.",),
        (_EXAM,),
        6,
        **_PSW,
    ),
    _course(
        "mental-health-in-care",
        "Mental health counselling",  # claims too much: the second version corrects it
        "Support residents with depression, anxiety or dementia in everyday care.",
        ("Notices changes in mood and behaviour and reports them.", "Calms a distressed resident by talking."),
        (_EXAM,),
        45,
        level="Certificate level, year 1",
        schedule=None,
    ),
)
MENTAL_HEALTH_CORRECTED: Wording = {**MAPLEWOOD[-1], "name": "Mental health in care"}

LAKESIDE: Sequence[Wording] = (
    _course(
        "ppe-donning-doffing",
        "PPE donning and doffing",
        "Put on and take off personal protective equipment without contaminating yourself or others.",
        ("Puts on and takes off gown, mask, eye protection and gloves in the right order, unaided.",),
        (_OBSERVED,),
        2,
        grading=_PASS,
        delivery="in_person",
        partner={"name": "Lakeside Health Partners", "role": "co-designed the assessment"},
        quality="Council for Post-Secondary Quality, decision 2025-031",
    ),
    _course(
        "healthy-menus",
        "Healthy menus",
        "Plan a week of meals for residents with common dietary needs.",
        (
            "Plans seven days of balanced meals within a budget.",
            "Adapts a menu to diabetes and to swallowing problems.",
        ),
        ({"type": "assignment", "description": "A costed weekly menu.", "practice_offered": True},),
        15,
        grading=_PASS,
        delivery="online",
        pace="self_paced",
        partner={"name": "Lakeside Health Partners", "role": "provides the kitchens"},
    ),
)

BRIGHTLINE: Sequence[Wording] = (
    _course(
        "visual-identity",
        "Graphic design: visual identity",
        "Design a visual identity and the rules for using it.",
        ("Designs a logo family that works from a favicon to a lorry.", "Writes a style guide others can follow."),
        (_PORTFOLIO,),
        60,
        partner={"name": "Kestrel Outdoor", "role": "endorses the award as an employer"},
    ),
    _course(
        "layout-and-type",
        "Graphic design: layout and type",
        "Set type and lay out pages for print and screen.",
        ("Sets long text so that it is read with ease.",),
        (_PORTFOLIO,),
        40,
    ),
    _course(
        "design-for-campaigns",
        "Graphic design: campaigns",
        "Carry an idea through posters, social media and packaging.",
        ("Keeps one idea recognisable across six formats.",),
        (_PORTFOLIO,),
        50,
        partner={"name": "Harbour & Fig", "role": "endorses the award as an employer"},
    ),
)

NORTHGATE: Sequence[Wording] = (
    _course(
        "food-handling",
        "Safe food handling",
        "Handle, store and serve food without making anyone ill.",
        ("Keeps hot food hot and cold food cold, and can prove it from the log sheet.",),
        (_EXAM,),
        8,
        grading=_PASS,
        delivery="in_person",
    ),
)

DEFINITIONS: Mapping[str, Sequence[Wording]] = {
    "maplewood": MAPLEWOOD,
    "lakeside": LAKESIDE,
    "brightline": BRIGHTLINE,
    "northgate": NORTHGATE,
}
