"""The ledger beside its model: each command is put to both, and what both say of it is compared.

Where there is a second ledger, on another engine, it must answer with the same words, positions and ids as the first.
Nothing is drawn here; who calls says what is done. Time and publishing stand still until they are moved.
"""

from collections.abc import Coroutine, Mapping, Sequence
from datetime import date
from typing import TypeVar

from ledger.application.achievements import Achievements
from ledger.application.ports import Appended, Caller
from ledger.application.stacking import StackRequest
from ledger.bootstrap import Ledger
from ledger.domain.codes import format_link_code
from ledger.domain.types import Kid, Position, StreamId
from ledger.domain.values import Reason, Role, slug
from tests.machine.asking import Asking
from tests.machine.home import REGISTRIES, columns, definition
from tests.machine.records import Award, Facts, Issuer, Key, Offer, Rule

T = TypeVar("T")

OPERATOR = Caller(actor="operator", issuer=None)


class Beside(Asking):
    """The commands, put to both, and what is in one called as it is in the other."""

    # --------------------------------------------------------------------------------------------------- issuers

    def register(self, name: str) -> None:
        """A new issuer, or one that there is already."""
        why = {"NameTaken"} if name in self.model.issuers else set()
        profile = {"name": name.title(), "recognising_body": name in REGISTRIES}
        answer = self.put("register", why, lambda ledger: ledger.issuers.register(OPERATOR, slug(name), profile))
        if answer is not None:
            self.streams[name] = answer.stream
            first, second = self.services.ledger.desk.draft().issuer(answer.stream).keys
            self.model.register(name, root=first, signing=second)

    def add_key(self, issuer: Issuer, *, root: bool, recovery: bool) -> None:
        """One more key."""
        role = Role.ROOT if root else Role.SIGNING
        why = self.model.why_not_root(issuer, recovery)
        stream = self.streams[issuer.slug]
        answer = self.put(
            "add key", why, lambda ledger: ledger.issuers.add_key(OPERATOR, stream, role, recovery=recovery)
        )
        if answer is not None:
            self.model.add_key(issuer, answer.kid, root=root, recovery=recovery)

    def retire_key(self, issuer: Issuer, key: Key, *, recovery: bool) -> None:
        """A key signs nothing more."""
        kid, stream = Kid(key.name), self.streams[issuer.slug]
        why = self.model.why_not_retire_key(issuer, key, recovery)
        if self.put(
            "retire key", why, lambda ledger: ledger.issuers.retire_key(OPERATOR, stream, kid, recovery=recovery)
        ):
            self.model.record()
            key.retired = True

    def report_key(self, issuer: Issuer, key: Key, start: int, *, recovery: bool) -> None:
        """A key was stolen."""
        stream = self.streams[issuer.slug]
        why = self.model.why_not_report(issuer, key, start, recovery)
        kid, since = Kid(key.name), Position(start)

        def report(ledger: Ledger) -> Coroutine[object, object, object]:
            return ledger.issuers.report_compromised(OPERATOR, stream, kid, since, recovery=recovery)

        if self.put("report key", why, report):
            key.reports.append((start, self.model.record()))

    def recognise(self, issuer: Issuer, body: Issuer, scheme: str, since: date, until: date | None) -> None:
        """A body recognises an issuer."""
        streams = self.streams[issuer.slug], self.streams[body.slug]
        why = self.model.why_not_recognise(issuer, body, scheme, since, until)

        def state(ledger: Ledger) -> Coroutine[object, object, object]:
            return ledger.issuers.recognise(OPERATOR, *streams, slug(scheme), since, until)

        if self.put("recognise", why, state):
            self.model.recognise(issuer, body, scheme, since, until)

    def end_recognition(self, issuer: Issuer, body: Issuer, scheme: str, until: date) -> None:
        """Its last day."""
        streams = self.streams[issuer.slug], self.streams[body.slug]
        why = self.model.why_not_end(issuer, body, scheme, until)

        def end(ledger: Ledger) -> Coroutine[object, object, object]:
            return ledger.issuers.end_recognition(OPERATOR, *streams, slug(scheme), until)

        if self.put("end recognition", why, end):
            self.model.end(issuer, body, scheme, until)

    # ------------------------------------------------------------------------------------------------------ offers

    def define(self, issuer: Issuer, name: str, text: int, rule: Rule | None, *, pathway: bool) -> None:
        """A new achievement or pathway."""
        stream = self.streams[issuer.slug]
        why = self.model.why_not_define(issuer, name, pathway, rule)
        stated = definition(name, text, rule)
        answer = self.put(
            f"define {_noun(pathway)}", why, lambda ledger: _family(ledger, pathway).define(stream, stated)
        )
        if answer is not None:
            self.streams[f"{issuer.slug}/{name}"] = answer.stream
            self.model.word(issuer, name, text, rule)

    def revise(self, issuer: Issuer, offer: Offer, text: int, rule: Rule | None) -> None:
        """Its next wording."""
        pathway, streams = offer.pathway, self._offer(issuer, offer)
        why = self.model.why_not_revise(issuer, offer, text, rule)
        stated = definition(offer.slug, text, rule)
        if self.put(f"revise {_noun(pathway)}", why, lambda ledger: _family(ledger, pathway).revise(*streams, stated)):
            self.model.word(issuer, offer.slug, text, rule)

    def retire(self, issuer: Issuer, offer: Offer) -> None:
        """Nothing more is awarded on it."""
        pathway, streams = offer.pathway, self._offer(issuer, offer)
        why = self.model.why_not_retire(issuer, offer)
        if self.put(f"retire {_noun(pathway)}", why, lambda ledger: _family(ledger, pathway).retire(*streams)):
            self.model.record()
            offer.retired = True

    def _offer(self, issuer: Issuer, offer: Offer) -> tuple[StreamId, StreamId]:
        return self.streams[issuer.slug], self.streams[f"{issuer.slug}/{offer.slug}"]

    # ------------------------------------------------------------------------------------------------------ awards

    def issue(self, issuer: Issuer, name: str, learner: str, facts: Facts, *, key: str | None = None) -> None:
        """A single award."""
        row = {"student_number": learner, "full_name": facts.name, "achievement": name, **columns(facts)}
        stream, why = self.streams[issuer.slug], self.awards.why_not_issue(issuer, name, facts)

        def ask(ledger: Ledger, **changed: str) -> Coroutine[object, object, Appended]:
            return ledger.issuing.issue(OPERATOR, stream, row | changed, idempotency_key=key)

        answer = self.put("issue", why, ask)
        if answer is not None:
            self._awarded(self.awards.issue(issuer, name, learner, facts), answer)
            if key is not None:
                again = self.put("issue again", set(), ask)
                assert again is not None
                assert (again.stream, again.replayed) == (answer.stream, True)
                taken = {"IdempotencyMismatch"}
                self.put("issue otherwise", taken, lambda ledger: ask(ledger, full_name="Another"))

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
        answer = self.put("stack", why, lambda ledger: ledger.stacking.stack(caller, stream, request))
        if answer is not None:
            self._awarded(self.awards.stack(issuer, name, learner, parts, facts), answer)

    def _awarded(self, award: Award, answer: Appended) -> None:
        record = self.all_say("record", lambda side: side.services.ledger.awards.read(OPERATOR, answer.stream))
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
        stream = self.credentials[award.number]
        why = self.awards.why_not_amend(award, changes, revision)
        new = self.awards.amended(award, changes)

        def change(ledger: Ledger) -> Coroutine[object, object, Appended]:
            return ledger.changing.amend(OPERATOR, stream, values, Reason.OTHER, if_revision=revision)

        if self.put("amend", why, change):
            self.awards.do(award, "amended", new)

    def act(self, award: Award, kind: str, day: date | None, *, retroactive: bool, revision: int) -> None:
        """Suspend, reinstate or revoke."""
        why = self.awards.why_not(award, kind, day, retroactive, revision)
        stream, error = self.credentials[award.number], Reason.ISSUED_IN_ERROR

        def act(ledger: Ledger) -> Coroutine[object, object, Appended]:
            do = ledger.changing
            if kind == "reinstated":
                return do.reinstate(OPERATOR, stream, if_revision=revision)
            if kind == "suspended":
                return do.suspend(OPERATOR, stream, Reason.OTHER, effective=day, if_revision=revision)
            return do.revoke(OPERATOR, stream, error, effective=day, retroactive=retroactive, if_revision=revision)

        if self.put(kind, why, act):
            self.awards.do(award, kind)


def _noun(pathway: bool) -> str:
    return "pathway" if pathway else "achievement"


def _family(ledger: Ledger, pathway: bool) -> Achievements:
    return ledger.pathways if pathway else ledger.achievements
