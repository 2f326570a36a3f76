"""What an award document says in sentences, because Open Badges 3.0 has no term for it.

The sentences are Markdown, in the language of the definition where there are words for it, else in English. They are
signed, and built again to check what was signed, so a sentence that was once made never changes.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ledger.domain.award import Award
from ledger.domain.definition import AchievementDefinition, Assessment, Grading
from ledger.domain.stacking_rule import StackingRule

_FOLDER: Final = Path(__file__).parent / "data" / "words"
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    language: MappingProxyType(tomllib.loads((_FOLDER / f"{language}.toml").read_text("utf-8")))
    for language in ("en", "fr")
}
# What would begin a construct of Markdown, or HTML, in the middle of somebody's words.
_ESCAPES: Final = str.maketrans({character: "\\" + character for character in "\\`*_[]<"})


def criteria(definition: AchievementDefinition, pathways: Iterable[str]) -> str:
    """How the achievement is earned, and what else its definition states in words.

    Args:
        pathways: what it leads to and has no web address.
    """
    words = _words(definition.language)
    paragraphs = [
        _list((_stated(each.id, each.statement, words) for each in definition.outcomes), words["outcomes"]),
        _list((_assessment(each, words) for each in definition.assessments), words["assessments"]),
        _list(_facts(definition, pathways, words)),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def achieved(award: Award) -> str | None:
    """How this learner came to the award and who assessed it; None where neither is known."""
    words = _words(award.language)
    sentences = []
    if award.route is not None:
        sentences.append(_line(words, "route", words[f"route:{award.route.value}"]))
    if award.assessor is not None:
        sentences.append(_line(words, "assessor", _plain(award.assessor)))
    return "\n\n".join(sentences) or None


def result_names(language: str) -> tuple[str, str]:
    """What the result and the score are called."""
    words = _words(language)
    return words["result"], words["score"]


def _words(language: str) -> Mapping[str, str]:
    return _WORDS.get(language.partition("-")[0], _WORDS["en"])


def _facts(definition: AchievementDefinition, pathways: Iterable[str], words: Mapping[str, str]) -> Iterable[str]:
    yield from _grading(definition.grading, words)
    if definition.rule is not None:
        yield from _rule(definition.rule, words)
    if definition.on_component_loss is not None:
        yield _line(words, "on_component_loss", words[definition.on_component_loss.value])
    if definition.minutes is not None:
        yield _line(words, "minutes", str(definition.minutes))
    if definition.delivery is not None:
        yield _line(words, "delivery", words[definition.delivery.value])
    if definition.pace is not None:
        yield _line(words, "pace", words[definition.pace.value])
    if definition.credit is not None:
        credit = definition.credit
        stated = (credit.value, credit.authority, credit.programme)
        yield _line(words, "credit", ", ".join(_plain(each) for each in stated if each is not None))
    yield _line(words, "routes", ", ".join(words[f"route:{route.value}"] for route in definition.routes))
    for name, text in (("level", definition.level), ("quality", definition.quality)):
        if text is not None:
            yield _line(words, name, _plain(text))
    if definition.partner is not None:
        yield _line(words, "partner", f"{_plain(definition.partner.name)} ({_plain(definition.partner.role)})")
    for pathway in pathways:
        yield _line(words, "pathways", _plain(pathway))


def _grading(grading: Grading, words: Mapping[str, str]) -> Iterable[str]:
    yield _line(words, "results", ", ".join(map(_plain, grading.results)))
    if grading.score_from is not None or grading.score_to is not None or grading.pass_mark is not None:
        scale = f"{grading.score_from or 0} {words['to']} {grading.score_to or '…'}"
        passed = "" if grading.pass_mark is None else f", {words['pass_mark']} {grading.pass_mark}"
        yield _line(words, "scale", scale + passed)


def _rule(rule: StackingRule, words: Mapping[str, str]) -> Iterable[str]:
    if rule.n_of is None:
        yield _line(words, "all_of", ", ".join(rule.parts))
    else:
        yield _line(words, "n_of", f"{rule.needed} {words['of']} {', '.join(rule.parts)}")


def _assessment(assessment: Assessment, words: Mapping[str, str]) -> str:
    if assessment.type is None:
        whole = _plain(assessment.description or "")
    elif assessment.description is None:
        whole = words[assessment.type.value]
    else:
        whole = _line(words, assessment.type.value, _plain(assessment.description))
    notes = [f"{words['measures']} {', '.join(map(_plain, assessment.outcomes))}"] if assessment.outcomes else []
    flags = {
        "supervised": assessment.supervised,
        "identity_checked": assessment.identity_checked,
        "practice_offered": assessment.practice_offered,
    }
    notes += [words[name] for name, holds in flags.items() if holds]
    return f"{whole} ({'; '.join(notes)})" if notes else whole


def _stated(name: str, text: str, words: Mapping[str, str]) -> str:
    return f"{_plain(name)}{words['colon']} {_plain(text)}"


def _line(words: Mapping[str, str], name: str, text: str) -> str:
    return f"{words[name]}{words['colon']} {text}"


def _list(items: Iterable[str], heading: str = "") -> str:
    lines = [f"- {item}" for item in items]
    return "\n".join([heading, "", *lines] if heading and lines else lines)


def _plain(text: str) -> str:
    return text.translate(_ESCAPES).replace("\n", " ")
