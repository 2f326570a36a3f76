"""A batch of awards from a CSV file, answered at once or line by line while it is issued."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response, StreamingResponse

from ledger.application.batch import BatchReport
from ledger.application.ports import Caller, LedgerBusy
from ledger.domain.types import StreamId
from verify_api.issuer import answers, showing
from verify_api.issuer.auth import MayIssue
from verify_api.issuer.context import Context
from verify_api.issuer.intake import MOST_CSV, IdempotencyKey, check_content_type, read_body
from verify_api.issuer.openapi import Route, add
from verify_api.issuer.problems import problem_json, problem_of
from verify_api.issuer.routes.achievements import ForIssuer

NDJSON = "application/x-ndjson"
MOST_FILES = 16  # at once: each holds its rows, and a commit's worth of sealed awards, in memory
_BREATH = 50  # receipts built before others get their turn

Flag: TypeAlias = Annotated[bool, BeforeValidator(lambda value: True if value == "" else value)]
_Steps: TypeAlias = "asyncio.Queue[tuple[int, int] | None]"
_EXAMPLE = (
    "student_number,full_name,achievement,awarded_on,result\nS-204471,Zoé Amara Okafor,wound-care,2026-06-12,Pass\n"
)
_BODY: dict[str, object] = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


class BatchRoutes:
    """The handler."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._batch = context.ledger.batch
        self._files = 0  # being issued

    def add_to(self, router: APIRouter) -> None:
        """Put the route on the router."""
        model = {"schema": {"$ref": f"#/components/schemas/{answers.BatchAnswer.__name__}"}}
        told: dict[str, object] = {
            "description": "What became of the file.",
            "content": {"application/json": model, NDJSON: {"schema": {"type": "string"}}},
        }
        route = Route(method="POST", path="/credentials/batch", scope="issue")
        add(router, route, self.issue, extra=_BODY, responses={200: {**told, "model": answers.BatchAnswer}})

    async def issue(
        self,
        request: Request,
        caller: MayIssue,
        _key: IdempotencyKey,
        issuer: ForIssuer = None,
        dry_run: Annotated[Flag, Query(description="check every row, issue nothing")] = False,
        skip_bad: Annotated[Flag, Query(description="issue the good rows although others are bad")] = False,
    ) -> Response:
        """Issue every row of a CSV file that was not issued before.

        Every row is checked before the first is issued, and none is issued if one is bad, unless `skip_bad`. Sending
        the file again completes what was interrupted and issues nothing twice: each row is its own idempotency key.
        With `Accept: application/x-ndjson` the answer is one line `{"done", "total"}` after each commit, then one line
        with the result, or with the problem that ended it.
        """
        owner = self._context.register.acting_for(caller, issuer)
        check_content_type(request, "text/csv")
        self._admit()
        raw = await read_body(request, MOST_CSV)
        self._admit()  # others may have come meanwhile
        self._files += 1
        steps: _Steps = asyncio.Queue()
        task = asyncio.create_task(self._issue(caller, owner, raw, dry_run=dry_run, skip_bad=skip_bad, steps=steps))
        task.add_done_callback(lambda _: self._finished(steps))
        if NDJSON not in request.headers.get("accept", ""):
            return _json(await task)
        first = await steps.get()
        if first is None:  # a refusal has its own status as long as nothing was said
            return Response(await task + b"\n", media_type=NDJSON)
        return StreamingResponse(self._lines(first, steps, task), media_type=NDJSON)

    def _admit(self) -> None:
        if self._files >= MOST_FILES:
            raise LedgerBusy(f"{self._files} files are being issued already; nothing was recorded, send it again")

    def _finished(self, steps: _Steps) -> None:
        self._files -= 1
        steps.put_nowait(None)

    async def _issue(
        self, caller: Caller, owner: StreamId, raw: bytes, *, dry_run: bool, skip_bad: bool, steps: _Steps
    ) -> bytes:
        async def progress(done: int, total: int) -> None:
            steps.put_nowait((done, total))
            await asyncio.sleep(0)

        report = await self._batch.issue(caller, owner, raw, dry_run=dry_run, skip_bad=skip_bad, progress=progress)
        return await self._answer(caller, report)

    async def _answer(self, caller: Caller, report: BatchReport) -> bytes:
        receipts = []
        for award in report.awards:
            receipts.append(award.receipt or self._context.ledger.awards.receipt(caller, award.appended))
            if len(receipts) % _BREATH == 0:
                await asyncio.sleep(0)
        return showing.batch(report, receipts, self._context.services.base_url)

    async def _lines(
        self, first: tuple[int, int], steps: _Steps, task: "asyncio.Task[bytes]"
    ) -> AsyncIterator[str | bytes]:
        try:
            step: tuple[int, int] | None = first
            while step is not None:
                yield answers.Progress(done=step[0], total=step[1]).model_dump_json() + "\n"
                step = await steps.get()
            yield await self._last(task)
        finally:
            task.cancel()  # whoever hung up sends the file again

    async def _last(self, task: "asyncio.Task[bytes]") -> str | bytes:
        try:
            return await task + b"\n"
        except Exception as error:  # noqa: BLE001 - the status is sent already; the last line says how it ended
            return problem_json(problem_of(error, self._context.services.base_url)) + "\n"


def _json(answer: bytes) -> Response:
    return Response(answer, media_type="application/json")
