"""What the page says of a credential that is not of this log: it was judged by itself, and the page never claims more.

What the file says of itself is shown as its own words. Where it was not found genuine, nothing of it is shown.
"""

from collections.abc import Callable

from markupsafe import Markup

from ledger.verification.verdict import Finding, ForeignAward, ForeignIssuer, Notice, State, Verdict
from verify_api.public.award_lines import AwardPage, Line, recognition_line
from verify_api.public.scanner import Site
from verify_api.public.story import HistoryRow, NoticeLine
from verify_api.public.words import Words


class ForeignStory:
    """Tells one verdict in one language."""

    def __init__(self, verdict: Verdict, *, words: Words, site: Site, told: Callable[[Finding], str]) -> None:
        """Prepare to tell.

        Args:
            told: the sentence for a finding.
        """
        self._verdict = verdict
        self._award = verdict.foreign
        self._words = words
        self._site = site
        self._told = told

    def heading(self) -> str:
        """The verdict in a few words."""
        return self._words.text(f"heading.{self._verdict.state}")

    def body(self) -> list[Markup]:
        """The sentences under the heading."""
        words, state, award = self._words, self._verdict.state, self._award
        if state is State.NOT_CHECKED:
            finding = next(each for each in self._verdict.findings if each.makes is State.NOT_CHECKED)
            return [words.html("body.not_checked_file", what=self._told(finding))]
        if award is None:
            return [words.html(f"body.{state}")]
        if state is State.VALID:
            return [self._valid(award.issuer)]
        sentence = self._sentence(state.value, award, "body")
        return [] if sentence is None else [sentence]

    def notices(self) -> list[NoticeLine]:
        """One sentence for each other thing that holds."""
        told = [self._notice(notice) for notice in self._verdict.notices]
        return [NoticeLine(sentence=sentence, corrections=[]) for sentence in told if sentence is not None]

    def corrections(self) -> list[Markup]:
        """None: versions of it are not known."""
        return []

    def shown(self) -> Markup | None:
        """Nothing: versions of it are not known."""
        return None

    def history(self) -> list[HistoryRow]:
        """None: nothing of it is recorded."""
        return []

    def award(self) -> AwardPage | None:
        """What the file says of itself."""
        award, words = self._award, self._words
        if award is None:
            return None
        worth = []
        if award.result is not None:
            worth.append(Line(label=words.text("field.result"), html=words.mark(award.result), language=award.language))
        if award.credit is not None:
            worth.append(Line(label=words.text("label.credit"), html=words.mark(words.number(award.credit))))
        return AwardPage(
            language=award.language or words.language,
            name=award.name or "",
            learner=award.learner,
            issuer=_name(award.issuer),
            domain=award.issuer.domain or "",
            recognised=award.issuer.recognition.recognised,
            recognition=recognition_line(award.issuer.recognition, words=words, site=self._site),
            awarded_on=None if award.awarded_on is None else words.mark(award.awarded_on),
            validity=_period(award, words),
            competencies=tuple(skill.statement for skill in award.skills),
            worth=tuple(worth),
            more=(),
            evidence=None,
        )

    def _notice(self, notice: str) -> Markup | None:
        if notice == Notice.NOT_ISSUED_HERE:
            return self._words.html("notice.not_issued_here")
        return None if self._award is None else self._sentence(notice, self._award, "notice")

    def _sentence(self, state: str, award: ForeignAward, table: str) -> Markup | None:
        """The sentence for one thing that holds, first or beside another."""
        words, issuer = self._words, _name(award.issuer)
        match state:
            case State.ISSUER_UNRECOGNISED:
                return self._unrecognised(award.issuer)
            case State.EXPIRED if award.valid_until is not None:
                bare = "" if award.valid_from else "_bare"
                begin, end = award.valid_from or award.valid_until, award.valid_until
                return words.html(f"{table}.expired{bare}", begin=begin, end=end)
            case State.NOT_YET_VALID if award.valid_from is not None:
                return words.html(f"{table}.not_yet_valid", begin=award.valid_from)
            case State.STATUS_UNAVAILABLE:
                return words.html(f"{table}.status_unavailable")
            case State.REVOKED | State.SUSPENDED:  # since when and why, no list says
                return words.html(f"notice.{state}", issuer=issuer)
            case _:
                return None

    def _valid(self, issuer: ForeignIssuer) -> Markup:
        registry = issuer.recognition.registry
        return self._words.html(
            "body.valid" if registry else "body.valid_unnamed",
            issuer=_name(issuer),
            registry=registry or "",
            time=self._verdict.known_at.date(),
        )

    def _unrecognised(self, issuer: ForeignIssuer) -> Markup:
        words, name, domain = self._words, _name(issuer), issuer.domain or issuer.id
        if self._site.registries:
            registries = words.listed(self._site.registries)
            return words.html("body.never_recognised_by", issuer=name, domain=domain, registries=registries)
        return words.html("body.never_recognised", issuer=name, domain=domain)


def _period(award: ForeignAward, words: Words) -> Markup | None:
    begin, end = award.valid_from, award.valid_until
    if end is not None:
        key = "validity.until" if begin is None else "validity.from_until"
        return words.html(key, begin=begin or end, end=end)
    if begin is not None and begin != award.awarded_on:
        return words.html("validity.from", begin=begin)
    return None


def _name(issuer: ForeignIssuer) -> str:
    return issuer.name or issuer.domain or issuer.id
