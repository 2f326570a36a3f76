"""Documents of this ledger, and forgeries of them, judged by the libraries that wallets and verifiers are built on."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from ledger.vc.clr import is_record
from tests.interop.others import Others
from tests.interop.samples import BASE, LAST, LATER, REGISTRY, Ledger
from tests.interop.situations import LIBRARIES, NOW, PAST, SITUATIONS, TITLES, Situation, Story, cell

_PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
_GOOD = ("valid", "issuer_unrecognised", "component_review")  # whom the board recognises is not for others to know
_STOPPED = ("revoked", "suspended", "amended", "expired", "not_yet_valid")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    seeded = Ledger.seeded(tmp_path_factory.mktemp("interop"))
    try:
        yield seeded
    finally:
        seeded.desk.stop()


@pytest.fixture(scope="module")
def story(ledger: Ledger) -> Story:
    """What happens at the ledger after the demo: a suspension that ends, and a theft."""
    desk = ledger.desk
    rich, held = ledger.rich(), ledger.award("maplewood", "wound-assessment", "M-30002", "Ελένη Παππά")
    ledger.issuer("robbed", "menus")
    robbed = ledger.award("robbed", "menus", "R-1", "Rui Tavares")
    forged = ledger.award("robbed", "menus", "R-2", "A Thief", awarded_on="2021-01-01")
    old = {name: ledger.document(f"/c/{each['code']}") for name, each in (("robbed", robbed), ("forged", forged))}
    ledger.act(held, "suspend", reason="assessment_integrity")
    ledger.serve(LATER)
    document = ledger.document(f"/c/{held['code']}")
    ledger.until_published(document, stopped=True)
    while_held = ledger.published_list(document)
    ledger.until_published(old["robbed"], stopped=False)
    before = ledger.published_did("robbed") | ledger.published_list(old["robbed"])
    ledger.act(held, "reinstate")
    keys = json.loads(desk.text("issuer", "key", "list", "--issuer", "robbed"))["keys"]
    (stolen,) = [key["kid"] for key in keys if key["role"] == "signing"]
    desk.run("issuer", "key", "add", "--issuer", "robbed")
    report = ["compromised", stolen, "--from-position", str(forged["position"]), "--issuer", "robbed"]
    desk.run("issuer", "key", *report)
    for issuer in ("robbed", "lakeside"):  # that of the demo, too
        desk.run("issuer", "key", "sign-again", "--issuer", issuer)
    ledger.serve(LAST)
    ledger.until_published(document, stopped=False)
    ledger.until_published(old["robbed"], stopped=True)
    valid = [ledger.document(link) for verdict in _GOOD for link in ledger.awards[verdict]]
    return Story(
        good=(ledger.document(f"/c/{rich['code']}"), *(each for each in valid if not is_record(each))),
        records=tuple(each for each in valid if is_record(each)),
        stopped={verdict: ledger.document(ledger.awards[verdict][0]) for verdict in _STOPPED},
        corrected=next(ledger.document(link) for link in ledger.awards["valid"] if link.endswith("/2")),
        held=document,
        while_held=while_held,
        forged=old["forged"],
        robbed=old["robbed"],
        before_report=before,
        signed_again=ledger.document(f"/c/{robbed['code']}"),
        registry=ledger.registry(),
    )


@pytest.fixture(scope="module")
def others(ledger: Ledger, story: Story) -> Iterator[Others]:
    """The libraries; what the ledger has published by the end of the story is what they find."""
    assert story.good
    with Others(BASE, ledger.desk.url) as process:
        yield process


def said(others: Others, ledger: Ledger, story: Story, situation: Situation) -> tuple[str, ...]:
    """What each library says in a situation; of every document of it the same."""
    cells = [set[str]() for _ in LIBRARIES]
    for each in situation.make(story):
        # Libraries remember for a while what they fetched; a world of its own is met by a process of its own.
        with Others(BASE, ledger.desk.url) if each.given else nullcontext(others) as asked:
            for found, library in zip(cells, LIBRARIES, strict=True):
                given = {**story.registry, **each.given}
                found.add(cell(library, asked.judge(library, each.document, now=each.now, given=given)))
    return tuple(" / ".join(sorted(found)) for found in cells)


@pytest.mark.parametrize("situation", [each for each in SITUATIONS if each.here != PAST], ids=lambda each: each.name)
def test_this_service_says_of_what_is_brought_to_it_what_is_written_down(
    ledger: Ledger, story: Story, situation: Situation
) -> None:
    verdicts = {ledger.judged(each.document) for each in situation.make(story)}
    assert " / ".join(f"`{each}`" for each in sorted(verdicts)) == situation.here


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.name)
def test_each_library_says_in_a_situation_what_is_written_down(
    others: Others, ledger: Ledger, story: Story, situation: Situation
) -> None:
    assert said(others, ledger, story, situation) == situation.says


def test_ten_badges_and_more_of_several_issuers_are_among_the_valid(story: Story) -> None:
    assert len(story.good) >= 10
    assert len(story.records) >= 1
    assert {each["proof"]["cryptosuite"] for each in (*story.good, *story.records)} == {"eddsa-rdfc-2022"}  # type: ignore[call-overload, index]
    assert len({str(each["issuer"]["id"]) for each in story.good}) >= 3  # type: ignore[call-overload, index]


def test_the_libraries_ask_for_nothing_but_contexts_schemas_and_what_issuers_publish(
    others: Others, story: Story
) -> None:
    asked = set[str]()
    for document in (*story.good, *story.records):
        for library in LIBRARIES:
            asked |= set(others.judge(library, document, now=NOW, given=story.registry).said["requests"])
    foreign = {url for url in asked if not url.startswith((BASE, BASE.replace("http", "https")))}
    assert foreign == {
        REGISTRY,
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
        "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json",
        "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json",
        "https://purl.imsglobal.org/spec/clr/v2p0/schema/json/clr_v2p0_clrcredential_schema.json",
    }


def test_the_page_shows_all_situations_as_they_were_found() -> None:
    rows = [("situation", *TITLES), ("---",) * 5, *((each.name, *each.says, each.here) for each in SITUATIONS)]
    assert "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n" in _PAGE.read_text("utf-8")
