"""The routes for credential files: a form, and the verdict on what it sends. Nothing of a file is kept.

Any client may send a file without the form: JSON, a JWT, a PNG or an SVG as the body, or `{"credential": …}`.
"""

from functools import partial
from http import HTTPStatus
from typing import Final, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from ledger.vc.upload import MAX_UPLOAD, UnreadableUpload, Upload, read_upload
from ledger.verification.verdict import Verdict
from verify_api.public import upload_openapi as openapi
from verify_api.public.adding import add_get, add_post
from verify_api.public.answers import Answers
from verify_api.public.forms import read_form
from verify_api.public.multipart import read_multipart
from verify_api.public.negotiation import wants_json
from verify_api.public.scanner import Examiner
from verify_api.public.workbench import Busy, Workbench

_FORM: Final = "multipart/form-data"
_EMPTY: Final = "empty"
KINDS: Final = frozenset(
    (
        *("application/json", "application/ld+json", "application/vc", "application/vc+ld+json"),
        *("application/vc+jwt", "application/vc-ld+jwt", "application/vc+ld+jwt", "application/jwt", "text/plain"),
        *("image/png", "image/svg+xml", "application/octet-stream"),
    )
)
_MOST_AROUND: Final = 4_096  # bytes that a form adds to a file


class UploadRoutes:
    """The handlers."""

    def __init__(self, examiner: Examiner, answers: Answers, workbench: Workbench) -> None:
        self._examiner = examiner
        self._answers = answers
        self._workbench = workbench

    async def form(self, request: Request) -> Response:
        """The form for credential files."""
        return self._answers.upload_form(request)

    async def verify(self, request: Request) -> Response:
        """The verdict on a file."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _FORM and kind not in KINDS:
            return self._answers.refusal(request, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "file_unsupported")
        busy = self._workbench.admit(None if request.client is None else request.client.host)
        if busy is not None:
            return self._busy(request, busy)
        body = await read_form(request, MAX_UPLOAD + (_MOST_AROUND if kind == _FORM else 0))
        if body is None:
            return self._answers.refusal(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "file_too_large")
        sent = request.headers.get("content-type", "") if kind == _FORM else None
        upload = await self._workbench.do(partial(_read, body, sent))
        if upload is None:
            return self._answers.refusal(request, HTTPStatus.BAD_REQUEST, "unreadable_file")
        if upload == _EMPTY:
            return self._answers.upload_form(request, empty=True)
        verdict = upload if isinstance(upload, Busy) else await self._workbench.do(self._examiner.prepare(upload))
        if isinstance(verdict, Busy):
            return self._busy(request, verdict)
        return self._told(request, verdict)

    def _told(self, request: Request, verdict: Verdict) -> Response:
        """The verdict with 200, whatever it is: the request was answered."""
        json = wants_json(request.headers.get("accept"))
        response = self._answers.verdict(request, verdict, json=json, addresses=None)
        response.status_code = HTTPStatus.OK
        return response

    def _busy(self, request: Request, busy: Busy) -> Response:
        status = HTTPStatus.TOO_MANY_REQUESTS
        return self._answers.refusal(request, status, "files_too_often", retry_after=busy.seconds)


def _read(body: bytes, form: str | None) -> Upload | Literal["empty"] | None:
    """What a body holds: on a thread beside the event loop, whatever it is, for a stranger wrote it.

    Args:
        form: the header of a form with a file, which may be one without a file; None where the body is the file.

    Returns:
        None where it cannot be read.
    """
    if form is not None:
        fields = read_multipart(body, form)
        if fields is None:
            return None
        body = fields.get("file") or fields.get("text", b"").strip()
        if not body:
            return _EMPTY
    try:
        return read_upload(body)
    except UnreadableUpload:
        return None


def upload_router(routes: UploadRoutes) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["public"])
    add_get(router, "/verify", routes.form, openapi.form())
    add_post(router, "/verify", routes.verify, openapi.verdict(), extra=openapi.file_body())
    return router
