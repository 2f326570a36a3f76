"""Turns every way in which a request can fail into an answer: an RFC 9457 document under /api, else the public one."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeAlias

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from ledger.domain.reading import Problem, Refused
from ledger.errors import LedgerError
from verify_api.issuer.description import operations
from verify_api.issuer.problems import RETRY_AFTER, MethodNotAllowed, NothingHere, problem_of, problem_response

# What the framework's validation says -> our code and sentence; `{}` is filled from its context.
_SAID: dict[str, tuple[str, str]] = {
    "missing": ("missing", "is needed"),
    "extra_forbidden": ("unknown_field", "is not a field of this object"),
    "string_type": ("wrong_type", "must be text in quotation marks"),
    "string_too_long": ("too_long", "has more than {max_length} characters"),
    "bool_type": ("wrong_type", "must be true or false"),
    "bool_parsing": ("wrong_type", "must be true or false"),
    "int_type": ("wrong_type", "must be a whole number"),
    "int_parsing": ("wrong_type", "must be a whole number"),
    "tuple_type": ("wrong_type", "must be a list"),
    "dict_type": ("wrong_type", "must be an object with named fields"),
    "model_type": ("wrong_type", "must be an object with named fields"),
    "model_attributes_type": ("wrong_type", "must be an object with named fields"),
    "enum": ("not_allowed", "must be one of: {expected}"),
    "value_error": ("malformed", "{error}"),
    "greater_than_equal": ("out_of_range", "must be at least {ge}"),
    "less_than_equal": ("out_of_range", "must be at most {le}"),
}
_MOST_TOLD = 50  # problems of one request


def refusal_of(error: RequestValidationError) -> Refused:
    """What the framework found wrong with a request, in our words."""
    return Refused(tuple(_problem(each) for each in list(error.errors())[:_MOST_TOLD]))


def _problem(found: object) -> Problem:
    described = found if isinstance(found, dict) else {}
    place = described.get("loc", ())
    column = ".".join(str(part)[:80] for part in place[1:]) if isinstance(place, Sequence) else ""
    code, words = _SAID.get(str(described.get("type")), ("malformed", "cannot be read"))
    context = described.get("ctx")
    said = {name: str(value) for name, value in context.items()} if isinstance(context, dict) else {}
    return Problem(column=column, code=code, reason=words.format(**said))


def allowed_methods(document: Mapping[str, object], path: str) -> list[str]:
    """The methods that a path knows; the framework would name those of its first route only."""
    return sorted({method for method, template, _ in operations(document) if compile_path(template)[0].match(path)})


Elsewhere: TypeAlias = Callable[[Request, HTTPStatus, Mapping[str, str]], Response]


class Faults:
    """The handlers of failures."""

    def __init__(self, app: FastAPI, base_url: str, elsewhere: Elsewhere) -> None:
        """Prepare the handlers.

        Args:
            elsewhere: what answers outside /api, given the status and the headers that go with it.
        """
        self._app = app
        self._base_url = base_url
        self._elsewhere = elsewhere

    def add(self) -> None:
        """Put the handlers on the app."""
        app = self._app
        app.add_exception_handler(LedgerError, self._any)
        app.add_exception_handler(RequestValidationError, self._validation)
        app.add_exception_handler(HTTPException, self._http)
        app.add_exception_handler(Exception, self._any)

    def answer(self, request: Request, error: Exception) -> Response:
        """The answer to a request that failed so."""
        if not _in_api(request):
            if problem_of(error, self._base_url).status == HTTPStatus.SERVICE_UNAVAILABLE:
                headers = {"Retry-After": str(RETRY_AFTER)}
                return self._elsewhere(request, HTTPStatus.SERVICE_UNAVAILABLE, headers)
            return self._elsewhere(request, HTTPStatus.INTERNAL_SERVER_ERROR, {})
        return problem_response(error, self._base_url)

    async def _any(self, request: Request, error: Exception) -> Response:
        return self.answer(request, error)

    async def _validation(self, _: Request, error: Exception) -> Response:
        refused = refusal_of(error) if isinstance(error, RequestValidationError) else error
        return problem_response(refused, self._base_url)

    async def _http(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        headers = error.headers if isinstance(error, HTTPException) else None
        if not _in_api(request):
            return self._elsewhere(request, HTTPStatus(status), headers or {})
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(allowed_methods(self._app.openapi(), request.url.path))
            response = problem_response(MethodNotAllowed(f"this path knows {allowed} only"), self._base_url)
            response.headers["Allow"] = allowed
            return response
        if status == HTTPStatus.NOT_FOUND:
            return problem_response(NothingHere("there is nothing at this path; see /docs"), self._base_url)
        return problem_response(error, self._base_url)


def _in_api(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/vc/"))
