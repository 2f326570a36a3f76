"""The verification routes of the W3C CCG's VC-API, for other software: is this credential, this presentation, good?

200 says that it is: genuine, in its dates, not withdrawn. 400 says that it is not or could not be judged, and why.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from ledger.vc.reading import MAX_DOCUMENT, Document, Json, MalformedDocument, read_document
from ledger.vc.upload import UnreadableUpload, Upload, read_value
from ledger.verification.presentation import Asked, Presented, check_asked, is_verified, read_presentation
from ledger.verification.verdict import Finding, Verdict
from verify_api.public import upload_openapi as openapi
from verify_api.public.adding import add_post
from verify_api.public.answers import Answers
from verify_api.public.forms import read_form
from verify_api.public.json_verdict import finding_model, verdict_model
from verify_api.public.scanner import Examiner
from verify_api.public.schemas import (
    PresentationAnswerModel,
    ProblemDetailModel,
    ProblemModel,
    VerdictModel,
    VerificationAnswerModel,
)
from verify_api.public.workbench import Busy, Workbench

PREFIX: Final = "/vc"
_JSON, _PROBLEM_JSON = "application/json", "application/problem+json"
_KINDS: Final = frozenset((_JSON, "application/ld+json", "application/vc", "application/vp"))
_MODEL: Final = "https://www.w3.org/TR/vc-data-model#"
_SECURITY: Final = "https://w3id.org/security#"
_STATUS: Final = "https://www.w3.org/ns/credentials/status-list#"
# VC Data Model 2.0 §7.3, VC Data Integrity 1.0 §4.8, Bitstring Status List 1.0 §3.5: what they call such problems.
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "read": (f"{_MODEL}PARSING_ERROR", "It cannot be read"),
    "data_model": (f"{_MODEL}MALFORMED_VALUE_ERROR", "It breaks the data model"),
    "schema": (f"{_MODEL}MALFORMED_VALUE_ERROR", "It breaks its schema"),
    "proof": (f"{_SECURITY}PROOF_VERIFICATION_ERROR", "A proof is not good"),
    "issuer": (f"{_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR", "It is not signed by its issuer"),
    "holder": (f"{_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR", "It is not signed by its holder"),
    "document": (f"{_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR", "It is not what was recorded"),
    "inside": (f"{_SECURITY}PROOF_VERIFICATION_ERROR", "A credential inside it is not good"),
    "dates": (f"{_MODEL}RANGE_ERROR", "It is not in its dates"),
    "challenge": (f"{_SECURITY}INVALID_CHALLENGE_ERROR", "It answers another challenge"),
    "domain": (f"{_SECURITY}INVALID_DOMAIN_ERROR", "It was made for another domain"),
    "status": (f"{_STATUS}STATUS_VERIFICATION_ERROR", "It was withdrawn, or that could not be checked"),
}
_NOT_ASKED: Final = "options is a JSON object; challenge and domain in it are texts"
_NOT_OPENED: Final = "The presentation itself is not good, so what it holds was not judged."
_OTHER: Final = ("about:blank", "A check did not pass")
# Checks whose outcome is for whoever asks to weigh: they are told, and do not stand in the way.
_WEIGHED: Final = frozenset(("recognition", "components", "record"))


class VerificationRoutes:
    """The handlers."""

    def __init__(self, examiner: Examiner, answers: Answers, workbench: Workbench, base_url: str) -> None:
        self._examiner = examiner
        self._answers = answers
        self._workbench = workbench
        self._base_url = base_url

    async def credential(self, request: Request) -> Response:
        """Whether a credential is genuine and in force."""
        body = await self._body(request, "verifiableCredential")
        if isinstance(body, Response):
            return body
        asked = _asked(body.get("options"))
        if asked is None:
            return self._unread(_NOT_ASKED)
        upload = await self._workbench.do(partial(_read, body["verifiableCredential"]))
        if isinstance(upload, str):
            return self._unread(upload)
        if isinstance(upload, Busy):
            return self._busy(upload)
        verdict = await self._workbench.do(self._examiner.prepare(upload))
        if isinstance(verdict, Busy):
            return self._busy(verdict)
        return self._judged(verdict, tuple(check_asked(upload.document if upload.jwt is None else {}, asked)))

    async def presentation(self, request: Request) -> Response:
        """Whether a presentation is signed by its holder for this question, and each credential in it good."""
        body = await self._body(request, "verifiablePresentation")
        if isinstance(body, Response):
            return body
        document, asked = body["verifiablePresentation"], _asked(body.get("options"))
        if not isinstance(document, Mapping) or asked is None:
            return self._unread(f"verifiablePresentation is a JSON object; {_NOT_ASKED}")
        shown = await self._workbench.do(partial(read_presentation, document))
        if isinstance(shown, Busy):
            return self._busy(shown)
        presented = await self._workbench.do(self._examiner.prepare_presentation(shown, asked))
        return self._busy(presented) if isinstance(presented, Busy) else self._presented(presented)

    async def _body(self, request: Request, name: str) -> Document | Response:
        """The body of a request, if it holds what it is about."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _KINDS:
            return self._refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json.")
        waits = self._workbench.admit(None if request.client is None else request.client.host)
        if waits is not None:
            return self._busy(waits)
        raw = await read_form(request, MAX_DOCUMENT)
        if raw is None:
            return self._refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is longer than 1 MiB.")
        body = await self._workbench.do(partial(_parsed, raw, name))
        if isinstance(body, Busy):
            return self._busy(body)
        return self._unread(body) if isinstance(body, str) else body

    def _judged(self, verdict: Verdict, differing: tuple[Finding, ...]) -> Response:
        good = is_verified(verdict) and not differing
        model = verdict_model(verdict, self._base_url)
        problems = _problems((*differing, *verdict.findings))
        answer = VerificationAnswerModel(
            title="Verified" if good else "Not verified",
            status=HTTPStatus.OK if good else HTTPStatus.BAD_REQUEST,
            detail=f"The verdict is: {verdict.state}.",
            verified=good,
            problemDetails=problems,
            verdict=model,
        )
        return self._plain(answer.model_dump_json(), answer.status)

    def _presented(self, presented: Presented) -> Response:
        good = presented.verified
        credentials: list[VerdictModel] = [verdict_model(each, self._base_url) for each in presented.credentials]
        inside = [finding for verdict in presented.credentials for finding in verdict.findings]
        answer = PresentationAnswerModel(
            title="Verified" if good else "Not verified",
            status=HTTPStatus.OK if good else HTTPStatus.BAD_REQUEST,
            detail=_NOT_OPENED if not good and not credentials else f"It holds {len(credentials)} credentials.",
            verified=good,
            problemDetails=_problems((*presented.findings, *inside)),
            findings=[finding_model(finding) for finding in presented.findings],
            credentials=credentials,
        )
        return self._plain(answer.model_dump_json(), answer.status)

    def _unread(self, detail: str) -> Response:
        kind, title = _TYPES["read"]
        sentence = f"{detail[:1].upper()}{detail[1:]}."
        answer = VerificationAnswerModel(
            type=kind,
            title=title,
            status=HTTPStatus.BAD_REQUEST,
            detail=sentence,
            verified=False,
            problemDetails=[ProblemDetailModel(type=kind, title=title, detail=sentence)],
            verdict=None,
        )
        return self._plain(answer.model_dump_json(), answer.status)

    def _busy(self, busy: Busy) -> Response:
        response = self._refused(HTTPStatus.TOO_MANY_REQUESTS, "Too much was sent at once.")
        response.headers["Retry-After"] = str(busy.seconds)
        return response

    def _refused(self, status: HTTPStatus, detail: str) -> Response:
        problem = ProblemModel(title=status.phrase, status=status, detail=detail)
        return self._plain(problem.model_dump_json(), status)

    def _plain(self, content: str, status: int) -> Response:
        media_type = _JSON if status == HTTPStatus.OK else _PROBLEM_JSON
        return self._answers.plain(content, media_type, HTTPStatus(status))


def _problems(findings: Iterable[Finding]) -> list[ProblemDetailModel]:
    """What stands in the way, or is to be weighed, by the names that the standards have for it."""
    told = []
    for finding in findings:
        if finding.makes is not None and finding.reason != "not_reached":
            kind, title = _TYPES.get(finding.check, _OTHER)
            title = "To be weighed" if finding.check in _WEIGHED else title
            told.append(ProblemDetailModel(type=kind, title=title, detail=finding.detail))
    return told


def _asked(options: object) -> Asked | None:
    """What a presentation has to answer; None where that is not said as it should be."""
    said = {} if options is None else options
    if not isinstance(said, Mapping):
        return None
    challenge, domain = said.get("challenge"), said.get("domain")
    if not isinstance(challenge, str | None) or not isinstance(domain, str | None):
        return None
    return Asked(challenge=challenge, domain=domain)


def _parsed(raw: bytes, name: str) -> Document | str:
    """The body that holds what is asked about; else what is wrong with it."""
    try:
        body = read_document(raw)
    except MalformedDocument as error:
        return str(error)
    return body if name in body else f"the body has no {name}"


def _read(value: Json) -> Upload | str:
    """The credential in a value; else what is wrong with it."""
    try:
        return read_value(value)
    except UnreadableUpload as error:
        return str(error)


def verification_router(routes: VerificationRoutes) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(prefix=PREFIX, tags=["vc-api"])
    for path, handler, name in (
        ("/credentials/verify", routes.credential, "verifiableCredential"),
        ("/presentations/verify", routes.presentation, "verifiablePresentation"),
    ):
        responses = openapi.verification(presentation=name == "verifiablePresentation")
        add_post(router, path, handler, responses, extra=openapi.verification_body(name))
    return router
