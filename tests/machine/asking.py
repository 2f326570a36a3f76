"""Ledgers on every engine beside one model: what is asked of one is asked of all, and all must answer alike."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self, TypeVar

from ledger.bootstrap import Ledger
from ledger.domain.types import LearnerId, StreamId
from ledger.errors import LedgerError
from ledger.testing.faults import FakeClock
from tests.machine.awards import Awards
from tests.machine.home import BEGINNING
from tests.machine.model import Model
from tests.machine.side import Side, on_files, on_postgres
from verify_api.services import Services

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Asking:
    """The model, the ledgers, and how what is in one is called in the other."""

    model: Model
    awards: Awards
    sides: tuple[Side, ...]
    clock: FakeClock
    tally: Counter[str]
    say: Callable[[str], None]  # hears of each command and what became of it
    streams: dict[str, StreamId]  # of issuers and offers, by slugs
    credentials: list[StreamId]  # of the model's awards
    codes: list[str]
    learners: dict[tuple[str, str], LearnerId]
    closing: ExitStack

    @classmethod
    def open(
        cls, template: Path, folder: Path, url: str | None, tally: Counter[str], say: Callable[[str], None]
    ) -> Self:
        """Over copies in `folder` of a home that `make_home` made, with an empty model.

        Args:
            url: of an empty database, for a second copy in PostgreSQL; None: there is the one in files alone.
        """
        clock, model = FakeClock(BEGINNING), Model(BEGINNING)
        with ExitStack() as closing:
            sides = [on_files(template, folder / "files", clock, closing)]
            if url is not None:
                sides.append(on_postgres(template, folder / "postgresql", url, clock, closing))
            return cls(
                model=model,
                awards=Awards(model),
                sides=tuple(sides),
                clock=clock,
                tally=tally,
                say=say,
                streams={},
                credentials=[],
                codes=[],
                learners={},
                closing=closing.pop_all(),
            )

    @property
    def services(self) -> Services:
        """Of the ledger in files; what it says is compared with the model, and what another says with it."""
        return self.sides[0].services

    def all_say(self, what: str, ask: Callable[[Side], T]) -> T:
        """What the ledger in files answers, after every other has answered the same."""
        said = ask(self.sides[0])
        for side in self.sides[1:]:
            other = ask(side)
            assert other == said, f"{what}: {side.name} says {other}, {self.sides[0].name} {said}"
        return said

    def put(self, what: str, why_not: set[str], command: Callable[[Ledger], Coroutine[object, object, T]]) -> T | None:
        """What each ledger answers; None where it refuses, for a reason that the model knows too."""
        answer, refused = self.all_say(what, lambda side: _outcome(command(side.services.ledger)))
        if refused is not None:
            name, _ = refused
            self.say(f"{what}: refused, {refused}")
            self.tally[f"refused: {name}"] += 1
            self.tally[f"{what}: refused"] += 1
            assert name in why_not, f"{what} was refused with {refused}; the model: {sorted(why_not)}"
            return None
        self.say(f"{what}: taken at {self.model.size + 1}, {answer}")
        assert not why_not, f"{what} was taken; the model refuses it: {sorted(why_not)}"
        self.tally[f"{what}: taken"] += 1
        return answer

    # ------------------------------------------------------------------------------------------ time and publishing

    def move(self, by: timedelta) -> None:
        """Set the clock on, or back."""
        self.model.now += by
        self.clock.at = self.model.now
        self.tally["clock back" if by < timedelta(0) else "clock on"] += 1

    def publish(self) -> None:
        """Sign a checkpoint over everything, and over a statement of it; of what is published already, nothing."""
        self.all_say("checkpoint", _published)
        self.model.publish()
        self.tally["published"] += 1


def _outcome(command: Coroutine[object, object, T]) -> tuple[T | None, tuple[str, str] | None]:
    """What was answered, or how and in which words it was refused."""
    try:
        return asyncio.run(command), None
    except LedgerError as error:
        return None, (type(error).__name__, str(error))


def _published(side: Side) -> bytes:
    side.services.ledger.publishing.publish()
    return side.services.ledger.home.checkpoint.read_bytes()
