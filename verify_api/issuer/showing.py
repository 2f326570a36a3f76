"""From what the ledger holds to what the API answers: one function for each kind of answer."""

from datetime import date, datetime

import orjson

from ledger.application.api_keys import ApiKey
from ledger.application.awards import AwardRecord, Receipt
from ledger.application.batch import BatchReport
from ledger.application.log_keys import CheckpointKeyAdded, CheckpointKeysRetired
from ledger.application.ports import KeyStore
from ledger.domain.achievement import Achievement
from ledger.domain.codes import format_link_code
from ledger.domain.definition import AchievementDefinition, Profile, to_json
from ledger.domain.issuer import Issuer
from ledger.domain.log import Log
from ledger.domain.types import Kid, Origin, Slug
from ledger.domain.values import format_time
from ledger.signing import multikey
from ledger.tlog.note import VerifierKey
from ledger.verification.verdict import Verdict
from projections.rows import CredentialRow
from verify_api.issuer import answers, log_answers
from verify_api.issuer.definition_schemas import DefinitionWording, PathwayWording, ProfileWording
from verify_api.issuer.problems import row_errors
from verify_api.public.links import link_prefix, link_url

_OF_PATHWAYS = frozenset(("rule", "on_component_loss"))


def day(value: date | None) -> str | None:
    """YYYY-MM-DD."""
    return None if value is None else value.isoformat()


def time(value: datetime | None) -> str | None:
    """UTC with milliseconds."""
    return None if value is None else format_time(value)


def receipt(found: Receipt, base_url: str) -> answers.ReceiptModel:
    """The receipt of a change of an award."""
    return answers.ReceiptModel(
        credential_id=str(found.credential_id),
        revision=found.revision,
        version=found.version,
        code=format_link_code(found.code),
        short_code=found.short_code,
        url=link_url(base_url, found.code, found.version),
        position=found.position,
    )


def batch(report: BatchReport, receipts: list[Receipt], base_url: str) -> bytes:
    """What became of a file, as the JSON of a `BatchAnswer`; `receipts` are those of `report.awards`.

    A file may have 20,000 rows, so plain objects are made; that they are what the model describes, the tests hold.
    """
    prefix = link_prefix(base_url)
    awards = []
    for award, found in zip(report.awards, receipts, strict=True):
        code = format_link_code(found.code)
        told = {
            "credential_id": str(found.credential_id),
            "revision": found.revision,
            "version": found.version,
            "code": code,
            "short_code": found.short_code,
            "url": f"{prefix}{code}/{found.version}" if found.version > 1 else prefix + code,
            "position": found.position,
            "row": award.row,
            "already_issued": award.appended.replayed,
        }
        awards.append(told)
    return orjson.dumps(
        {
            "rows": report.rows,
            "ready": report.ready,
            "issued": report.issued,
            "already_issued": report.already_issued,
            "dry_run": report.dry_run,
            "errors": [each.model_dump() for each in row_errors(report.errors)],
            "warnings": [each.model_dump() for each in row_errors(report.warnings)],
            "awards": awards,
        }
    )


def issuer(slug: Slug, state: Issuer, profile: Profile) -> answers.IssuerRecord:
    """An issuer as it stands."""
    return answers.IssuerRecord(
        id=str(state.stream),
        revision=state.head,
        did=state.did,
        slug=slug,
        custody=state.custody.value,
        profile=ProfileWording.model_validate(to_json(profile)),
        profile_version=state.profile_version,
        recognitions=[
            answers.RecognitionRecord(
                by=each.by,
                scheme=each.scheme,
                since=each.since.isoformat(),
                until=day(each.until),
                position=each.position,
                ended=each.ended is not None,
            )
            for each in state.recognitions
        ],
    )


def keys(state: Issuer, held: KeyStore) -> answers.KeyList:
    """Every key of an issuer, in the order they were added."""
    return answers.KeyList(
        id=str(state.stream),
        revision=state.head,
        keys=[
            answers.KeyRecord(
                kid=record.kid,
                role=record.role.value,
                added=record.added,
                retired=record.retired,
                compromised_from=min((report.from_position for report in record.compromises), default=None),
                held=held.holds(Kid(record.kid)),
            )
            for record in sorted(state.keys.values(), key=lambda record: (record.added, record.kid))
        ],
    )


def log_keys(log: Log, held: KeyStore) -> log_answers.LogKeyList:
    """Every key that ever signed checkpoints, in the order they were added."""
    return log_answers.LogKeyList(
        id=str(log.operator.stream),
        keys=[
            log_answers.LogKeyRecord(
                kid=kid,
                vkey=_vkey(log.operator.origin, kid),
                added=span.added,
                retired=span.retired,
                held=held.holds(kid),
            )
            for kid, span in log.keys.items()
        ],
    )


def log_key_added(added: CheckpointKeyAdded, origin: Origin) -> log_answers.LogKeyReceipt:
    """The receipt of a new checkpoint key."""
    appended = added.appended
    return log_answers.LogKeyReceipt(
        id=str(appended.stream),
        revision=appended.revision,
        position=appended.position,
        kid=added.kid,
        vkey=_vkey(origin, added.kid),
    )


def log_keys_retired(found: CheckpointKeysRetired, origin: Origin) -> log_answers.LogKeysRetired:
    """The receipt of a rotation's end."""
    appended = found.appended
    return log_answers.LogKeysRetired(
        id=str(appended.stream),
        revision=appended.revision,
        position=appended.position,
        retired=list(found.retired),
        kid=found.kid,
        vkey=_vkey(origin, found.kid),
    )


def _vkey(origin: Origin, kid: Kid) -> str:
    return VerifierKey.of(origin, multikey.decode(kid)).to_text()


def achievement(state: Achievement, definition: AchievementDefinition) -> answers.AchievementRecord:
    """An achievement as it is worded now."""
    return answers.AchievementRecord(
        id=str(state.stream),
        revision=state.head,
        issuer=state.issuer,
        version=state.version,
        retired=state.retired is not None,
        definition=DefinitionWording.model_validate(_said(definition)),
    )


def pathway(state: Achievement, definition: AchievementDefinition) -> answers.PathwayRecord:
    """A pathway as it is worded now."""
    return answers.PathwayRecord(
        id=str(state.stream),
        revision=state.head,
        issuer=state.issuer,
        version=state.version,
        retired=state.retired is not None,
        definition=PathwayWording.model_validate(_said(definition)),
    )


def _said(definition: AchievementDefinition) -> dict[str, object]:
    """The wording, without the fields of pathways where it is none."""
    said = to_json(definition)
    return said if definition.rule is not None else {name: said[name] for name in said.keys() - _OF_PATHWAYS}


def award(
    record: AwardRecord, definition: AchievementDefinition, verdict: Verdict, base_url: str
) -> answers.AwardRecord:
    """An award with everything its issuer may see."""
    current = record.credential.current
    facts, internal = record.version(current.seq)
    issued = record.issued
    return answers.AwardRecord(
        credential_id=str(record.credential.stream),
        revision=record.credential.head,
        version=current.number,
        code=format_link_code(issued.code),
        short_code=issued.short_code,
        url=link_url(base_url, issued.code, current.number),
        position=record.acts[-1].recorded.position,
        verdict=verdict.state.value,
        in_force=verdict.in_force,
        notices=[str(notice) for notice in verdict.notices],
        issuer=record.issuer.did,
        achievement=answers.AwardedAchievement(
            id=str(facts.achievement.stream),
            slug=definition.slug,
            name=definition.name,
            version=facts.achievement.version,
        ),
        student_number=internal.student_number,
        full_name=facts.name,
        email=internal.email,
        awarded_on=facts.awarded_on.isoformat(),
        valid_from=facts.begins.isoformat(),
        valid_until=day(facts.valid_until),
        result=facts.result,
        score=facts.score,
        route=facts.route,
        assessor=facts.assessor,
        language=facts.language,
        evidence_url=facts.evidence,
    )


def summary(row: CredentialRow, today: date) -> answers.CredentialSummary:
    """One award in the registrar's list."""
    return answers.CredentialSummary(
        credential_id=str(row.credential_id),
        revision=row.revision,
        version=row.version,
        status=row.status_on(today).value,
        student_number=row.student_number,
        full_name=row.learner_name,
        email=row.email,
        achievement=row.achievement_slug,
        achievement_name=row.achievement_name,
        awarded_on=row.awarded_on.isoformat(),
        valid_from=row.valid_from.isoformat(),
        valid_until=day(row.valid_until),
        issued_at=format_time(row.issued_at),
    )


def api_key(key: ApiKey) -> answers.ApiKeyRecord:
    """What is known of an API key."""
    return answers.ApiKeyRecord(
        id=key.id,
        issuer=None if key.issuer is None else str(key.issuer),
        scopes=list(key.scopes),
        label=key.label,
        created_at=format_time(key.created_at),
        revoked_at=time(key.revoked_at),
    )
