"""What a verdict says, as lines for a terminal in the words of the public page."""

from collections.abc import Iterator

from verify_api.public.schemas import AssessmentModel, AwardModel, VerdictModel
from verify_api.public.words import DEFAULT, Words, load_words


def tell(verdict: VerdictModel) -> Iterator[str]:
    """The lines that say how an award stands, what it is and what happened to it."""
    words = load_words()[DEFAULT]
    in_force = {True: "in force", False: "not in force", None: "whether it is in force is not known"}
    key = f"heading.{verdict.verdict}"
    heading = f"{words.text(key)}; " if words.has(key) else ""
    yield f"{verdict.verdict}: {heading}{in_force[verdict.in_force]}, checked {verdict.known_at}"
    award = verdict.award
    if award is not None:
        yield from (f"  {line}" for line in _award(award, words))
    if verdict.change is not None:
        change = verdict.change
        because = f", reason: {change.reason}" if change.reason else ""
        yield f"  {change.kind} from {change.effective}, recorded {change.recorded}{because}"
        if change.public_text:
            yield f"  “{change.public_text}”"
    for each in verdict.amendments or ():
        values = "changed" if each.old is None and each.new is None else f"“{each.old or ''}” → “{each.new or ''}”"
        yield f"  corrected on {each.on}: {each.field}: {values}"
    for number, part in enumerate(verdict.components, 1):
        yield f"  part {number}: {part.name}: {part.verdict}, {part.url}"
    if verdict.notices:
        yield f"  also: {', '.join(verdict.notices)}"
    for finding in verdict.findings:
        yield f"  {finding.outcome:7} {finding.check}: {finding.detail or finding.reason}"


def _award(award: AwardModel, words: Words) -> Iterator[str]:
    learner = f", awarded to {award.learner}" if award.learner else ""
    awarded_on = f" on {award.awarded_on}" if award.awarded_on else ""
    yield f"{award.name or 'a credential'}{learner}{awarded_on} by {award.issuer.name or award.issuer.id}"
    yield f"recognition of the issuer: {award.issuer.recognition.status}"
    if award.valid_from or award.valid_until:
        begin, end = award.valid_from, award.valid_until
        yield "valid" + (f" from {begin}" if begin else "") + (f" until {end}" if end else "")
    if award.assessment:
        yield _assessed(award.assessment, words)
    if award.hours is not None:
        yield f"{words.text('label.hours')}: {words.number(award.hours)}"
    if award.credit is not None:
        credit = award.credit
        key = "credit.programme" if credit.programme else "credit.plain"
        value = words.number(credit.value)
        told = (
            value
            if credit.authority is None
            else words.text(key, value=value, authority=credit.authority, programme=credit.programme or "")
        )
        yield f"{words.text('label.credit')}: {told}"
    if award.competencies:
        yield f"{words.text('label.skills')}:"
        yield from (f"  {each.statement}" for each in award.competencies)


def _assessed(assessments: list[AssessmentModel], words: Words) -> str:
    """ "Assessed by examination and project — Pass, score 83 (supervised)"."""
    kinds = [words.text(f"assessment.{each.type}") if each.type else each.description or "" for each in assessments]
    types = words.listed(dict.fromkeys(kinds))
    whole = assessments[0]  # each carries the result and the score of the whole award
    result = whole.result
    if whole.score is not None:
        key = "assessment.score" if whole.result else "assessment.only_score"
        result = words.text(key, result=whole.result or "", score=words.number(whole.score))
    key = "assessment.line" if result else "assessment.types"
    line = words.text(key, types=types, result=result or "")
    flags = ("supervised", "identity_checked")
    shared = [words.text(f"assessment.{flag}") for flag in flags if all(getattr(each, flag) for each in assessments)]
    return f"{line} ({', '.join(shared)})" if shared else line
