"""Verdicts of every kind, and a scanner that answers them; made by hand, since the pages know nothing of the store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from ledger.domain.award import Change
from ledger.domain.codes import format_link_code, new_link_code
from ledger.domain.definition import (
    AchievementDefinition,
    Alignment,
    Assessment,
    AssessmentType,
    Competency,
    Credit,
    Delivery,
    Grading,
    Kind,
    Outcome,
    Partner,
)
from ledger.domain.stacking_rule import OnLoss
from ledger.domain.types import Did, Origin, Position, Slug
from ledger.domain.values import Custody, Mode, Reason, Route
from ledger.verification.moment import Moment
from ledger.verification.verdict import (
    NOTHING_SHOWN,
    AmendmentView,
    AwardView,
    ChangeView,
    ComponentView,
    Finding,
    ForeignAward,
    ForeignIssuer,
    ForeignSkill,
    HistoryLine,
    IssuerView,
    LogView,
    Notice,
    RecognitionView,
    State,
    Verdict,
)
from ledger.verification.verdict import Outcome as Ended
from verify_api.public.scanner import CredentialFile, Site

SITE = Site(
    base_url="https://verify.college.example",
    operator="Lakeshore Digital Services",
    registries=("Ontario Register of Learning",),
)
CODE = new_link_code(1_795_000_000_000, bytes(range(16)))
CODE_TEXT = format_link_code(CODE)
NOW = datetime(2026, 11, 21, 14, 3, tzinfo=UTC)
ISSUED = datetime(2026, 9, 14, 15, 30, tzinfo=UTC)

DEFINITION = AchievementDefinition(
    slug=Slug("donning-doffing-ppe"),
    name="Donning and Doffing Personal Protective Equipment",
    language="en",
    description="Safe use of protective equipment in long-term care.",
    kind=Kind.MICRO,
    level="Post-secondary certificate",
    competencies=(
        Competency(
            statement="Put on and take off personal protective equipment in the right order without contamination",
            alignment=Alignment(framework="National Occupational Classification", code="44101", url=None),
        ),
        Competency(statement="Choose equipment that fits the task and the hazard", alignment=None),
    ),
    outcomes=(Outcome(id="LO1", statement="Demonstrate donning and doffing"),),
    assessments=(
        Assessment(
            type=AssessmentType.OBSERVED_DEMONSTRATION,
            description=None,
            outcomes=("LO1",),
            supervised=True,
            identity_checked=True,
            practice_offered=True,
        ),
    ),
    grading=Grading(results=("Pass",), score_from="0", score_to="100", pass_mark="70"),
    minutes=270,
    delivery=Delivery.HYBRID,
    pace=None,
    schedule=None,
    credit=Credit(value="0.5", authority="Lakeshore College", programme="Personal Support Worker"),
    routes=(Route.COURSE,),
    partner=Partner(name="Harbour Long-Term Care", role="placement host"),
    pathways=(),
    quality=None,
    image=None,
)
RECOGNISED = RecognitionView(
    recognised=True,
    registry="Ontario Register of Learning",
    registry_id=Did("did:web:verify.college.example:issuers:register"),
    scheme="public-college",
    since=date(2020, 1, 1),
    ended_on=None,
    recognised_when_issued=True,
)
NEVER = RecognitionView(
    recognised=False,
    registry=None,
    registry_id=None,
    scheme=None,
    since=None,
    ended_on=None,
    recognised_when_issued=False,
)
ENDED = replace(RECOGNISED, recognised=False, ended_on=date(2026, 10, 31))
ISSUER = IssuerView(
    id=Did("did:web:verify.college.example:issuers:lakeshore"),
    name="Lakeshore College",
    domain="lakeshore.example",
    email="registrar@lakeshore.example",
    url="https://lakeshore.example/",
    custody=Custody.OPERATOR,
    recognition=RECOGNISED,
)
AWARD = AwardView(
    definition=DEFINITION,
    learner="Chloé Smith",
    language="en",
    issuer=ISSUER,
    awarded_on=date(2026, 9, 14),
    valid_from=date(2026, 9, 14),
    valid_until=None,
    result="Pass",
    score="83",
    route=Route.COURSE,
    assessor="M. Osei",
    evidence="https://evidence.example/portfolio/7",
)
LOG = LogView(
    origin=Origin("verify.college.example/log"), size=1234, root=bytes(range(32)), position=Position(812), witnesses=0
)
FINDINGS = (
    Finding(check="code", outcome=Ended.PASSED, reason="ok", detail="The award was issued with this code."),
    Finding(check="signatures", outcome=Ended.PASSED, reason="ok", detail="Each entry is signed by its key."),
    Finding(check="status", outcome=Ended.UNKNOWN, reason="not_reached", detail="This was not checked."),
    Finding(check="later", outcome=Ended.FAILED, reason="something_new", detail="A check of a later release failed."),
)
ISSUED_LINE = HistoryLine(
    position=Position(812), type="credential.issued/1", at=ISSUED, reason=None, public_text=None, disowned=False
)
VALID = Verdict(
    state=State.VALID,
    notices=(),
    findings=FINDINGS,
    as_of=NOW,
    known_at=NOW,
    award=AWARD,
    scanned_version=1,
    current_version=1,
    change=None,
    amendments=(),
    history=(ISSUED_LINE,),
    log=LOG,
)
REVOCATION = ChangeView(
    kind="revoked",
    reason=Reason.ISSUED_IN_ERROR,
    public_text="The assessment was recorded for the wrong person.",
    effective=date(2026, 11, 1),
    recorded=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
    mode=Mode.PROSPECTIVE,
    disowned=False,
)
SUSPENSION = replace(REVOCATION, kind="suspended", reason=Reason.ASSESSMENT_INTEGRITY, public_text=None, mode=None)
AMENDMENTS = tuple(
    AmendmentView(
        change=change, reason=Reason.OTHER, public_text=None, version=2, on=datetime(2026, 10, 2, 8, 0, tzinfo=UTC)
    )
    for change in (
        Change(field="title", old="Infection Control Specialist", new=DEFINITION.name),
        Change(field="full_name", old=None, new=None),
        Change(field="valid_until", old=None, new="2029-09-14"),
    )
)
TOLD_NOTHING = replace(VALID, award=None, history=(), scanned_version=None, current_version=None)


def _line(kind: str, position: int, at: datetime, reason: Reason | None = None) -> HistoryLine:
    return HistoryLine(
        position=Position(position), type=f"credential.{kind}/1", at=at, reason=reason, public_text=None, disowned=False
    )


STRANGER = ForeignIssuer(
    id="did:web:badges.harbour.example",
    name="Harbour Academy",
    domain="badges.harbour.example",
    custody=None,
    recognition=NEVER,
)
FOREIGN = ForeignAward(
    name="Infection Control",
    learner="Zoé Okafor",
    language="en",
    issuer=STRANGER,
    awarded_on=date(2026, 5, 1),
    valid_from=date(2026, 5, 2),
    valid_until=date(2027, 5, 1),
    skills=(
        ForeignSkill(statement="Keeps a ward clean", framework="NOC", code="44101", url=None),
        ForeignSkill(statement="Washes hands", framework=None, code=None, url=None),
    ),
    result="Pass",
    credit="0.5",
)
NOWHERE = LogView(origin=Origin(""), size=0, root=None, position=None, witnesses=0)
FOREIGN_VERDICT = replace(
    TOLD_NOTHING,
    state=State.ISSUER_UNRECOGNISED,
    notices=(Notice.NOT_ISSUED_HERE,),
    foreign=FOREIGN,
    log=NOWHERE,
    findings=(
        Finding(check="proof", outcome=Ended.PASSED, reason="signature_valid", detail="It is as it was signed."),
        Finding(
            check="recognition",
            outcome=Ended.FAILED,
            reason="not_recognised",
            detail="Nobody recognises the issuer.",
            makes=State.ISSUER_UNRECOGNISED,
        ),
    ),
)
VERDICTS: Mapping[State, Verdict] = {
    State.SIGNATURE_INVALID: replace(VALID, state=State.SIGNATURE_INVALID),  # award given: it must not be shown
    State.LOG_INCONSISTENT: replace(VALID, state=State.LOG_INCONSISTENT),
    State.NOT_FOUND: replace(
        TOLD_NOTHING, state=State.NOT_FOUND, findings=FINDINGS[:1], log=replace(LOG, position=None)
    ),
    State.NOT_CHECKED: replace(VALID, state=State.NOT_CHECKED),
    State.NO_AWARD: replace(VALID, state=State.NO_AWARD),
    State.KEY_COMPROMISED: replace(VALID, state=State.KEY_COMPROMISED),
    State.REVOKED: replace(
        VALID,
        state=State.REVOKED,
        change=REVOCATION,
        notices=(State.EXPIRED, Notice.CORRECTED, Notice.PENDING),
        award=replace(AWARD, valid_until=date(2026, 11, 15)),
        amendments=AMENDMENTS,
        scanned_version=2,
        current_version=2,
        history=(ISSUED_LINE, _line("revoked", 1201, REVOCATION.recorded, Reason.ISSUED_IN_ERROR)),
    ),
    State.SUSPENDED: replace(VALID, state=State.SUSPENDED, change=SUSPENSION),
    State.STATUS_UNAVAILABLE: replace(FOREIGN_VERDICT, state=State.STATUS_UNAVAILABLE),
    State.EXPIRED: replace(VALID, state=State.EXPIRED, award=replace(AWARD, valid_until=date(2026, 10, 31))),
    State.NOT_YET_VALID: replace(VALID, state=State.NOT_YET_VALID, award=replace(AWARD, valid_from=date(2027, 1, 1))),
    State.ISSUER_UNRECOGNISED: replace(
        VALID,
        state=State.ISSUER_UNRECOGNISED,
        award=replace(AWARD, issuer=replace(ISSUER, recognition=NEVER, custody=Custody.ISSUER)),
    ),
    State.AMENDED: replace(VALID, state=State.AMENDED, amendments=AMENDMENTS, scanned_version=1, current_version=2),
    State.VALID: VALID,
}

PARTS = tuple(
    ComponentView(
        code=new_link_code(1_795_000_000_000, bytes([number] * 16)),
        version=2 if number == 3 else 1,
        name=f"Wound care {number}",
        language="en",
        state=State.VALID,
        in_force=True,
        change=None,
        valid_from=date(2026, 9, 14),
        valid_until=None,
    )
    for number in range(1, 6)
)
WITHDRAWN = replace(PARTS[2], state=State.REVOKED, in_force=False, change=REVOCATION)
STACK = replace(
    VALID,
    award=replace(AWARD, definition=replace(DEFINITION, name="Wound Care", on_component_loss=OnLoss.REVIEW)),
    components=PARTS,
    history=(replace(ISSUED_LINE, type="credential.stacked/1"),),
)
VERDICTS = {
    **VERDICTS,
    State.COMPONENT_REVIEW: replace(
        STACK, state=State.COMPONENT_REVIEW, components=(*PARTS[:2], WITHDRAWN, *PARTS[3:])
    ),
}


class FakeScanner:
    """Answers one verdict for CODE and for any short code, *not found* for all else; remembers what it was asked."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Be as new."""
        self.verdict: Verdict = VALID
        self.missing: list[str] = []
        self.unsigned: list[str] = []
        self.proofs: bytes | None = b"{}"
        self.file: CredentialFile | None = None
        self.asked: list[tuple[str, int | None]] = []
        self.now: Moment | None = None

    def moment(self) -> Moment | None:
        return self.now

    def scan(self, code_text: str, version: int | None) -> Verdict:
        self.asked.append((code_text, version))
        known = code_text == CODE_TEXT and (version or 1) <= (self.verdict.current_version or 1)
        return self.verdict if known else VERDICTS[State.NOT_FOUND]

    def scan_short(self, short: str) -> Verdict:
        self.asked.append((short, None))
        return self.verdict

    def proof(self, code_text: str, version: int | None) -> bytes | Verdict | None:
        verdict = self.scan(code_text, version)
        return verdict if verdict.state in NOTHING_SHOWN else self.proofs

    def credential_file(self, code_text: str, version: int | None) -> CredentialFile | Verdict:
        verdict = self.scan(code_text, version)
        return verdict if self.file is None or verdict.state in NOTHING_SHOWN else self.file

    def ready(self) -> list[str]:
        return self.missing

    def missing_besides(self) -> list[str]:
        return self.unsigned


class FakeLog:
    """The files of a log that nobody published."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fails: Exception | None = None
        self.asked: list[str] = []

    def read(self, path: str) -> bytes | None:
        self.asked.append(path)
        if self.fails is not None:
            raise self.fails
        return self.files.get(path)

    def list(self, prefix: str) -> Sequence[str]:
        return sorted(path for path in self.files if path.startswith(f"{prefix}/"))
