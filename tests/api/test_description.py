"""The OpenAPI document is valid and complete, and the page beside it tells all of it."""

import json
import re

import pytest
from fastapi.openapi.models import OpenAPI

from tests.api.conftest import Api
from verify_api.issuer import answers, schemas
from verify_api.issuer.definition_schemas import DefinitionWording, Model
from verify_api.issuer.description import example_of
from verify_api.issuer.problems import PROBLEMS, TITLES

INPUTS = (
    schemas.IssuerRegistration,
    schemas.RecognitionStatement,
    schemas.RecognitionEnd,
    schemas.NewKey,
    schemas.KeyRetirement,
    schemas.KeyCompromise,
    schemas.AwardInput,
    schemas.CredentialSearch,
    schemas.Amendment,
    schemas.Suspension,
    schemas.Reinstatement,
    schemas.Revocation,
    schemas.NewApiKey,
    DefinitionWording,
    answers.ReceiptModel,
    answers.Problem,
    answers.BatchAnswer,
)


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    answer = api.client.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, dict[str, dict[str, dict[str, object]]]] = answer.json()
    return found


def test_document_is_openapi(document: dict[str, object]) -> None:
    OpenAPI.model_validate(document)
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    components = document["components"]
    assert isinstance(components, dict)
    assert references <= set(components["schemas"])
    assert components["securitySchemes"]["api-key"]["scheme"] == "bearer"


def test_every_operation_names_its_answers_scope_and_key(
    document: dict[str, dict[str, dict[str, dict[str, object]]]],
) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if not path.startswith("/api/v1"):
                assert "HTTPValidationError" not in str(operation["responses"])
                continue
            responses = operation["responses"]
            assert isinstance(responses, dict)
            assert {"401", "403", "422", "500", "503"} <= set(responses)
            assert set(responses) & {"200", "201", "204"}
            assert "Needs the scope `" in str(operation["description"])
            assert operation["security"]
            if "requestBody" in operation:
                assert {"400", "413", "415"} <= set(responses)
            if method == "post":
                assert {"404", "409"} <= set(responses)
                parameters = operation["parameters"]
                assert isinstance(parameters, list)
                assert "idempotency-key" in {each["name"].lower() for each in parameters}


def test_every_body_has_an_example(document: dict[str, dict[str, dict[str, dict[str, object]]]]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if path.startswith("/api/v1"):
                bodies = [operation.get("requestBody", {}), *operation["responses"].values()]  # type: ignore[attr-defined]
                for body in bodies:
                    for kind, media in body.get("content", {}).items():
                        assert "example" in media or kind == "application/x-ndjson", (method, path, kind)


@pytest.mark.parametrize("model", INPUTS, ids=lambda model: model.__name__)
def test_example_of_a_shape_is_of_that_shape(document: dict[str, object], model: type[Model]) -> None:
    components = document["components"]
    assert isinstance(components, dict)
    example = example_of({"$ref": f"#/components/schemas/{model.__name__}"}, components["schemas"])
    assert isinstance(model.model_validate(example), model)


def test_example_of_an_achievement_can_be_defined_and_awarded(api: Api, document: dict[str, object]) -> None:
    paths = document["paths"]
    assert isinstance(paths, dict)

    def example(path: str) -> dict[str, str]:
        content = paths[f"/api/v1{path}"]["post"]["requestBody"]["content"]
        found: dict[str, str] = content["application/json"]["example"]
        return found

    defined = api.post("/achievements", {**example("/achievements"), "slug": "as-documented"})
    assert defined.status_code == 201, defined.text
    awarded = api.post("/credentials", {**example("/credentials"), "achievement": "as-documented"})
    assert awarded.status_code == 201, awarded.text


def test_page_tells_every_operation_without_third_parties(api: Api, document: dict[str, object]) -> None:
    page = api.client.get("/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert not re.search(r'(?:src|href)="(?!#|/openapi\.json)', page.text)
    paths = document["paths"]
    assert isinstance(paths, dict)
    for path, item in paths.items():
        for method in item:
            assert f"<code>{method.upper()} {path}</code>" in page.text
    for _, name in PROBLEMS.values():
        assert f'id="{name}"' in page.text
        assert name in TITLES
