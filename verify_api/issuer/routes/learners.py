"""Learner records: find one by its student number, show its wallet."""

import asyncio

from fastapi import APIRouter

from verify_api.issuer import schemas
from verify_api.issuer import view_answers as answers
from verify_api.issuer.auth import MayRead
from verify_api.issuer.context import Context
from verify_api.issuer.intake import IdempotencyKey
from verify_api.issuer.openapi import Route, add
from verify_api.issuer.routes.achievements import ForIssuer
from verify_api.issuer.wallets import Wallets, learner_answer, wallet_answer


class LearnerRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._clock = context.ledger.clock
        self._wallets = Wallets(context)

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        # Asked for in a body: a student number is personal, and stands in no URL.
        add(router, Route(method="POST", path="/learners/find", scope="read"), self.find)
        add(router, Route(method="GET", path="/learners/{learner_id}/wallet", scope="read"), self.wallet)

    async def find(
        self, caller: MayRead, body: schemas.LearnerQuestion, _key: IdempotencyKey, issuer: ForIssuer = None
    ) -> answers.LearnerRecord:
        """The learner record with a student number, as its last award names the learner.

        Nothing is recorded, so an `Idempotency-Key` is accepted and has no effect.
        """
        learner = await asyncio.to_thread(self._wallets.find, caller, issuer, body.student_number)
        shown = await asyncio.to_thread(self._wallets.of, caller, str(learner), self._clock.now().date())
        return learner_answer(shown[0].wallet)

    async def wallet(self, caller: MayRead, learner_id: str) -> answers.WalletModel:
        """What a learner record holds: awards by issuer with how they stand, stacks with their parts, and progress.

        Progress is told for every pathway that the issuer offers; awards in force count.
        """
        today = self._clock.now().date()
        return wallet_answer(await asyncio.to_thread(self._wallets.of, caller, learner_id, today), today)
