"""The history of an award in plain words, for its issuer: nothing is hidden from whoever recorded it."""

from ledger.application.awards import AwardRecord, RecordedAct
from ledger.application.desk import Desk
from ledger.domain.award import Act, AwardInternal, Change, changes
from ledger.domain.values import Mode, format_time
from verify_api.issuer import answers
from verify_api.issuer.showing import day


def history(record: AwardRecord, desk: Desk) -> answers.History:
    """Every act on an award, oldest first."""
    events, version = [], 0
    previous: RecordedAct | None = None
    for act in record.acts:
        changed: list[Change] = []
        if act.award is not None:
            version += 1
            changed = [] if previous is None else _changes(previous, act, desk)
            previous = act
        events.append(_event(act, version, changed, desk))
    return answers.History(credential_id=str(record.credential.stream), revision=record.credential.head, events=events)


def _event(act: RecordedAct, version: int, changed: list[Change], desk: Desk) -> answers.HistoryEvent:
    stated = act.act
    return answers.HistoryEvent(
        position=act.recorded.position,
        seq=act.recorded.seq,
        type=act.type,
        at=format_time(act.recorded.at),
        text=_text(act, version, changed, desk),
        actor=act.internal.actor,
        reason=None if stated is None or stated.reason is None else stated.reason.value,
        effective=None if stated is None else day(stated.effective),
        retroactive=None if stated is None or stated.mode is None else stated.mode is Mode.RETROACTIVE,
        public_text=None if stated is None else stated.text,
        notes=act.internal.notes,
        version=version if act.award is not None else None,
        changes=[answers.ChangedField(field=each.field, old=each.old, new=each.new) for each in changed],
        disowned=act.disowned,
    )


def _text(act: RecordedAct, version: int, changed: list[Change], desk: Desk) -> str:
    if act.award is not None and act.act is None:
        name = desk.definition(act.award.achievement.digest).name
        words = f"Issued “{name}” to {act.award.name}, awarded on {act.award.awarded_on}"
    elif act.award is not None:
        words = f"Amended to version {version}: {'; '.join(map(_changed, changed)) or 'nothing that is shown'}"
    else:
        words = _act_words(act.type, act.act)
    reason = None if act.act is None else act.act.reason
    words += "" if reason is None else f"; reason: {reason.value.replace('_', ' ')}"
    return words + (" — signed with a key that was in other hands." if act.disowned else ".")


def _act_words(kind: str, act: Act | None) -> str:
    effective = "" if act is None else f" from {act.effective}"
    if kind.startswith("credential.suspended"):
        return f"Put on hold{effective}"
    if kind.startswith("credential.reinstated"):
        return f"Let stand again{effective}"
    if act is not None and act.mode is Mode.RETROACTIVE:
        return f"Revoked{effective}, as an award that should never have been issued"
    return f"Revoked{effective}; what it said of the time before stands"


def _changed(change: Change) -> str:
    if change.old is None:
        return f"{change.field} is now “{change.new}”"
    if change.new is None:
        return f"{change.field} “{change.old}” was taken away"
    return f"{change.field} from “{change.old}” to “{change.new}”"


def _changes(before: RecordedAct, after: RecordedAct, desk: Desk) -> list[Change]:
    """What an amendment changed, with the values that a scan hides."""
    if before.award is None or after.award is None:
        return []
    definitions = [desk.definition(award.achievement.digest) for award in (before.award, after.award)]
    found = list(changes((before.award, definitions[0]), (after.award, definitions[1])))
    names = Change(field="full_name", old=before.award.name, new=after.award.name)
    found = [names if each.field == "full_name" else each for each in found]
    mails = [each.internal.email if isinstance(each.internal, AwardInternal) else None for each in (before, after)]
    if mails[0] != mails[1]:
        found.append(Change(field="email", old=mails[0], new=mails[1]))
    return found
