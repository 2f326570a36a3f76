"""Random histories over issuers, offers, awards, pathways and time, put to the ledger and to its model.

What is drawn is mostly what could be asked in earnest, with a bad choice here and there; both sides then agree after
every step, or the run fails and hypothesis finds the shortest history that shows it.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar, TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger.domain.codes import new_link_code
from tests.machine.agreement import Agreement
from tests.machine.beside import Beside
from tests.machine.records import Award, Facts, Issuer, Rule, standing

T = TypeVar("T")

ISSUERS = ("college", "board", "academy", "guild")  # the operator goes by the recognition of the board
PARTS = ("cleaning", "dressing", "charting")
PATHWAYS = ("specialist", "assistant")
LEARNERS = ("S1", "S2", "S3")
NAMES = ("Zoé Okonkwo", "Bo Li")

data_of = st.data()
seldom = st.integers(0, 7).map(lambda drawn: drawn == 7)
texts = st.integers(1, 4)
near = st.integers(-40, 40)  # days


def turn(what: str, steps: int) -> Callable[["LedgerMachine"], bool]:
    """Lets a rule have its turn once in so many steps, so that there is something for it to happen to."""
    return lambda machine: machine.spent[what] * steps <= machine.agreement.steps


class LedgerMachine(RuleBasedStateMachine):
    """The ledger beside its model."""

    template: ClassVar[Path]  # a home to copy
    tally: ClassVar[Counter[str]]

    @staticmethod
    def database() -> AbstractContextManager[str | None]:
        """The URL of an empty database for a second ledger, while it is wanted; None: there is one ledger alone."""
        return nullcontext()

    def __init__(self) -> None:
        """A home of its own."""
        super().__init__()
        self.closing = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="testamur-machine-"))
        url = self.closing.enter_context(self.database())
        self.beside = Beside.open(self.template, self.folder, url, self.tally, note)
        self.model = self.beside.model
        self.agreement = Agreement(self.beside)
        self.spent: Counter[str] = Counter()  # how often each of the rules had its turn that have it seldom

    def teardown(self) -> None:
        """Everything once more, then nothing is left behind."""
        try:
            self.agreement.at_the_end()
        finally:
            self.beside.closing.close()
            self.closing.close()
            shutil.rmtree(self.folder)

    @invariant()
    def both_say_the_same(self) -> None:
        """After every step."""
        self.agreement.after_step()

    # ---------------------------------------------------------------------------------------------- what is drawn

    def one(self, data: st.DataObject, among: Sequence[T]) -> T:
        """One of these."""
        return among[data.draw(st.integers(0, len(among) - 1))]

    def issuer(self, data: st.DataObject) -> Issuer:
        """Mostly the college."""
        known = self.model.issuers
        return known["college"] if data.draw(st.integers(0, 3)) else self.one(data, list(known.values()))

    def award(self, data: st.DataObject) -> Award:
        """One of the last few, else any."""
        awards = self.model.awards
        return self.one(data, awards[-4:] if data.draw(st.booleans()) else awards)

    def day(self, data: st.DataObject) -> date:
        """Some day around today."""
        return self.model.today + timedelta(days=data.draw(near))

    def rule_of(self, data: st.DataObject, *, among: tuple[str, ...] = PARTS) -> Rule:
        """All of some achievements, or so many of them; seldom of what is not there."""
        parts = data.draw(st.lists(st.sampled_from(among), min_size=1, max_size=3, unique=True))
        if data.draw(seldom):
            parts.append(self.one(data, (*PATHWAYS, "unheard-of")))
        return Rule(tuple(parts), data.draw(st.none() | st.integers(1, len(parts) + data.draw(seldom))))

    def revision(self, data: st.DataObject, award: Award) -> int:
        """The one that the award is at; seldom an older one."""
        return len(award.acts) - 1 - (1 if data.draw(seldom) else 0)

    # --------------------------------------------------------------------------------------------------- issuers

    @initialize(text=texts, unrecognised=seldom, parts=st.integers(1, 3), n=st.none() | st.just(1), held=st.booleans())
    def begin(self, text: int, unrecognised: bool, parts: int, n: int | None, held: bool) -> None:
        """A college with a few achievements and their pathway, a body that mostly recognises it, a learner's awards."""
        for name in ("college", "board"):
            self.beside.register(name)
        college, board = self.model.issuers["college"], self.model.issuers["board"]
        if not unrecognised:
            self.beside.recognise(college, board, "scheme", self.model.today - timedelta(days=100), None)
        for part in PARTS[:parts]:
            self.beside.define(college, part, text, None, pathway=False)
        self.beside.define(college, PATHWAYS[0], text, Rule(PARTS[:parts], n), pathway=True)
        for part in PARTS[: parts if held else 0]:
            self.beside.issue(college, part, LEARNERS[0], Facts(number=1, name=NAMES[0], awarded_on=self.model.today))

    @precondition(turn("change_recognition", 5))
    @rule(
        name=st.sampled_from(ISSUERS[1:]), data=data_of, what=st.sampled_from(["register", "recognise", "end", "end"])
    )
    def change_recognition(self, name: str, data: st.DataObject, what: str) -> None:
        """By a body that is registered first where it is not."""
        self.spent["change_recognition"] += 1
        if what == "register" or name not in self.model.issuers:
            self.beside.register(name)
            return
        issuer, body = self.issuer(data), self.model.issuers["board" if data.draw(st.booleans()) else name]
        scheme, day = "other" if data.draw(seldom) else "scheme", self.day(data)
        if what == "recognise":
            self.beside.recognise(issuer, body, scheme, day, self.day(data) if data.draw(st.booleans()) else None)
        else:
            self.beside.end_recognition(issuer, body, scheme, day)

    @precondition(turn("change_keys", 8))
    @rule(data=data_of, recovery=st.booleans(), retired=st.integers(0, 3))
    def change_keys(self, data: st.DataObject, recovery: bool, retired: int) -> None:
        """A new key, and sometimes the end of one that was there before."""
        self.spent["change_keys"] += 1
        issuer = self.issuer(data)
        old = self.one(data, issuer.keys)
        if retired < 3:
            self.beside.add_key(issuer, root=data.draw(seldom), recovery=recovery)
        if retired > 1:
            self.beside.retire_key(issuer, old, recovery=recovery)

    @precondition(turn("report_key", 8))
    @rule(data=data_of, back=st.integers(-2, 6), recovery=st.booleans(), replaced=st.integers(0, 3))
    def report_key(self, data: st.DataObject, back: int, recovery: bool, replaced: int) -> None:
        """From a position not long ago, so that some of what it signed stands; mostly a new key comes in at once."""
        self.spent["report_key"] += 1
        issuer = self.issuer(data)
        self.beside.report_key(issuer, self.one(data, issuer.keys), self.model.size + 1 - back, recovery=recovery)
        if replaced:
            self.beside.add_key(issuer, root=False, recovery=True)

    # ---------------------------------------------------------------------------------------------------- offers

    @precondition(turn("define", 6))
    @rule(data=data_of, name=st.sampled_from([*PARTS, *PATHWAYS]), text=texts)
    def define(self, data: st.DataObject, name: str, text: int) -> None:
        """Under a name of its kind, with a rule where it is a pathway; seldom not."""
        self.spent["define"] += 1
        pathway = (name in PATHWAYS) != data.draw(seldom)
        rule = self.rule_of(data) if (name in PATHWAYS) != data.draw(seldom) else None
        self.beside.define(self.issuer(data), name, text, rule, pathway=pathway)

    @precondition(turn("change_offer", 5))
    @rule(data=data_of, text=texts, ended=seldom)
    def change_offer(self, data: st.DataObject, text: int, ended: bool) -> None:
        """Another wording, another rule, or the end."""
        self.spent["change_offer"] += 1
        issuer = self.issuer(data)
        if not issuer.offers:
            return
        offer = self.one(data, list(issuer.offers.values()))
        if ended:
            self.beside.retire(issuer, offer)
        else:
            same = data.draw(st.booleans())
            rule = None if not offer.pathway else offer.wordings[-1].rule if same else self.rule_of(data)
            self.beside.revise(issuer, offer, text, rule)

    # ---------------------------------------------------------------------------------------------------- awards

    @rule(data=data_of, learner=st.sampled_from(LEARNERS), repeated=seldom)
    def issue(self, data: st.DataObject, learner: str, repeated: bool) -> None:
        """Dated around today, with or without an end; some in the future, which is refused."""
        issuer = self.issuer(data)
        dated = self.day(data) if data.draw(seldom) else self.model.today - timedelta(days=data.draw(st.integers(0, 9)))
        facts = Facts(
            number=1,
            name=self.one(data, NAMES),
            awarded_on=dated,
            valid_from=self.day(data) if data.draw(seldom) else None,
            valid_until=self.day(data) if data.draw(st.integers(0, 2)) == 2 else None,
            result=self.one(data, (None, "Pass", "Merit")),
        )
        slug = self.one(data, (*PARTS, PATHWAYS[0])) if data.draw(seldom) else self.one(data, PARTS)
        key = f"key {self.agreement.steps}" if repeated else None
        self.beside.issue(issuer, slug, learner, facts, key=key)

    @rule(data=data_of, learner=st.sampled_from(LEARNERS))
    def issue_what_is_missing(self, data: st.DataObject, learner: str) -> None:
        """Every part of a pathway that the learner does not hold."""
        issuer = self.issuer(data)
        held = {each.offer.slug for each in self.beside.awards.parts_held(issuer, learner)}
        for slug, offer in list(issuer.offers.items()):
            if not offer.pathway and not offer.retired and slug not in held:
                facts = Facts(number=1, name=NAMES[0], awarded_on=self.model.today)
                self.beside.issue(issuer, slug, learner, facts)

    @precondition(lambda self: self.model.awards)
    @rule(data=data_of, how=st.sampled_from(["well"] * 5 + ["less", "any", "twice", "more", "again"]), registrar=seldom)
    def stack(self, data: st.DataObject, how: str, registrar: bool) -> None:
        """Where somebody holds what it takes, from that; else, or for once, wrongly."""
        like, slug = self.award(data), self.one(data, PATHWAYS)
        issuer, learner, parts = like.issuer, like.learner, self.beside.awards.parts_held(like.issuer, like.learner)
        ready = list(self.beside.awards.ready(LEARNERS))
        if ready and how != "any":
            issuer, slug, learner, parts = self.one(data, ready)
        if how == "less":
            parts = parts[:-1]
        elif how == "any":
            slug = self.one(data, (*PATHWAYS, PARTS[0]))
            parts = [*parts[1:], self.award(data)]
        elif how in ("twice", "more"):
            parts = [*parts, parts[0] if how == "twice" and parts else self.award(data)]
        elif how == "again" and like.parts:
            issuer, learner, slug = like.issuer, like.learner, like.offer.slug
            parts = [part for part, _ in reversed(like.parts)]
        dated = self.day(data) if data.draw(seldom) else None
        until = self.day(data) if data.draw(seldom) else None
        self.beside.stack(issuer, slug, learner, parts, registrar=registrar, awarded_on=dated, valid_until=until)

    @precondition(lambda self: self.model.awards)
    @rule(data=data_of, what=st.sampled_from(["result", "valid_until", "valid_from", "awarded_on", "name", "number"]))
    def amend(self, data: st.DataObject, what: str) -> None:
        award = self.award(data)
        drawn: dict[str, str | int | date | None] = {}
        if what == "result":
            drawn[what] = self.one(data, (None, "Pass", "Merit"))
        elif what == "name":
            drawn[what] = self.one(data, NAMES)
        elif what == "number":
            drawn[what] = data.draw(st.integers(1, len(award.offer.wordings) + 1))
        else:
            drawn[what] = self.day(data) if what == "awarded_on" or data.draw(st.integers(0, 3)) else None
        self.beside.amend(award, drawn, self.revision(data, award))

    @precondition(lambda self: self.model.awards)
    @rule(data=data_of, kind=st.sampled_from(["suspended", "suspended", "revoked"]), retroactive=st.booleans())
    def lower(self, data: st.DataObject, kind: str, retroactive: bool) -> None:
        """A part of a stack as often as anything else."""
        stacks = [each for each in self.model.awards if each.parts]
        award, of_stack = self.award(data), data.draw(st.booleans())
        if stacks and of_stack:
            award = self.one(data, [part for part, _ in self.one(data, stacks).parts])
        day = self.day(data) if data.draw(seldom) else None
        revision = self.revision(data, award)
        self.beside.act(award, kind, day, retroactive=retroactive and kind == "revoked", revision=revision)

    @precondition(lambda self: self.model.awards)
    @rule(data=data_of)
    def reinstate(self, data: st.DataObject) -> None:
        """Mostly what is on hold or withdrawn."""
        lowered = [each for each in self.model.awards if standing(each).suspended or standing(each).revoked]
        award = self.one(data, lowered) if lowered and not data.draw(seldom) else self.award(data)
        self.beside.act(award, "reinstated", None, retroactive=False, revision=self.revision(data, award))

    # ------------------------------------------------------------------------------------- time, and the log itself

    @rule(days=st.sampled_from([0, 1, 1, 7, 30]), hours=st.integers(0, 23))
    def wait(self, days: int, hours: int) -> None:
        """Time passes, and what waited is published, as it is within a second."""
        self.beside.publish()
        self.beside.move(timedelta(days=days, hours=hours))

    @rule(seconds=st.sampled_from([1, 59, 60, 3_600, -3_600]))
    def set_clock(self, seconds: int) -> None:
        """While nothing is published; an hour back in autumn."""
        self.beside.move(timedelta(seconds=seconds))

    @rule(stamp=st.integers(0, 2**47), secret=st.binary(min_size=16, max_size=16))
    def publish(self, stamp: int, secret: bytes) -> None:
        """And nobody finds an award by trying."""
        self.beside.publish()
        self.agreement.nothing_there(new_link_code(stamp, secret))
