"""Open views over a forged log, with short words for searching."""

from datetime import date

from ledger.domain.types import Did
from projections.family import Parked
from projections.rows import CredentialRow
from projections.stores.engine import Place
from projections.views import Views
from tests.unit.projections.world import World

TODAY = date(2027, 6, 1)


class Opened:
    """Views over a forged log, with short words for searching."""

    def __init__(self, world: World, place: Place) -> None:
        self.world = world
        self.place = place
        self.heard: list[Parked] = []
        self.views = Views(place, world.feed, parked=self.heard.append)

    def search(
        self,
        query: str | None = None,
        *,
        issuer: Did | None = None,
        achievement: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[CredentialRow]:
        """What is found now."""
        self.views.catch_up()
        found = self.views.search(
            issuer=issuer, query=query, achievement=achievement, status=status, after=after, limit=limit, today=TODAY
        )
        if after is None and limit == 100:
            count = self.views.count(issuer=issuer, query=query, achievement=achievement, status=status, today=TODAY)
            assert count == len(found)
        return found

    def names(
        self,
        query: str | None = None,
        *,
        issuer: Did | None = None,
        achievement: str | None = None,
        status: str | None = None,
    ) -> list[str]:
        """Names of the learners found."""
        found = self.search(query, issuer=issuer, achievement=achievement, status=status)
        return [row.learner_name for row in found]
