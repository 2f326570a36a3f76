"""What the ledger should hold after each command, kept in plain records and dates: issuers, offers, time.

Written from the design, not from the code: no rule of the ledger is imported. A command has two methods, `why_not_...`
(the names of the errors it may be refused with; none: it is taken) and one that takes it. Commands on awards are in
`tests.machine.awards`; what a scan, a wallet and an audit should then say is in `tests.machine.expected`.
"""

from datetime import date, datetime, timedelta

from tests.machine.records import Award, Issuer, Key, Offer, Recognition, Rule, Wording, stolen, usable

EARLIEST_ZONE = timedelta(hours=14)  # where a day begins first
Refusals = set[str]


class Model:
    """Everything, and the time."""

    def __init__(self, now: datetime) -> None:
        """A ledger whose first entry has been published, with the statement that every publication ends in."""
        self.now = now  # what the clock shows
        self.at = now  # recorded time of the last entry
        self.size = 2
        self.published = 2
        self.issuers: dict[str, Issuer] = {}
        self.awards: list[Award] = []
        self.stacked: dict[tuple[Issuer, str, Offer, int, frozenset[int]], list[Award]] = {}

    @property
    def today(self) -> date:
        """For whoever reads."""
        return self.now.date()

    @property
    def stamp(self) -> datetime:
        """For what is recorded next: time in the log never runs back."""
        return max(self.now, self.at)

    @property
    def latest(self) -> date:
        """The last day that is not in the future somewhere on earth."""
        return (self.stamp + EARLIEST_ZONE).date()

    def record(self) -> int:
        """The position of one more entry."""
        self.at = self.stamp
        self.size += 1
        return self.size

    def publish(self) -> None:
        """What is new, and one more entry, which states how all of it stands."""
        if self.size > self.published:
            self.published = self.record()

    def sign(self, issuer: Issuer, *, root: bool = False) -> Key:
        """The key that signs what is taken."""
        key = usable(issuer, root=root)
        assert key is not None
        return key

    # ---------------------------------------------------------------------------------------------- issuers

    def register(self, slug: str, root: str, signing: str) -> None:
        """Two entries: the registration brings the root key, which brings in a signing key."""
        first = Key(name=root, root=True, added=self.record(), brought_in_by=None)
        second = Key(name=signing, root=False, added=self.record(), brought_in_by=first)
        self.issuers[slug] = Issuer(slug=slug, keys=[first, second])

    def why_not_root(self, issuer: Issuer, recovery: bool) -> Refusals:
        """A change of keys is signed by a root key, or by the operator in its place."""
        return set() if recovery or usable(issuer, root=True) else {"NoUsableKey"}

    def add_key(self, issuer: Issuer, name: str, *, root: bool, recovery: bool) -> None:
        """One more key."""
        by = None if recovery else self.sign(issuer, root=True)
        issuer.keys.append(Key(name=name, root=root, added=self.record(), brought_in_by=by))

    def why_not_retire_key(self, issuer: Issuer, key: Key, recovery: bool) -> Refusals:
        """Once, and never the last root key."""
        why = self.why_not_root(issuer, recovery)
        if key.retired:
            why.add("KeyAlreadyRetired")
        elif [each for each in issuer.keys if each.root and not each.retired] == [key]:
            why.add("LastRootKey")
        return why

    def why_not_report(self, issuer: Issuer, key: Key, start: int, recovery: bool) -> Refusals:
        """From a position of the recorded history, and an earlier one each time."""
        why = self.why_not_root(issuer, recovery)
        if not 1 <= start <= self.size + 1:
            why.add("IssuerError")
        if any(before <= start for before, _ in key.reports):
            why.add("CompromiseNotEarlier")
        return why

    def why_not_recognise(self, issuer: Issuer, body: Issuer, scheme: str, since: date, until: date | None) -> Refusals:
        """Another one, once at a time, for a period."""
        why = _unsigned(body)
        if body is issuer:
            why.add("SelfRecognition")
        if until is not None and until < since:
            why.add("PeriodReversed")
        if _open(issuer, body, scheme) is not None:
            why.add("AlreadyRecognised")
        return why

    def recognise(self, issuer: Issuer, body: Issuer, scheme: str, since: date, until: date | None) -> None:
        """The body states it in the stream of the issuer."""
        key = self.sign(body)
        issuer.recognitions.append(Recognition(body, key, self.record(), scheme, since, until))

    def why_not_end(self, issuer: Issuer, body: Issuer, scheme: str, until: date) -> Refusals:
        """What stands is ended, not before it began and not later than it would have."""
        standing = _open(issuer, body, scheme)
        why = _unsigned(body)
        if standing is None:
            why.add("NotRecognised")
        elif until < standing.since or (standing.until is not None and until > standing.until):
            why.add("PeriodReversed")
        return why

    def end(self, issuer: Issuer, body: Issuer, scheme: str, until: date) -> None:
        """Its last day."""
        standing = _open(issuer, body, scheme)
        assert standing is not None
        standing.until, standing.ended = until, True
        self.record()

    # ------------------------------------------------------------------------------- achievements and pathways

    def why_not_word(self, issuer: Issuer, slug: str, pathway: bool, rule: Rule | None) -> Refusals:
        """A rule names achievements of the issuer; a pathway has one, an achievement has none."""
        why = _unsigned(issuer)
        if pathway != (rule is not None) or (rule is not None and not 1 <= rule.needed <= len(rule.parts)):
            why.add("Refused")
        for part in () if rule is None else rule.parts:
            if part == slug or part not in issuer.offers or issuer.offers[part].pathway:
                why.add("Refused")
        return why

    def why_not_define(self, issuer: Issuer, slug: str, pathway: bool, rule: Rule | None) -> Refusals:
        """Each slug once, whatever it names."""
        why = self.why_not_word(issuer, slug, pathway, rule)
        return why | {"NameTaken"} if slug in issuer.offers else why

    def why_not_revise(self, issuer: Issuer, offer: Offer, text: int, rule: Rule | None) -> Refusals:
        """Another wording than the present one, which may be stated again where a thief stated it."""
        why = self.why_not_word(issuer, offer.slug, offer.pathway, rule)
        last = offer.wordings[-1]
        if (last.text, last.rule) == (text, rule) and not stolen(last.key, last.position):
            why.add("DefinitionUnchanged")
        return why | {"AchievementIsRetired"} if offer.retired else why

    def word(self, issuer: Issuer, slug: str, text: int, rule: Rule | None) -> None:
        """One more wording, the first one too."""
        key = self.sign(issuer)
        wording = Wording(position=self.record(), key=key, text=text, rule=rule)
        offer = issuer.offers.setdefault(slug, Offer(slug=slug, pathway=rule is not None, wordings=[]))
        offer.wordings.append(wording)

    def why_not_retire(self, issuer: Issuer, offer: Offer) -> Refusals:
        """Once."""
        return _unsigned(issuer) | ({"AchievementIsRetired"} if offer.retired else set())


def _unsigned(issuer: Issuer) -> Refusals:
    return set() if usable(issuer) else {"NoUsableKey"}


def _open(issuer: Issuer, body: Issuer, scheme: str) -> Recognition | None:
    found = [each for each in issuer.recognitions if (each.body, each.scheme, each.ended) == (body, scheme, False)]
    return found[0] if found else None
