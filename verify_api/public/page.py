"""Renders the public pages: one verdict, then the reasons. No script, no third party, one style sheet inside."""

import base64
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup, escape

from ledger.domain.values import Custody
from ledger.verification.verdict import NOTHING_SHOWN, AwardView, IssuerView, LogView, Notice, State, Verdict
from verify_api.public.award_lines import AwardPage, Line, award_page
from verify_api.public.foreign_story import ForeignStory
from verify_api.public.links import host_of
from verify_api.public.page_templates import Templates
from verify_api.public.scanner import Site
from verify_api.public.stack_lines import PartRow, part_rows
from verify_api.public.story import HistoryRow, NoticeLine, Story
from verify_api.public.words import Words

_FOLDER = Path(__file__).parent

# What colour a state has; its icon and its words say the same without colour.
_TONES = {
    State.SIGNATURE_INVALID: "stop",
    State.LOG_INCONSISTENT: "unknown",
    State.NOT_FOUND: "unknown",
    State.NOT_CHECKED: "unknown",
    State.NO_AWARD: "attention",
    State.KEY_COMPROMISED: "stop",
    State.REVOKED: "stop",
    State.SUSPENDED: "attention",
    State.STATUS_UNAVAILABLE: "attention",
    State.EXPIRED: "attention",
    State.NOT_YET_VALID: "attention",
    State.ISSUER_UNRECOGNISED: "attention",
    State.COMPONENT_REVIEW: "attention",
    State.AMENDED: "attention",
    State.VALID: "ok",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where else this verdict stands; only on a page whose own address holds the code."""

    as_json: str
    proof: str
    current: str | None  # of the current version, where another was scanned
    credential: str | None = None  # its credential file, and the badge that carries it, where they are given out
    badge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPage:
    """Everything that the page of one verdict shows."""

    state: State
    found: bool  # whether there is such an award, whatever is the matter with it
    recorded: bool  # whether it was judged by the log; else by a file alone
    tone: str
    heading: str
    body: list[Markup]
    corrections: list[Markup]
    shown: Markup | None  # which version is shown, where that is not the one scanned
    checked: Markup
    award: AwardPage | None
    report: str | None  # mailto: or the issuer's web address
    notices: list[NoticeLine]
    parts: list[PartRow]
    history: list[HistoryRow]
    findings: Markup
    custody: Markup | None
    vouched: Markup
    technical: list[Line]
    addresses: Addresses | None


class Pages:
    """The pages of one service, in every language that has words."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._host = host_of(site.base_url)
        self._style = (_FOLDER / "static" / "page.css").read_text(encoding="utf-8")
        self._templates: dict[str, Templates] = {}  # of each language

    @property
    def style_source(self) -> str:
        """The style sheet as a source of Content-Security-Policy: its hash."""
        digest = hashlib.sha256(self._style.encode("utf-8")).digest()
        return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"

    def verdict(self, verdict: Verdict, words: Words, addresses: Addresses | None) -> str:
        """The page of a verdict.

        Args:
            addresses: None on a page whose own address does not hold the code.
        """
        page = self._page(verdict, words, addresses)
        main = Markup(self._of(words).render("verdict_main.html", words=words, page=page))  # noqa: S704  it escapes
        return self._render("verdict.html", words, page.heading, main=main)

    def upload(self, words: Words, *, hint: str | None = None) -> str:
        """The form for credential files; `hint` says what was wrong with the last try."""
        return self._render("upload.html", words, words.text("upload.heading"), wrong=hint)

    def form(self, words: Words, *, hint: str | None = None) -> str:
        """The form for those who cannot scan; `hint` says what was wrong with the last try."""
        return self._render("form.html", words, words.text("form.heading"), wrong=hint)

    def message(self, words: Words, *, heading: str, text: str) -> str:
        """A page that says one thing, and offers the form again."""
        return self._render("message.html", words, heading, text=text)

    def _render(self, template: str, words: Words, heading: str, **values: object) -> str:
        return self._of(words).render(template, words=words, heading=heading, **values)

    def _of(self, words: Words) -> Templates:
        templates = self._templates.get(words.language)
        if templates is None or templates.words is not words:
            templates = self._templates[words.language] = Templates(words, self._host, self._style)
        return templates

    def _page(self, verdict: Verdict, words: Words, addresses: Addresses | None) -> VerdictPage:
        # A page is kept for a minute at most, and tells nobody the second at which somebody else opened it.
        verdict = replace(verdict, known_at=verdict.known_at.replace(second=0, microsecond=0))
        award = None if verdict.state in NOTHING_SHOWN else verdict.award
        if Notice.NOT_ISSUED_HERE in verdict.notices:
            return self._foreign(verdict, words)
        story = Story(verdict, award, words=words, site=self._site)
        return VerdictPage(
            state=verdict.state,
            found=verdict.state is not State.NOT_FOUND,
            recorded=bool(verdict.log.origin),
            tone=_TONES[verdict.state],
            heading=story.heading(),
            body=story.body(),
            corrections=story.corrections(),
            shown=story.shown(),
            checked=words.html("page.checked", time=verdict.known_at),
            award=None if award is None else award_page(award, words=words, site=self._site),
            report=None if award is None else self._report(verdict, award, words),
            notices=story.notices(),
            parts=[] if award is None else part_rows(verdict.components, words),
            history=story.history(),
            findings=self._of(words).findings(verdict.findings),
            custody=None if award is None else self._custody(award.issuer, words),
            vouched=_vouched(verdict.log, words),
            technical=_technical(verdict, words),
            addresses=addresses,
        )

    def _foreign(self, verdict: Verdict, words: Words) -> VerdictPage:
        """The page on a file that was judged by itself: nothing of the log stands on it."""
        told = self._of(words)
        story = ForeignStory(verdict, words=words, site=self._site, told=told.sentence)
        return VerdictPage(
            state=verdict.state,
            found=True,
            recorded=False,
            tone=_TONES[verdict.state],
            heading=story.heading(),
            body=story.body(),
            corrections=[],
            shown=None,
            checked=words.html("page.checked", time=verdict.known_at),
            award=story.award(),
            report=None,
            notices=story.notices(),
            parts=[],
            history=[],
            findings=told.findings(verdict.findings),
            custody=None,
            vouched=Markup(),
            technical=[],
            addresses=None,
        )

    def _custody(self, issuer: IssuerView, words: Words) -> Markup:
        operator = self._site.operator or self._host
        return words.html(f"custody.{Custody(issuer.custody)}", operator=operator, issuer=issuer.name)

    def _report(self, verdict: Verdict, award: AwardView, words: Words) -> str | None:
        """Where to write to the issuer. The entry's number tells it the award without giving the code away."""
        issuer = award.issuer
        if issuer.email is None:
            url = issuer.url or ""
            return url if url.lower().startswith(("https://", "http://")) else None
        body = words.text(
            "page.report_body",
            host=self._host,
            time=verdict.known_at,
            heading=words.text(f"heading.{verdict.state}"),
            number=str(verdict.log.position or ""),
        )
        subject = words.text("page.report_subject", issuer=issuer.name)
        return f"mailto:{quote(issuer.email, safe='@')}?subject={quote(subject, safe='')}&body={quote(body, safe='')}"


def _vouched(log: LogView, words: Words) -> Markup:
    """Who vouches for the order and the completeness of the log, and since when."""
    if not log.witnesses:
        return words.html("vouched.alone")
    if log.witnessed_at is None:
        return words.html("vouched.too_few", number=log.witnesses)
    key = "vouched.one" if log.witnesses == 1 else "vouched.several"
    return words.html(key, number=log.witnesses, since=log.witnessed_at)


def _technical(verdict: Verdict, words: Words) -> list[Line]:
    log = verdict.log
    lines = [("origin", escape(log.origin))]
    if log.position is not None and verdict.state not in NOTHING_SHOWN:
        lines.append(("position", escape(words.number(str(log.position)))))
        if log.path is not None:
            lines.append(("path", _path(log.path, words)))
    lines.append(("size", escape(words.number(str(log.size)))))
    if log.root is not None:
        lines.append(("root", _code(log.root)))
    lines.append(("witnesses", escape(", ".join(log.witnessed_by)) or words.html("vouched.nobody")))
    if log.witnessed_as_of is not None:
        lines.append(("witnessed_as_of", words.mark(log.witnessed_as_of)))
    lines.append(("last_entry", words.mark(verdict.as_of)))
    return [Line(label=words.text(f"label.{name}"), html=html) for name, html in lines]


def _path(path: tuple[bytes, ...], words: Words) -> Markup:
    """The inclusion proof: how many hashes it has, and below that all of them."""
    if not path:
        return words.html("proof.only_entry")
    told = words.html("proof.hashes", number=len(path))
    hashes = "".join([f"<li>{_code(digest)}</li>" for digest in path])
    return Markup(f"<details><summary>{told}</summary><ol>{hashes}</ol></details>")  # noqa: S704  put together of Markup


def _code(digest: bytes) -> Markup:
    return Markup(f"<code>{base64.b64encode(digest).decode('ascii')}</code>")  # noqa: S704  letters, digits, + / =
