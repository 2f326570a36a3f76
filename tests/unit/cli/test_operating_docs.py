"""What docs/operating.md says can be typed: each command in it is one, with these options."""

import re
import shlex
from pathlib import Path

import pytest

from tests.unit.cli.command import Command

_DOCS = Path(__file__).parents[3] / "docs" / "operating.md"
_COMMANDS = sorted(set(re.findall(r"(?:^    |`)(testamur [a-z][^`\n]*)", _DOCS.read_text("utf-8"), re.MULTILINE)))


def test_the_page_names_the_commands_of_this_page() -> None:
    assert {line.split()[1] for line in _COMMANDS} == {"audit", "backup", "log", "migrate", "restore", "serve"}


@pytest.mark.parametrize("line", _COMMANDS)
def test_a_command_on_the_page_is_one_with_these_options(command: Command, line: str) -> None:
    _, name, *arguments = shlex.split(line)
    names = [name, *arguments[: name == "log"]]  # it is a group of commands
    ended = command(*names, "--help")
    assert ended.code == 0
    options = {each for each in arguments if each.startswith("--")}
    assert options <= set(re.findall(r"--[a-z-]+", ended.out))
