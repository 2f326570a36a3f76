"""What docs/witness.md says can be typed, and the policy file that it shows."""

import re
import shlex
from pathlib import Path

import pytest

from ledger.tlog.policy import parse_policy
from ledger.tlog.witnessing import MAX_REQUEST_BYTES
from tests.unit.cli.command import Command

_PAGE = (Path(__file__).parents[3] / "docs" / "witness.md").read_text("utf-8")
_COMMANDS = re.findall(r"^    (testamur [a-z].*)$", _PAGE, re.MULTILINE)


def test_the_page_shows_the_commands_of_this_page() -> None:
    assert {line.split()[1] for line in _COMMANDS} == {"log", "witness"}


@pytest.mark.parametrize("line", _COMMANDS)
def test_a_command_on_the_page_is_one_with_these_options(command: Command, line: str) -> None:
    words = shlex.split(line)[1:]
    ended = command(*(words if words[0] == "log" else words[:1]), "--help")
    assert ended.code == 0
    assert {each for each in words if each.startswith("--")} <= set(re.findall(r"--[a-z-]+", ended.out))


def test_the_policy_on_the_page_can_be_used_as_it_stands() -> None:
    (block,) = re.findall(r"^    # whose word.*?(?=\n\n)", _PAGE, re.MULTILINE | re.DOTALL)
    policy = parse_policy(block)
    assert [key.name for key in policy.logs] == ["verify.college.example/log"]
    assert [each.name for each in policy.witnesses] == ["partner", "library", "network"]
    assert all(each.url is not None for each in policy.witnesses)
    assert policy.enough(["partner", "network"])
    assert not policy.enough(["library"])


def test_the_page_says_how_long_a_request_may_be() -> None:
    assert f"at\nmost {MAX_REQUEST_BYTES:,} bytes" in _PAGE
