"""What docs/operating.md and docs/auditing.md say can be typed: each command is one, with these options."""

import re
import shlex
from pathlib import Path

import pytest

from tests.unit.cli.command import Command

_DOCS = Path(__file__).parents[3] / "docs"
_NAMED = {
    "operating.md": {"api-key", "audit", "backup", "init", "issuer", "log", "migrate", "restore", "serve", "work"},
    "auditing.md": {"audit", "log", "revoke", "watch"},
}
# Groups of commands, and how many words below each name one.
_GROUPS = {"issuer": 2, "log": 1, "api-key": 1}


def _commands(page: str) -> list[str]:
    """The commands on a page."""
    text = (_DOCS / page).read_text("utf-8")
    return sorted(set(re.findall(r"(?:^    |`)(testamur [a-z][^`\n]*)", text, re.MULTILINE)))


@pytest.mark.parametrize("page", _NAMED)
def test_the_page_names_the_commands_of_this_page(page: str) -> None:
    assert {line.split()[1] for line in _commands(page)} == _NAMED[page]


@pytest.mark.parametrize("line", [line for page in _NAMED for line in _commands(page)])
def test_a_command_on_the_page_is_one_with_these_options(command: Command, line: str) -> None:
    _, name, *arguments = shlex.split(line)
    names = [name, *arguments[: _GROUPS.get(name, 0)]]
    ended = command(*names, "--help")
    assert ended.code == 0
    options = {each for each in arguments if each.startswith("--")}
    assert options <= set(re.findall(r"--[a-z-]+", ended.out))
