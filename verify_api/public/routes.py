"""The public routes: scan a code, type a code, read the checkpoint. They never write, sign, or set a cookie.

Whatever stands in a path is text: nothing a stranger can send makes a 4xx other than 404, or a 5xx.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from ledger.domain.codes import format_link_code
from ledger.domain.types import LinkCode
from ledger.verification.verdict import State, Verdict
from verify_api.public import openapi
from verify_api.public.answers import Answers, status_of
from verify_api.public.forms import form_fields, read_form
from verify_api.public.links import ScannedCode, ShortCode, link_url, parse_award_reference, parse_scanned
from verify_api.public.log_files import PublishedFiles
from verify_api.public.negotiation import wants_json, without_suffix
from verify_api.public.page import Addresses
from verify_api.public.qr import qr_png, qr_svg
from verify_api.public.rate_limit import Limits, RateLimit
from verify_api.public.scanner import Scanner, Site

Endpoint = (
    Callable[[], Awaitable[Response]]
    | Callable[[Request], Awaitable[Response]]
    | Callable[[Request, str], Awaitable[Response]]
    | Callable[[Request, str, str], Awaitable[Response]]
)

_FORM = "application/x-www-form-urlencoded"
_PROOF, _PROOF_NAME = "proof", "award.testamur-proof.json"  # the same of every award, so that it tells nothing
_PROOF_WAIT = 2  # seconds: publications follow each other faster
_MOST_FORM_BYTES = 1_024

_IMAGES: Mapping[str, tuple[Callable[[str], bytes], str]] = {
    "qr.svg": (qr_svg, "image/svg+xml"),
    "qr.png": (qr_png, "image/png"),
}


class PublicRoutes:
    """The handlers; each reads one snapshot through the scanner."""

    def __init__(self, scanner: Scanner, site: Site, answers: Answers, limit: RateLimit) -> None:
        self._scanner = scanner
        self._site = site
        self._answers = answers
        self._limit = limit

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
        it is that version; behind either, an image of the QR code or the proof file. All else is *not found*.
        """
        if not path:
            return self._answers.form(request)
        code, *rest = path.split("/")
        file = rest[-1] if len(rest) in (1, 2) and code and rest[0] else ""
        if file in _IMAGES:
            return self._qr(request, code, rest[0] if len(rest) == 2 else None, *_IMAGES[file])
        if file == _PROOF:
            return self._proof(request, code, rest[0] if len(rest) == 2 else None)
        text, suffixed = without_suffix(path)
        code, slash, version = text.removesuffix("/").partition("/")
        return self._scan(request, code, version if slash else None, json=suffixed)

    async def scan(self, request: Request, code: str) -> Response:
        """Answer whether the award is genuine and in force; the code alone is version 1."""
        return self.below(request, code)

    async def scan_version(self, request: Request, code: str, version: str) -> Response:
        """Answer for the version that a corrected certificate prints behind its code."""
        return self.below(request, f"{code}/{version}")

    async def elsewhere(self, request: Request, path: str) -> Response:
        """Anything else below /c."""
        return self.below(request, path)

    async def png(self, request: Request, code: str) -> Response:
        """The QR code of version 1 as a PNG."""
        return self.below(request, f"{code}/qr.png")

    async def svg(self, request: Request, code: str) -> Response:
        """The QR code of version 1 as an SVG."""
        return self.below(request, f"{code}/qr.svg")

    async def version_png(self, request: Request, code: str, version: str) -> Response:
        """The QR code of a later version as a PNG."""
        return self.below(request, f"{code}/{version}/qr.png")

    async def version_svg(self, request: Request, code: str, version: str) -> Response:
        """The QR code of a later version as an SVG."""
        return self.below(request, f"{code}/{version}/qr.svg")

    async def proof(self, request: Request, code: str) -> Response:
        """What proves version 1 without this service."""
        return self.below(request, f"{code}/{_PROOF}")

    async def version_proof(self, request: Request, code: str, version: str) -> Response:
        """What proves a later version without this service."""
        return self.below(request, f"{code}/{version}/{_PROOF}")

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
        return self._answers.health(self._scanner.ready())

    def _scan(self, request: Request, code: str, version: str | None, *, json: bool) -> Response:
        scanned = parse_scanned(code, version)
        verdict = self._verdict(scanned)
        json = json or wants_json(request.headers.get("accept"))
        addresses = None if json or scanned is None else _addresses(scanned, verdict)
        return self._answers.verdict(request, verdict, json=json, addresses=addresses)

    def _verdict(self, scanned: ScannedCode | None) -> Verdict:
        if scanned is None:
            return self._scanner.scan("", None)
        return self._scanner.scan(format_link_code(scanned.code), scanned.version)

    def _qr(
        self,
        request: Request,
        code: str,
        version: str | None,
        draw: Callable[[str], bytes],
        media_type: str,
    ) -> Response:
        scanned = parse_scanned(code, version)
        verdict = self._verdict(scanned)
        if scanned is None or status_of(verdict) is not HTTPStatus.OK:
            json = wants_json(request.headers.get("accept"))
            return self._answers.verdict(request, verdict, json=json, addresses=None)
        link = link_url(self._site.base_url, scanned.code, scanned.version or 1)
        return self._answers.plain(draw(link), media_type)

    def _proof(self, request: Request, code: str, version: str | None) -> Response:
        scanned = parse_scanned(code, version)
        text = "" if scanned is None else format_link_code(scanned.code)
        found = self._scanner.proof(text, None if scanned is None else scanned.version)
        if found is None:
            wait = _PROOF_WAIT
            return self._answers.refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, "no_proof_yet", retry_after=wait)
        if isinstance(found, bytes):
            response = self._answers.plain(found, "application/json")
            response.headers["Content-Disposition"] = f'attachment; filename="{_PROOF_NAME}"'
            return response
        json = wants_json(request.headers.get("accept"))
        response = self._answers.verdict(request, found, json=json, addresses=None)
        if response.status_code == HTTPStatus.OK:  # a verdict, but no proof of it
            response.status_code = HTTPStatus.NOT_FOUND
        return response


def public_router(routes: PublicRoutes, log: PublishedFiles) -> APIRouter:
    """Every public route of this service."""
    router = APIRouter(tags=["public"])
    _get(router, "/", routes.form, openapi.form_page())
    _get(router, "/c", routes.form, openapi.form_page())
    _get(router, "/C", routes.form, openapi.form_page(), described=False)
    router.add_api_route(
        "/c",
        routes.typed,
        methods=["POST"],
        responses=openapi.typed(),
        response_model=None,
        response_class=Response,
        openapi_extra=openapi.typed_body(),
    )
    _add_scans(router, routes, "/c", described=True)
    _add_scans(router, routes, "/C", described=False)  # as printed: QR alphanumeric mode has upper case only
    _get(router, "/health/live", routes.live, openapi.live())
    _get(router, "/health/ready", routes.ready, openapi.ready())
    _get(router, "/log/checkpoint", log.checkpoint, openapi.note("The published checkpoint."))
    _get(router, "/log/tile/{path:path}", log.tile, openapi.tile())
    _get(router, "/log/days/{date}", log.day, openapi.note("The checkpoint that was published last on a day of UTC."))
    return router


def _add_scans(router: APIRouter, routes: PublicRoutes, prefix: str, *, described: bool) -> None:
    svg, png = "image/svg+xml", "image/png"
    images = (
        ("/{code}/qr.svg", routes.svg, svg),
        ("/{code}/qr.png", routes.png, png),
        ("/{code}/{version}/qr.svg", routes.version_svg, svg),
        ("/{code}/{version}/qr.png", routes.version_png, png),
    )
    for path, endpoint, media_type in images:
        _get(router, prefix + path, endpoint, openapi.image(media_type), described=described)
    _get(router, prefix + "/{code}/proof", routes.proof, openapi.proof(), described=described)
    _get(router, prefix + "/{code}/{version}/proof", routes.version_proof, openapi.proof(), described=described)
    _get(router, prefix + "/{code}", routes.scan, openapi.verdict(), described=described)
    _get(router, prefix + "/{code}/{version}", routes.scan_version, openapi.verdict(), described=described)
    _get(router, prefix + "/{path:path}", routes.elsewhere, openapi.verdict(), described=False)


def _get(
    router: APIRouter,
    path: str,
    endpoint: Endpoint,
    responses: openapi.Responses,
    *,
    described: bool = True,
) -> None:
    """Answer GET, and HEAD, which needs no description of its own."""
    for method in ("GET", "HEAD"):
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            responses=responses,
            response_model=None,
            response_class=Response,
            include_in_schema=described and method == "GET",
        )


def _addresses(scanned: ScannedCode, verdict: Verdict) -> Addresses:
    own = _path(scanned.code, scanned.version or 1)
    newer = State.AMENDED in (verdict.state, *verdict.notices) and verdict.current_version is not None
    current = _path(scanned.code, verdict.current_version or 1) if newer else None
    return Addresses(as_json=f"{own}.json", proof=f"{own}/{_PROOF}", current=current)


def _path(code: LinkCode, version: int) -> str:
    return f"/c/{format_link_code(code)}" + (f"/{version}" if version > 1 else "")
