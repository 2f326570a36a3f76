"""What the ledger says, in the words of the model: scans, wallets, candidates, audit and views, each compared."""

from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.adapters.vault import VaultOpener
from ledger.audit.replay import audit
from ledger.domain.codes import format_link_code
from ledger.domain.types import LinkCode
from ledger.domain.values import issuer_did, slug
from ledger.verification.verdict import Verdict
from projections.replay_check import view_check
from projections.views import SqliteViews
from projections.wallets import IssuerWallet
from tests.machine import expected
from tests.machine.beside import OPERATOR, Beside
from tests.machine.home import REGISTRIES
from tests.machine.records import Award, Issuer, holds, standing


class Agreement:
    """Compares everything after each step."""

    def __init__(self, beside: Beside) -> None:
        """Before the first step."""
        self.beside = beside
        self.steps = 0

    def after_step(self) -> None:
        """Both sides say the same of every award and every learner, and the history is sound."""
        self.steps += 1
        model = self.beside.model
        with self.beside.services.ledger.store.snapshot() as snapshot:
            head = snapshot.head()
        assert (head.size, head.at) == (model.size, model.at)
        self._everything()
        self.audit(views=False)

    def at_the_end(self) -> None:
        """Both sides say the same of everything, and the views are those that the events give."""
        self._everything()
        self.beside.services.views.catch_up()
        assert list(self.beside.services.views.differences()) == []
        assert list(self.beside.services.views.parked()) == []
        self.audit(views=True)

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
        verdict = beside.services.scanning.scan(beside.codes[award.number], printed)
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
        verdict = self.beside.services.scanning.scan(format_link_code(code), None)
        self.beside.tally[f"scan: {verdict.state.value}"] += 1
        assert told(verdict) == expected.Scan("not_found")

    # ------------------------------------------------------------------------------------------------ wallets

    def _wallet(self, issuer: Issuer, learner: str) -> None:
        beside, model = self.beside, self.beside.model
        record = beside.learners[issuer.slug, learner]
        did = issuer_did(beside.services.ledger.operator.did, slug(issuer.slug))
        (shown,) = beside.wallets.of(OPERATOR, str(record), model.today)
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
        candidates = [
            (beside.credentials.index(each.credential_id), each.achievement_slug, each.in_force, each.is_stack)
            for each in beside.services.views.candidates(did, record, model.today)
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

    def audit(self, *, views: bool) -> None:
        """The whole history is sound, and as long as the model's."""
        ledger = self.beside.services.ledger
        note = ledger.home.checkpoint.read_bytes()
        opener = VaultOpener(ledger.vault)
        with open_audit_source(ledger.home.database) as source:
            report = audit(
                source,
                vkey=ledger.verifier_key,
                kept_checkpoint=note,
                own_checkpoint=note,
                opener=opener,
                view_check=view_check(source, opener, SqliteViews(ledger.home.views)) if views else None,
            )
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
