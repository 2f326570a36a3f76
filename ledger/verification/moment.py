"""When a question is put, and all else that the answer follows from."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time, and all else that verdicts at it follow from."""

    at: datetime  # timezone-aware
    state: Hashable  # equal at two moments: of one minute, and nothing was recorded, published or set in between
