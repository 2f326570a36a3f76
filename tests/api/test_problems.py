"""The one table from errors to HTTP."""

import importlib
import pkgutil
from http import HTTPStatus

import pytest

import ledger
import projections
import verify_api.issuer
from ledger.application.ports import LedgerHalted, OutcomeUnknown
from ledger.errors import LedgerError
from tests.api.conftest import Api
from verify_api.issuer.problems import NOTHING_TOLD, PROBLEMS, TITLES, look_up, problem_of, problem_response

# Errors that no request can cause: they end a start, a command or an audit, or show a fault of the program or the
# store. The client is told nothing of them; that is deliberate.
NEVER_AT_THE_EDGE = """
    AmbiguousVerifierKeys ArchiveBusy ArchiveElsewhere ArchiveNotVouched ArchiveUnreadable AuthorityError BackupExists
    BackupFailed BadBackup BadBaseUrl BadCatalogue BadDatabaseUrl BadSettings BadWitnessPolicy BadWitnessState
    BoxUnreadable CannotBeAudited CapsuleUnreadable CheckpointOriginMismatch ConsistencyNotProved CosignatureInvalid
    CosignatureTimeImpossible EntryMissing FileUnreadable GuardContradicts GuardMissing HomeBusy HomeExists HomeMissing
    InclusionNotProved IssuerUnknown KeyAlreadyHeld KeyUnreadable KeysLost LineUnknown ListUnknown LogDiffers
    LogNotReached LogNotReadable LogRolledBack MalformedAddCheckpoint MalformedCheckpoint MalformedData
    MalformedEncoding MalformedEntry MalformedKey MalformedLine MalformedManifest MalformedNote MalformedPart
    MalformedPolicy MalformedPossession MalformedProofFile MalformedRange MalformedSecret MalformedSeed
    MalformedStatuses MalformedTile MalformedTilePath MalformedTlogProof MalformedVerifierKey MalformedWitnessAnswer
    NoCredentialFile NoProof NotApplicable NotFetched NoteSignatureInvalid NoteUnsigned NothingPublished
    NothingToProve NothingToSignAgain OutsideTree ProofError ProofFileTooLarge ProofPending QuorumMissing SealError
    SecretAlreadyExists SecretExposed SecretFileError SecretMissing StateInUse StateNotUsable StateOfAnotherLog
    StatusListNotSigned StatusNotProved TileForged TileMissing TileStoreConflict Unopened UnusablePassphrase
    ValuesRefused VaultFailed VaultUnreadable WitnessAhead WitnessAnswerTooLong WitnessAnswerUnreadable
    WitnessClaimUnproved WitnessContradicts WitnessCosignatureFalse WitnessDoesNotKnowLog WitnessError WitnessRefused
    WitnessSizeUnproved WitnessStateUnavailable WitnessTimeWrong WitnessTooSlow WitnessUnreachable
    """.split()  # noqa: SIM905 - forty names in quotation marks would say no more


def every_error() -> set[type[LedgerError]]:
    """Every error that the packages below the edge and the edge itself define."""
    for package in (ledger, projections, verify_api.issuer):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if ".testing" not in module.name:
                importlib.import_module(module.name)
    found: set[type[LedgerError]] = set()
    waiting: list[type[LedgerError]] = [LedgerError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if (
            kind.__module__.startswith(("ledger.", "projections.", "verify_api.issuer"))
            and ".testing" not in kind.__module__
        ):
            found.add(kind)
    return found - {LedgerError}


def test_every_error_is_listed_covered_by_its_family_or_never_at_the_edge() -> None:
    uncovered = {kind.__name__ for kind in every_error() if look_up(kind) == NOTHING_TOLD}
    assert uncovered - set(NEVER_AT_THE_EDGE) == set()


def test_every_problem_has_a_title_and_one_status() -> None:
    statuses: dict[str, set[HTTPStatus]] = {}
    for status, name in PROBLEMS.values():
        statuses.setdefault(name, set()).add(status)
    assert all(len(each) == 1 for each in statuses.values())
    assert set(TITLES) == set(statuses) | {NOTHING_TOLD[1]}


@pytest.mark.parametrize("kind", [OutcomeUnknown, LedgerHalted])
def test_unknown_outcome_is_503_with_retry_after(kind: type[LedgerError]) -> None:
    response = problem_response(kind("busy"), "http://localhost")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0


def test_unlisted_error_tells_nothing() -> None:
    for error in (LedgerError("secret of S-1"), RuntimeError("secret of S-1")):
        problem = problem_of(error, "http://localhost")
        assert problem.status == 500
        assert "secret" not in problem.model_dump_json()


def test_fault_of_the_program_is_answered_with_500_that_tells_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret of S-1")

    monkeypatch.setattr(type(api.services.views), "search", broken)
    answer = api.get("/credentials")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text


def test_halted_ledger_is_503_for_changes_and_reads_go_on(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    code = api.issue()["code"]
    with api.still(), monkeypatch.context() as patch:
        patch.setattr(api.services.ledger.committer, "_halted", LedgerHalted("the ledger is shutting down"))
        refused = api.post(f"/credentials/{code}/revoke", {"reason": "other"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert api.get(f"/credentials/{code}").json()["revision"] == 0
