"""The sentences of a page say what was found, and no more than that."""

import base64
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ledger.domain.award import Change
from ledger.domain.types import Position
from ledger.domain.values import Custody, Mode, Reason
from ledger.verification.verdict import HistoryLine, Notice, RecognitionView, State
from tests.unit.public.reading import WORDS, Outline, page, plain, with_recognition
from tests.unit.public.samples import (
    AMENDMENTS,
    AWARD,
    DEFINITION,
    ENDED,
    ISSUED,
    ISSUER,
    LOG,
    NEVER,
    REVOCATION,
    SITE,
    SUSPENSION,
    VALID,
    VERDICTS,
)
from verify_api.public.page import Addresses, Pages


def test_a_revocation_says_both_days_reason_and_when_it_was_valid() -> None:
    text = plain(page(VERDICTS[State.REVOKED]))
    assert "Lakeshore College withdrew this on 1 November 2026 (recorded 20 November 2026)." in text
    assert "Reason: issued in error." in text
    assert "Lakeshore College says: “The assessment was recorded for the wrong person.”" in text
    assert "It was valid from 14 September 2026 to 31 October 2026." in text
    assert "Its time has also passed: valid from 14 September 2026 until 15 November 2026." in text
    assert "corrected this on 2 October 2026. You are looking at the current version, 2." in text
    assert "This was recorded moments ago and is being published." in text
    assert "20 November 2026 Lakeshore College withdrew it. Reason: issued in error. (entry 1,201)" in text


def test_a_prospective_revocation_never_outlives_the_award_nor_precedes_it() -> None:
    verdict = VERDICTS[State.REVOKED]
    short = replace(verdict, award=replace(AWARD, valid_until=date(2026, 10, 1)))
    assert "It was valid from 14 September 2026 to 1 October 2026." in plain(page(short))
    late = replace(verdict, award=replace(AWARD, valid_from=date(2026, 12, 1)))
    assert "It ended before it was in force." in plain(page(late))


def test_a_retroactive_revocation_says_it_should_never_have_been_issued() -> None:
    verdict = replace(VERDICTS[State.REVOKED], change=replace(REVOCATION, mode=Mode.RETROACTIVE))
    text = plain(page(verdict))
    assert "Lakeshore College states that it should never have been issued." in text
    assert "It was valid from" not in text


def test_an_act_of_a_stolen_key_says_so() -> None:
    change = replace(SUSPENSION, reason=None, disowned=True)
    history = (replace(VALID.history[0], type="credential.suspended/1", disowned=True),)
    text = plain(page(replace(VALID, state=State.SUSPENDED, change=change, history=history)))
    assert "put this on hold on 1 November 2026. It may be restored." in text
    assert "This was stated with a key that was reported stolen." in text
    assert "put it on hold. The key was reported stolen." in text
    assert "Reason:" not in text


def test_a_change_without_its_view_is_still_told() -> None:
    text = plain(page(replace(VALID, state=State.REVOKED)))
    assert "Lakeshore College withdrew this." in text


def test_an_amendment_shows_old_and_new_but_no_old_name_of_the_learner() -> None:
    careless = replace(AMENDMENTS[1], change=Change(field="full_name", old="Old Name", new="New Name"))
    addresses = Addresses(as_json="/c/X.json", proof="/c/X/proof", current="/c/X/2")
    verdict = replace(VERDICTS[State.AMENDED], amendments=(AMENDMENTS[0], careless, AMENDMENTS[2]))
    html = page(verdict, addresses=addresses)
    text = plain(html)
    assert "You scanned version 1. Lakeshore College corrected it on 2 October 2026:" in text
    assert "Title: “Infection Control Specialist” → “Donning and Doffing Personal Protective Equipment”" in text
    assert "The holder’s name was updated" in text
    assert "Old Name" not in text
    assert "New Name" not in text
    assert "Valid until: “14 September 2029” was added" in text
    assert "Shown here is the current version, 2." in text
    assert {"/c/X/2", "/c/X.json"} <= set(Outline(html).links)


def test_only_corrections_after_the_scanned_version_are_listed_with_their_days() -> None:
    last = replace(
        AMENDMENTS[0], version=3, on=REVOCATION.recorded, change=Change(field="route", old="course", new=None)
    )
    odd = replace(last, change=Change(field="colour", old="red", new="blue"))
    tongue = replace(last, change=Change(field="language", old="en", new="fr"))
    verdict = replace(VERDICTS[State.AMENDED], amendments=(*AMENDMENTS, last, odd, tongue), current_version=3)
    text = plain(page(verdict))
    assert "corrected it on 20 November 2026:" in text
    assert "Title: “Infection Control Specialist” → " in text
    assert "Route: “course” was removed (20 November 2026)" in text
    assert "Another detail: “red” → “blue” (20 November 2026)" in text
    assert "Language: “English” → “French” (20 November 2026)" in text
    assert "Infection Control" not in plain(page(replace(verdict, scanned_version=2)))


def test_a_newer_version_without_listed_corrections_is_told() -> None:
    text = plain(page(replace(VERDICTS[State.AMENDED], amendments=())))
    assert "You scanned version 1. The current one is version 2." in text


def test_a_date_that_is_no_date_is_shown_as_it_stands() -> None:
    odd = replace(AMENDMENTS[0], change=Change(field="valid_from", old="soon", new="2026-10-01"))
    text = plain(page(replace(VERDICTS[State.AMENDED], amendments=(odd,))))
    assert "Valid from: “soon” → “1 October 2026”" in text


@pytest.mark.parametrize(
    ("recognition", "words"),
    [
        (NEVER, "but Lakeshore College (lakeshore.example) is not in Ontario Register of Learning. That is not proof"),
        (ENDED, "was recognised when this was issued; recognition by Ontario Register of Learning ended on 31 October"),
        (
            replace(ENDED, recognised_when_issued=False),
            "is no longer in Ontario Register of Learning: recognition ended on 31 October 2026. That is not proof",
        ),
    ],
)
def test_an_unrecognised_issuer_says_whether_it_ever_was(recognition: RecognitionView, words: str) -> None:
    assert words in plain(page(with_recognition(recognition)))


def test_a_service_that_names_no_registry_says_only_what_it_knows() -> None:
    pages = Pages(replace(SITE, registries=(), operator=None))
    text = plain(pages.verdict(with_recognition(NEVER), WORDS["en"], None))
    assert "is not in a registry that this service relies on." in text
    assert "Not recognised by a registry that this service relies on" in text
    assert "by verify.college.example for Lakeshore College" in text


def test_a_stolen_key_is_told_as_its_issuer_reported_it() -> None:
    text = plain(page(VERDICTS[State.KEY_COMPROMISED]))
    assert "Lakeshore College reported that the key was stolen before this was recorded." in text


def test_dates_of_force_are_told_where_they_matter() -> None:
    assert "Valid from 14 September 2026 until 31 October 2026." in plain(page(VERDICTS[State.EXPIRED]))
    text = plain(page(VERDICTS[State.NOT_YET_VALID]))
    assert "Takes effect on 1 January 2027." in text
    assert "Period from 1 January 2027" in text
    assert "Period" not in plain(page(VALID))


@pytest.mark.parametrize(
    ("notice", "words"),
    [
        (State.SUSPENDED, "It is on hold."),
        (State.REVOKED, "Lakeshore College withdrew this on 1 November 2026 (recorded 20 November 2026)."),
        (State.NOT_YET_VALID, "It would take effect on 14 September 2026 only."),
        (State.ISSUER_UNRECOGNISED, "is not in Ontario Register of Learning"),
        (State.AMENDED, "You scanned version 1; Lakeshore College has corrected it since."),
        (Notice.CORRECTED, "The holder’s name was updated"),
    ],
)
def test_every_other_thing_that_holds_is_a_notice(notice: str, words: str) -> None:
    issuer = replace(ISSUER, recognition=NEVER)
    verdict = replace(
        VERDICTS[State.KEY_COMPROMISED], notices=(notice, "unheard_of"), change=REVOCATION, amendments=AMENDMENTS,
        award=replace(AWARD, issuer=issuer),
    )  # fmt: skip
    text = plain(page(verdict))
    also = text[text.index("Also note") : text.index("What happened to it")]
    assert words in also


def test_history_tells_every_act_in_order() -> None:
    kinds = ("issued", "amended", "suspended", "reinstated", "revoked", "transferred", "reason")
    lines = [
        HistoryLine(
            position=Position(n), type=f"credential.{kind}/1", at=ISSUED, reason=Reason.OTHER if n == 3 else None,
            public_text="Under review" if n == 3 else None, disowned=False,
        )
        for n, kind in enumerate(kinds, 1)
    ]  # fmt: skip
    text = plain(page(replace(VALID, history=tuple(lines))))
    told = [
        "issued it.",
        "corrected it.",
        "put it on hold. Reason: another reason. “Under review”",
        "restored it.",
        "withdrew it.",
        "recorded something else about it. (entry 6)",
        "recorded something else about it. (entry 7)",
    ]
    places = [text.index(each) for each in told]
    assert places == sorted(places)


def test_a_finding_without_words_keeps_its_own_and_says_in_which_language() -> None:
    html = page(VALID, "fr")
    assert '<span lang="en">A check of a later release failed.</span>' in html
    assert "L’attestation a été émise avec ce code." in html
    assert "Non vérifié, car un contrôle précédent" in html


def test_a_problem_is_reported_to_the_issuer_without_the_code() -> None:
    href = next(link for link in Outline(page(VALID)).links if link.startswith("mailto:"))
    assert href.startswith("mailto:registrar@lakeshore.example?subject=A%20certificate%20of%20Lakeshore%20College&")
    assert "Entry%20812" in href


@pytest.mark.parametrize(("url", "shown"), [("https://lakeshore.example/", True), (None, False), ("data:x", False)])
def test_an_issuer_without_e_mail_is_reported_to_at_its_web_address(url: str | None, shown: bool) -> None:
    html = page(replace(VALID, award=replace(AWARD, issuer=replace(ISSUER, email=None, url=url))))
    assert ("Report a problem" in html) == shown
    assert "data:x" not in html


def test_the_assessment_line_says_what_is_known() -> None:
    one = DEFINITION.assessments[0]
    described = replace(one, type=None, description="A portfolio talk", supervised=False, identity_checked=False)
    bare = replace(DEFINITION, grading=replace(DEFINITION.grading, score_to=None))
    cases = [
        (replace(AWARD, result=None, score=None), "Assessed by observed demonstration (supervised, identity checked)"),
        (replace(AWARD, score=None), "Assessed by observed demonstration — Pass (supervised"),
        (replace(AWARD, result=None), "Assessed by observed demonstration — score 83 of 100"),
        (replace(AWARD, result=None, definition=bare), "Assessed by observed demonstration — score 83 (supervised"),
        (replace(AWARD, definition=bare), "— Pass, score 83 (supervised"),
        (replace(AWARD, definition=replace(DEFINITION, assessments=())), "Assessment Pass, score 83 of 100"),
        (
            replace(AWARD, definition=replace(DEFINITION, assessments=(one, one, described))),
            "Assessed by observed demonstration and A portfolio talk — Pass, score 83 of 100 Hours",
        ),
    ]
    for award, words in cases:
        assert words in plain(page(replace(VALID, award=award)))


SINCE = datetime(2026, 11, 21, 13, 58, 7, tzinfo=UTC)
NAMES = ("witness.harbour.example/w1", "witness.north.example/w", "witness.south.example/w")


@pytest.mark.parametrize(
    ("names", "since", "language", "told"),
    [
        ((), None, "en", "Vouched for by the operator of this service alone"),
        ((), None, "fr", "Garantie par l’exploitant de ce service seulement"),
        (NAMES[:1], SINCE, "en", "and by one independent witness that agrees with it, since 21 November 2026, 13:58"),
        (NAMES[:1], SINCE, "fr", "et par un témoin indépendant qui concorde avec lui, depuis le 21 novembre 2026"),
        (NAMES, SINCE, "en", "and by 3 independent witnesses that agree with it, since 21 November 2026, 13:58 UTC"),
        (NAMES, SINCE, "fr", "et par 3 témoins indépendants qui concordent avec lui, depuis le 21 novembre 2026"),
        (NAMES[:2], None, "en", "independent witnesses that agree with it: 2, fewer than it asks for"),
        (NAMES[:2], None, "fr", "témoins indépendants qui concordent avec lui : 2, moins qu’il n’en exige"),
    ],
)
def test_page_says_how_many_witnesses_agree_and_since_when(
    names: tuple[str, ...], since: datetime | None, language: str, told: str
) -> None:
    log = replace(LOG, witnesses=len(names), witnessed_at=since, witnessed_as_of=since, witnessed_by=names)
    html = page(replace(VALID, log=log), language)
    assert told in plain(html)
    assert (WORDS[language].text("label.witnessed_as_of") in html) == (since is not None)
    alone = WORDS[language].text("vouched.alone")
    assert (alone in html) == (not names)
    assert all(name in html for name in names)
    assert (WORDS[language].text("vouched.nobody") in html) == (not names)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_shows_the_inclusion_proof_that_was_checked_and_none_that_was_not(language: str) -> None:
    words, path = WORDS[language], tuple(bytes([number]) * 32 for number in range(1, 12))
    proved = page(replace(VALID, log=replace(LOG, path=path)), language)
    assert words.text("proof.hashes", number=11) in proved
    assert all(f"<li><code>{base64.b64encode(each).decode()}</code></li>" in proved for each in path)
    assert "/log/checkpoint" in Outline(proved).links
    assert words.text("proof.only_entry") in page(replace(VALID, log=replace(LOG, path=())), language)
    unproved = [VALID, replace(VERDICTS[State.LOG_INCONSISTENT], log=replace(LOG, path=path))]
    for verdict in unproved:
        assert words.text("label.path") not in page(verdict, language)


def test_custody_and_recognition_are_told_as_they_are() -> None:
    recognition = replace(ISSUER.recognition, since=None)
    own = replace(ISSUER, recognition=recognition, custody=Custody.ISSUER)
    text = plain(page(replace(VALID, award=replace(AWARD, issuer=own))))
    assert "by Lakeshore College with its own key" in text
    assert "Vouched for by the operator of this service alone" in text
    assert "Recognised by Ontario Register of Learning Date of award" in text
    unnamed = replace(own, recognition=replace(recognition, registry=None))
    assert "which is recognised." in plain(page(replace(VALID, award=replace(AWARD, issuer=unnamed))))
