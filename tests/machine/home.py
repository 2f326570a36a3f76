"""The home that histories begin in, and the wordings that they award."""

from datetime import UTC, datetime
from pathlib import Path

from ledger.adapters.home import Home, Settings
from ledger.bootstrap import open_ledger
from ledger.domain.values import issuer_did, slug
from ledger.founding import init
from ledger.testing.faults import FakeClock
from tests.machine.records import Facts, Rule

BEGINNING = datetime(2026, 3, 1, 9, tzinfo=UTC)
REGISTRIES = ("board", "ministry")  # whose recognition counts


def make_home(folder: Path) -> None:
    """An empty ledger that goes by the recognition of `REGISTRIES`."""
    clock = FakeClock(BEGINNING)
    init(folder, "http://localhost:8000", "Operator", clock=clock)
    home = Home(folder)
    ledger, settings = open_ledger(home, clock=clock), home.settings()
    registries = tuple(issuer_did(ledger.operator.did, slug(name)) for name in REGISTRIES)
    ledger.close()
    home.write_settings(
        Settings(base_url=settings.base_url, origin=settings.origin, operator=settings.operator, registries=registries)
    )


def definition(name: str, text: int, rule: Rule | None) -> dict[str, object]:
    """One of a few wordings of what can be earned."""
    stated: dict[str, object] = {
        "slug": name,
        "name": f"{name} {text}",
        "description": "Does it well.",
        "competencies": [{"statement": "Does it"}],
        "assessments": [{"type": "observed_demonstration"}],
        "grading": {"results": ["Pass"] if text % 2 else ["Pass", "Merit"]},
    }
    if rule is not None:
        stated["on_component_loss"] = ("review", "revoke", "keep")[text % 3]
        parts = list(rule.parts)
        stated["rule"] = {"all_of": parts} if rule.n is None else {"n_of": {"n": rule.n, "of": parts}}
    return stated


def columns(facts: Facts) -> dict[str, str]:
    """How a row of a CSV file would ask for it, beside who and what."""
    given = {
        "awarded_on": facts.awarded_on,
        "valid_from": facts.valid_from,
        "valid_until": facts.valid_until,
        "result": facts.result,
    }
    return {column: str(value) for column, value in given.items() if value is not None}
