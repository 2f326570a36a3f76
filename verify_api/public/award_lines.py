"""What the page shows of an award: who, what, from whom, when, and what it is worth."""

from dataclasses import dataclass

from markupsafe import Markup, escape

from ledger.domain.definition import Assessment
from ledger.verification.verdict import AwardView, RecognitionView
from verify_api.public.json_verdict import hours
from verify_api.public.scanner import Site
from verify_api.public.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A label and what it labels."""

    label: str
    html: Markup
    language: str | None = None  # where the content is in the award's language


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardPage:
    """An award as the page shows it."""

    language: str  # of the definition
    name: str
    learner: str | None
    issuer: str
    domain: str
    recognised: bool
    recognition: Markup
    awarded_on: Markup | None
    validity: Markup | None
    competencies: tuple[str, ...]
    worth: tuple[Line, ...]
    more: tuple[Line, ...]
    evidence: str | None  # web address


def award_page(award: AwardView, *, words: Words, site: Site) -> AwardPage:
    """`award` in the words of one language; its own texts stay in its own."""
    definition = award.definition
    return AwardPage(
        language=definition.language,
        name=definition.name,
        learner=award.learner,
        issuer=award.issuer.name,
        domain=award.issuer.domain,
        recognised=award.issuer.recognition.recognised,
        recognition=recognition_line(award.issuer.recognition, words=words, site=site),
        awarded_on=words.mark(award.awarded_on),
        validity=_validity(award, words),
        competencies=tuple(competency.statement for competency in definition.competencies),
        worth=tuple(_worth(award, words)),
        more=tuple(_more(award, words)),
        evidence=_web_address(award.evidence),
    )


def recognition_line(recognition: RecognitionView, *, words: Words, site: Site) -> Markup:
    """Who recognises the issuer, who did, or that nobody does."""
    registry = recognition.registry
    if recognition.recognised and registry is not None:
        if recognition.since is None:
            return words.html("recognition.holds", registry=registry)
        return words.html("recognition.holds_since", registry=registry, since=recognition.since)
    if registry is not None and recognition.ended_on is not None:
        return words.html("recognition.ended", registry=registry, ended=recognition.ended_on)
    if site.registries:
        return words.html("recognition.never_named", registries=words.listed(site.registries))
    return words.html("recognition.never")


def _validity(award: AwardView, words: Words) -> Markup | None:
    if award.valid_until is not None:
        return words.html("validity.from_until", begin=award.valid_from, end=award.valid_until)
    if award.valid_from != award.awarded_on:
        return words.html("validity.from", begin=award.valid_from)
    return None


def _worth(award: AwardView, words: Words) -> list[Line]:
    definition = award.definition
    assessed = _assessed(award, words)  # nothing, where the parts of a stack were assessed and it has no result
    lines = [Line(label=words.text("label.assessment"), html=assessed)] if assessed else []
    if definition.minutes is not None:
        number = words.number(hours(definition.minutes))
        lines.append(Line(label=words.text("label.hours"), html=escape(number)))
    credit = definition.credit
    if credit is not None:
        value = words.number(credit.value)
        key = "credit.programme" if credit.programme else "credit.plain"
        html = words.html(key, value=value, authority=credit.authority, programme=credit.programme or "")
        lines.append(Line(label=words.text("label.credit"), html=html, language=definition.language))
    return lines


def _assessed(award: AwardView, words: Words) -> Markup:
    """ "Assessed by observed demonstration — Pass, score 83 of 100 (supervised)"."""
    assessments = award.definition.assessments
    types = list(dict.fromkeys(_kind(assessment, words) for assessment in assessments))
    line = words.html("assessment.types", types=words.listed(types)) if types else Markup("")
    result = _result(award, words)
    if result is not None:
        line = words.html("assessment.line", types=words.listed(types), result=result) if types else result
    shared = [
        words.text(f"assessment.{flag}")
        for flag in ("supervised", "identity_checked")
        if assessments and all(getattr(assessment, flag) for assessment in assessments)
    ]
    return line + f" ({', '.join(shared)})" if shared else line


def _kind(assessment: Assessment, words: Words) -> str:
    if assessment.type is None:
        return assessment.description or ""
    return words.text(f"assessment.{assessment.type}")


def _result(award: AwardView, words: Words) -> Markup | None:
    if award.score is None:
        return None if award.result is None else _spoken(award.result, award.language)
    most = award.definition.grading.score_to
    key = ("score" if award.result else "only_score") + ("_of" if most else "")
    return words.html(
        f"assessment.{key}",
        result=_spoken(award.result or "", award.language),
        score=escape(words.number(award.score)),
        most=escape(words.number(most)) if most else "",
    )


def _more(award: AwardView, words: Words) -> list[Line]:
    definition = award.definition
    partner = definition.partner
    worded = {
        "route": None if award.route is None else words.text(f"route.{award.route}"),
        "delivery": None if definition.delivery is None else words.text(f"delivery.{definition.delivery}"),
    }
    own = {
        "description": definition.description,
        "level": definition.level,
        "partner": partner and words.text("partner.line", name=partner.name, role=partner.role),
        "outcomes": _list([outcome.statement for outcome in definition.outcomes]),
        "frameworks": "; ".join(_frameworks(award)),
    }
    lines = [
        Line(label=words.text(f"label.{name}"), html=escape(text), language=definition.language)
        for name, text in own.items()
        if text
    ]
    lines += [Line(label=words.text(f"label.{name}"), html=escape(text)) for name, text in worded.items() if text]
    if award.assessor:
        assessor = Markup(f"<bdi>{escape(award.assessor)}</bdi>")  # noqa: S704  escaped just here
        lines.append(Line(label=words.text("label.assessor"), html=assessor, language=award.language))
    return lines


def _spoken(text: str, language: str) -> Markup:
    return Markup(f'<bdi lang="{escape(language)}">{escape(text)}</bdi>')  # noqa: S704  escaped just here


def _list(texts: list[str]) -> Markup:
    """One text as it stands, several as a list; they are whole sentences, so nothing can be put between them."""
    if len(texts) < 2:
        return escape("".join(texts))
    return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(text) for text in texts))


def _frameworks(award: AwardView) -> list[str]:
    alignments = [competency.alignment for competency in award.definition.competencies if competency.alignment]
    return list(dict.fromkeys(" ".join(filter(None, (each.framework, each.code))) for each in alignments))


def _web_address(text: str | None) -> str | None:
    """The address if a click on it opens a web page and runs nothing."""
    return text if text is not None and text.lower().startswith(("https://", "http://")) else None
