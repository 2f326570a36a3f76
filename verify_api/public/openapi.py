"""How the public routes stand in the OpenAPI description; what they answer is decided in `routes` and `answers`."""

from collections.abc import Mapping

from verify_api.public.negotiation import CREDENTIAL_TYPES
from verify_api.public.schemas import HealthModel, ProblemModel, VerdictModel

Responses = dict[int | str, dict[str, object]]

_TEXT: Mapping[str, object] = {"schema": {"type": "string"}}
_PAGE: Mapping[str, object] = {"text/html": _TEXT}
_SIGNED: Mapping[str, object] = {kind: {"schema": {"type": "object"}} for kind in CREDENTIAL_TYPES}
_UNCHANGED: dict[str, object] = {"description": "It is the one that `If-None-Match` names."}
_NOT_FOUND: dict[str, object] = {
    "model": VerdictModel,
    "content": _PAGE,
    "description": "No such code or version here, or no code at all.",
}
_INCONSISTENT: dict[str, object] = {
    "model": VerdictModel,
    "content": _PAGE,
    "description": "The log gave conflicting answers.",
}


def form_page() -> Responses:
    """The form for a typed code."""
    return {200: {"content": _PAGE, "description": "A form for a typed code."}}


def verdict() -> Responses:
    """A verdict, as a page or as JSON."""
    found: dict[str, object] = {
        "model": VerdictModel,
        "content": _PAGE,
        "description": "The verdict, as a page or as JSON.",
    }
    return {200: found, 404: _NOT_FOUND, 503: _INCONSISTENT}


def typed() -> Responses:
    """A verdict on a typed code, or why none is given."""
    refused = {
        413: "More than 1 KiB.",
        415: "The body is no form.",
        429: "Too many short codes were tried; `Retry-After` says when to try again.",
    }
    responses = verdict()
    responses[400] = {"content": _PAGE, "description": "No code was typed."}
    for status, description in refused.items():
        content = {"text/html": _TEXT, "application/problem+json": {"schema": ProblemModel.model_json_schema()}}
        responses[status] = {"content": content, "description": description}
    return responses


def typed_body() -> dict[str, object]:
    """The form that is posted."""
    code = {"type": "string", "description": "A code, a short code or a link.", "maxLength": 400}
    schema = {"type": "object", "properties": {"code": code}, "required": ["code"]}
    return {"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}}


def award_files() -> Mapping[str, Responses]:
    """Every file that stands behind a code, by its name."""
    return {
        "qr.svg": _image("image/svg+xml", "The printed QR code."),
        "qr.png": _image("image/png", "The printed QR code."),
        "proof": _proof(),
        "credential.json": _credential(),
        "badge.svg": _image("image/svg+xml", "The badge, which carries its Open Badges 3.0 credential."),
        "badge.png": _image("image/png", "The badge, which carries its Open Badges 3.0 credential."),
    }


def _image(media_type: str, described: str) -> Responses:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"content": content, "description": described}, 404: _NOT_FOUND, 503: _INCONSISTENT}


def _credential() -> Responses:
    problem = {"application/problem+json": {"schema": ProblemModel.model_json_schema()}}
    return {
        200: {
            "content": _SIGNED,
            "description": "The signed Open Badges 3.0 credential, or the learner record of a stack, byte for byte as "
            "it was made: also of a withdrawn award, which its status list then says.",
        },
        404: _NOT_FOUND
        | {
            "content": {**_PAGE, **problem},
            "description": "No such code or version here, or a version of which no credential file is given out.",
        },
        503: _INCONSISTENT,
    }


def _proof() -> Responses:
    content = {"application/json": {"schema": {"type": "object"}}}
    problem = {"application/problem+json": {"schema": ProblemModel.model_json_schema()}}
    return {
        200: {"content": content, "description": "The proof file, docs/spec/proof-file.md: also of a withdrawn award."},
        404: _NOT_FOUND | {"description": "No such code or version here, or nothing that could be proved."},
        503: _INCONSISTENT
        | {
            "content": {**_PAGE, **problem},
            "description": "The log gave conflicting answers; or, with `Retry-After`, it is not published yet.",
        },
    }


def live() -> Responses:
    """The process answers."""
    return {200: {"model": HealthModel, "description": "The process answers."}}


def ready() -> Responses:
    """Whether the process can answer scans."""
    return {
        200: {"model": HealthModel, "description": "Scans can be answered. Names what else is missing, if anything."},
        503: {"model": HealthModel, "description": "Names what is missing."},
    }


def note(what: str) -> Responses:
    """A signed note."""
    return {
        200: {"content": {"text/plain": _TEXT}, "description": f"{what} A C2SP signed note, with its cosignatures."},
        304: _UNCHANGED,
        404: {"content": {"text/plain": _TEXT}, "description": "There is none."},
    }


def tile() -> Responses:
    """A tile of the log, or a bundle of its entries."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    described = (
        "`<L>/<N>[.p/<W>]`: the hashes of a tile. `entries/<N>[.p/<W>]`: entries, each behind its length in two bytes. "
        "C2SP tlog-tiles; neither ever changes."
    )
    return {
        200: {"content": content, "description": described},
        304: _UNCHANGED,
        404: {"content": {"text/plain": _TEXT}, "description": "The log has no such tile, or not yet."},
    }


def status_list() -> Responses:
    """A signed status list."""
    content = _SIGNED
    described = (
        "A `BitstringStatusListCredential` as it was signed. `testamur-log-size` says from which statement of the log "
        "it follows: docs/spec/status.md, section 5."
    )
    return {
        200: {"content": content, "description": described},
        304: _UNCHANGED,
        400: {"content": {"text/plain": _TEXT}, "description": "The timestamp cannot be read, or is given twice."},
        404: {"content": {"text/plain": _TEXT}, "description": "The issuer has no such list, or none held then."},
    }


def timestamp() -> dict[str, object]:
    """The time of which a status list is asked for."""
    described = "Answer with the list that held at this time: `2026-11-22T12:00:00Z`, with an offset or `Z`."
    schema = {"type": "string", "format": "date-time"}
    return {
        "parameters": [
            {"name": "timestamp", "in": "query", "required": False, "description": described, "schema": schema}
        ]
    }


def did_document() -> Responses:
    """The document of a DID."""
    content = {"application/did+json": {"schema": {"type": "object"}}}
    return {
        200: {
            "content": content,
            "description": "The keys under which documents verify; none that was reported stolen.",
        },
        304: _UNCHANGED,
        404: {"content": {"text/plain": _TEXT}, "description": "There is no such issuer."},
    }
