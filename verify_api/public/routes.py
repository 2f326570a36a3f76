"""The public routes: scan a code, type a code, read the checkpoint. They never write, sign, or set a cookie.

Whatever stands in a path is text: nothing a stranger can send makes a 4xx other than 404, or a 5xx.
"""

import time
from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from ledger.domain.codes import format_link_code
from ledger.domain.types import LinkCode
from ledger.verification.verdict import State, Verdict
from verify_api.public import openapi
from verify_api.public.adding import add_get, add_post
from verify_api.public.answers import Answers
from verify_api.public.award_files import CREDENTIAL, FILES, PROOF, AwardFiles
from verify_api.public.forms import form_fields, read_form
from verify_api.public.kept import Asked, KeptAnswers
from verify_api.public.links import ScannedCode, ShortCode, parse_award_reference, parse_scanned
from verify_api.public.log_files import PublishedFiles
from verify_api.public.negotiation import wants_json, without_suffix
from verify_api.public.page import Addresses
from verify_api.public.rate_limit import Limits, RateLimit
from verify_api.public.scanner import Scanner, Site

_FORM = "application/x-www-form-urlencoded"
_MOST_FORM_BYTES = 1_024


class PublicRoutes:
    """The handlers; each reads one snapshot through the scanner."""

    def __init__(self, scanner: Scanner, site: Site, answers: Answers, limit: RateLimit) -> None:
        self._scanner = scanner
        self._site = site
        self._answers = answers
        self._limit = limit
        self._files = AwardFiles(scanner, site, answers)
        self._kept = KeptAnswers()

    @classmethod
    def of(
        cls,
        scanner: Scanner,
        site: Site,
        *,
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> "PublicRoutes":
        """The handlers of one service.

        Args:
            limits: on tries of short codes; counted in this process.
            monotonic: seconds that only grow, for those limits.

        Raises:
            BadBaseUrl: the base URL cannot be printed in a QR code.
        """
        return cls(scanner, site, Answers.of(site), RateLimit(limits or Limits(), monotonic=monotonic))

    @property
    def answers(self) -> Answers:
        """What makes the responses."""
        return self._answers

    def below(self, request: Request, path: str) -> Response:
        """The answer to a GET or HEAD of whatever stands below /c: the one place where that is decided.

        Nothing there is the form, a code is its version 1, one with a slash behind it too; a code with a number behind
        it is that version; behind either, one of the files of that version. All else is *not found*.
        """
        if not path:
            return self._answers.form(request)
        code, *rest = path.split("/")
        file = rest[-1] if len(rest) in (1, 2) and code and rest[0] else ""
        if file in FILES:
            return self._files.answer(request, file, parse_scanned(code, rest[0] if len(rest) == 2 else None))
        text, suffixed = without_suffix(path)
        code, slash, version = text.removesuffix("/").partition("/")
        scanned = parse_scanned(code, version if slash else None)
        json = suffixed or wants_json(request.headers.get("accept"))
        if scanned is None:
            return self._answers.verdict(request, self._verdict(None), json=json, addresses=None)
        return self._scan(request, scanned, json=json)

    async def scan(self, request: Request, code: str) -> Response:
        """Answer whether the award is genuine and in force; the code alone is version 1."""
        return self.below(request, code)

    async def scan_version(self, request: Request, code: str, version: str) -> Response:
        """Answer for the version that a corrected certificate prints behind its code."""
        return self.below(request, f"{code}/{version}")

    async def elsewhere(self, request: Request, path: str) -> Response:
        """Anything else below /c."""
        return self.below(request, path)

    async def form(self, request: Request) -> Response:
        """The form for those who cannot scan."""
        return self._answers.form(request)

    async def typed(self, request: Request) -> Response:
        """The verdict on a typed code, short code or link, here and now, so that no code stands in an address."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            return self._answers.refusal(request, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported")
        body = await read_form(request, _MOST_FORM_BYTES)
        if body is None:
            return self._answers.refusal(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large")
        text = form_fields(body).get("code", "")
        if not text:
            return self._answers.form(request, empty=True)
        reference = parse_award_reference(text)
        if isinstance(reference, ShortCode):
            client = request.client
            wait = self._limit.retry_after(None if client is None else client.host)
            if wait is not None:
                return self._answers.refusal(request, HTTPStatus.TOO_MANY_REQUESTS, "too_often", retry_after=wait)
            verdict = self._scanner.scan_short(reference.text)
        else:
            # A credential id is no secret and opens nothing here.
            verdict = self._verdict(reference if isinstance(reference, ScannedCode) else None)
        json = wants_json(request.headers.get("accept"))
        return self._answers.verdict(request, verdict, json=json, addresses=None)

    async def live(self) -> Response:
        """The process answers."""
        return self._answers.health([])

    async def ready(self) -> Response:
        """The process can answer scans, or what it lacks."""
        return self._answers.health(self._scanner.ready(), self._scanner.missing_besides())

    def _scan(self, request: Request, scanned: ScannedCode, *, json: bool) -> Response:
        asked = Asked(award=scanned, language=None if json else self._answers.language(request))
        moment = self._scanner.moment()
        kept = None if moment is None else self._kept.find(asked, moment)
        if moment is not None and kept is not None:
            return self._answers.again(kept.at(moment.at), asked.language)
        verdict = self._verdict(scanned)
        addresses = None if json else _addresses(scanned, verdict)
        answer = self._answers.verdict(request, verdict, json=json, addresses=addresses)
        if moment is not None and answer.status_code == HTTPStatus.OK:  # of unknown codes there is no end
            self._kept.keep(asked, bytes(answer.body), verdict.known_at, moment)
        return answer

    def _verdict(self, scanned: ScannedCode | None) -> Verdict:
        if scanned is None:
            return self._scanner.scan("", None)
        return self._scanner.scan(format_link_code(scanned.code), scanned.version)


def public_router(routes: PublicRoutes, log: PublishedFiles) -> APIRouter:
    """Every public route of this service."""
    router = APIRouter(tags=["public"])
    add_get(router, "/", routes.form, openapi.form_page())
    add_get(router, "/c", routes.form, openapi.form_page())
    add_get(router, "/C", routes.form, openapi.form_page(), described=False)
    add_post(router, "/c", routes.typed, openapi.typed(), extra=openapi.typed_body())
    _add_scans(router, routes, "/c", described=True)
    _add_scans(router, routes, "/C", described=False)  # as printed: QR alphanumeric mode has upper case only
    add_get(router, "/health/live", routes.live, openapi.live())
    add_get(router, "/health/ready", routes.ready, openapi.ready())
    add_get(router, "/log/checkpoint", log.checkpoint, openapi.note("The published checkpoint."))
    add_get(router, "/log/tile/{path:path}", log.tile, openapi.tile())
    add_get(
        router, "/log/days/{date}", log.day, openapi.note("The checkpoint that was published last on a day of UTC.")
    )
    return router


def _add_scans(router: APIRouter, routes: PublicRoutes, prefix: str, *, described: bool) -> None:
    for file, responses in openapi.award_files().items():
        _add_file(router, routes, prefix, file, responses, described=described)
    add_get(router, prefix + "/{code}", routes.scan, openapi.verdict(), described=described)
    add_get(router, prefix + "/{code}/{version}", routes.scan_version, openapi.verdict(), described=described)
    add_get(router, prefix + "/{path:path}", routes.elsewhere, openapi.verdict(), described=False)


def _add_file(
    router: APIRouter, routes: PublicRoutes, prefix: str, file: str, responses: openapi.Responses, *, described: bool
) -> None:
    async def award_file(request: Request, code: str) -> Response:
        """A file of version 1."""
        return routes.below(request, f"{code}/{file}")

    async def version_file(request: Request, code: str, version: str) -> Response:
        """A file of a later version."""
        return routes.below(request, f"{code}/{version}/{file}")

    add_get(router, f"{prefix}/{{code}}/{file}", award_file, responses, described=described)
    add_get(router, f"{prefix}/{{code}}/{{version}}/{file}", version_file, responses, described=described)


def _addresses(scanned: ScannedCode, verdict: Verdict) -> Addresses:
    own = _path(scanned.code, scanned.version or 1)
    newer = State.AMENDED in (verdict.state, *verdict.notices) and verdict.current_version is not None
    current = _path(scanned.code, verdict.current_version or 1) if newer else None
    held = _has_credential(verdict)
    return Addresses(
        as_json=f"{own}.json",
        proof=f"{own}/{PROOF}",
        current=current,
        credential=f"{own}/{CREDENTIAL}" if held else None,
        badge=f"{own}/badge.png" if held else None,
    )


def _has_credential(verdict: Verdict) -> bool:
    """Whether the version has a document that is given out: it was found good, and its holder's name is still that."""
    checked = any(each.check == "document" and each.reason == "ok" for each in verdict.findings)
    return checked and all(each.change.field != "full_name" for each in verdict.amendments)


def _path(code: LinkCode, version: int) -> str:
    return f"/c/{format_link_code(code)}" + (f"/{version}" if version > 1 else "")
