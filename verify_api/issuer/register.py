"""Finds issuers and achievements by whatever a caller may call them, inside what the caller may see."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from ledger.application.achievements import scope_of
from ledger.application.desk import Desk
from ledger.application.issuers import ISSUERS
from ledger.application.issuing import resolve_achievement
from ledger.application.ports import Caller
from ledger.domain import achievement as achievements
from ledger.domain import text
from ledger.domain.achievement import Achievement, AchievementNotDefined
from ledger.domain.definition import AchievementDefinition
from ledger.domain.issuer import Issuer, IssuerNotRegistered
from ledger.domain.reading import Problem, Refused
from ledger.domain.types import Did, Seq, Slug, StreamId
from ledger.domain.values import BadValue, issuer_did, slug_of

T = TypeVar("T")


def refused(column: str, code: str, reason: str) -> Refused:
    """The refusal of one field."""
    return Refused((Problem(column=column, code=code, reason=reason),))


def field(column: str, parse: Callable[[str], T], text: str) -> T:
    """What `parse` makes of a field.

    Raises:
        Refused: its BadValue, with the name of the field.
    """
    try:
        return parse(text)
    except BadValue as error:
        raise refused(column, "malformed", str(error)) from error


@contextmanager
def nested(name: str) -> Iterator[None]:
    """Name the fields of a refusal by the object `name` that they stand in."""
    try:
        yield
    except Refused as error:
        problems = tuple(replace(each, column=f"{name}.{each.column}".rstrip(".")) for each in error.problems)
        raise Refused(problems) from error


class Register:
    """Look-ups for the routes. What is another issuer's is not there."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def issuers(self, caller: Caller) -> list[tuple[Slug, Issuer]]:
        """The issuers a caller sees, oldest first: its own, or every one for the operator."""
        with self._desk.store.snapshot() as snapshot:
            names = snapshot.names(ISSUERS)
        found = [(Slug(name), self.issuer(stream)) for name, stream in names if caller.issuer in (None, stream)]
        return sorted(found, key=lambda each: each[1].stream.bytes)

    def issuer(self, stream: StreamId) -> Issuer:
        """The issuer of a stream."""
        return self._desk.draft().issuer(stream)

    def did(self, stream: StreamId | None) -> Did | None:
        """The DID of an issuer; None for the operator."""
        return None if stream is None else self.issuer(stream).did

    def find_issuer(self, caller: Caller, reference: str) -> tuple[Slug, StreamId]:
        """The issuer with this id, slug or DID.

        Raises:
            IssuerNotRegistered: there is none, or it is not the caller's.
        """
        with self._desk.store.snapshot() as snapshot:
            names = snapshot.names(ISSUERS)
        operator, reference = self._desk.operator.did, text.clean(reference)
        for name, stream in names:
            did = issuer_did(operator, Slug(name))
            # A path may carry the DID as it is, which decodes its %3A, or encoded once more.
            if reference in (name, str(stream), did, did.replace("%3A", ":")) and caller.issuer in (None, stream):
                return Slug(name), stream
        raise IssuerNotRegistered(f"there is no issuer “{reference[:80]}”")

    def named_issuer(self, caller: Caller, column: str, reference: str) -> StreamId:
        """The issuer that a field of a body names.

        Raises:
            Refused: there is none.
        """
        try:
            return self.find_issuer(caller, reference)[1]
        except IssuerNotRegistered as error:
            raise refused(column, "unknown_issuer", str(error)) from error

    def acting_for(self, caller: Caller, asked: str | None) -> StreamId:
        """For which issuer a command is: the one asked for, else the key's, else the only one that awards.

        Raises:
            IssuerNotRegistered: the one asked for is not there.
            Refused: the operator did not say, and there are several, or none.
        """
        if asked is not None:
            return self.find_issuer(caller, asked)[1]
        if caller.issuer is not None:
            return caller.issuer
        awarding = [
            issuer.stream
            for _, issuer in self.issuers(caller)
            if not self._desk.profile(issuer.profile).recognising_body
        ]
        if len(awarding) != 1:
            raise refused("issuer", "missing", f"there are {len(awarding)} issuers: say which with ?issuer=")
        return awarding[0]

    def slug(self, issuer: Issuer) -> Slug:
        """The short name of an issuer."""
        return slug_of(issuer.did) or Slug("")

    def achievement(self, stream: StreamId, revision: Seq | None = None) -> Achievement:
        """The achievement of a stream, as it was at a revision.

        Raises:
            AchievementNotDefined.
        """
        state: Achievement | None = None
        for recorded in self._desk.draft().history(stream):
            if revision is None or recorded.seq <= revision:
                state = achievements.evolve(state, recorded)
        if state is None:
            raise AchievementNotDefined("there is no such achievement")
        return state

    def achievements(self, issuer: StreamId, *, pathways: bool = False) -> list[Achievement]:
        """Every achievement of an issuer, or every pathway, by slug."""
        with self._desk.store.snapshot() as snapshot:
            names = snapshot.names(scope_of(issuer))
        states = [self.achievement(stream) for _, stream in sorted(names)]
        return [state for state in states if state.is_pathway is pathways]

    def offered(self, issuer: StreamId, state: Achievement) -> AchievementDefinition | None:
        """The wording that is awarded now, the last that no thief stated; None where nothing is awarded on it."""
        version = state.offered(self.issuer(issuer).disowns)
        if version is None or state.retired is not None:
            return None
        return self._desk.definition(state.digests[version - 1])

    def find_achievement(
        self, caller: Caller, asked: str | None, reference: str, *, pathway: bool = False
    ) -> tuple[StreamId, StreamId]:
        """The issuer and stream of the achievement, or of the pathway, with this id or slug.

        Raises:
            AchievementNotDefined: there is none, or it is another issuer's.
        """
        reference = text.clean(reference)
        issuers = self._candidates(caller, asked, reference)
        with self._desk.store.snapshot() as snapshot:
            for issuer in issuers:
                stream = resolve_achievement(snapshot, issuer, reference)
                if stream is not None and self.achievement(stream).is_pathway is pathway:
                    return issuer, stream
        raise AchievementNotDefined(f"there is no {'pathway' if pathway else 'achievement'} “{reference[:80]}”")

    def _candidates(self, caller: Caller, asked: str | None, reference: str) -> list[StreamId]:
        if asked is None and _is_id(reference):
            return [issuer.stream for _, issuer in self.issuers(caller)]  # an id says whose it is
        return [self.acting_for(caller, asked)]


def _is_id(reference: str) -> bool:
    try:
        return str(UUID(reference)) == reference
    except ValueError:
        return False
