"""Whatever is done in whatever order, scan, wallet and audit say what a model of plain records says, on each engine.

Every history is put to a ledger in files and to one in PostgreSQL, which begin with the same keys and draw the same
random bytes: they have to be equal in every entry, row, cell, refusal and verdict.
"""

import os
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from ledger.domain.codes import new_link_code
from ledger.verification.verdict import State
from projections.rows import Status
from tests.machine import expected
from tests.machine.beside import Beside
from tests.machine.home import make_home
from tests.machine.machine import LedgerMachine
from tests.machine.walk import Walk
from tests.postgres import Server, temporary_database

EXAMPLES = int(os.environ.get("TESTAMUR_MACHINE_EXAMPLES", "10"))  # random histories
STEPS = 40  # commands in each
REFUSALS = (
    "AchievementIsRetired",
    "AlreadyRecognised",
    "AlreadyStacked",
    "CompromiseNotEarlier",
    "CredentialAlreadySuspended",
    "CredentialIsDisowned",
    "CredentialIsRevoked",
    "CredentialNotSuspended",
    "DefinitionUnchanged",
    "IdempotencyMismatch",
    "IssuerError",
    "KeyAlreadyRetired",
    "LastRootKey",
    "NameTaken",
    "NoUsableKey",
    "NotRecognised",
    "PeriodReversed",
    "Refused",
    "SelfRecognition",
    "VersionConflict",
    "WordingIsDisowned",
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("machine") / "home"
    make_home(folder)
    return folder


def _counts(seen: Counter[str]) -> str:
    return "\n".join(f"{count:6} {what}" for what, count in sorted(seen.items()))


def test_any_history_leaves_scan_wallet_and_audit_in_agreement_with_the_model(
    template: Path, postgres_server: Server
) -> None:
    """`pytest -s` prints how often each command, refusal, state and standing was met.

    TESTAMUR_MACHINE_EXAMPLES is the number of histories; HYPOTHESIS_PROFILE=search draws other ones on each run.
    """
    seen: Counter[str] = Counter()

    class Machine(LedgerMachine):
        """One that counts here."""

        @staticmethod
        def database() -> AbstractContextManager[str]:
            return temporary_database(postgres_server)

    Machine.template, Machine.tally = template, seen
    run_state_machine_as_test(Machine, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS))
    print(_counts(seen))
    assert {"issue: taken", "amend: taken", "audit: sound"} <= seen.keys()


def test_one_history_meets_every_state_and_every_refusal_that_the_model_knows(
    template: Path, tmp_path: Path, database_url: str
) -> None:
    seen: Counter[str] = Counter()
    beside = Beside.open(template, tmp_path, database_url, seen, lambda _: None)
    with beside.closing:
        walk = Walk(beside)
        walk.agreement.nothing_there(new_link_code(0, bytes(16)))
        walk.go()
    print(_counts(seen))
    missed = {
        "states": {state for state in expected.ORDER if not seen[f"scan: {state}"]},
        "standings": {status.value for status in Status if not seen[f"wallet: {status.value}"]},
        "refusals": {name for name in REFUSALS if not seen[f"refused: {name}"]},
    }
    assert missed == {"states": set(), "standings": set(), "refusals": set()}


def test_the_model_orders_every_state_but_that_of_forgery_and_those_of_files() -> None:
    others = (State.SIGNATURE_INVALID, State.NOT_CHECKED, State.NO_AWARD, State.STATUS_UNAVAILABLE)
    assert tuple(state.value for state in State if state not in others) == expected.ORDER
