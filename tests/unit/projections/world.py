"""A forged log as the views are fed it, and a small world of issuers and awards on it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID

from ledger.domain.award import AchievementRef, AwardInternal
from ledger.domain.types import Did, Digest, LearnerId, LinkCode, StreamId
from ledger.domain.values import Part
from ledger.record.private_parts import write_internal
from ledger.testing.forge import HONEST, Forge, How
from ledger.verification.evidence import Placed
from projections.feed import OPENED, Fed, FeedFailed, decode
from projections.rows import CredentialRow
from projections.runner import Runner
from projections.stores.memory import MemoryViewStore
from projections.stores.sqlite import SqliteViewStore


class ForgeFeed:
    """The feed of a forged log. It can give other bytes than the log's, hide private parts, and fail."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        self.bytes: dict[int, bytes] = {}  # position -> in place of the entry
        self.hidden: set[int] = set()  # positions whose private parts cannot be opened
        self.cut: int | None = None  # the log ends here
        self.fails: Callable[[int], bool] = lambda _: False  # whether a read after this position fails

    def size(self) -> int:
        """The last position there is."""
        return len(self.forge.log) if self.cut is None else self.cut

    def read(self, after: int, limit: int) -> list[Fed]:
        """At most `limit` entries beyond the position `after`, in order."""
        if self.fails(after):
            raise FeedFailed("the store is away")
        found = []
        for sealed in self.forge.log[after : min(after + limit, self.size())]:
            position = sealed.recorded.position
            fed = decode(Placed(position=position, raw=self.bytes.get(position, sealed.entry)))
            openings = {} if position in self.hidden else self.forge.openings[position]
            found.append(replace(fed, openings={part: openings[part] for part in OPENED if part in openings}))
        return found

    def definition(self, digest: Digest) -> bytes | None:
        """The wording with this digest."""
        return self.forge.definitions.get(digest)


class World:
    """A forged log with one issuer, one achievement and its feed."""

    def __init__(self) -> None:
        self.forge = Forge()
        self.college: Did = self.forge.register("college")
        self.welding: AchievementRef = self.forge.define(self.college)
        self.feed = ForgeFeed(self.forge)

    def issue(
        self,
        name: str = "Ada Example",
        how: How = HONEST,
        *,
        valid_from: date | None = None,
        valid_until: date | None = None,
    ) -> StreamId:
        """An award of this learner."""
        award = replace(self.forge.award(self.welding, name), valid_from=valid_from, valid_until=valid_until)
        return self.forge.issue(self.college, award, how)

    def rows(self) -> Mapping[StreamId, CredentialRow]:
        """Every row of the view in memory, from the first event to the last."""
        store = MemoryViewStore()
        Runner(store, self.feed).catch_up()
        return {stream: kept.row for stream, kept in store.awards.items()}

    def row(self, stream: StreamId) -> CredentialRow:
        """One of them."""
        return self.rows()[stream]


def internal(student_number: str, email: str | None = None) -> How:
    """An award whose learner has this student number."""
    content = AwardInternal(
        actor="registrar",
        learner=LearnerId(UUID(int=9)),
        student_number=student_number,
        email=email,
        code=LinkCode(bytes(22)),
        short_code="0000000000000",
        notes=None,
    )
    return How(parts={Part.INTERNAL: write_internal(content)})


def live(world: World, path: Path, *, batch: int = 1_000) -> Path:
    """The view folded into a file."""
    store = SqliteViewStore(path)
    try:
        Runner(store, world.feed, batch=batch).catch_up()
    finally:
        store.close()
    return path
