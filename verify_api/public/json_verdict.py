"""A verdict for programs: the one function between the dataclasses of verification and the JSON of the interface.

A scan is answered a thousand times where it is described once, so plain objects are made and encoded here; that they
are what `schemas` describes, to the byte, is what the tests hold.
"""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import orjson

from ledger.domain.award import IDENTIFYING
from ledger.domain.definition import Assessment, Competency, Credit
from ledger.domain.values import Mode, format_time
from ledger.record.encoding import to_text
from ledger.verification.verdict import (
    NOTHING_SHOWN,
    AmendmentView,
    AwardView,
    ChangeView,
    ComponentView,
    Finding,
    ForeignAward,
    ForeignSkill,
    IssuerView,
    LogView,
    RecognitionView,
    Verdict,
)
from verify_api.public import schemas
from verify_api.public.links import link_url

Fields = dict[str, object]


def verdict_json(verdict: Verdict, base_url: str) -> bytes:
    """The JSON of `verdict_model(verdict, base_url)`, without making the model."""
    return orjson.dumps(_verdict(verdict, base_url, _spelled(verdict.findings)))


def around_time(body: bytes, at: datetime) -> tuple[bytes, bytes]:
    """What stands before and behind the time `known_at` in the JSON of a verdict.

    Args:
        at: that time.
    """
    # In a string of JSON a quotation mark stands behind a backslash, so this is the member and nothing else.
    name, time = b'"known_at":"', format_time(at).encode("ascii")
    head, _, tail = body.partition(name + time)
    return head + name, tail


def verdict_model(verdict: Verdict, base_url: str) -> schemas.VerdictModel:
    """`verdict` in the shape of the interface. Nothing about the award is given where it was not established.

    Args:
        base_url: the beginning of the links to the parts of a stack.
    """
    findings = [_finding(finding) for finding in verdict.findings]
    return schemas.VerdictModel.model_validate(_verdict(verdict, base_url, findings))


def _verdict(verdict: Verdict, base_url: str, findings: object) -> Fields:
    withheld = verdict.state in NOTHING_SHOWN
    return {
        "verdict": verdict.state.value,
        "in_force": verdict.in_force,
        "notices": list(verdict.notices),
        "findings": findings,
        "as_of": format_time(verdict.as_of),
        "known_at": format_time(verdict.known_at),
        "award": None if withheld else _shown(verdict),
        "scanned_version": verdict.scanned_version,
        "current_version": verdict.current_version,
        "change": None if withheld or verdict.change is None else _change(verdict.change),
        "amendments": None if withheld else [_amendment(amendment) for amendment in verdict.amendments],
        "components": [] if withheld else [_component(part, base_url) for part in verdict.components],
        "log": _log(verdict.log),
    }


@lru_cache(maxsize=256)  # a pure function of words that this program has: good awards are found good in the same ones
def _spelled(findings: tuple[Finding, ...]) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps([_finding(finding) for finding in findings]))


def finding_model(finding: Finding) -> schemas.FindingModel:
    """One finding in the shape of the interface."""
    return schemas.FindingModel.model_validate(_finding(finding))


def _finding(finding: Finding) -> Fields:
    return {
        "check": finding.check,
        "outcome": finding.outcome.value,
        "reason": finding.reason,
        "detail": finding.detail,
    }


@lru_cache(maxsize=1_024)  # pure
def hours(minutes: int) -> str:
    """Whole minutes as hours, a decimal string with at most two places."""
    text = str((Decimal(minutes) / 60).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return text.rstrip("0").rstrip(".")


def _shown(verdict: Verdict) -> Fields | None:
    if verdict.foreign is not None:
        return _foreign(verdict.foreign)
    return None if verdict.award is None else _award(verdict.award)


def _foreign(award: ForeignAward) -> Fields:
    """What a file of another issuer says, in the same shape: null for what it does not say."""
    issuer = award.issuer
    return {
        "name": award.name,
        "learner": award.learner,
        "issuer": {
            "id": issuer.id,
            "name": issuer.name,
            "domain": issuer.domain,
            "recognition": _recognition(issuer.recognition),
            "custody": None if issuer.custody is None else issuer.custody.value,
        },
        "awarded_on": _day(award.awarded_on),
        "valid_from": _day(award.valid_from),
        "valid_until": _day(award.valid_until),
        "competencies": [_skill(skill) for skill in award.skills],
        "assessment": [],
        "hours": None,
        "credit": None if award.credit is None else {"value": award.credit, "authority": None, "programme": None},
    }


def _skill(skill: ForeignSkill) -> Fields:
    if skill.framework is None and skill.code is None and skill.url is None:
        return {"statement": skill.statement, "alignment": None}
    alignment = {"framework": skill.framework, "code": skill.code, "url": skill.url}
    return {"statement": skill.statement, "alignment": alignment}


def _award(award: AwardView) -> Fields:
    definition = award.definition
    return {
        "name": definition.name,
        "learner": award.learner,
        "issuer": _issuer(award.issuer),
        "awarded_on": award.awarded_on.isoformat(),
        "valid_from": award.valid_from.isoformat(),
        "valid_until": _day(award.valid_until),
        "competencies": [_competency(competency) for competency in definition.competencies],
        "assessment": [_assessment(assessment, award) for assessment in definition.assessments],
        "hours": None if definition.minutes is None else hours(definition.minutes),
        "credit": _credit(definition.credit),
    }


def _competency(competency: Competency) -> Fields:
    place = competency.alignment
    alignment = None if place is None else {"framework": place.framework, "code": place.code, "url": place.url}
    return {"statement": competency.statement, "alignment": alignment}


def _assessment(assessment: Assessment, award: AwardView) -> Fields:
    return {
        "type": assessment.type,
        "description": assessment.description,
        "supervised": assessment.supervised,
        "identity_checked": assessment.identity_checked,
        "result": award.result,
        "score": award.score,
    }


def _credit(credit: Credit | None) -> Fields | None:
    if credit is None:
        return None
    return {"value": credit.value, "authority": credit.authority, "programme": credit.programme}


def _issuer(issuer: IssuerView) -> Fields:
    return {
        "id": issuer.id,
        "name": issuer.name,
        "domain": issuer.domain,
        "recognition": _recognition(issuer.recognition),
        "custody": issuer.custody.value,
    }


def _recognition(recognition: RecognitionView) -> Fields:
    lost = "ended" if recognition.ended_on is not None else "never"
    return {
        "status": "recognised" if recognition.recognised else lost,
        "registry": recognition.registry,
        "registry_id": recognition.registry_id,
        "scheme": recognition.scheme,
        "since": _day(recognition.since),
        "ended_on": _day(recognition.ended_on),
        "recognised_when_issued": recognition.recognised_when_issued,
    }


def _change(change: ChangeView) -> Fields:
    return {
        "kind": change.kind,
        "reason": change.reason,
        "public_text": change.public_text,
        "effective": change.effective.isoformat(),
        "recorded": format_time(change.recorded),
        "retroactive": None if change.mode is None else change.mode is Mode.RETROACTIVE,
    }


def _amendment(amendment: AmendmentView) -> Fields:
    hidden = amendment.change.field in IDENTIFYING
    return {
        "field": amendment.change.field,
        "old": None if hidden else amendment.change.old,
        "new": None if hidden else amendment.change.new,
        "on": format_time(amendment.on),
    }


def _component(part: ComponentView, base_url: str) -> Fields:
    return {"url": link_url(base_url, part.code, part.version), "verdict": part.state.value, "name": part.name}


def _log(log: LogView) -> Fields:
    return {
        "origin": log.origin,
        "size": log.size,
        "root": None if log.root is None else to_text(log.root),
        "leaf_index": None if log.position is None else log.position - 1,
        "witnesses": log.witnesses,
        "witnessed_at": _instant(log.witnessed_at),
        "witnessed_as_of": _instant(log.witnessed_as_of),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
