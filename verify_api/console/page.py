"""Renders the registrar's pages, in the style of the public ones: one style sheet inside, no script, no third party."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import verify_api.public
from verify_api.issuer.view_answers import WalletModel
from verify_api.public.links import host_of
from verify_api.public.words import Words, load_words

_FOLDER = Path(__file__).parent
_PUBLIC = Path(verify_api.public.__file__).parent
# What colour a standing has; its words say the same without colour.
_TONES = {
    "in_force": "good",
    "under_review": "wait",
    "suspended": "wait",
    "expired": "wait",
    "not_yet_valid": "wait",
    "revoked": "bad",
    "disowned": "bad",
}


class ConsolePages:
    """The pages of one service, in every language that has words."""

    def __init__(self, base_url: str) -> None:
        self._host = host_of(base_url)
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        sheets = (_PUBLIC / "static" / "page.css", _FOLDER / "static" / "console.css")
        self._style = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
        self.languages: Mapping[str, Words] = load_words(_FOLDER / "locale")

    @property
    def policy(self) -> str:
        """The Content-Security-Policy that lets these pages be shown and nothing else happen."""
        digest = base64.b64encode(hashlib.sha256(self._style.encode("utf-8")).digest()).decode("ascii")
        return (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )

    def form(self, words: Words, wrong: str | None = None) -> str:
        """The form; `wrong` says what was the matter with the last try. It never holds what was sent."""
        return self._render("form.html", words, words.text("form.heading"), wrong=wrong)

    def wallet(self, words: Words, wallet: WalletModel) -> str:
        """The page of a wallet. Its title does not name the learner: titles end in histories and in bookmarks."""
        today = date.fromisoformat(wallet.today)
        return self._render(
            "wallet.html",
            words,
            words.text("form.heading"),
            wallet=wallet,
            today=today,
            tones=_TONES,
            day=date.fromisoformat,
            hours=_hours,
        )

    def _render(self, template: str, words: Words, title: str, **values: object) -> str:
        return self._templates.get_template(template).render(
            words=words,
            host=self._host,
            title=title,
            style=Markup(self._style),  # noqa: S704  files of these packages, without closing tags
            **values,
        )


def _hours(minutes: int) -> str:
    """Minutes as hours, to one decimal place where there is one."""
    hours = (Decimal(minutes) / 60).quantize(Decimal("0.1"))
    return str(hours.to_integral_value() if hours == hours.to_integral_value() else hours)
