"""The OpenAPI document, completed: every body with an example, every problem document with its schema."""

import copy
from collections.abc import Iterator, Mapping

from verify_api.issuer.answers import Problem

Json = dict[str, object]
_REF = "#/components/schemas/"
_METHODS = ("get", "post", "delete", "head", "put", "patch", "options")


def completed(document: Mapping[str, object]) -> Json:
    """`document` with the schema of problems, with examples, and without what no route answers."""
    found: Json = copy.deepcopy(dict(document))
    schemas = _object(_object(found.setdefault("components", {})).setdefault("schemas", {}))
    problem = Problem.model_json_schema(ref_template=_REF + "{model}")
    nested = problem.pop("$defs", {})
    schemas.update({**_object(nested), Problem.__name__: problem})
    for _, _, operation in operations(found):
        responses = _object(operation.get("responses", {}))
        for status, response in list(responses.items()):
            # The framework describes its own validation error wherever a path has a parameter; none is ever sent.
            if "HTTPValidationError" in str(response):
                del responses[status]
        bodies = [operation.get("requestBody"), *responses.values()]
        for body in bodies:
            _give_examples(_object(_object(body).get("content", {})), schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return found


def operations(document: Mapping[str, object]) -> Iterator[tuple[str, str, Json]]:
    """Each operation with its method and path, in the order of the document."""
    for path, item in _object(document.get("paths", {})).items():
        for method, operation in _object(item).items():
            if method in _METHODS:
                yield method.upper(), path, _object(operation)


def _give_examples(content: Json, schemas: Json) -> None:
    for kind, media in content.items():
        described = _object(media)
        schema = _object(described.get("schema", {}))
        if "json" in kind and schema and not described.keys() & {"example", "examples"}:
            described["example"] = example_of(schema, schemas)


def example_of(schema: Mapping[str, object], schemas: Mapping[str, object]) -> object:
    """A value that the schema allows, made of the examples that its fields give."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return example_of(_object(schemas.get(reference.removeprefix(_REF), {})), schemas)
    for name in ("examples", "enum"):
        given = schema.get(name)
        if isinstance(given, list) and given:
            return given[0]
    for name in ("example", "const", "default"):
        if name in schema:
            return schema[name]
    choices = schema.get("anyOf")
    if isinstance(choices, list):
        optional = any(_object(choice).get("type") == "null" for choice in choices)
        return None if optional else example_of(_object(choices[0]), schemas)
    return _example_of_type(schema, schemas)


def _example_of_type(schema: Mapping[str, object], schemas: Mapping[str, object]) -> object:
    match schema.get("type"):
        case "object":
            properties = _object(schema.get("properties", {}))
            shown = {name: example_of(_object(field), schemas) for name, field in properties.items()}
            needed = schema.get("required", [])
            return {
                name: value
                for name, value in shown.items()
                if value is not None or (isinstance(needed, list) and name in needed)
            }
        case "array":
            return [example_of(_object(schema.get("items", {})), schemas)]
        case "integer":
            return 1
        case "boolean":
            return False
        case "string":
            return "2026-11-21" if schema.get("format") == "date" else "text"
        case _:
            return None


def _object(value: object) -> Json:
    """A JSON object as it is; the empty one where there is none."""
    return value if isinstance(value, dict) else {}
