"""The views themselves, for the operator: how far they have come, fold one anew, hold one against the events."""

import asyncio
from itertools import islice

from fastapi import APIRouter

from projections.family import Cell
from projections.members import named
from projections.replay_check import Difference
from projections.views import ViewState
from verify_api.issuer import view_answers as answers
from verify_api.issuer.auth import MayAdmin
from verify_api.issuer.context import Context
from verify_api.issuer.intake import IdempotencyKey
from verify_api.issuer.openapi import Route, add

MOST_TOLD = 100  # parked events, and differences, of one answer; all are counted


class ProjectionRoutes:
    """The handlers. What takes long runs beside the event loop."""

    def __init__(self, context: Context) -> None:
        self._views = context.services.views
        self._following = context.services.following

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        all_, one = "/projections", "/projections/{view}"
        add(router, Route(method="GET", path=all_, scope="admin"), self.list)
        add(router, Route(method="POST", path=f"{one}/rebuild", scope="admin", body=False), self.rebuild)
        add(router, Route(method="GET", path=f"{one}/diff", scope="admin"), self.diff)

    async def list(self, caller: MayAdmin) -> answers.ViewList:
        """Every view with its position, its lag, and the events that it could not apply."""
        del caller
        if not self._following:
            await asyncio.to_thread(self._views.catch_up)
        states = await asyncio.to_thread(self._views.states)
        return answers.ViewList(views=[_state(each) for each in states])

    async def rebuild(self, caller: MayAdmin, view: str, _key: IdempotencyKey) -> answers.RebuiltView:
        """Fold a view anew from the whole history; readers see the old rows until the new ones are all there.

        Nothing is recorded, so an `Idempotency-Key` is accepted and has no effect: the same request does it again.
        """
        del caller
        named(view)  # before anything is begun
        events = await asyncio.to_thread(self._views.rebuild, view)
        states = await asyncio.to_thread(self._views.states)
        [state] = [each for each in states if each.name == view]
        return answers.RebuiltView(events=events, **_state(state).model_dump())

    async def diff(self, caller: MayAdmin, view: str) -> answers.DifferenceList:
        """Fold a view anew aside and compare every cell; values of personal columns are not told."""
        del caller
        named(view)
        return await asyncio.to_thread(self._compared, view)

    def _compared(self, view: str) -> answers.DifferenceList:
        self._views.catch_up()
        found = self._views.differences(view)
        told = [_difference(each) for each in islice(found, MOST_TOLD)]
        return answers.DifferenceList(view=view, differences=told, total=len(told) + sum(1 for _ in found))


def _state(state: ViewState) -> answers.ViewRecord:
    return answers.ViewRecord(
        view=state.name,
        position=state.position,
        lag=state.lag,
        rows=state.rows,
        parked=[
            answers.ParkedRecord(
                position=each.position, stream=None if each.stream is None else str(each.stream), reason=each.reason
            )
            for each in state.parked[:MOST_TOLD]
        ],
        parked_total=len(state.parked),
    )


def _difference(found: Difference) -> answers.DifferenceRecord:
    return answers.DifferenceRecord(
        table=found.table,
        key=found.key if isinstance(found.key, int | str) else None,
        column=found.column,
        position=found.position,
        credential_id=None if found.credential_id is None else str(found.credential_id),
        personal=found.personal,
        live=None if found.personal else _told(found.live),
        rebuilt=None if found.personal else _told(found.rebuilt),
    )


def _told(cell: Cell) -> str | None:
    if cell is None:
        return None
    return cell.hex() if isinstance(cell, bytes) else str(cell)
