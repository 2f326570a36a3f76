"""What the ledger says, in the words of the model: scans, wallets, candidates, audit and views, each compared."""

from ledger.audit.report import AuditReport
from ledger.domain.codes import format_link_code
from ledger.domain.types import LinkCode
from ledger.domain.values import issuer_did, slug
from ledger.verification.verdict import Verdict
from projections.wallets import IssuerWallet
from tests.machine import expected
from tests.machine.beside import OPERATOR, Beside
from tests.machine.home import REGISTRIES
from tests.machine.likeness import appended, audited, every_cell, every_row, histories, searches
from tests.machine.records import Award, Issuer, holds, standing

WORDS = ("zoe", "LI", "s2", "cleaning zoé", "nobody")  # that awards are searched by


class Agreement:
    """Compares everything after each step."""

    def __init__(self, beside: Beside) -> None:
        """Before the first step."""
        self.beside = beside
        self.steps = 0
        self._seen = 0  # entries that were compared

    def after_step(self) -> None:
        """Both sides say the same of every award and every learner, and the history is sound."""
        self.steps += 1
        model = self.beside.model
        before, self._seen = self._seen, model.size
        size, at, _ = self.beside.all_say("entries", lambda side: appended(side, before))
        assert (size, at) == (model.size, model.at)
        self._everything()
        self._sound(audited(self.beside.sides[0], views=False))

    def at_the_end(self) -> None:
        """Both sides say the same of everything, and the views are those that the events give."""
        self._everything()
        beside = self.beside
        beside.all_say("cells of the views", every_cell)
        assert beside.all_say("differences", lambda side: list(side.services.views.differences())) == []
        assert beside.all_say("parked", lambda side: list(side.services.views.parked())) == []
        beside.all_say("searches", lambda side: searches(side, WORDS, beside.model.today))
        beside.all_say("histories", lambda side: histories(side, beside.credentials))
        beside.all_say("rows", every_row)
        self._sound(beside.all_say("audit", lambda side: audited(side, views=True)))

    def _everything(self) -> None:
        awards = self.beside.model.awards
        for award in awards:
            self._scans(award)
        for issuer, learner in {(award.issuer, award.learner): None for award in awards}:
            self._wallet(issuer, learner)

    # ------------------------------------------------------------------------------------------------- scans

    def _scans(self, award: Award) -> None:
        """As printed first, as it stands now, and as never printed; other versions in turn."""
        versions = sum(act.facts is not None for act in award.acts)
        numbers = {1, standing(award).version, 1 + self.steps % (versions + 1)}
        for printed in (None, *sorted(numbers)):
            self._scan(award, printed)

    def _scan(self, award: Award, printed: int | None) -> None:
        beside = self.beside
        code = beside.codes[award.number]
        verdict = beside.all_say("scan", lambda side: side.services.scanning.scan(code, printed))
        wanted = expected.scan(beside.model, award, printed, REGISTRIES)
        beside.tally[f"scan: {wanted.state}"] += 1
        for notice in wanted.notices:
            beside.tally[f"notice: {notice}"] += 1
        assert told(verdict) == wanted, f"award {award.number}, version {printed}"
        assert verdict.scanned_version == (wanted.current if printed is None else printed) or wanted.current is None
        assert [beside.codes.index(format_link_code(part.code)) for part in verdict.components] == (
            [part.number for part, _ in award.parts] if wanted.current else []
        )

    def nothing_there(self, code: LinkCode) -> None:
        """A code that was never handed out leads nowhere."""
        text = format_link_code(code)
        verdict = self.beside.all_say("scan", lambda side: side.services.scanning.scan(text, None))
        self.beside.tally[f"scan: {verdict.state.value}"] += 1
        assert told(verdict) == expected.Scan("not_found")

    # ------------------------------------------------------------------------------------------------ wallets

    def _wallet(self, issuer: Issuer, learner: str) -> None:
        beside, model = self.beside, self.beside.model
        record = beside.learners[issuer.slug, learner]
        did = issuer_did(beside.services.ledger.operator.did, slug(issuer.slug))
        (shown,) = beside.all_say("wallet", lambda side: side.wallets.of(OPERATOR, str(record), model.today))
        assert shown.wallet.issuer == did
        wanted = expected.wallet(model, issuer, learner)
        assert self._held(shown.wallet) == wanted
        for each in wanted:
            beside.tally[f"wallet: {each.status}"] += 1
        progress = {
            str(each.pathway.slug): expected.Progress(
                each.progress.held,
                each.progress.needed,
                tuple(each.progress.missing),
                None if each.awarded is None else beside.credentials.index(each.awarded),
            )
            for each in shown.progress
        }
        assert progress == expected.progress(model, issuer, learner)
        for reached in progress.values():
            beside.tally[f"progress: {reached.held} of {reached.needed}"] += 1
        found = beside.all_say("candidates", lambda side: side.services.views.candidates(did, record, model.today))
        candidates = [
            (beside.credentials.index(each.credential_id), each.achievement_slug, each.in_force, each.is_stack)
            for each in found
        ]
        own = [award for award in model.awards if award.issuer is issuer and award.learner == learner]
        assert candidates == [
            (each.number, each.offer.slug, holds(each, model.today), bool(each.parts)) for each in own
        ]

    def _held(self, wallet: IssuerWallet) -> list[expected.Held]:
        today, numbers = self.beside.model.today, self.beside.credentials
        return [
            expected.Held(
                number=numbers.index(each.row.credential_id),
                status=each.status.value,
                in_force=each.in_force,
                version=each.row.version,
                facts=(
                    each.row.learner_name,
                    each.row.awarded_on,
                    each.row.valid_from,
                    each.row.valid_until,
                    each.row.result,
                    each.row.achievement_name,
                ),
                parts=tuple(
                    (
                        numbers.index(part.credential_id),
                        int(part.seq),
                        "" if part.row is None else part.row.status_on(today).value,
                    )
                    for part in each.parts
                ),
            )
            for each in wallet.awards
        ]

    # -------------------------------------------------------------------------------------------------- audit

    def _sound(self, report: AuditReport) -> None:
        """The whole history is sound, and as long as the model's."""
        assert report.problems == ()
        assert (report.sound, report.events) == (True, self.beside.model.size)
        assert report.checkpoint is not None
        assert report.checkpoint.size == self.beside.model.published
        self.beside.tally["audit: sound"] += 1


def told(verdict: Verdict) -> expected.Scan:
    """A verdict in the words of the model."""
    if verdict.award is None:
        return expected.Scan(verdict.state.value, notices=verdict.notices, in_force=verdict.in_force)
    award = verdict.award
    return expected.Scan(
        state=verdict.state.value,
        notices=verdict.notices,
        in_force=verdict.in_force,
        current=verdict.current_version,
        award=(
            award.learner,
            award.awarded_on,
            award.valid_from,
            award.valid_until,
            award.result,
            award.definition.name,
        ),
        change=None if verdict.change is None else verdict.change.kind,
        thieves=tuple(line.disowned for line in verdict.history),
        parts=tuple((part.state.value, part.in_force, part.version) for part in verdict.components),
    )
