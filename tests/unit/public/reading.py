"""Reads a rendered page as a browser and as a person would."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

from ledger.verification.verdict import RecognitionView, State, Verdict
from tests.unit.public.samples import AWARD, ISSUER, SITE, VALID
from verify_api.public.page import Addresses, Pages
from verify_api.public.words import load_words

WORDS = load_words()
PAGES = Pages(SITE)
VOID = {"meta", "link", "input", "br", "circle", "path", "rect"}


class Outline(HTMLParser):
    """Collects what a page loads, and whether its tags are balanced."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        assert not any(name.startswith("on") or name == "style" for name in values), (tag, attrs)
        if tag == "a":
            self.links.append(values["href"] or "")
        else:
            self.loads += [value or "" for name, value in attrs if name in ("href", "src", "srcset", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def page(verdict: Verdict, language: str = "en", addresses: Addresses | None = None) -> str:
    return PAGES.verdict(verdict, WORDS[language], addresses)


def plain(html: str) -> str:
    """What a reader reads."""
    html = re.sub(
        r"<style>.*?</style>|<title>.*?</title>|</?(?:bdi|time|strong|span)\b[^>]*>", "", html, flags=re.DOTALL
    )
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def with_recognition(recognition: RecognitionView) -> Verdict:
    award = replace(AWARD, issuer=replace(ISSUER, recognition=recognition))
    return replace(VALID, state=State.ISSUER_UNRECOGNISED, award=award)
