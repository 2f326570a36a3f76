"""The JSON has the shape of the interface, whole, and tells nothing that was not established."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue

from ledger.domain.award import Change
from ledger.domain.codes import format_link_code
from ledger.domain.values import Mode
from ledger.verification.verdict import NOTHING_SHOWN, RecognitionView, State, Verdict
from tests.unit.public.samples import (
    AMENDMENTS,
    AWARD,
    DEFINITION,
    ENDED,
    ISSUER,
    LOG,
    NEVER,
    PARTS,
    SITE,
    VALID,
    VERDICTS,
)
from verify_api.public.json_verdict import hours, verdict_json, verdict_model
from verify_api.public.schemas import VerdictModel


def as_json(verdict: Verdict) -> dict[str, JsonValue]:
    loaded: dict[str, JsonValue] = json.loads(verdict_model(verdict, SITE.base_url).model_dump_json())
    return loaded


def test_a_valid_award_has_every_key_of_the_interface() -> None:
    answer = as_json(VALID)
    findings = answer.pop("findings")
    assert isinstance(findings, list)
    assert findings[0] == {
        "check": "code",
        "outcome": "passed",
        "reason": "ok",
        "detail": "The award was issued with this code.",
    }
    assert answer == {
        "verdict": "valid",
        "in_force": True,
        "notices": [],
        "as_of": "2026-11-21T14:03:00.000Z",
        "known_at": "2026-11-21T14:03:00.000Z",
        "award": {
            "name": "Donning and Doffing Personal Protective Equipment",
            "learner": "Chloé Smith",
            "issuer": {
                "id": "did:web:verify.college.example:issuers:lakeshore",
                "name": "Lakeshore College",
                "domain": "lakeshore.example",
                "recognition": {
                    "status": "recognised",
                    "registry": "Ontario Register of Learning",
                    "registry_id": "did:web:verify.college.example:issuers:register",
                    "scheme": "public-college",
                    "since": "2020-01-01",
                    "ended_on": None,
                    "recognised_when_issued": True,
                },
                "custody": "operator",
            },
            "awarded_on": "2026-09-14",
            "valid_from": "2026-09-14",
            "valid_until": None,
            "competencies": [
                {
                    "statement": DEFINITION.competencies[0].statement,
                    "alignment": {
                        "framework": "National Occupational Classification",
                        "code": "44101",
                        "url": None,
                    },
                },
                {"statement": DEFINITION.competencies[1].statement, "alignment": None},
            ],
            "assessment": [
                {
                    "type": "observed_demonstration",
                    "description": None,
                    "supervised": True,
                    "identity_checked": True,
                    "result": "Pass",
                    "score": "83",
                }
            ],
            "hours": "4.5",
            "credit": {"value": "0.5", "authority": "Lakeshore College", "programme": "Personal Support Worker"},
        },
        "scanned_version": 1,
        "current_version": 1,
        "change": None,
        "amendments": [],
        "components": [],
        "log": {
            "origin": "verify.college.example/log",
            "size": 1234,
            "root": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "leaf_index": 811,
            "witnesses": 0,
            "witnessed_at": None,
            "witnessed_as_of": None,
        },
    }


def test_witnesses_are_counted_and_dated() -> None:
    since = datetime(2026, 11, 21, 13, 58, 7, tzinfo=UTC)
    later = since + timedelta(hours=1)
    view = replace(LOG, witnesses=2, witnessed_at=since, witnessed_as_of=later, witnessed_by=("a", "b"))
    log = as_json(replace(VALID, log=view))["log"]
    assert isinstance(log, dict)
    assert (log["witnesses"], log["witnessed_at"]) == (2, "2026-11-21T13:58:07.000Z")
    assert log["witnessed_as_of"] == "2026-11-21T14:58:07.000Z"


@pytest.mark.parametrize("state", sorted(NOTHING_SHOWN))
def test_nothing_of_an_award_that_was_not_established_is_told(state: State) -> None:
    answer = as_json(replace(VERDICTS[State.REVOKED], state=state))
    assert (answer["award"], answer["amendments"], answer["change"]) == (None, None, None)
    assert (answer["verdict"], answer["in_force"]) == (state, None)


def test_a_revocation_names_its_kind_reason_both_days_and_mode() -> None:
    verdict = VERDICTS[State.REVOKED]
    expected = {
        "kind": "revoked",
        "reason": "issued_in_error",
        "public_text": "The assessment was recorded for the wrong person.",
        "effective": "2026-11-01",
        "recorded": "2026-11-20T09:00:00.000Z",
        "retroactive": False,
    }
    assert as_json(verdict)["change"] == expected
    assert verdict.change is not None
    retroactive = replace(verdict, change=replace(verdict.change, mode=Mode.RETROACTIVE))
    assert as_json(retroactive)["change"] == expected | {"retroactive": True}
    suspended = as_json(VERDICTS[State.SUSPENDED])["change"]
    assert isinstance(suspended, dict)
    assert suspended["retroactive"] is None


def test_amendments_give_old_and_new_but_never_of_a_field_that_identifies_the_learner() -> None:
    careless = replace(AMENDMENTS[1], change=Change(field="full_name", old="Old Name", new="New Name"))
    answer = as_json(replace(VERDICTS[State.AMENDED], amendments=(AMENDMENTS[0], careless)))
    on = "2026-10-02T08:00:00.000Z"
    assert answer["amendments"] == [
        {"field": "title", "old": "Infection Control Specialist", "new": DEFINITION.name, "on": on},
        {"field": "full_name", "old": None, "new": None, "on": on},
    ]


@pytest.mark.parametrize(("recognition", "status"), [(ENDED, "ended"), (NEVER, "never")])
def test_recognition_that_does_not_hold_says_whether_it_ever_did(recognition: RecognitionView, status: str) -> None:
    issuer = replace(ISSUER, recognition=recognition)
    model = verdict_model(replace(VALID, award=replace(AWARD, issuer=issuer)), SITE.base_url)
    assert model.award is not None
    assert model.award.issuer.recognition.status == status
    assert model.award.issuer.recognition.ended_on == ("2026-10-31" if status == "ended" else None)


def test_what_is_absent_is_null() -> None:
    bare = replace(DEFINITION, minutes=None, credit=None)
    log = replace(LOG, root=None, position=None, size=0)
    verdict = replace(VALID, award=replace(AWARD, definition=bare, result=None, score=None), log=log)
    model = verdict_model(verdict, SITE.base_url)
    assert model.award is not None
    assert (model.award.hours, model.award.credit, model.award.assessment[0].result) == (None, None, None)
    assert (model.log.root, model.log.leaf_index) == (None, None)


@pytest.mark.parametrize(
    ("minutes", "text"), [(1, "0.02"), (30, "0.5"), (60, "1"), (100, "1.67"), (600, "10"), (2_700, "45")]
)
def test_minutes_become_hours_without_floats(minutes: int, text: str) -> None:
    assert hours(minutes) == text


@pytest.mark.parametrize("state", list(State))
def test_json_is_what_the_description_says_to_the_byte(state: State) -> None:
    answer = verdict_json(VERDICTS[state], SITE.base_url)
    assert answer.decode() == verdict_model(VERDICTS[state], SITE.base_url).model_dump_json()
    assert VerdictModel.model_validate_json(answer, strict=True).verdict == state


def test_parts_of_a_stack_are_named_in_order_by_their_printed_links() -> None:
    answer = as_json(VERDICTS[State.COMPONENT_REVIEW])
    links = [f"HTTPS://VERIFY.COLLEGE.EXAMPLE/C/{format_link_code(part.code)}" for part in PARTS]
    links[2] += "/2"
    verdicts = ["valid", "valid", "revoked", "valid", "valid"]
    names = [part.name for part in PARTS]
    assert answer["components"] == [
        {"url": url, "verdict": verdict, "name": name}
        for url, verdict, name in zip(links, verdicts, names, strict=True)
    ]
    assert (answer["verdict"], answer["in_force"]) == ("component_review", True)


def test_no_part_is_named_where_nothing_of_the_award_may_be() -> None:
    verdict = replace(VERDICTS[State.COMPONENT_REVIEW], state=State.SIGNATURE_INVALID)
    assert as_json(verdict)["components"] == []
