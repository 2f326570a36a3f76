"""The ledger beside its model: each command is put to both, and what both say of it is compared.

Nothing is drawn here; who calls says what is done. Time and publishing stand still until they are moved.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from ledger.adapters.background import Background
from ledger.adapters.home import Home
from ledger.application.achievements import Achievements
from ledger.application.ports import Appended, Caller
from ledger.application.stacking import StackRequest
from ledger.bootstrap import open_ledger
from ledger.domain.codes import format_link_code
from ledger.domain.types import Kid, LearnerId, Position, StreamId
from ledger.domain.values import Reason, Role, slug
from ledger.errors import LedgerError
from ledger.testing.faults import FakeClock
from projections.views import SqliteViews, open_views
from tests.machine.awards import Awards
from tests.machine.home import BEGINNING, REGISTRIES, columns, definition
from tests.machine.model import Model
from tests.machine.records import Award, Facts, Issuer, Key, Offer, Rule
from verify_api.issuer.context import Context
from verify_api.issuer.wallets import Wallets
from verify_api.services import Services

T = TypeVar("T")

OPERATOR = Caller(actor="operator", issuer=None)


@dataclass(slots=True, kw_only=True)
class Beside:
    """Both, and how what is in one is called in the other."""

    model: Model
    awards: Awards
    services: Services
    wallets: Wallets
    clock: FakeClock
    tally: Counter[str]
    say: Callable[[str], None]  # hears of each command and what became of it
    streams: dict[str, StreamId]  # of issuers and offers, by slugs
    credentials: list[StreamId]  # of the model's awards
    codes: list[str]
    learners: dict[tuple[str, str], LearnerId]
    closing: ExitStack

    @staticmethod
    def open(folder: Path, tally: Counter[str], say: Callable[[str], None]) -> "Beside":
        """Over a home that `make_home` made, with an empty model."""
        clock = FakeClock(BEGINNING)
        home, model = Home(folder), Model(BEGINNING)
        with ExitStack() as closing:
            ledger = open_ledger(home, clock=clock)
            closing.callback(ledger.close)
            ledger.publisher.close()  # from here on this publishes when it is told to
            views = open_views(SqliteViews(home.views), ledger.store, ledger.boxes)
            closing.callback(views.close)
            worker = Background(views.catch_up, name="views", interval=0.0, failed=lambda _: None)
            services = Services(
                ledger=ledger, scanning=ledger.scanning(), views=views, worker=worker, following=False, watch=None
            )
            return Beside(
                model=model,
                awards=Awards(model),
                services=services,
                wallets=Wallets(Context(services)),
                clock=clock,
                tally=tally,
                say=say,
                streams={},
                credentials=[],
                codes=[],
                learners={},
                closing=closing.pop_all(),
            )

    def put(self, what: str, why_not: set[str], command: Callable[[], Coroutine[object, object, T]]) -> T | None:
        """What the ledger answers; None where it refuses, for a reason that the model knows too."""
        answer: T | None = None
        refused: LedgerError | None = None
        try:
            answer = asyncio.run(command())
        except LedgerError as error:
            refused = error
        name = type(refused).__name__
        if refused is not None:
            self.say(f"{what}: refused, {refused}")
            self.tally[f"refused: {name}"] += 1
            self.tally[f"{what}: refused"] += 1
            assert name in why_not, f"{what} was refused with {name} ({refused}); the model: {sorted(why_not)}"
            return None
        self.say(f"{what}: taken at {self.model.size + 1}, {answer}")
        assert not why_not, f"{what} was taken; the model refuses it: {sorted(why_not)}"
        self.tally[f"{what}: taken"] += 1
        return answer

    # ------------------------------------------------------------------------------------------ time and publishing

    def move(self, by: timedelta) -> None:
        """Set the clock on, or back."""
        self.model.now += by
        self.clock.at = self.model.now
        self.tally["clock back" if by < timedelta(0) else "clock on"] += 1

    def publish(self) -> None:
        """Sign a checkpoint over everything."""
        self.services.ledger.publishing.publish()
        self.model.published = self.model.size
        self.tally["published"] += 1

    # --------------------------------------------------------------------------------------------------- issuers

    def register(self, name: str) -> None:
        """A new issuer, or one that there is already."""
        ledger = self.services.ledger
        why = {"NameTaken"} if name in self.model.issuers else set()
        profile = {"name": name.title(), "recognising_body": name in REGISTRIES}
        answer = self.put("register", why, lambda: ledger.issuers.register(OPERATOR, slug(name), profile))
        if answer is not None:
            self.streams[name] = answer.stream
            first, second = ledger.desk.draft().issuer(answer.stream).keys
            self.model.register(name, root=first, signing=second)

    def add_key(self, issuer: Issuer, *, root: bool, recovery: bool) -> None:
        """One more key."""
        role, add = Role.ROOT if root else Role.SIGNING, self.services.ledger.issuers.add_key
        why = self.model.why_not_root(issuer, recovery)
        stream = self.streams[issuer.slug]
        answer = self.put("add key", why, lambda: add(OPERATOR, stream, role, recovery=recovery))
        if answer is not None:
            self.model.add_key(issuer, answer.kid, root=root, recovery=recovery)

    def retire_key(self, issuer: Issuer, key: Key, *, recovery: bool) -> None:
        """A key signs nothing more."""
        retire, stream = self.services.ledger.issuers.retire_key, self.streams[issuer.slug]
        why = self.model.why_not_retire_key(issuer, key, recovery)
        if self.put("retire key", why, lambda: retire(OPERATOR, stream, Kid(key.name), recovery=recovery)):
            self.model.record()
            key.retired = True

    def report_key(self, issuer: Issuer, key: Key, start: int, *, recovery: bool) -> None:
        """A key was stolen."""
        report, stream = self.services.ledger.issuers.report_compromised, self.streams[issuer.slug]
        why = self.model.why_not_report(issuer, key, start, recovery)
        kid, since = Kid(key.name), Position(start)
        if self.put("report key", why, lambda: report(OPERATOR, stream, kid, since, recovery=recovery)):
            key.reports.append((start, self.model.record()))

    def recognise(self, issuer: Issuer, body: Issuer, scheme: str, since: date, until: date | None) -> None:
        """A body recognises an issuer."""
        streams, state = (self.streams[issuer.slug], self.streams[body.slug]), self.services.ledger.issuers.recognise
        why = self.model.why_not_recognise(issuer, body, scheme, since, until)
        if self.put("recognise", why, lambda: state(OPERATOR, *streams, slug(scheme), since, until)):
            self.model.recognise(issuer, body, scheme, since, until)

    def end_recognition(self, issuer: Issuer, body: Issuer, scheme: str, until: date) -> None:
        """Its last day."""
        streams, end = (self.streams[issuer.slug], self.streams[body.slug]), self.services.ledger.issuers
        why = self.model.why_not_end(issuer, body, scheme, until)
        if self.put("end recognition", why, lambda: end.end_recognition(OPERATOR, *streams, slug(scheme), until)):
            self.model.end(issuer, body, scheme, until)

    # ------------------------------------------------------------------------------------------------------ offers

    def define(self, issuer: Issuer, name: str, text: int, rule: Rule | None, *, pathway: bool) -> None:
        """A new achievement or pathway."""
        family, stream = self._family(pathway), self.streams[issuer.slug]
        why = self.model.why_not_define(issuer, name, pathway, rule)
        stated = definition(name, text, rule)
        answer = self.put(f"define {family.noun}", why, lambda: family.define(stream, stated))
        if answer is not None:
            self.streams[f"{issuer.slug}/{name}"] = answer.stream
            self.model.word(issuer, name, text, rule)

    def revise(self, issuer: Issuer, offer: Offer, text: int, rule: Rule | None) -> None:
        """Its next wording."""
        family, streams = self._family(offer.pathway), self._offer(issuer, offer)
        why = self.model.why_not_revise(issuer, offer, text, rule)
        stated = definition(offer.slug, text, rule)
        if self.put(f"revise {family.noun}", why, lambda: family.revise(*streams, stated)):
            self.model.word(issuer, offer.slug, text, rule)

    def retire(self, issuer: Issuer, offer: Offer) -> None:
        """Nothing more is awarded on it."""
        family, streams = self._family(offer.pathway), self._offer(issuer, offer)
        why = self.model.why_not_retire(issuer, offer)
        if self.put(f"retire {family.noun}", why, lambda: family.retire(*streams)):
            self.model.record()
            offer.retired = True

    def _family(self, pathway: bool) -> Achievements:
        return self.services.ledger.pathways if pathway else self.services.ledger.achievements

    def _offer(self, issuer: Issuer, offer: Offer) -> tuple[StreamId, StreamId]:
        return self.streams[issuer.slug], self.streams[f"{issuer.slug}/{offer.slug}"]

    # ------------------------------------------------------------------------------------------------------ awards

    def issue(self, issuer: Issuer, name: str, learner: str, facts: Facts, *, key: str | None = None) -> None:
        """A single award."""
        row = {"student_number": learner, "full_name": facts.name, "achievement": name, **columns(facts)}
        stream, ask = self.streams[issuer.slug], self.services.ledger.issuing.issue
        why = self.awards.why_not_issue(issuer, name, facts)
        answer = self.put("issue", why, lambda: ask(OPERATOR, stream, row, idempotency_key=key))
        if answer is not None:
            self._awarded(self.awards.issue(issuer, name, learner, facts), answer)
            if key is not None:
                again = self.put("issue again", set(), lambda: ask(OPERATOR, stream, row, idempotency_key=key))
                assert again is not None
                assert (again.stream, again.replayed) == (answer.stream, True)
                other = {**row, "full_name": "Another"}
                taken = {"IdempotencyMismatch"}
                self.put("issue otherwise", taken, lambda: ask(OPERATOR, stream, other, idempotency_key=key))

    def stack(
        self,
        issuer: Issuer,
        name: str,
        learner: str,
        parts: Sequence[Award],
        *,
        registrar: bool,
        awarded_on: date | None = None,
        valid_until: date | None = None,
    ) -> None:
        """The award of a pathway."""
        record = self.learners.get((issuer.slug, learner))
        if record is None:
            return  # nobody who could be asked about
        days = {"awarded_on": awarded_on, "valid_until": valid_until}
        facts = self.awards.stack_facts(parts, **days)
        request = StackRequest(
            learner=record,
            pathway=name,
            components=tuple(self.credentials[part.number] for part in parts),
            details={what: day.isoformat() for what, day in days.items() if day is not None},
        )
        stream = self.streams[issuer.slug]
        caller = Caller(actor="registrar", issuer=stream) if registrar else OPERATOR
        why = self.awards.why_not_stack(issuer, name, learner, parts, facts)
        answer = self.put("stack", why, lambda: self.services.ledger.stacking.stack(caller, stream, request))
        if answer is not None:
            self._awarded(self.awards.stack(issuer, name, learner, parts, facts), answer)

    def _awarded(self, award: Award, answer: Appended) -> None:
        record = self.services.ledger.awards.read(OPERATOR, answer.stream)
        self.credentials.append(answer.stream)
        self.codes.append(format_link_code(record.issued.code))
        assert self.learners.setdefault((award.issuer.slug, award.learner), record.issued.learner) == (
            record.issued.learner
        )
        assert answer.position == award.acts[0].position

    def amend(self, award: Award, changes: Mapping[str, str | int | date | None], revision: int) -> None:
        """Another version."""
        columns = {"number": "achievement_version", "name": "full_name"}
        values = {columns.get(what, what): "" if new is None else str(new) for what, new in changes.items()}
        stream, change = self.credentials[award.number], self.services.ledger.changing.amend
        why = self.awards.why_not_amend(award, changes, revision)
        new = self.awards.amended(award, changes)
        if self.put("amend", why, lambda: change(OPERATOR, stream, values, Reason.OTHER, if_revision=revision)):
            self.awards.do(award, "amended", new)

    def act(self, award: Award, kind: str, day: date | None, *, retroactive: bool, revision: int) -> None:
        """Suspend, reinstate or revoke."""
        why = self.awards.why_not(award, kind, day, retroactive, revision)
        if self.put(kind, why, lambda: self._act(award, kind, day, retroactive, revision)):
            self.awards.do(award, kind)

    def _act(
        self, award: Award, kind: str, day: date | None, retroactive: bool, revision: int
    ) -> Coroutine[object, object, Appended]:
        stream, changing = self.credentials[award.number], self.services.ledger.changing
        if kind == "reinstated":
            return changing.reinstate(OPERATOR, stream, if_revision=revision)
        if kind == "suspended":
            return changing.suspend(OPERATOR, stream, Reason.OTHER, effective=day, if_revision=revision)
        why = Reason.ISSUED_IN_ERROR
        return changing.revoke(OPERATOR, stream, why, effective=day, retroactive=retroactive, if_revision=revision)
