"""Page or JSON, as the reader asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify_api.public.negotiation import credential_type, wants_json, without_suffix

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        (BROWSER, False),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/json, text/plain, */*", True),
        ("text/html, application/json;q=0.9", False),
        ("text/html;q=0.5, application/json;q=0.9", True),
        ("application/json;q=0", False),
        ("text/html;q=nonsense, \x00;;, application/json", True),
    ],
)
def test_json_is_answered_where_it_is_named_and_a_page_is_not_wanted_more(accept: str | None, json: bool) -> None:
    assert wants_json(accept) is json


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/vc"),
        ("", "application/vc"),
        ("*/*", "application/vc"),
        (BROWSER, "application/vc"),
        ("application/vc", "application/vc"),
        ("application/json, application/vc", "application/vc"),
        ("application/ld+json, application/json", "application/ld+json"),  # of clients that read nothing else
        ("Application/LD+JSON;profile=x", "application/ld+json"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("application/ld+json;q=0.5, application/json", "application/json"),
        ("application/vc;q=0.5, application/json", "application/json"),
        ("application/vc;q=0, application/ld+json;q=0.1", "application/ld+json"),
        ("application/ld+json;q=0, application/json;q=0", "application/vc"),
        ("image/png", "application/vc"),  # there is nothing else to give
    ],
)
def test_credential_is_given_out_under_the_most_precise_name_that_is_asked_for(accept: str | None, kind: str) -> None:
    assert credential_type(accept) == kind


@given(accept=st.text(max_size=200))
def test_any_header_is_read_without_an_error(accept: str) -> None:
    assert wants_json(accept) in (True, False)
    assert credential_type(accept).startswith("application/")


def test_a_suffix_is_taken_off_in_either_case() -> None:
    assert without_suffix("ABC.JSON") == ("ABC", True)
    assert without_suffix("ABC") == ("ABC", False)
    assert without_suffix(".json") == ("", True)
