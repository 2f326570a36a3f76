"""One history, told step by step, in which every state is scanned and every refusal is met; nothing is drawn."""

from collections.abc import Mapping
from datetime import date, timedelta

from tests.machine.agreement import Agreement
from tests.machine.beside import Beside
from tests.machine.records import Award, Facts, Issuer, Rule

PARTS = ("cleaning", "dressing", "charting")
ALL = Rule(PARTS, None)
DAY = timedelta(days=1)


class Walk:
    """The history, chapter by chapter."""

    def __init__(self, beside: Beside) -> None:
        """Before it begins."""
        self.beside = beside
        self.model = beside.model
        self.agreement = Agreement(beside)

    def go(self) -> None:
        """All of it, both sides compared on the way and at the end."""
        for chapter in (
            self.issuers,
            self.offers,
            self.awards,
            self.stacks,
            self.changes,
            self.withdrawals,
            self.time,
            self.thieves,
            self.wordings_of_thieves,
            self.ends,
        ):
            chapter()
            self.agreement.after_step()
            self.agreement.at_the_end()
            self.beside.publish()

    @property
    def college(self) -> Issuer:
        """Whose awards these are."""
        return self.model.issuers["college"]

    def issue(self, name: str, learner: str = "S1", *, key: str | None = None, **said: date | str) -> Award:
        """An award of today unless it says otherwise; the last one that there is."""
        facts = Facts(**{"number": 1, "name": "Zoé", "awarded_on": self.model.today, **said})  # type: ignore[arg-type]
        self.beside.issue(self.college, name, learner, facts, key=key)
        return self.model.awards[-1]

    def stack(self, *parts: Award, name: str = "specialist", learner: str = "S1", registrar: bool = False) -> Award:
        """From these parts; the last award that there is."""
        self.beside.stack(self.college, name, learner, parts, registrar=registrar)
        self.agreement.after_step()
        return self.model.awards[-1]

    def amend(self, award: Award, change: Mapping[str, str | int | date | None], *, behind: int = 0) -> None:
        """By the revision that it is at, or by one that it was at before."""
        self.beside.amend(award, change, len(award.acts) - 1 - behind)
        self.agreement.after_step()

    def act(self, award: Award, kind: str, day: date | None = None, *, retroactive: bool = False) -> None:
        """By the revision that it is at."""
        self.beside.act(award, kind, day, retroactive=retroactive, revision=len(award.acts) - 1)
        self.agreement.after_step()

    # --------------------------------------------------------------------------------------------- chapters

    def issuers(self) -> None:
        """A college that a board recognises, and another college."""
        for name in ("college", "college", "board", "academy"):
            self.beside.register(name)
        board, since = self.model.issuers["board"], self.model.today - 100 * DAY
        for issuer, until in ((self.college, None), (self.college, None), (board, None), (self.college, since - DAY)):
            self.beside.recognise(issuer, board, "scheme", since, until)
        self.beside.end_recognition(self.college, board, "other", since)
        self.beside.end_recognition(self.college, board, "scheme", since - DAY)

    def offers(self) -> None:
        """Three achievements and a pathway of them."""
        college, define = self.college, self.beside.define
        for part in (*PARTS, PARTS[0]):
            define(college, part, 1, None, pathway=False)
        define(college, "specialist", 1, ALL, pathway=True)
        define(college, "assistant", 1, Rule(PARTS, 2), pathway=True)
        for wrong in (
            Rule(("unheard-of",), None),
            Rule(("strange",), None),
            Rule(("specialist",), None),
            Rule((), None),
        ):
            define(college, "strange", 1, wrong, pathway=True)
        define(college, "strange", 1, None, pathway=True)
        define(college, "strange", 1, ALL, pathway=False)
        define(self.model.issuers["academy"], PARTS[0], 1, None, pathway=False)
        for text in (1, 2):
            self.beside.revise(college, college.offers[PARTS[0]], text, None)
        self.beside.retire(college, college.offers["assistant"])
        self.beside.retire(college, college.offers["assistant"])

    def awards(self) -> None:
        """A learner's three awards, and others."""
        for part in PARTS:
            self.issue(part)
        self.issue(PARTS[0], "S2", key="once")
        self.issue(PARTS[0], "S3", awarded_on=self.model.today + 2 * DAY)
        self.issue(PARTS[0], "S3", result="Excellent")
        self.issue("specialist", "S3")
        facts = Facts(number=1, name="Zoé", awarded_on=self.model.today)
        self.beside.issue(self.model.issuers["academy"], PARTS[0], "S1", facts)

    def stacks(self) -> None:
        """With a part missing, of somebody else, of another issuer, twice, inside one another; then as it should be."""
        mine, others, foreign = self.model.awards[:3], self.model.awards[3], self.model.awards[4]
        for parts in (mine[:2], [others, *mine[1:]], [foreign, *mine[1:]], [mine[0], *mine], []):
            for registrar in (True, False):
                self.stack(*parts, registrar=registrar)
        self.stack(*mine, name="assistant")
        self.stack(*mine, name=PARTS[0])
        self.stack(*mine, name="unheard-of")
        whole = self.stack(*mine)
        self.stack(*reversed(mine))
        self.stack(*mine, whole)
        self.stack(*mine, learner="S2")

    def changes(self) -> None:
        """A part is corrected, put on hold and released; so is the stack."""
        part, whole = self.model.awards[0], self.model.awards[5]
        self.amend(part, {"result": "Merit"})
        self.amend(part, {"result": "Merit"})
        self.amend(part, {"result": None}, behind=1)
        self.amend(part, {"number": 1, "result": "Merit"})
        self.amend(part, {"number": 3})
        self.amend(part, {"valid_until": self.model.today - DAY})
        self.amend(whole, {"name": "Zoë"})
        for award in (part, whole):
            for kind in ("suspended", "suspended", "reinstated", "reinstated"):
                self.act(award, kind)
        self.act(part, "suspended", self.model.today + 3 * DAY)

    def withdrawals(self) -> None:
        """A part is withdrawn: the stack stands and says so, and no other is made from it."""
        part = self.issue(PARTS[0])
        others = self.model.awards[1:3]
        self.stack(part, *others)
        self.act(part, "revoked", self.model.today - 9 * DAY)
        self.act(part, "revoked", self.model.today - 9 * DAY, retroactive=True)
        for kind in ("revoked", "suspended", "reinstated"):
            self.act(part, kind)
        self.amend(part, {"result": "Pass"})
        self.stack(part, *others)
        self.act(self.model.awards[3], "suspended")
        self.act(self.model.awards[3], "revoked")

    def time(self) -> None:
        """Awards begin and end; what is not published for a minute is not believed."""
        self.issue(PARTS[1], "S2", valid_until=self.model.today + DAY)
        self.issue(PARTS[2], "S2", valid_from=self.model.today + 5 * DAY)
        for seconds in (59, 1, -3_600):
            self.beside.move(timedelta(seconds=seconds))
            self.agreement.at_the_end()
        self.issue(PARTS[2], "S3")
        self.agreement.at_the_end()
        self.beside.publish()
        for days in (2, 7):
            self.beside.move(days * DAY)
            self.agreement.at_the_end()
        board = self.model.issuers["board"]
        self.beside.end_recognition(self.college, board, "scheme", self.model.today - DAY)
        self.agreement.at_the_end()
        self.beside.recognise(self.college, board, "scheme", self.model.today, None)

    def thieves(self) -> None:
        """What a stolen key did counts only where it lowers an award."""
        college, beside = self.college, self.beside
        raised, lowered = self.issue(PARTS[1], "S4"), self.issue(PARTS[2], "S4")
        beside.add_key(college, root=False, recovery=False)
        thief, since = college.keys[-1], self.model.size + 1
        forged = self.issue(PARTS[0], "S4")
        self.amend(raised, {"name": "Thief"})
        self.act(lowered, "revoked")
        beside.report_key(college, thief, self.model.size + 9, recovery=False)
        beside.report_key(college, thief, since, recovery=False)
        beside.report_key(college, thief, since, recovery=True)
        self.agreement.at_the_end()
        self.amend(forged, {"name": "Bo"})
        self.amend(lowered, {"name": "Bo"})
        self.stack(forged, raised, lowered, learner="S4")
        self.act(lowered, "reinstated")
        self.issue(PARTS[0], "S4")
        self.stack(self.model.awards[-1], raised, lowered, learner="S4")

    def wordings_of_thieves(self) -> None:
        """Nobody is awarded, or measured by, what a thief worded."""
        college, beside = self.college, self.beside
        beside.add_key(college, root=False, recovery=True)
        thief, since = college.keys[-1], self.model.size
        beside.revise(college, college.offers["specialist"], 3, Rule(PARTS[:1], None))
        beside.define(college, "coding", 1, None, pathway=False)
        beside.report_key(college, thief, since, recovery=True)
        self.issue("coding", "S4")
        self.amend(self.model.awards[5], {"number": 2})
        self.agreement.at_the_end()
        beside.revise(college, college.offers["coding"], 1, None)
        self.issue("coding", "S4")

    def ends(self) -> None:
        """Achievements and keys are retired."""
        college, beside = self.college, self.beside
        beside.retire(college, college.offers[PARTS[1]])
        self.issue(PARTS[1])
        beside.revise(college, college.offers[PARTS[1]], 2, None)
        beside.retire_key(college, college.keys[0], recovery=False)
        for key in (*college.keys[1:], college.keys[1]):
            beside.retire_key(college, key, recovery=False)
        self.issue(PARTS[0])
        beside.add_key(college, root=True, recovery=False)
        beside.retire_key(college, college.keys[0], recovery=False)
