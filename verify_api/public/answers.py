"""Every answer of the public routes: a page or JSON, with the headers that all of them carry."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from ledger.verification.verdict import State, Verdict
from verify_api.public.json_verdict import verdict_json
from verify_api.public.negotiation import wants_json, without_suffix
from verify_api.public.page import Addresses, Pages
from verify_api.public.scanner import Site
from verify_api.public.schemas import HealthModel, ProblemModel
from verify_api.public.words import Words, choose, load_words

NO_STORE = "no-store"
# The one table from state to status; every other state is 200.
_STATUS = {
    State.NOT_FOUND: HTTPStatus.NOT_FOUND,
    State.LOG_INCONSISTENT: HTTPStatus.SERVICE_UNAVAILABLE,
}
_HTML, _JSON, _PROBLEM = "text/html; charset=utf-8", "application/json", "application/problem+json"


Headers = tuple[tuple[bytes, bytes], ...]


class _Ready(Response):
    """A response whose headers were spelled before, and whose body is bytes."""

    def __init__(self, body: bytes, status: HTTPStatus, headers: Headers) -> None:  # instead of the base class's work
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [*headers, (b"content-length", str(len(body)).encode("ascii"))]


def status_of(verdict: Verdict) -> HTTPStatus:
    """The HTTP status of a verdict."""
    return _STATUS.get(verdict.state, HTTPStatus.OK)


class Answers:
    """Makes responses. Sets no cookie, names no third party, lets no script run."""

    def __init__(self, pages: Pages, languages: Mapping[str, Words], base_url: str) -> None:
        self._pages = pages
        self._base_url = base_url
        self._languages = languages
        self._prepared: dict[tuple[str, str], Headers] = {}  # of each media type and cache rule that this module has
        self._policy = (
            f"default-src 'none'; style-src {pages.style_source}; img-src data:; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )

    @classmethod
    def of(cls, site: Site) -> "Answers":
        """The answers of one service, in every language that has words.

        Raises:
            BadBaseUrl: the base URL cannot be printed in a QR code.
        """
        return cls(Pages(site), load_words(), site.base_url)

    def verdict(self, request: Request, verdict: Verdict, *, json: bool, addresses: Addresses | None) -> Response:
        """A verdict as the reader wants it."""
        status = status_of(verdict)
        if json:
            return self.plain(verdict_json(verdict, self._base_url), _JSON, status)
        return self._page(request, lambda words: self._pages.verdict(verdict, words, addresses), status)

    def language(self, request: Request) -> str:
        """Of the page that this reader gets."""
        return self._words(request).language

    def again(self, body: bytes, language: str | None) -> Response:
        """What was answered before with status 200; `language` is that of a page."""
        if language is None:
            return self.plain(body, _JSON)
        return self._in(language, self.plain(body, _HTML))

    def form(self, request: Request, *, empty: bool = False) -> Response:
        """The form for a typed code; `empty` if the last one held none."""
        if not empty:
            return self._page(request, self._pages.form, HTTPStatus.OK)
        return self._page(
            request,
            lambda words: self._pages.form(words, hint=words.text("form.empty")),
            HTTPStatus.BAD_REQUEST,
        )

    def upload_form(self, request: Request, *, empty: bool = False) -> Response:
        """The form for credential files; `empty` if the last one held none."""
        if not empty:
            return self._page(request, self._pages.upload, HTTPStatus.OK)
        return self._page(
            request,
            lambda words: self._pages.upload(words, hint=words.text("upload.empty")),
            HTTPStatus.BAD_REQUEST,
        )

    def refusal(self, request: Request, status: HTTPStatus, key: str, *, retry_after: int | None = None) -> Response:
        """A refusal before any verdict, as a page or an RFC 9457 problem; `key` names its words."""
        seconds = retry_after or 0
        if wants_json(request.headers.get("accept")) or without_suffix(request.url.path)[1]:
            words = self._languages["en"]
            title, detail = words.text(f"message.{key}"), words.text(f"message.{key}_text", seconds=seconds)
            problem = ProblemModel(title=title, status=status, detail=detail)
            response = self.plain(problem.model_dump_json(), _PROBLEM, status)
        else:
            response = self._page(
                request,
                lambda words: self._pages.message(
                    words,
                    heading=words.text(f"message.{key}"),
                    text=words.text(f"message.{key}_text", seconds=seconds),
                ),
                status,
            )
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return response

    def fault(self, request: Request, status: HTTPStatus, headers: Mapping[str, str]) -> Response:
        """The answer outside /api where no route answered, or one failed; no word of how it failed."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            response = self.refusal(request, status, "failed")
        elif status == HTTPStatus.NOT_FOUND:
            response = self.refusal(request, status, "no_page")
        else:
            response = self.plain(f"{status.phrase}.\n", "text/plain; charset=utf-8", status)
        response.headers.update(headers)
        return response

    def health(self, missing: list[str], besides: Sequence[str] = ()) -> Response:
        """200 where nothing is missing that scans need, else 503; what else is missing is named in both."""
        if not missing and not besides:
            return self.plain('{"status":"ok"}', _JSON, HTTPStatus.OK)
        model = HealthModel(status="not ready" if missing else "ok", missing=[*missing, *besides])
        status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
        return self.plain(model.model_dump_json(), _JSON, status)

    def plain(
        self,
        content: str | bytes,
        media_type: str,
        status: HTTPStatus = HTTPStatus.OK,
        *,
        cache: str = NO_STORE,
    ) -> Response:
        """Content with the headers of every public answer."""
        prepared = self._prepared.get((media_type, cache))
        if prepared is None:
            prepared = self._prepared[media_type, cache] = self._headers(media_type, cache)
        return _Ready(content.encode("utf-8") if isinstance(content, str) else content, status, prepared)

    def _headers(self, media_type: str, cache: str) -> Headers:
        headers = {
            "cache-control": cache,
            "content-security-policy": self._policy,
            "content-type": media_type,
            "referrer-policy": "no-referrer",
            "vary": "Accept, Accept-Language",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "x-robots-tag": "noindex",
        }
        return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())

    def _page(self, request: Request, render: Callable[[Words], str], status: HTTPStatus) -> Response:
        words = self._words(request)
        return self._in(words.language, self.plain(render(words), _HTML, status))

    def _words(self, request: Request) -> Words:
        return choose(request.headers.get("accept-language"), self._languages)

    @staticmethod
    def _in(language: str, response: Response) -> Response:
        response.headers["Content-Language"] = language
        return response
