"""What a verification answers: findings, the states they make, and the one verdict that wins.

The same verdict is shown as a page, as JSON and by the command; how is decided in `verify_api`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ledger.domain.award import Change
from ledger.domain.definition import AchievementDefinition
from ledger.domain.types import Did, LinkCode, Origin, Position
from ledger.domain.values import Custody, Mode, Reason, Route


class State(StrEnum):
    """What an employer is told; of several that hold the upper one wins, and the others are notices."""

    SIGNATURE_INVALID = "signature_invalid"
    LOG_INCONSISTENT = "log_inconsistent"
    NOT_FOUND = "not_found"
    NOT_CHECKED = "not_checked"  # of a file: what would be needed to check it is not at hand
    NO_AWARD = "no_award"  # of a file: signed by an issuer of this log, and nothing that this log has on record
    KEY_COMPROMISED = "key_compromised"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    STATUS_UNAVAILABLE = "status_unavailable"  # of a file: signed, and whether it was withdrawn could not be asked
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    ISSUER_UNRECOGNISED = "issuer_unrecognised"
    COMPONENT_REVIEW = "component_review"
    AMENDED = "amended"
    VALID = "valid"


NOTHING_SHOWN = frozenset(  # of the award, not a word
    (State.SIGNATURE_INVALID, State.LOG_INCONSISTENT, State.NOT_FOUND, State.NOT_CHECKED, State.NO_AWARD)
)


class Notice(StrEnum):
    """What else an employer should know; the states that lost to an upper one are notices too."""

    CORRECTED = "corrected"  # the scanned version is the current one, and others came before it
    PENDING = "pending"  # recorded seconds ago, being published
    NOT_ISSUED_HERE = "not_issued_here"  # a file that was judged by itself: there is no record of it in this log


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check, how it ended and why."""

    check: str  # its name in `pipeline.CHECKS`
    outcome: Outcome
    reason: str  # a code for programs: snake_case
    detail: str  # a sentence for people, without personal data
    makes: State | None = None  # the state that this finding makes; None where it stands in the way of nothing

    def __hash__(self) -> int:
        """By the sentence alone, which is quick: findings are looked up at every scan, and equal ones say the same."""
        return hash(self.detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionView:
    """Whether, by whom and until when the issuer is recognised, as a registry the operator names says."""

    recognised: bool  # today, by one of the operator's registries
    registry: str | None  # name of the recognising body; of the one that ended, where none holds
    registry_id: Did | None
    scheme: str | None
    since: date | None
    ended_on: date | None  # last day, where recognition ended
    recognised_when_issued: bool | None  # None of a file: when it was made is only its own word


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerView:
    """Who awarded it."""

    id: Did
    name: str
    domain: str
    email: str | None
    url: str | None
    custody: Custody
    recognition: RecognitionView


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardView:
    """The award as it stands (or stood, in the version scanned)."""

    definition: AchievementDefinition
    learner: str
    language: str
    issuer: IssuerView
    awarded_on: date
    valid_from: date
    valid_until: date | None
    result: str | None
    score: str | None
    route: Route | None
    assessor: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignIssuer:
    """Who a file says issued it; its name is the file's own word, unless the registries know the issuer."""

    id: str  # a DID or another URL
    name: str | None
    domain: str | None
    custody: Custody | None  # known of the issuers of this log alone
    recognition: RecognitionView


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSkill:
    """What the holder can do, as a file says it."""

    statement: str
    framework: str | None
    code: str | None
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignAward:
    """What a credential says that is not of this log; None for whatever it does not say."""

    name: str | None
    learner: str | None
    language: str | None
    issuer: ForeignIssuer
    awarded_on: date | None
    valid_from: date | None
    valid_until: date | None
    skills: tuple[ForeignSkill, ...]
    result: str | None
    credit: str | None  # decimal string


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """The act behind a state: a suspension or a revocation."""

    kind: str  # suspended, revoked
    reason: Reason | None
    public_text: str | None
    effective: date
    recorded: datetime
    mode: Mode | None
    disowned: bool  # stated with a key in other hands; holds until a good key reinstates


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendmentView:
    """One field that a later version changed."""

    change: Change
    reason: Reason | None
    public_text: str | None
    version: int  # the version that brought the new value
    on: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentView:
    """A part that the award was built from, as it stands now."""

    code: LinkCode
    version: int  # its current one
    name: str  # of what was awarded
    language: str  # of that name
    state: State
    in_force: bool | None
    change: ChangeView | None
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogView:
    """Where the award stands in the log."""

    origin: Origin
    size: int  # of the published checkpoint; 0 where there is none
    root: bytes | None  # 32 bytes, of that checkpoint
    position: Position | None  # of the entry that issued the award
    witnesses: int  # how many of those that the operator names cosigned that checkpoint
    witnessed_at: datetime | None = None  # since when as many of them vouch for it as the operator asks for
    witnessed_as_of: datetime | None = None  # until when as many had seen no larger one
    witnessed_by: tuple[str, ...] = ()  # their names
    path: tuple[bytes, ...] | None = None  # from that entry to the root, 32 bytes each; None where it was not proved


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One recorded act, in the order of the stream."""

    position: Position
    type: str  # wire type
    at: datetime
    reason: Reason | None
    public_text: str | None
    disowned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer to "is this genuine and in force?"."""

    state: State
    notices: tuple[str, ...]  # State and Notice values
    findings: tuple[Finding, ...]
    as_of: datetime  # time of the head that was read
    known_at: datetime  # when the question was put
    log: LogView
    scanned_version: int | None = None
    award: AwardView | None = None  # this and what follows: only where something of the award may be shown
    current_version: int | None = None
    change: ChangeView | None = None
    amendments: tuple[AmendmentView, ...] = ()
    history: tuple[HistoryLine, ...] = ()
    components: tuple[ComponentView, ...] = ()  # in the order in which the award names them
    foreign: ForeignAward | None = None  # of a credential that is not of this log; `award` is None then

    @property
    def in_force(self) -> bool | None:
        """Of the award as it stands: True, False, or None where that was not found out."""
        if self.state in (State.VALID, State.AMENDED, State.COMPONENT_REVIEW, State.ISSUER_UNRECOGNISED):
            return True
        if self.state in NOTHING_SHOWN or self.state is State.STATUS_UNAVAILABLE:
            return None
        return False
