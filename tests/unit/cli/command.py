"""How a command in this process is called and ends, and what it is given."""

from dataclasses import dataclass
from typing import Protocol

NOBODY = "06H02DJ5JDAM73P3X2T0Y7Y470HDAZ57PSMG"
COURSE = {
    "slug": "menus",
    "name": "Healthy menus",
    "description": "Plan meals.",
    "competencies": [{"statement": "Plans a week of meals."}],
    "assessments": [{"type": "assignment"}],
}
ROW = {"student_number": "S-1", "full_name": "Ana Kim", "achievement": "menus", "awarded_on": "2026-01-10"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Command(Protocol):
    """Runs a command on the ledger that the environment names."""

    def __call__(self, *arguments: str) -> Ended: ...
