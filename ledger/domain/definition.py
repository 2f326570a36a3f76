"""The wording behind a digest: the definition of an achievement and the profile of an issuer.

Both are written by people as JSON, read strictly, and stored as canonical JSON of `to_json`; the digest of those bytes
is what the log records. Fields follow Open Badges 3.0 `Achievement` and `Profile` where those have one.
"""

from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum

from ledger.domain.reading import Reader, read
from ledger.domain.spelling import decimal_text, e_mail, language_tag, web_address
from ledger.domain.stacking_rule import OnLoss, StackingRule, read_rule
from ledger.domain.types import Slug
from ledger.domain.values import Route, slug


class Kind(StrEnum):
    """How large what can be earned is."""

    MICRO = "micro"
    LARGER = "larger"


class Delivery(StrEnum):
    """Where the learning happens."""

    ONLINE = "online"
    IN_PERSON = "in_person"
    HYBRID = "hybrid"
    WORKPLACE = "workplace"


class Pace(StrEnum):
    """Who sets the pace."""

    SELF_PACED = "self_paced"
    SCHEDULED = "scheduled"


class AssessmentType(StrEnum):
    """How competence is shown."""

    OBSERVED_DEMONSTRATION = "observed_demonstration"
    EXAMINATION = "examination"
    ASSIGNMENT = "assignment"
    PORTFOLIO = "portfolio"
    PROJECT = "project"
    INTERVIEW = "interview"
    WORKPLACE_OBSERVATION = "workplace_observation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Where a competency stands in a public framework."""

    framework: str
    code: str | None
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Competency:
    """What the holder can do, in a sentence an employer understands."""

    statement: str
    alignment: Alignment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A measurable learning outcome."""

    id: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One assessment and which outcomes it measures."""

    type: AssessmentType | None
    description: str | None
    outcomes: tuple[str, ...]  # ids of outcomes
    supervised: bool
    identity_checked: bool
    practice_offered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """Which results are awarded, and the scale of scores."""

    results: tuple[str, ...]  # what earns the award, e.g. Pass; anything else is not awarded
    score_from: str | None  # decimal strings
    score_to: str | None
    pass_mark: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Academic credit that the award carries."""

    value: str  # decimal string
    authority: str
    programme: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """An industry partner and what it does."""

    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a cohort runs."""

    begins: str  # YYYY-MM-DD
    ends: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The picture on the badge."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AchievementDefinition:
    """One version of what can be earned."""

    slug: Slug
    name: str
    language: str
    description: str
    kind: Kind
    level: str | None
    competencies: tuple[Competency, ...]
    outcomes: tuple[Outcome, ...]
    assessments: tuple[Assessment, ...]
    grading: Grading
    minutes: int | None  # of learning, whole minutes
    delivery: Delivery | None
    pace: Pace | None
    schedule: Schedule | None
    credit: Credit | None  # None: not credit-bearing
    routes: tuple[Route, ...]
    partner: Partner | None
    pathways: tuple[str, ...]  # web addresses of what it leads to
    quality: str | None  # reference of a quality assurance decision
    image: Image | None
    rule: StackingRule | None = None  # of a pathway; None: earned by itself
    on_component_loss: OnLoss | None = None  # of a pathway


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who an issuer or a recognising body says it is."""

    name: str
    language: str
    url: str | None
    email: str | None
    description: str | None
    recognising_body: bool  # recognises others and awards nothing itself


def read_definition(value: object) -> AchievementDefinition:
    """The definition that a JSON object spells.

    Raises:
        Refused: with every problem found.
    """
    return read(value, _definition)


def read_profile(value: object) -> Profile:
    """The profile that a JSON object spells.

    Raises:
        Refused: with every problem found.
    """
    return read(value, _profile)


def to_json(thing: AchievementDefinition | Profile) -> dict[str, object]:
    """The JSON object that `read_definition` or `read_profile` would read back, all fields named."""
    return {name: _plain(value) for name, value in asdict(thing).items()}


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _definition(reader: Reader) -> AchievementDefinition:
    outcomes = reader.objects("outcomes", _outcome)
    rule = reader.nested("rule", read_rule)
    on_loss = reader.member("on_component_loss", OnLoss)
    definition = AchievementDefinition(
        slug=reader.parsed("slug", slug, optional=False) or Slug(""),
        name=reader.text("name"),
        language=reader.parsed("language", language_tag) or "en",
        description=reader.text("description", 2_000, multiline=True),
        kind=reader.member("kind", Kind) or Kind.MICRO,
        level=reader.optional_text("level"),
        competencies=reader.objects("competencies", _competency, least=1, most=30),
        outcomes=outcomes,
        # What is earned by holding other awards was assessed when those were earned.
        assessments=reader.objects("assessments", _assessment, least=1 if rule is None else 0, most=20),
        grading=reader.nested("grading", _grading)
        or Grading(results=("Pass",), score_from=None, score_to=None, pass_mark=None),
        minutes=reader.whole("minutes", 1, 6_000_000),
        delivery=reader.member("delivery", Delivery),
        pace=reader.member("pace", Pace),
        schedule=reader.nested("schedule", _schedule),
        credit=reader.nested("credit", _credit),
        routes=reader.members("routes", Route),
        partner=reader.nested("partner", _partner),
        pathways=reader.texts("pathways", least=0),
        quality=reader.optional_text("quality", 500),
        image=reader.nested("image", _image),
        rule=rule,
        on_component_loss=on_loss or (None if rule is None else OnLoss.REVIEW),
    )
    _check_rule(reader, definition)
    known = {outcome.id for outcome in outcomes}
    if len(known) != len(outcomes):
        reader.report("outcomes", "repeated", "two outcomes have the same id")
    for index, assessment in enumerate(definition.assessments):
        for missing in sorted(set(assessment.outcomes) - known):
            reader.report(f"assessments.{index}.outcomes", "unknown_outcome", f"no outcome has the id “{missing}”")
    return definition


def _check_rule(reader: Reader, definition: AchievementDefinition) -> None:
    if definition.rule is None and definition.on_component_loss is not None:
        reader.report("on_component_loss", "not_allowed", "belongs to a pathway, which has a rule")
    if definition.rule is not None and definition.slug in definition.rule.parts:
        reader.report("rule", "itself", f"names “{definition.slug}”, the pathway itself, as one of its parts")


def _competency(reader: Reader) -> Competency:
    return Competency(statement=reader.text("statement", 500), alignment=reader.nested("alignment", _alignment))


def _alignment(reader: Reader) -> Alignment:
    return Alignment(
        framework=reader.text("framework"),
        code=reader.optional_text("code"),
        url=reader.parsed("url", web_address),
    )


def _outcome(reader: Reader) -> Outcome:
    return Outcome(id=reader.text("id", 40), statement=reader.text("statement", 500))


def _assessment(reader: Reader) -> Assessment:
    assessment = Assessment(
        type=reader.member("type", AssessmentType),
        description=reader.optional_text("description", 1_000),
        outcomes=reader.texts("outcomes", 40, least=0),
        supervised=reader.flag("supervised"),
        identity_checked=reader.flag("identity_checked"),
        practice_offered=reader.flag("practice_offered"),
    )
    if assessment.type is None and assessment.description is None:
        reader.report("type", "missing", "an assessment needs a type or a description")
    return assessment


def _grading(reader: Reader) -> Grading:
    grading = Grading(
        results=reader.texts("results", 100),
        score_from=reader.parsed("score_from", decimal_text),
        score_to=reader.parsed("score_to", decimal_text),
        pass_mark=reader.parsed("pass_mark", decimal_text),
    )
    marks = [Decimal(mark) for mark in (grading.score_from, grading.pass_mark, grading.score_to) if mark is not None]
    if marks != sorted(marks):
        reader.report("pass_mark", "out_of_range", "the scale must run score_from, pass_mark, score_to, upwards")
    return grading


def _schedule(reader: Reader) -> Schedule:
    schedule = Schedule(begins=reader.day("begins") or "", ends=reader.day("ends") or "")
    if not schedule.begins or schedule.ends < schedule.begins:
        reader.report("ends", "dates_reversed", "a schedule needs the days it begins and ends, in this order")
    return schedule


def _credit(reader: Reader) -> Credit:
    return Credit(
        value=reader.parsed("value", decimal_text, optional=False) or "0",
        authority=reader.text("authority"),
        programme=reader.optional_text("programme"),
    )


def _partner(reader: Reader) -> Partner:
    return Partner(name=reader.text("name"), role=reader.text("role"))


def _image(reader: Reader) -> Image:
    return Image(url=reader.parsed("url", web_address, optional=False) or "", alt=reader.text("alt"))


def _profile(reader: Reader) -> Profile:
    return Profile(
        name=reader.text("name"),
        language=reader.parsed("language", language_tag) or "en",
        url=reader.parsed("url", web_address),
        email=reader.parsed("email", e_mail),
        description=reader.optional_text("description", 2_000, multiline=True),
        recognising_body=reader.flag("recognising_body"),
    )
