"""Reads the policy file of the operator, which names the witnesses to ask: `TESTAMUR_WITNESS_POLICY`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ledger.adapters.bounded_files import FileUnreadable, read_named
from ledger.adapters.witness_errors import BadWitnessPolicy
from ledger.tlog.policy import MAX_POLICY_BYTES, NO_POLICY, MalformedPolicy, WitnessPolicy, parse_policy

POLICY_VARIABLE: Final = "TESTAMUR_WITNESS_POLICY"


def read_policy(path: Path) -> WitnessPolicy:
    """The policy in a file.

    Raises:
        BadWitnessPolicy: there is none, it cannot be read, or a line of it is wrong; the sentence names the line.
    """
    try:
        content = read_named(path, MAX_POLICY_BYTES)
    except FileUnreadable as error:
        raise BadWitnessPolicy(f"the witness policy {error}") from error
    try:
        return parse_policy(content)
    except MalformedPolicy as error:
        raise BadWitnessPolicy(f"the witness policy {path} cannot be used: {error}") from error


def policy_from_environment(environment: Mapping[str, str] = os.environ) -> WitnessPolicy:
    """The policy in the file that `TESTAMUR_WITNESS_POLICY` names; that of nobody where it names none.

    Raises:
        BadWitnessPolicy: from `read_policy`.
    """
    named = environment.get(POLICY_VARIABLE)
    return read_policy(Path(named)) if named else NO_POLICY
