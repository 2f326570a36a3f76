"""A forged log as the views are fed it, and a small world of issuers and awards on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from ledger.domain.award import AchievementRef, AwardInternal
from ledger.domain.types import Did, Digest, LearnerId, LinkCode, Position, StreamId
from ledger.domain.values import Part
from ledger.record.private_parts import write_internal
from ledger.testing.forge import HONEST, Forge, How
from projections.family import Fed, Parked, View
from projections.feed import FeedFailed, Openings
from projections.rows import CredentialRow, Search
from projections.runner import Runner
from projections.stores.sqlite import SqliteViewStore, connect, in_memory
from projections.stores.sqlite_engine import SqliteViews
from projections.views import FAMILY


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

    def read(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """At most `limit` entries beyond the position `after`, in order."""
        if self.fails(after):
            raise FeedFailed("the store is away")
        entries = self.forge.log[after : min(after + limit, self.size())]
        places = [(each.recorded.position, each.entry) for each in entries]
        return [(position, self.bytes.get(position, entry)) for position, entry in places]

    def openings(self, events: Sequence[Fed]) -> Openings:
        """What the private parts of these events hold, unless they are hidden."""
        positions = [fed.position for fed in events if fed.position not in self.hidden]
        return {position: self.forge.openings[Position(position)] for position in positions}

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
        """Every award as the views show it, folded from the first event to the last."""
        with TemporaryDirectory() as folder, live(self, Path(folder) / "views.db").reading(FAMILY) as reader:
            search = Search.of(issuer=None, query=None, achievement=None, status=None, today=date(2027, 6, 1))
            found = reader.search(search, before=None, limit=10_000)
        return {row.credential_id: row for row in reversed(found)}

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


def live(
    world: World, path: Path, *, batch: int | None = None, parked: Callable[[Parked], None] = lambda _: None
) -> SqliteViews:
    """The views folded into a file."""
    connection = connect(path, FAMILY)
    try:
        for view in FAMILY:
            Runner(SqliteViewStore(connection, view), world.feed, view, batch=batch, parked=parked).catch_up()
    finally:
        connection.close()
    return SqliteViews(path)


@contextmanager
def opened_store(path: Path, view: View) -> Iterator[SqliteViewStore]:
    """The tables of one view in a file."""
    connection = connect(path, FAMILY)
    try:
        yield SqliteViewStore(connection, view)
    finally:
        connection.close()


def folded_aside(world: World, view: View) -> SqliteViewStore:
    """One view of the whole log, in tables that nobody else sees."""
    store = in_memory(view)
    Runner(store, world.feed, view).catch_up()
    return store
