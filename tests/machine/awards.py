"""The part of the model that is about awards: issuing, stacking, and what is done to them afterwards."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from tests.machine.model import Model, Refusals
from tests.machine.records import (
    Act,
    Award,
    Facts,
    Issuer,
    Offer,
    Rule,
    disowned,
    holds,
    offered,
    standing,
    stolen,
    usable,
)


class Awards:
    """Commands on awards, for one model."""

    def __init__(self, model: Model) -> None:
        """Of what is in the model."""
        self.model = model

    def why_not_issue(self, issuer: Issuer, slug: str, facts: Facts) -> Refusals:
        """On an achievement that is on offer, with dates in order and a result that earns it."""
        offer = issuer.offers.get(slug)
        if offer is None:
            return {"Refused"}
        why = self._why_not_award(issuer, offer, facts)
        return why | {"Refused"} if offer.pathway else why

    def issue(self, issuer: Issuer, slug: str, learner: str, facts: Facts) -> Award:
        """A single award."""
        return self._award(issuer, issuer.offers[slug], learner, facts, ())

    def stack_facts(self, parts: Sequence[Award], awarded_on: date | None, valid_until: date | None) -> Facts:
        """What the award of a pathway says; who the learner is comes from the newest part."""
        newest = max((standing(part).current for part in parts), key=lambda facts: facts.awarded_on, default=None)
        name = "" if newest is None else newest.name
        return Facts(number=1, name=name, awarded_on=awarded_on or self.model.stamp.date(), valid_until=valid_until)

    def why_not_stack(self, issuer: Issuer, slug: str, learner: str, parts: Sequence[Award], facts: Facts) -> Refusals:
        """On a pathway that is on offer, from parts that satisfy its rule, once."""
        offer = issuer.offers.get(slug)
        if offer is None or not offer.pathway:
            return {"Refused"} | (set() if offer is None else self._why_not_award(issuer, offer, facts))
        why = self._why_not_award(issuer, offer, facts)
        number = offered(offer)
        if number is None:
            return why
        rule = offer.wordings[number - 1].rule
        assert rule is not None
        if not self._add_up(rule, issuer, learner, parts):
            why.add("Refused")
        if any(standing(part).current.awarded_on > facts.awarded_on for part in parts):
            why.add("Refused")
        made = self.model.stacked.get((issuer, learner, offer, number, frozenset(part.number for part in parts)), [])
        if not all(standing(each).stolen for each in made):
            why.add("AlreadyStacked")
        return why

    def stack(self, issuer: Issuer, slug: str, learner: str, parts: Sequence[Award], facts: Facts) -> Award:
        """The award of a pathway."""
        pinned = tuple((part, len(part.acts) - 1) for part in parts)
        award = self._award(issuer, issuer.offers[slug], learner, facts, pinned)
        made_of = frozenset(part.number for part in parts)
        number = standing(award).current.number
        self.model.stacked.setdefault((issuer, learner, award.offer, number, made_of), []).append(award)
        return award

    def parts_held(self, issuer: Issuer, learner: str) -> list[Award]:
        """The awards in force that could count for a pathway, the newest of each achievement."""
        good = [each for each in self.model.awards if (each.issuer, each.learner) == (issuer, learner)]
        day = self.model.stamp.date()
        newest = {each.offer.slug: each for each in good if not each.parts and holds(each, day)}
        return list(newest.values())

    def ready(self, learners: Iterable[str]) -> Iterator[tuple[Issuer, str, str, list[Award]]]:
        """Who holds enough for which pathway, by its rule, and which awards would do."""
        for issuer in self.model.issuers.values():
            for slug, offer in issuer.offers.items():
                number = offered(offer)
                rule = None if number is None or offer.retired else offer.wordings[number - 1].rule
                for learner in () if rule is None else learners:
                    held = [each for each in self.parts_held(issuer, learner) if rule and each.offer.slug in rule.parts]
                    if rule is not None and len(held) >= rule.needed:
                        yield issuer, slug, learner, held[: rule.needed]

    def _add_up(self, rule: Rule, issuer: Issuer, learner: str, parts: Sequence[Award]) -> bool:
        """Single awards of this learner, in force, each of another part of the rule, and enough of them."""
        day = self.model.stamp.date()
        slugs = [part.offer.slug for part in parts]
        good = all(
            part.issuer is issuer and part.learner == learner and not part.parts and holds(part, day) for part in parts
        )
        return good and set(slugs) <= set(rule.parts) and len(set(slugs)) == len(slugs) >= rule.needed

    def _why_not_award(self, issuer: Issuer, offer: Offer, facts: Facts) -> Refusals:
        why = set() if usable(issuer) else {"NoUsableKey"}
        number = offered(offer)
        if offer.retired:
            why.add("AchievementIsRetired")
        if number is None:
            why.add("WordingIsDisowned")
        elif self._bad(facts, offer, number):
            why.add("Refused")
        return why

    def _award(
        self, issuer: Issuer, offer: Offer, learner: str, facts: Facts, parts: tuple[tuple[Award, int], ...]
    ) -> Award:
        number = offered(offer)
        assert number is not None
        award = Award(len(self.model.awards), issuer, learner, offer, [], parts)
        self.do(award, "issued", replace(facts, number=number))
        self.model.awards.append(award)
        return award

    def _bad(self, facts: Facts, offer: Offer, number: int) -> bool:
        """Whether no wording could be awarded like this."""
        reversed_dates = facts.begins < facts.awarded_on or (facts.valid_until or date.max) < facts.begins
        results = (None, *offer.wordings[number - 1].results)
        return reversed_dates or facts.awarded_on > self.model.latest or facts.result not in results

    # ------------------------------------------------------------------------------------ what is done to them

    def do(self, award: Award, kind: str, facts: Facts | None = None) -> None:
        """One more act."""
        key = self.model.sign(award.issuer)
        position = self.model.record()
        award.acts.append(Act(kind, position, self.model.at, key, facts))

    def amended(self, award: Award, changes: Mapping[str, str | int | date | None]) -> Facts:
        """What the award would say after these changes."""
        return replace(standing(award).current, **changes)  # type: ignore[arg-type]

    def why_not_amend(self, award: Award, changes: Mapping[str, str | int | date | None], revision: int) -> Refusals:
        """Another version of an award that is neither revoked nor a thief's."""
        why = self._why_not_act(award, revision)
        now = standing(award)
        new, wordings = self.amended(award, changes), award.offer.wordings
        if now.stolen:
            why.add("CredentialIsDisowned")
        if now.revoked is not None:
            why.add("CredentialIsRevoked")
        if not 1 <= new.number <= len(wordings):
            return why | {"Refused"}
        wording = wordings[new.number - 1]
        if "number" in changes and stolen(wording.key, wording.position):
            why.add("WordingIsDisowned")
        if new == now.current or self._bad(new, award.offer, new.number):
            why.add("Refused")
        return why

    def why_not(self, award: Award, kind: str, day: date | None, retroactive: bool, revision: int) -> Refusals:
        """Suspend, reinstate, revoke: which may follow what, and from which day on."""
        why = self._why_not_act(award, revision)
        now = standing(award)
        if kind == "suspended" and now.suspended is not None:
            why.add("CredentialAlreadySuspended")
        if kind == "suspended" and now.revoked is not None:
            why.add("CredentialIsRevoked")
        if kind == "reinstated" and now.suspended is None and now.revoked is None:
            why.add("CredentialNotSuspended")
        if day is not None and (day > self.model.latest or (day < now.current.awarded_on and not retroactive)):
            why.add("Refused")
        return why

    def _why_not_act(self, award: Award, revision: int) -> Refusals:
        why = set() if usable(award.issuer) else {"NoUsableKey"}
        revoked = standing(award).revoked
        if revoked is not None and not disowned(revoked):
            why.add("CredentialIsRevoked")  # for good
        if revision != len(award.acts) - 1:
            why.add("VersionConflict")
        return why
