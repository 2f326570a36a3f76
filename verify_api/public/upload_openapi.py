"""How the routes for credentials of anybody stand in the OpenAPI description; what they answer is decided elsewhere."""

from collections.abc import Mapping
from typing import Final

from verify_api.public.schemas import PresentationAnswerModel, ProblemModel, VerdictModel, VerificationAnswerModel

Responses = dict[int | str, dict[str, object]]

_TEXT: Final[Mapping[str, object]] = {"schema": {"type": "string"}}
_PAGE: Final[Mapping[str, object]] = {"text/html": _TEXT}
_PROBLEM: Final[Mapping[str, object]] = {"application/problem+json": {"schema": ProblemModel.model_json_schema()}}
_BINARY: Final[Mapping[str, object]] = {"schema": {"type": "string", "format": "binary"}}
_OBJECT: Final[Mapping[str, object]] = {"schema": {"type": "object"}}


def form() -> Responses:
    """The form for credential files."""
    return {200: {"content": _PAGE, "description": "A form for credential files."}}


def verdict() -> Responses:
    """A verdict on a file, or why none is given."""
    described = "The verdict, as a page or as JSON; on a file of another issuer with the notice `not_issued_here`."
    refused = {
        400: "The file holds no credential that can be read.",
        413: "More than 1 MiB.",
        415: "The body is of a kind that is not read here.",
        429: "Too many files were sent; `Retry-After` says when to try again.",
    }
    responses: Responses = {200: {"model": VerdictModel, "content": _PAGE, "description": described}}
    for status, description in refused.items():
        responses[status] = {"content": {**_PAGE, **_PROBLEM}, "description": description}
    return responses


def file_body() -> dict[str, object]:
    """The file that is sent."""
    fields = {"file": {"type": "string", "format": "binary"}, "text": {"type": "string"}}
    content = {
        "multipart/form-data": {"schema": {"type": "object", "properties": fields}},
        "application/json": _OBJECT,
        "application/vc+jwt": _TEXT,
        "image/png": _BINARY,
        "image/svg+xml": _TEXT,
    }
    return {"requestBody": {"required": True, "content": content}}


def verification(*, presentation: bool) -> Responses:
    """What the verification routes of the VC-API answer."""
    model = PresentationAnswerModel if presentation else VerificationAnswerModel
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {
        200: {"model": model, "description": "It is genuine and in force."},
        400: {
            "content": {"application/problem+json": {"schema": schema}},
            "description": "It is not, or could not be judged, or cannot be read; `problemDetails` says why.",
        },
        413: {"content": _PROBLEM, "description": "More than 1 MiB."},
        415: {"content": _PROBLEM, "description": "The body is not JSON."},
        429: {"content": _PROBLEM, "description": "Too much was sent; `Retry-After` says when to try again."},
    }


def verification_body(name: str) -> dict[str, object]:
    """The body of such a request."""
    options = {"type": "object", "properties": {"challenge": {"type": "string"}, "domain": {"type": "string"}}}
    properties = {name: {"type": "object"}, "options": options}
    schema = {"type": "object", "properties": properties, "required": [name]}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
