"""The operator's policy file: where it is named, and each way in which it cannot be used."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.adapters.home import BadSettings
from ledger.adapters.witness_errors import BadWitnessPolicy
from ledger.adapters.witness_policy import policy_from_environment, read_policy
from ledger.tlog.policy import NO_POLICY
from tests.witnesses import Script, size_reply

KEY = Script("w1", lambda *_: size_reply(0)).key


def test_the_policy_is_read_from_the_file_that_the_environment_names(tmp_path: Path) -> None:
    file = tmp_path / "policy"
    file.write_text(
        f"# ours, of the \u201cPartner College\u201d\nwitness w1 {KEY} https://w1.example/\nquorum w1\n", "utf-8"
    )
    policy = policy_from_environment({"TESTAMUR_WITNESS_POLICY": str(file)})
    assert (policy.witnesses[0].url, policy.quorum) == ("https://w1.example/", "w1")


@pytest.mark.parametrize("environment", [{}, {"TESTAMUR_WITNESS_POLICY": ""}], ids=["unset", "empty"])
def test_where_no_file_is_named_nobody_is_asked(environment: dict[str, str]) -> None:
    assert policy_from_environment(environment) == NO_POLICY


@pytest.mark.parametrize(
    "made", [lambda _: None, lambda path: path.mkdir(), os.mkfifo], ids=["missing", "folder", "pipe"]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, made: Callable[[Path], None]) -> None:
    made(tmp_path / "policy")
    with pytest.raises(
        BadWitnessPolicy, match=r"the witness policy .*policy cannot be read: (No such|Is a|it is a pipe)"
    ):
        read_policy(tmp_path / "policy")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a policy has one line"),
        (b"quorum none\nwitness w1 x\n", "cannot be used: line 2: a verifier key is spelled"),
        (b"quorum none\n\n\n# fine\nquroum none\n", "cannot be used: line 5: 'quroum' begins no line"),
        (b"quorum \xff\n", "cannot be used: line 1: names and addresses are UTF-8"),
        (b"#" * 10_000_000, "cannot be used: a policy has at most 65536 characters"),
    ],
)
def test_a_file_with_a_wrong_line_is_refused_with_its_number(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "policy"
    file.write_bytes(content)
    with pytest.raises(BadSettings, match=said):
        policy_from_environment({"TESTAMUR_WITNESS_POLICY": str(file)})
