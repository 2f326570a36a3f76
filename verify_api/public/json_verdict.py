"""A verdict for programs: the one function between the dataclasses of verification and the JSON of the interface."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from ledger.domain.award import IDENTIFYING
from ledger.domain.definition import Competency, Credit
from ledger.domain.values import Mode, format_time
from ledger.record.encoding import to_text
from ledger.verification.verdict import (
    AmendmentView,
    AwardView,
    ChangeView,
    IssuerView,
    LogView,
    RecognitionView,
    State,
    Verdict,
)
from verify_api.public import schemas

WITHHELD = frozenset({State.SIGNATURE_INVALID, State.LOG_INCONSISTENT, State.NOT_FOUND})  # nothing about the award


def verdict_model(verdict: Verdict) -> schemas.VerdictModel:
    """`verdict` in the shape of the interface. Nothing about the award is given where it was not established."""
    withheld = verdict.state in WITHHELD
    return schemas.VerdictModel(
        verdict=verdict.state,
        in_force=verdict.in_force,
        notices=[str(notice) for notice in verdict.notices],
        findings=[
            schemas.FindingModel(
                check=finding.check, outcome=finding.outcome.value, reason=finding.reason, detail=finding.detail
            )
            for finding in verdict.findings
        ],
        as_of=format_time(verdict.as_of),
        known_at=format_time(verdict.known_at),
        award=None if withheld or verdict.award is None else _award(verdict.award),
        scanned_version=verdict.scanned_version,
        current_version=verdict.current_version,
        change=None if withheld or verdict.change is None else _change(verdict.change),
        amendments=None if withheld else [_amendment(amendment) for amendment in verdict.amendments],
        components=[],
        log=_log(verdict.log),
    )


def hours(minutes: int) -> str:
    """Whole minutes as hours, a decimal string with at most two places."""
    text = str((Decimal(minutes) / 60).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return text.rstrip("0").rstrip(".")


def _award(award: AwardView) -> schemas.AwardModel:
    definition = award.definition
    return schemas.AwardModel(
        name=definition.name,
        learner=award.learner,
        issuer=_issuer(award.issuer),
        awarded_on=award.awarded_on.isoformat(),
        valid_from=award.valid_from.isoformat(),
        valid_until=_day(award.valid_until),
        competencies=[_competency(competency) for competency in definition.competencies],
        assessment=[
            schemas.AssessmentModel(
                type=assessment.type,
                description=assessment.description,
                supervised=assessment.supervised,
                identity_checked=assessment.identity_checked,
                result=award.result,
                score=award.score,
            )
            for assessment in definition.assessments
        ],
        hours=None if definition.minutes is None else hours(definition.minutes),
        credit=_credit(definition.credit),
    )


def _competency(competency: Competency) -> schemas.CompetencyModel:
    place = competency.alignment
    return schemas.CompetencyModel(
        statement=competency.statement,
        alignment=None
        if place is None
        else schemas.AlignmentModel(framework=place.framework, code=place.code, url=place.url),
    )


def _credit(credit: Credit | None) -> schemas.CreditModel | None:
    if credit is None:
        return None
    return schemas.CreditModel(value=credit.value, authority=credit.authority, programme=credit.programme)


def _issuer(issuer: IssuerView) -> schemas.IssuerModel:
    return schemas.IssuerModel(
        id=issuer.id,
        name=issuer.name,
        domain=issuer.domain,
        recognition=_recognition(issuer.recognition),
        custody=issuer.custody.value,
    )


def _recognition(recognition: RecognitionView) -> schemas.RecognitionModel:
    lost: Literal["ended", "never"] = "ended" if recognition.ended_on is not None else "never"
    return schemas.RecognitionModel(
        status="recognised" if recognition.recognised else lost,
        registry=recognition.registry,
        registry_id=recognition.registry_id,
        scheme=recognition.scheme,
        since=_day(recognition.since),
        ended_on=_day(recognition.ended_on),
        recognised_when_issued=recognition.recognised_when_issued,
    )


def _change(change: ChangeView) -> schemas.ChangeModel:
    return schemas.ChangeModel(
        kind=change.kind,
        reason=change.reason,
        public_text=change.public_text,
        effective=change.effective.isoformat(),
        recorded=format_time(change.recorded),
        retroactive=None if change.mode is None else change.mode is Mode.RETROACTIVE,
    )


def _amendment(amendment: AmendmentView) -> schemas.AmendmentModel:
    hidden = amendment.change.field in IDENTIFYING
    return schemas.AmendmentModel(
        field=amendment.change.field,
        old=None if hidden else amendment.change.old,
        new=None if hidden else amendment.change.new,
        on=format_time(amendment.on),
    )


def _log(log: LogView) -> schemas.LogModel:
    return schemas.LogModel(
        origin=log.origin,
        size=log.size,
        root=None if log.root is None else to_text(log.root),
        leaf_index=None if log.position is None else log.position - 1,
        witnesses=log.witnesses,
    )


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
