"""What the page says about a verdict: its sentences, its notices and its history, in the words of one language.

No sentence claims what was not checked, and none shows an old value of a field that identifies the learner.
"""

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import assert_never

from markupsafe import Markup

from ledger.domain.award import IDENTIFYING
from ledger.domain.values import BadValue, Mode, parse_date
from ledger.verification.verdict import AmendmentView, AwardView, ChangeView, HistoryLine, Notice, State, Verdict
from verify_api.public.scanner import Site
from verify_api.public.stack_lines import review, review_heading
from verify_api.public.words import Words

_DAYS = ("awarded_on", "valid_from", "valid_until")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One recorded act in plain words."""

    on: Markup
    sentences: tuple[Markup, ...]
    entry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLine:
    """Another thing that holds, and the corrections it speaks of."""

    sentence: Markup
    corrections: list[Markup]


class Story:
    """Tells one verdict in one language."""

    def __init__(self, verdict: Verdict, award: AwardView | None, *, words: Words, site: Site) -> None:
        self._verdict = verdict
        self._award = award
        self._words = words
        self._site = site

    def heading(self) -> str:
        """The verdict in a few words."""
        if self._verdict.state is State.COMPONENT_REVIEW:
            return review_heading(self._verdict.components, self._words)
        return self._words.text(f"heading.{self._verdict.state}")

    def body(self) -> list[Markup]:
        """The sentences under the heading."""
        state, award, words = self._verdict.state, self._award, self._words
        match state:
            case (
                State.SIGNATURE_INVALID | State.LOG_INCONSISTENT | State.NOT_FOUND | State.NOT_CHECKED | State.NO_AWARD
            ):
                return [words.html(f"body.{state}")]
            case State.KEY_COMPROMISED:
                return [] if award is None else [words.html("body.key_compromised", issuer=award.issuer.name)]
            case State.REVOKED | State.SUSPENDED:
                return [] if award is None else self._change(award)
            case State.STATUS_UNAVAILABLE:
                return [words.html("body.status_unavailable")]
            case State.EXPIRED:
                return [] if award is None else [self._period("body.expired", award)]
            case State.NOT_YET_VALID:
                return [] if award is None else [words.html("body.not_yet_valid", begin=award.valid_from)]
            case State.ISSUER_UNRECOGNISED:
                return [] if award is None else [self._unrecognised(award)]
            case State.COMPONENT_REVIEW:
                return [] if award is None else review(self._verdict.components, award, words)
            case State.AMENDED:
                return [] if award is None else [self._amended(award)]
            case State.VALID:
                return [] if award is None else [self._valid(award)]
        assert_never(state)

    def corrections(self) -> list[Markup]:
        """What changed: since the scanned version if there is a newer one, else before it."""
        verdict, words = self._verdict, self._words
        if self._award is None:
            return []
        shown = self._later() if State.AMENDED in (verdict.state, *verdict.notices) else list(verdict.amendments)
        dated = len({amendment.version for amendment in shown}) > 1
        lines = []
        for amendment in shown:
            line = self._changed(amendment)
            if dated:
                line += Markup(" ({})").format(words.mark(amendment.on.astimezone(UTC).date()))
            lines.append(line)
        return lines

    def shown(self) -> Markup | None:
        """Which version the page shows, where another was scanned."""
        current = self._verdict.current_version
        if self._verdict.state is not State.AMENDED or current is None:
            return None
        return self._words.html("body.amended_shown", current=current)

    def notices(self) -> list[NoticeLine]:
        """One sentence for each other thing that holds; none where nothing is told about the award."""
        award, lines = self._award, list[NoticeLine]()
        if award is None:
            return lines
        for notice in self._verdict.notices:
            sentence = self._notice(notice, award)
            if sentence is not None:
                about_versions = notice in (State.AMENDED, Notice.CORRECTED)
                lines.append(NoticeLine(sentence=sentence, corrections=self.corrections() if about_versions else []))
        return lines

    def history(self) -> list[HistoryRow]:
        """Every recorded act, the oldest first."""
        award = self._award
        return [] if award is None else [self._row(line, award) for line in self._verdict.history]

    def _valid(self, award: AwardView) -> Markup:
        registry = award.issuer.recognition.registry
        return self._words.html(
            "body.valid" if registry else "body.valid_unnamed",
            issuer=award.issuer.name,
            registry=registry or "",
            time=self._verdict.known_at.astimezone(UTC).date(),  # the time of day stands beside "Checked"
        )

    def _period(self, key: str, award: AwardView) -> Markup:
        return self._words.html(key, begin=award.valid_from, end=award.valid_until or award.valid_from)

    def _change(self, award: AwardView) -> list[Markup]:
        words, change = self._words, self._verdict.change
        if change is None:
            return [words.html(f"notice.{self._verdict.state}", issuer=award.issuer.name)]
        lines = [self._act(f"body.{self._verdict.state}", change, award)]
        if change.reason is not None:
            lines.append(words.html("body.reason", reason=words.html(f"reason.{change.reason}")))
        if change.public_text:
            lines.append(words.html("body.public_text", issuer=award.issuer.name, text=change.public_text))
        if change.mode is Mode.RETROACTIVE:
            lines.append(words.html("body.retroactive", issuer=award.issuer.name))
        elif self._verdict.state is State.REVOKED:
            lines.append(self._was_valid(award, change.effective))
        if change.disowned:
            lines.append(words.html("body.disowned", issuer=award.issuer.name))
        return lines

    def _act(self, key: str, change: ChangeView, award: AwardView) -> Markup:
        recorded = change.recorded.astimezone(UTC).date()
        return self._words.html(key, issuer=award.issuer.name, effective=change.effective, recorded=recorded)

    def _was_valid(self, award: AwardView, effective: date) -> Markup:
        last = effective - timedelta(days=1)
        if award.valid_until is not None:
            last = min(last, award.valid_until)
        if last < award.valid_from:
            return self._words.html("body.prospective_never")
        return self._words.html("body.prospective", begin=award.valid_from, end=last)

    def _unrecognised(self, award: AwardView) -> Markup:
        words, issuer, recognition = self._words, award.issuer, award.issuer.recognition
        if recognition.ended_on is not None and recognition.registry is not None:
            return words.html(
                "body.recognition_ended" if recognition.recognised_when_issued else "body.recognition_ended_before",
                issuer=issuer.name,
                domain=issuer.domain,
                registry=recognition.registry,
                ended=recognition.ended_on,
            )
        if self._site.registries:
            registries = words.listed(self._site.registries)
            return words.html(
                "body.never_recognised_by", issuer=issuer.name, domain=issuer.domain, registries=registries
            )
        return words.html("body.never_recognised", issuer=issuer.name, domain=issuer.domain)

    def _amended(self, award: AwardView) -> Markup:
        scanned = self._verdict.scanned_version or 1
        later = self._later()
        if not later:
            current = self._verdict.current_version or scanned
            return self._words.html("body.amended_bare", scanned=scanned, current=current)
        on = later[-1].on.astimezone(UTC).date()
        return self._words.html("body.amended", scanned=scanned, issuer=award.issuer.name, on=on)

    def _later(self) -> list[AmendmentView]:
        scanned = self._verdict.scanned_version or 1
        return [amendment for amendment in self._verdict.amendments if amendment.version > scanned]

    def _changed(self, amendment: AmendmentView) -> Markup:
        words, change = self._words, amendment.change
        if change.field in IDENTIFYING:
            return words.html(f"hidden.{change.field}")
        known = words.has(f"field.{change.field}")
        field = words.html(f"field.{change.field}" if known else "field.other")
        old, new = (self._value(change.field, value) for value in (change.old, change.new))
        if old is None:
            return words.html("language.added", field=field, new=new or "")
        if new is None:
            return words.html("language.removed", field=field, old=old)
        return words.html("language.changed", field=field, old=old, new=new)

    def _value(self, field: str, value: str | None) -> str | date | None:
        if value is None:
            return None
        if field in _DAYS:
            try:
                return parse_date(value)
            except BadValue:
                return value
        if field == "route" and self._words.has(f"route.{value}"):
            return self._words.text(f"route.{value}")
        return self._words.language_name(value) if field == "language" else value

    def _notice(self, notice: str, award: AwardView) -> Markup | None:
        words, verdict, issuer = self._words, self._verdict, award.issuer.name
        match notice:
            case State.ISSUER_UNRECOGNISED:
                return self._unrecognised(award)
            case State.EXPIRED:
                return self._period("notice.expired", award)
            case State.NOT_YET_VALID:
                return words.html("notice.not_yet_valid", begin=award.valid_from)
            case State.AMENDED:
                current = verdict.current_version or 1
                return words.html(
                    "notice.amended", scanned=verdict.scanned_version or 1, issuer=issuer, current=current
                )
            case Notice.CORRECTED if verdict.amendments:
                on = verdict.amendments[-1].on.astimezone(UTC).date()
                return words.html("notice.corrected", issuer=issuer, on=on, scanned=verdict.scanned_version or 1)
            case State.REVOKED | State.SUSPENDED:
                change = verdict.change
                if change is not None and change.kind == notice:
                    return self._act(f"notice.{notice}_on", change, award)
            case _:
                pass
        return words.html(f"notice.{notice}", issuer=issuer) if words.has(f"notice.{notice}") else None

    def _row(self, line: HistoryLine, award: AwardView) -> HistoryRow:
        words = self._words
        kind = line.type.removeprefix("credential.").partition("/")[0]
        key = f"history.{kind}" if words.has(f"history.{kind}") and kind not in ("reason", "entry") else "history.other"
        sentences = [words.html(key, issuer=award.issuer.name)]
        if line.reason is not None:
            sentences.append(words.html("history.reason", reason=words.html(f"reason.{line.reason}")))
        if line.public_text:
            sentences.append(words.html("language.quoted", text=line.public_text))
        if line.disowned:
            sentences.append(words.html("history.disowned"))
        on = words.mark(line.at.astimezone(UTC).date())
        entry = words.text("history.entry", number=words.number(str(line.position)))
        return HistoryRow(on=on, sentences=tuple(sentences), entry=entry)
