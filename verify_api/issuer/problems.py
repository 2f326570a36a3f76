"""The one table from errors to HTTP, and the RFC 9457 documents that tell them.

An error is looked up by its class, then by the classes it descends from, so a family covers its members. An error that
is not covered tells the client nothing.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.responses import Response

from ledger.adapters.engine import UnsafeDatabase, WrongSchema
from ledger.adapters.key_store import KeyNotKept
from ledger.adapters.private_box import PartTooLarge
from ledger.application.api_keys import ApiKeyUnknown
from ledger.application.awards import PartsUnreadable
from ledger.application.batch import BatchRefused
from ledger.application.batch_check import RowProblem
from ledger.application.csv_rows import UnreadableFile
from ledger.application.desk import NoUsableKey, UnknownDefinition
from ledger.application.ports import (
    AlreadyStacked,
    ConflictError,
    IdempotencyMismatch,
    LedgerBusy,
    LedgerHalted,
    NameTaken,
    OutcomeUnknown,
    StoreUnavailable,
    VersionConflict,
)
from ledger.application.publishing_ports import TileStoreUnavailable
from ledger.canonical import NotCanonical
from ledger.domain.achievement import AchievementError, AchievementIsRetired, AchievementNotDefined
from ledger.domain.authority import SignerError
from ledger.domain.codes import MalformedCode
from ledger.domain.credential import CredentialError, CredentialIsRevoked, CredentialNotIssued
from ledger.domain.issuer import (
    CompromiseNotEarlier,
    IssuerError,
    IssuerNotRegistered,
    KeyUnknown,
    PeriodReversed,
    SelfRecognition,
)
from ledger.domain.log import LogError
from ledger.domain.reading import Problem as FieldProblem
from ledger.domain.reading import Refused
from ledger.domain.values import BadValue
from ledger.errors import LedgerError
from ledger.signing.signer import KeyNotHeld
from ledger.vc.contexts import DamagedContext
from ledger.vc.reading import DocumentError
from projections.family import ViewStoreError
from projections.feed import FeedFailed
from projections.members import NoSuchView
from projections.rows import BadSearch
from verify_api.issuer import answers

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER = 2  # seconds


class NotAuthenticated(LedgerError):
    """No API key was sent, or one that nobody has."""


class ScopeMissing(LedgerError):
    """The API key may not do this."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"this API key lacks the scope “{scope}”")
        self.scope = scope


class MalformedJson(LedgerError):
    """The body is not JSON that can be read one way only."""


class MalformedHeader(LedgerError):
    """A header is not of its one accepted spelling."""


class LearnerUnknown(LedgerError):
    """There is no such learner record, or it is another issuer's; which of both is not told."""


class BodyTooLarge(LedgerError):
    """The body is longer than is read here."""


class WrongContentType(LedgerError):
    """The body is of another kind than is read here."""


class NothingHere(LedgerError):
    """There is no such path."""


class MethodNotAllowed(LedgerError):
    """There is such a path, and this is not done to it."""


PROBLEMS: Mapping[type[LedgerError], tuple[HTTPStatus, str]] = {
    MalformedJson: (HTTPStatus.BAD_REQUEST, "malformed-json"),
    MalformedHeader: (HTTPStatus.BAD_REQUEST, "malformed-header"),
    NotAuthenticated: (HTTPStatus.UNAUTHORIZED, "not-authenticated"),
    ScopeMissing: (HTTPStatus.FORBIDDEN, "scope-missing"),
    NothingHere: (HTTPStatus.NOT_FOUND, "nothing-here"),
    ApiKeyUnknown: (HTTPStatus.NOT_FOUND, "api-key-unknown"),
    IssuerNotRegistered: (HTTPStatus.NOT_FOUND, "issuer-unknown"),
    KeyUnknown: (HTTPStatus.NOT_FOUND, "key-unknown"),
    AchievementNotDefined: (HTTPStatus.NOT_FOUND, "achievement-unknown"),
    CredentialNotIssued: (HTTPStatus.NOT_FOUND, "credential-unknown"),
    LearnerUnknown: (HTTPStatus.NOT_FOUND, "learner-unknown"),
    NoSuchView: (HTTPStatus.NOT_FOUND, "view-unknown"),
    MethodNotAllowed: (HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed"),
    VersionConflict: (HTTPStatus.CONFLICT, "stale-revision"),
    NameTaken: (HTTPStatus.CONFLICT, "name-taken"),
    IdempotencyMismatch: (HTTPStatus.CONFLICT, "idempotency-mismatch"),
    AlreadyStacked: (HTTPStatus.CONFLICT, "already-stacked"),
    ConflictError: (HTTPStatus.CONFLICT, "conflict"),
    CredentialIsRevoked: (HTTPStatus.CONFLICT, "credential-is-revoked"),
    CredentialError: (HTTPStatus.CONFLICT, "credential-state"),
    AchievementIsRetired: (HTTPStatus.CONFLICT, "achievement-is-retired"),
    AchievementError: (HTTPStatus.CONFLICT, "achievement-state"),
    IssuerError: (HTTPStatus.CONFLICT, "issuer-state"),
    LogError: (HTTPStatus.CONFLICT, "log-state"),
    SignerError: (HTTPStatus.CONFLICT, "no-usable-key"),
    NoUsableKey: (HTTPStatus.CONFLICT, "no-usable-key"),
    KeyNotHeld: (HTTPStatus.CONFLICT, "no-usable-key"),
    BodyTooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large"),
    WrongContentType: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "wrong-content-type"),
    Refused: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused"),
    BatchRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "batch-refused"),
    UnreadableFile: (HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable-file"),
    BadValue: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused"),
    MalformedCode: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused"),
    NotCanonical: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused"),
    PeriodReversed: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused"),
    BadSearch: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused"),
    PartTooLarge: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused"),
    SelfRecognition: (HTTPStatus.UNPROCESSABLE_ENTITY, "refused"),
    CompromiseNotEarlier: (HTTPStatus.CONFLICT, "issuer-state"),
    DocumentError: (HTTPStatus.UNPROCESSABLE_ENTITY, "malformed-document"),
    DamagedContext: (HTTPStatus.INTERNAL_SERVER_ERROR, "unreadable"),
    # The award is there, and what is private about it is damaged or gone: its registrar is told so.
    PartsUnreadable: (HTTPStatus.INTERNAL_SERVER_ERROR, "unreadable"),
    UnknownDefinition: (HTTPStatus.INTERNAL_SERVER_ERROR, "unreadable"),
    OutcomeUnknown: (HTTPStatus.SERVICE_UNAVAILABLE, "outcome-unknown"),
    LedgerBusy: (HTTPStatus.SERVICE_UNAVAILABLE, "ledger-busy"),
    StoreUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
    TileStoreUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
    KeyNotKept: (HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
    # A database that was restarted with other settings, or upgraded, beneath a running service.
    UnsafeDatabase: (HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
    WrongSchema: (HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
    LedgerHalted: (HTTPStatus.SERVICE_UNAVAILABLE, "ledger-halted"),
    ViewStoreError: (HTTPStatus.SERVICE_UNAVAILABLE, "list-unavailable"),
    FeedFailed: (HTTPStatus.SERVICE_UNAVAILABLE, "list-unavailable"),
}
NOTHING_TOLD = (HTTPStatus.INTERNAL_SERVER_ERROR, "internal")
TITLES: Mapping[str, str] = {
    "malformed-json": "The body is not proper JSON",
    "malformed-header": "A header is malformed",
    "not-authenticated": "An API key is needed",
    "scope-missing": "The API key may not do this",
    "nothing-here": "There is nothing at this path",
    "api-key-unknown": "There is no such API key",
    "issuer-unknown": "There is no such issuer",
    "key-unknown": "The issuer has no such key",
    "achievement-unknown": "There is no such achievement",
    "credential-unknown": "There is no such award",
    "learner-unknown": "There is no such learner record",
    "view-unknown": "There is no such view",
    "method-not-allowed": "This path knows no such method",
    "stale-revision": "The record has changed since it was read",
    "name-taken": "The short name is in use",
    "idempotency-mismatch": "The idempotency key was used for another request",
    "already-stacked": "The learner has this award already",
    "conflict": "The command lost against another one",
    "credential-is-revoked": "A revoked award does not change any more",
    "credential-state": "The award is not in a state that allows this",
    "achievement-is-retired": "Nothing is awarded on a retired achievement",
    "achievement-state": "The achievement is not in a state that allows this",
    "issuer-state": "The issuer is not in a state that allows this",
    "log-state": "The log is not in a state that allows this",
    "no-usable-key": "The issuer has no key that may sign this",
    "body-too-large": "The body is too large",
    "wrong-content-type": "The body is of another kind than is read here",
    "refused": "The request was refused",
    "malformed-document": "The document breaks a rule of its standard",
    "batch-refused": "Rows of the file are bad, and nothing was issued",
    "unreadable-file": "The file as a whole cannot be read",
    "unreadable": "What is private about this record cannot be read",
    "ledger-busy": "Too much waits to be recorded at this moment",
    "store-unavailable": "The store cannot be used now",
    "outcome-unknown": "Whether the command was recorded is not known",
    "ledger-halted": "The ledger records nothing at this moment",
    "list-unavailable": "The list cannot be read at this moment",
    "internal": "Something went wrong here",
}


def look_up(kind: type[BaseException]) -> tuple[HTTPStatus, str]:
    """The status and problem type of an error's class or of the nearest family it belongs to."""
    return next((PROBLEMS[each] for each in kind.__mro__ if each in PROBLEMS), NOTHING_TOLD)


def field_errors(problems: Sequence[FieldProblem]) -> list[answers.RowProblem]:
    """What is wrong with a single object."""
    return [answers.RowProblem(row=None, column=each.column, code=each.code, reason=each.reason) for each in problems]


def row_errors(problems: Sequence[RowProblem]) -> list[answers.RowProblem]:
    """What is wrong, or odd, with the rows of a file."""
    return [
        answers.RowProblem(
            row=each.row,
            line=each.line,
            column=each.problem.column,
            code=each.problem.code,
            reason=each.problem.reason,
        )
        for each in problems
    ]


def problem_of(error: Exception, base_url: str) -> answers.Problem:
    """What the client is told of an error."""
    status, name = look_up(type(error))
    kind = f"{base_url}/docs#{name}"
    told = (
        str(error) if status is not NOTHING_TOLD[0] or name != NOTHING_TOLD[1] else "It was not your fault; try later."
    )
    if isinstance(error, OutcomeUnknown):
        told += (
            ". Nothing is known to have been recorded: send the request again with the same Idempotency-Key, "
            "and it is recorded once"
        )
    if isinstance(error, BatchRefused):
        report = error.report
        return answers.Problem(
            type=kind,
            title=TITLES[name],
            status=status,
            detail=told,
            errors=row_errors(report.errors),
            warnings=row_errors(report.warnings),
            rows=report.rows,
            ready=report.ready,
        )
    if isinstance(error, Refused):
        errors = field_errors(error.problems)
        return answers.Problem(type=kind, title=TITLES[name], status=status, detail=told, errors=errors)
    return answers.Problem(type=kind, title=TITLES[name], status=status, detail=told)


def problem_response(error: Exception, base_url: str) -> Response:
    """The answer to a request that ended in an error."""
    problem = problem_of(error, base_url)
    headers = {"Cache-Control": "no-store", "Content-Type": PROBLEM_JSON, "X-Content-Type-Options": "nosniff"}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="testamur"'
    if isinstance(error, ScopeMissing):
        headers["WWW-Authenticate"] = f'Bearer realm="testamur", error="insufficient_scope", scope="{error.scope}"'
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER)
    return Response(problem_json(problem), status_code=problem.status, headers=headers)


def problem_json(problem: answers.Problem) -> str:
    """The document: what does not apply is absent, `row` of a single object is null."""
    return problem.model_dump_json(exclude_unset=True)
