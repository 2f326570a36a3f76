"""The page /docs: the OpenAPI document for people, without script and without third parties."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from verify_api.issuer.description import operations
from verify_api.issuer.problems import NOTHING_TOLD, PROBLEMS, TITLES

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocsPage:
    """A finished page and the policy that lets nothing else in."""

    html: str
    policy: str


def docs_page(document: Mapping[str, object]) -> DocsPage:
    """The page that tells a completed OpenAPI document."""
    style = (_TEMPLATES / "docs.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
    info = _object(document["info"])
    html = environment.get_template("docs.html").render(
        title=info["title"],
        description=info.get("description", ""),
        openapi=document["openapi"],
        style=Markup(style),  # noqa: S704 - our own file
        groups=_groups(document),
        problems=_problems(),
        shapes=list(_shapes(_object(_object(document["components"])["schemas"]))),
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return DocsPage(html=html, policy=policy)


def _groups(document: Mapping[str, object]) -> list[dict[str, object]]:
    groups: dict[str, list[dict[str, object]]] = {}
    for method, path, operation in operations(document):
        tags = operation.get("tags")
        name = str(tags[0]) if isinstance(tags, list) and tags else "other"
        groups.setdefault(name, []).append(_operation(method, path, operation))
    return [{"name": name, "operations": members} for name, members in groups.items()]


def _operation(method: str, path: str, operation: Mapping[str, object]) -> dict[str, object]:
    answers = [
        {"status": status, "description": _object(each).get("description", ""), "bodies": list(_bodies(each))}
        for status, each in _object(operation.get("responses")).items()
    ]
    words = str(operation.get("description", "")).split("\n\n")
    return {
        "method": method,
        "path": path,
        "anchor": re.sub(r"[^a-z0-9]+", "-", f"{method} {path}".lower()).strip("-"),
        "summary": operation.get("summary", ""),
        "paragraphs": [" ".join(paragraph.split()) for paragraph in words],
        "parameters": list(_parameters(operation)),
        "bodies": list(_bodies(operation.get("requestBody"))),
        "answers": [each for each in answers if str(each["status"]) < "400"],
        "refusals": [each for each in answers if str(each["status"]) >= "400"],
    }


def _parameters(operation: Mapping[str, object]) -> Iterator[dict[str, object]]:
    parameters = operation.get("parameters")
    for each in parameters if isinstance(parameters, list) else []:
        examples = _object(each.get("schema")).get("examples")
        yield {
            "name": each["name"],
            "place": each["in"],
            "needed": each.get("required", False),
            "description": each.get("description", ""),
            "example": examples[0] if isinstance(examples, list) and examples else None,
        }


def _bodies(described: object) -> Iterator[dict[str, object]]:
    for kind, media in _object(_object(described).get("content")).items():
        found = _object(media)
        example = found.get("example")
        written = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
        yield {
            "kind": kind,
            "shape": _shape(_object(found.get("schema"))),
            "example": None if example is None else written,
        }


def _shape(schema: Mapping[str, object]) -> str:
    """The name of the shape that a schema refers to; the empty text where it refers to none."""
    choices = schema.get("anyOf")
    for each in [schema, *(choices if isinstance(choices, list) else [])]:
        reference = _object(each).get("$ref")
        if isinstance(reference, str):
            return reference.rpartition("/")[2]
    return ""


def _problems() -> list[dict[str, object]]:
    statuses = {name: int(status) for status, name in [*PROBLEMS.values(), NOTHING_TOLD]}
    return [
        {"name": name, "status": status, "title": TITLES[name]}
        for name, status in sorted(statuses.items(), key=lambda each: (each[1], each[0]))
    ]


def _shapes(schemas: Mapping[str, object]) -> Iterator[dict[str, object]]:
    for name, schema in sorted(schemas.items()):
        found = _object(schema)
        needed = found.get("required")
        yield {
            "name": name,
            "description": found.get("description", ""),
            "fields": [
                {
                    "name": field,
                    "kind": _kind(_object(each)),
                    "needed": isinstance(needed, list) and field in needed,
                    "description": _object(each).get("description", ""),
                }
                for field, each in _object(found.get("properties")).items()
            ],
        }


def _kind(schema: Mapping[str, object]) -> str:
    """What a field holds, in few words."""
    choices = schema.get("anyOf")
    if isinstance(choices, list):
        return " or ".join(_kind(_object(choice)) for choice in choices)
    if "enum" in schema and isinstance(schema["enum"], list):
        return "one of " + ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(_object(schema.get('items')))}"
    return _shape(schema) or str(schema.get("format") or schema.get("type") or schema.get("const") or "any")


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
