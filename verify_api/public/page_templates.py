"""The templates of the pages in one language: what never changes in it is put in when they are compiled.

A sentence without a place for data is text of the template from then on, escaped once. Everything else is escaped as
the page is made.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from jinja2 import DictLoader, Environment, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape

from ledger.verification.verdict import Finding
from verify_api.public.award_lines import Line
from verify_api.public.words import Words

_FOLDER = Path(__file__).parent / "templates"
_FIXED = re.compile(r'\{\{ (?:words\.text\("([a-z_.]+)"\)|words\.(language)|(style)|(address)) \}\}')


class Templates:
    """Every template, in one language and of one service."""

    def __init__(self, words: Words, host: str, style: str) -> None:
        """Prepare them; each is compiled when it is first rendered.

        Args:
            style: the style sheet, a file of this package without closing tags.
        """
        self.words = words
        self._host = host
        self._style = style
        strong = Markup(f"<strong>{escape(host)}</strong>")  # noqa: S704  escaped just here
        self._address = words.html("page.address", host=strong)
        self._environment = Environment(
            # Read at once: a page that says what is wrong must not need a file that cannot be opened just then.
            loader=DictLoader({path.name: path.read_text("utf-8") for path in _FOLDER.glob("*.html")}),
            autoescape=True,
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_extension(self)],
        )
        icons = vars(self._environment.get_template("icons.html").module)
        # What these make is the same for every page; a call out of a template costs more than the text is long.
        self._environment.globals.update(rows=self._rows, icon=cache(icons["icon"]), small=cache(icons["small"]))
        # A finding is made of words that this program has; the few that name a position make others drop out.
        self.findings = lru_cache(maxsize=256)(self._findings)

    def render(self, template: str, **values: object) -> str:
        """A page."""
        return self._environment.get_template(template).render(host=self._host, **values)

    def fixed(self, source: str) -> str:
        """The source of a template, what never changes in this language put in."""
        return _FIXED.sub(self._literal, source)

    def _literal(self, found: "re.Match[str]") -> str:
        key, language, style, _ = found.groups()
        if key:
            text = str(escape(self.words.text(key)))
        elif language:
            text = str(escape(self.words.language))
        else:
            text = self._style if style else str(self._address)
        return "{% raw %}" + text + "{% endraw %}"

    def _rows(self, lines: Iterable[Line]) -> Markup:
        """Labels, and what they label; in a language of its own where that is another one than the page's."""
        told = []
        for line in lines:
            other = line.language is not None and line.language != self.words.language
            spoken = f' lang="{escape(line.language)}"' if other else ""
            told.append(f'<div><dt>{_label(line.label)}</dt><dd{spoken} dir="auto">{line.html}</dd></div>\n')
        return Markup("".join(told))  # noqa: S704  escaped just here, and what is labelled by whoever made it

    def sentence(self, finding: Finding) -> str:
        """One check in plain words; its own, in English, where the catalogue has none."""
        return self._worded(finding) or finding.detail

    def _worded(self, finding: Finding) -> str | None:
        words, check = self.words, finding.check
        keys = (f"{check}_{finding.reason}", finding.reason, f"{check}_{finding.outcome.value}")
        return next((words.text(f"check.{key}") for key in keys if words.has(f"check.{key}")), None)

    def _findings(self, findings: tuple[Finding, ...]) -> Markup:
        return Markup("\n").join([self._finding(finding) for finding in findings])

    def _finding(self, finding: Finding) -> Markup:
        """One check in plain words: the first sentence that the catalogue has for it, else its own, in English."""
        words, outcome = self.words, finding.outcome.value
        sentence = self._worded(finding)
        html = self.render(
            "finding.html",
            words=words,
            outcome=outcome,
            word=words.text(f"outcome.{outcome}"),
            sentence=sentence or finding.detail,
            language=None if sentence or words.language == "en" else "en",
        )
        return Markup(html)  # noqa: S704  rendered by a template that escapes


@lru_cache(maxsize=1_024)  # labels are words of the catalogues
def _label(text: str) -> str:
    return str(escape(text))


def _extension(templates: Templates) -> type[Extension]:
    class Fixed(Extension):
        """Sees each source before it is compiled."""

        def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
            return templates.fixed(source)

    return Fixed
