"""A learner's wallet as people see it: the awards of a learner record by issuer, stacks with their parts, progress."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.domain.definition import AchievementDefinition
from ledger.domain.stacking import Progress, progress
from ledger.domain.types import Did, LearnerId, Seq, Slug, StreamId
from projections.rows import CredentialRow, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An award that a stack was built from."""

    credential_id: StreamId
    seq: Seq  # of the event that it was pinned at
    row: CredentialRow | None  # None where the views do not have it (any more)
    status: Status | None  # with the dates taken into account; None as well


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAward:
    """One award with how it stands on a day."""

    row: CredentialRow
    status: Status  # with the dates taken into account
    parts: tuple[Part, ...]  # of a stack, in its order

    @property
    def in_force(self) -> bool:
        """Whether it can be relied on, by the issuer's own records."""
        return self.status is Status.IN_FORCE and not self.row.parked

    @property
    def under_review(self) -> bool:
        """Whether it is in force, and a part of it is known not to be: what a scan says in its verdict."""
        lost = any(part.status not in (None, Status.IN_FORCE) for part in self.parts)
        return self.status is Status.IN_FORCE and lost


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerWallet:
    """The awards of a learner record of one issuer, the first issued first."""

    issuer: Did
    learner: LearnerId
    awards: tuple[WalletAward, ...]

    def latest(self) -> CredentialRow:
        """The award that says last who the learner is."""
        return max((award.row for award in self.awards), key=lambda row: row.shown_position)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathwayProgress:
    """How far the learner has come on one pathway."""

    pathway: AchievementDefinition
    progress: Progress
    awarded: StreamId | None  # a stack of this pathway that is in force


def wallets_of(
    awards: Iterable[tuple[CredentialRow, Sequence[tuple[StreamId, Seq]]]], learner: LearnerId, today: date
) -> list[IssuerWallet]:
    """The wallet, by issuer.

    Args:
        awards: rows of this learner record with what each was built from, the first issued first.
    """
    listed = list(awards)
    rows = {row.credential_id: row for row, _ in listed}
    grouped: dict[Did, list[WalletAward]] = {}
    for row, components in listed:
        parts = tuple(_part(stream, seq, rows.get(stream), today) for stream, seq in components)
        award = WalletAward(row=row, status=row.status_on(today), parts=parts)
        grouped.setdefault(row.issuer, []).append(award)
    return [
        IssuerWallet(issuer=issuer, learner=learner, awards=tuple(found)) for issuer, found in sorted(grouped.items())
    ]


def _part(stream: StreamId, seq: Seq, row: CredentialRow | None, today: date) -> Part:
    return Part(credential_id=stream, seq=seq, row=row, status=None if row is None else row.status_on(today))


def progress_on(wallet: IssuerWallet, pathways: Iterable[AchievementDefinition]) -> list[PathwayProgress]:
    """How far the learner has come on each of these pathways of the issuer: single awards in force count."""
    in_force = [award for award in wallet.awards if award.in_force]
    held = [Slug(each.row.achievement_slug) for each in in_force if each.row.achievement_slug and not each.parts]
    stacked = {each.row.achievement_slug: each.row.credential_id for each in in_force if each.parts}
    return [
        PathwayProgress(pathway=each, progress=progress(each.rule, held), awarded=stacked.get(each.slug))
        for each in pathways
        if each.rule is not None
    ]
