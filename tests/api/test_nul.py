"""A NUL, which PostgreSQL keeps in no text, stands in no name either: nothing is called so, whatever the engine."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from fastapi import FastAPI

from tests.api.conftest import HEADER, Api


@pytest.mark.parametrize("path", ["/achievements/%00?issuer=college", "/achievements/wound-care?issuer=%00"])
def test_name_with_a_nul_is_not_found(api: Api, path: str) -> None:
    assert api.get(path, key=api.operator).status_code == 404


def test_no_address_with_a_nul_in_it_is_a_fault_of_the_service(api: Api) -> None:
    described = cast("FastAPI", api.client.app).openapi()["paths"]
    asked = [
        (method.upper(), re.sub(r"\{[^}]*\}", "%00", path))
        for path, methods in described.items()
        for method in methods
        if "{" in path
    ]
    assert len(asked) > 15
    headers = {"Authorization": f"Bearer {api.operator}"}
    answers = {
        (method, path): api.client.request(method, path, json={}, headers=headers).status_code for method, path in asked
    }
    assert {each: status for each, status in answers.items() if not 400 <= status < 500} == {}


def test_award_that_names_an_achievement_with_a_nul_is_refused(api: Api) -> None:
    for name in ("\x00", "wound-care\x00", "wound\x00care"):
        refused = api.post("/credentials", api.row(achievement=name))
        assert refused.status_code == 422, refused.text
        assert [each["column"] for each in refused.json()["errors"]] == ["achievement"]
    row = ",".join(api.row(achievement="\x00").values())
    assert api.raw("/credentials/batch", f"{HEADER}{row}\n".encode(), "text/csv").status_code == 422


def test_awards_of_others_at_the_same_time_are_issued(api: Api) -> None:
    rows = [api.row(achievement="\x00" if number % 3 == 0 else "wound-care") for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda row: api.post("/credentials", row).status_code, rows))
    assert answers == [422 if number % 3 == 0 else 201 for number in range(24)]
