"""What the page says of an award that was built from others: its parts as they stand now, and the issuer's rule."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ledger.domain.codes import format_link_code
from ledger.domain.stacking_rule import OnLoss
from ledger.verification.verdict import AwardView, ComponentView, State
from verify_api.public.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """One part, in the order in which the award names it."""

    name: str
    language: str  # of the name
    link: str  # to its own page
    holds: bool
    standing: Markup


def part_rows(parts: Sequence[ComponentView], words: Words) -> list[PartRow]:
    """Every part and how it stands, each with the address of its own page."""
    return [
        PartRow(
            name=part.name,
            language=part.language,
            link=_path(part),
            holds=part.in_force is True,
            standing=_standing(f"part.{part.state}", part, words),
        )
        for part in parts
    ]


def review(parts: Sequence[ComponentView], award: AwardView, words: Words) -> list[Markup]:
    """Which parts are no longer in force, and what the issuer declared for that case."""
    lost = [
        _standing(f"lost.{part.state}", part, words, number=number)
        for number, part in enumerate(parts, 1)
        if part.in_force is False
    ]
    key = "body.component_review" if len(parts) > 1 else "body.component_review_single"
    policy = award.definition.on_component_loss or OnLoss.REVIEW
    return [
        words.html(key, number=len(parts), lost=words.listed_html(lost)),
        words.html("body.component_rule", policy=words.html(f"policy.{policy}")),
    ]


def review_heading(parts: Sequence[ComponentView], words: Words) -> str:
    """The verdict: one part under review, or how many."""
    lost = sum(part.in_force is False for part in parts)
    return words.text("heading.component_review" if lost < 2 else "heading.component_review_several", number=lost)


def _standing(key: str, part: ComponentView, words: Words, *, number: int = 0) -> Markup:
    on = part.valid_until if part.state is State.EXPIRED else part.valid_from
    if part.change is not None:
        on = part.change.effective
    return words.html(key, number=number, on=on or part.valid_from)


def _path(part: ComponentView) -> str:
    return f"/c/{format_link_code(part.code)}" + (f"/{part.version}" if part.version > 1 else "")
