"""Opens what the routes work with: the ledger of a home, its verdicts and its views, kept up to date.

The server and the command that works on a home itself use the same services, so both answer the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ledger import bootstrap
from ledger.adapters.background import Background, Watch
from ledger.adapters.fetching import HttpsFetcher
from ledger.adapters.home import Home, Settings
from ledger.application.credential_files import CredentialFile, CredentialFiles, NoCredentialFile
from ledger.application.foreign import Uploads
from ledger.application.own_documents import OwnDocuments
from ledger.application.ports import Clock, LedgerHalted, StoreUnavailable
from ledger.application.proofs import NoProof, ProofPending, Proofs
from ledger.application.public_documents import PublicDocuments
from ledger.application.publishing_ports import TileStoreUnavailable
from ledger.application.scanning import Scanning
from ledger.application.status_signing import StatusSigning
from ledger.bootstrap import Ledger
from ledger.public_side import PublicSide
from ledger.verification.moment import Moment
from ledger.verification.verdict import Verdict
from projections.stores.engine import Place
from projections.views import SqliteViews, Views, open_views

# Seconds between two foldings, at least: while a file is issued, few large ones cost less than one for each commit.
# Nobody waits for it: the routes that read views bring them up to date themselves.
_FOLDING = 1.0
_SIGNING = 1.0  # seconds between two looks whether status lists are to be signed, at least
_FOLLOWING = 2.0  # and at most: what was published is signed by then, where it is time for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that routes may use."""

    ledger: Ledger
    scanning: Scanning
    views: Views
    worker: Background
    following: bool  # whether the worker runs; if not, who reads views brings them up to date first
    watch: Watch | None  # of what other processes commit, where there can be any
    documents: PublicDocuments
    signing: StatusSigning
    lists: Background  # signs status lists, where checkpoints are signed too

    @property
    def base_url(self) -> str:
        """The beginning of every link."""
        return self.ledger.settings.base_url

    def close(self) -> None:
        """Append what is queued, publish the checkpoint, bring views that follow up to date, close all files."""
        if self.watch is not None:
            self.watch.close()
        self.ledger.committer.close()
        self.ledger.publisher.close()  # which appends what it states, so that the views fold it, too
        self.lists.close()
        self.worker.close()
        self.views.close()
        self.ledger.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicScanner:
    """What the public pages may ask: verdicts, and whether all is well; nothing else."""

    scanning: Scanning
    proofs: Proofs
    files: CredentialFiles
    missing: Callable[[], list[str]]
    unsigned: Callable[[], list[str]] = list  # the issuers whose status lists should be signed here, and cannot

    def scan(self, code_text: str, version: int | None) -> Verdict:
        """The verdict on a link code; the code alone is version 1."""
        return self.scanning.scan(code_text, 1 if version is None else version)

    def scan_short(self, short: str) -> Verdict:
        """The verdict on a short code."""
        return self.scanning.scan_short(short)

    def moment(self) -> Moment | None:
        """Now, with what tells whether anything changed that verdicts are made of."""
        return self.scanning.moment()

    def proof(self, code_text: str, version: int | None) -> bytes | Verdict | None:
        """The proof file of a link code; else the verdict, or None where it is not published yet."""
        try:
            return self.proofs.proof(code_text, 1 if version is None else version)
        except NoProof as none:
            return none.verdict
        except ProofPending:
            return None

    def credential_file(self, code_text: str, version: int | None) -> CredentialFile | Verdict:
        """The signed document that a link code leads to; else the verdict."""
        try:
            return self.files.file(code_text, 1 if version is None else version)
        except NoCredentialFile as none:
            return none.verdict

    def ready(self) -> list[str]:
        """What is missing before scans can be answered."""
        return self.missing()

    def missing_besides(self) -> list[str]:
        """What only other software misses: one issuer without a key is no reason to send nobody's scans here."""
        issuers = self.unsigned()
        if not issuers:
            return []
        more = f" and {len(issuers) - 1} more" if len(issuers) > 1 else ""
        return [f"a key that signs the status lists of {issuers[0]}{more} for other software"]


def public_scanner(services: Services) -> PublicScanner:
    """The view of the services that public routes get."""

    def missing() -> list[str]:
        found = _missing(services.scanning)
        if services.ledger.committer.halted:
            found.append("the writer, which has halted")
        if services.ledger.committer.failing:
            found.append("the recording of changes, which failed last time")
        if services.ledger.publisher.failing:
            found.append("the publishing of checkpoints")
        return found

    proofs = Proofs(scanning=services.scanning, published=services.ledger.published)
    files = CredentialFiles(services.scanning)
    return PublicScanner(
        scanning=services.scanning, proofs=proofs, files=files, missing=missing, unsigned=services.signing.unsigned
    )


def scanner_alone(side: PublicSide) -> PublicScanner:
    """The same of a process that only answers the public."""

    def missing() -> list[str]:
        found = _missing(side.scanning)
        if side.copier is not None and side.copier.failing:
            found.append("the copying of what others publish")
        return found

    proofs = Proofs(scanning=side.scanning, published=side.published)
    return PublicScanner(scanning=side.scanning, proofs=proofs, files=CredentialFiles(side.scanning), missing=missing)


def uploads_of(scanning: Scanning, clock: Clock, settings: Settings) -> Uploads:
    """What judges credentials that somebody brings."""
    fetcher = HttpsFetcher() if settings.fetch else None
    return Uploads(clock=clock, registry=OwnDocuments(scanning, clock), fetcher=fetcher)


def _missing(scanning: Scanning) -> list[str]:
    try:
        if scanning.checkpoint() is None:
            return ["a published checkpoint"]
        if scanning.overdue():
            return ["a newer checkpoint: nobody publishes what was recorded"]
    except StoreUnavailable:
        return ["the database"]
    except TileStoreUnavailable:
        return ["the files of the published log"]
    except LedgerHalted:
        return ["the end of the log, which was lost"]
    return []


def open_services(
    home: Home,
    *,
    clock: Clock,
    failed: Callable[[Exception], None] = lambda _: None,
    following: bool = True,
    publishes: bool = True,
) -> Services:
    """Open the services of a home that this process holds.

    Args:
        following: whether the views follow the log; a single command need not fold what it does not read, since
            whoever opens the home next goes on from where they are.
        publishes: whether checkpoints are signed here.
        failed: hears of every failure to publish a checkpoint or to bring views up to date.

    Raises:
        LedgerError: the home cannot be read, or is behind what it published.
    """
    workers: list[Background] = []

    def committed() -> None:
        for worker in workers:
            worker.wake()

    ledger = bootstrap.open_ledger(home, clock=clock, committed=committed, failed=failed, publishes=publishes)
    try:
        views = open_views(views_of(ledger.home, shared=ledger.engine.shared), ledger.store, ledger.boxes)
    except BaseException:
        ledger.close()
        raise
    worker = Background(views.catch_up, name="views", interval=_FOLDING, failed=failed)
    if following:
        worker.start()
        workers.append(worker)

    def changed() -> None:
        committed()
        ledger.publisher.wake()

    signing = status_signing(ledger, failed)
    lists = Background(signing.work, name="status lists", interval=_SIGNING, failed=failed, idle=_FOLLOWING)
    if following and publishes:
        lists.start()
        workers.append(lists)
    watch = Watch(ledger.store.wait, changed=changed, failed=failed) if ledger.engine.shared and following else None
    return Services(
        ledger=ledger,
        scanning=ledger.scanning(),
        views=views,
        worker=worker,
        following=following,
        watch=watch,
        documents=PublicDocuments(ledger.store, ledger.operator),
        signing=signing,
        lists=lists,
    )


def status_signing(ledger: Ledger, failed: Callable[[Exception], None]) -> StatusSigning:
    """What signs the status lists of the issuers whose keys are held here."""
    return StatusSigning(
        store=ledger.store,
        keys=ledger.desk.keys,
        clock=ledger.clock,
        base_url=ledger.settings.base_url,
        published=ledger.published,
        failed=failed,
    )


def views_of(home: Home, *, shared: bool) -> Place:
    """Where the views lie: beside the ledger, whose engine may be shared."""
    url = home.database_url if shared else None
    if url is None:
        return SqliteViews(home.views)
    from projections.stores.postgres_engine import PostgresViews  # its client takes a while to load

    return PostgresViews(url)
