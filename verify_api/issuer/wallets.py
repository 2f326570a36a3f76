"""Wallets for whoever may see them: look-ups of learner records, the wallet with its progress, and both as answers."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ledger.application.desk import UnknownDefinition
from ledger.application.ports import Caller
from ledger.domain import text
from ledger.domain.definition import AchievementDefinition
from ledger.domain.types import LearnerId, Slug, StreamId
from ledger.domain.values import slug_of
from projections.wallets import IssuerWallet, PathwayProgress, WalletAward, progress_on
from verify_api.issuer import view_answers as answers
from verify_api.issuer.context import Context
from verify_api.issuer.problems import LearnerUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownWallet:
    """One issuer's part of a wallet, and what there is beside its awards."""

    wallet: IssuerWallet
    slug: Slug
    name: str  # of the issuer
    progress: tuple[PathwayProgress, ...]  # by slug of the pathway


class Wallets:
    """Reads wallets from the views, and the pathways on offer from the ledger."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._register = context.register

    def find(self, caller: Caller, asked: str | None, student_number: str) -> LearnerId:
        """The learner record of an issuer with this student number, in whatever normal form it is typed.

        Raises:
            LearnerUnknown.
        """
        issuer = self._register.acting_for(caller, asked)
        views = self._context.services.views
        views.catch_up()  # who has just issued an award finds its learner
        found = views.learner(self._register.issuer(issuer).did, text.clean(student_number))
        if found is None:
            raise LearnerUnknown("no award of yours names a learner with this student number")
        return found

    def of(self, caller: Caller, reference: str, today: date) -> list[ShownWallet]:
        """The wallet of a learner record, as far as it is the caller's: at least one issuer with an award.

        Raises:
            LearnerUnknown.
        """
        views = self._context.services.views
        views.catch_up()
        own = self._register.did(caller.issuer)
        found = [each for each in views.wallet(_learner(reference), today) if own in (None, each.issuer)]
        if not found:
            raise LearnerUnknown("there is no learner record of yours with this id")
        return [self._shown(each) for each in found]

    def _shown(self, wallet: IssuerWallet) -> ShownWallet:
        slug = slug_of(wallet.issuer) or Slug("")
        operator = Caller(actor="wallet", issuer=None)
        _, stream = self._register.find_issuer(operator, wallet.issuer)
        profile = self._context.ledger.desk.profile(self._register.issuer(stream).profile)
        progress = progress_on(wallet, self._offered(stream))
        return ShownWallet(wallet=wallet, slug=slug, name=profile.name, progress=tuple(progress))

    def _offered(self, issuer: StreamId) -> list[AchievementDefinition]:
        """The pathways on offer whose wording is there: of one that was taken down, nobody knows the rule any more."""
        found = []
        for state in self._register.achievements(issuer, pathways=True):
            with suppress(UnknownDefinition):
                found.append(self._register.offered(issuer, state))
        return [each for each in found if each is not None]


def _learner(reference: str) -> LearnerId:
    try:
        found = UUID(reference)
    except ValueError:
        found = None
    if found is None or str(found) != reference:
        raise LearnerUnknown("there is no learner record of yours with this id")
    return LearnerId(found)


def learner_answer(wallet: IssuerWallet) -> answers.LearnerRecord:
    """The learner as the last award names them."""
    latest = wallet.latest()
    return answers.LearnerRecord(
        id=str(wallet.learner),
        issuer=wallet.issuer,
        student_number=latest.student_number,
        full_name=latest.learner_name,
        email=latest.email,
    )


def wallet_answer(shown: list[ShownWallet], today: date) -> answers.WalletModel:
    """A wallet, as the API tells it."""
    return answers.WalletModel(
        learner=learner_answer(shown[0].wallet),
        today=today.isoformat(),
        issuers=[
            answers.WalletIssuer(
                issuer=each.wallet.issuer,
                slug=each.slug,
                name=each.name,
                awards=[_award(award) for award in each.wallet.awards],
                pathways=[_progress(standing) for standing in each.progress],
            )
            for each in shown
        ],
    )


def _award(award: WalletAward) -> answers.WalletAward:
    row = award.row
    return answers.WalletAward(
        credential_id=str(row.credential_id),
        revision=row.revision,
        version=row.version,
        status=award.status.value,
        in_force=award.in_force,
        under_review=award.under_review,
        parked=row.parked,
        achievement=row.achievement_slug,
        achievement_name=row.achievement_name,
        awarded_on=row.awarded_on.isoformat(),
        valid_from=row.valid_from.isoformat(),
        valid_until=None if row.valid_until is None else row.valid_until.isoformat(),
        result=row.result,
        score=row.score,
        credit=row.credit,
        minutes=row.minutes,
        components=[
            answers.WalletPart(
                credential_id=str(part.credential_id),
                seq=part.seq,
                status=None if part.status is None else part.status.value,
                achievement=None if part.row is None else part.row.achievement_slug,
                achievement_name=None if part.row is None else part.row.achievement_name,
            )
            for part in award.parts
        ],
    )


def _progress(standing: PathwayProgress) -> answers.PathwayStanding:
    return answers.PathwayStanding(
        pathway=standing.pathway.slug,
        name=standing.pathway.name,
        held=standing.progress.held,
        needed=standing.progress.needed,
        complete=standing.progress.complete,
        missing=list(standing.progress.missing),
        credential_id=None if standing.awarded is None else str(standing.awarded),
    )
