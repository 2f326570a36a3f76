"""Contexts are files of the package, and exactly the ones that were shipped."""

import json
from pathlib import Path

import pytest

from ledger.vc import contexts
from ledger.vc.contexts import KNOWN, DamagedContext, UnknownContext, context


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another folder of contexts, for a process that has read none."""
    context.cache_clear()
    monkeypatch.setattr(contexts, "_FILES", tmp_path)
    return tmp_path


@pytest.mark.parametrize("url", sorted(KNOWN))
def test_a_bundled_context_is_the_one_that_was_pinned(url: str) -> None:
    assert "@context" in json.loads(context(url))


def test_every_bundled_file_is_pinned() -> None:
    folder = Path(contexts.__file__).parent / "data" / "contexts"
    assert len(KNOWN) == len(list(folder.glob("*.json"))) == 13


def test_no_bundled_context_names_another_by_its_url() -> None:
    def named(value: object) -> list[object]:
        if isinstance(value, dict):
            own = [value["@context"]] if isinstance(value.get("@context"), str | list) else []
            return own + [found for item in value.values() for found in named(item)]
        return []

    assert not [found for url in KNOWN for found in named(json.loads(context(url)))]


def test_the_terms_on_which_two_published_files_differ_are_not_defined() -> None:
    assert b"endorsementJwt" not in context(contexts.OPEN_BADGES)
    assert b'"jti"' not in context(contexts.OPEN_BADGES)


@pytest.mark.parametrize("url", ["", "https://www.w3.org/ns/credentials/v2/", "HTTPS://www.w3.org/ns/credentials/v2"])
def test_a_context_that_is_not_bundled_is_unknown(url: str) -> None:
    with pytest.raises(UnknownContext, match="not known here"):
        context(url)


def test_a_context_that_was_changed_on_disk_is_refused(elsewhere: Path) -> None:
    (elsewhere / "credentials-v2.json").write_bytes(b'{"@context":{}}')
    with pytest.raises(DamagedContext, match="not the one that was shipped"):
        context(contexts.CREDENTIALS_V2)


def test_a_context_that_is_gone_is_refused(elsewhere: Path) -> None:
    with pytest.raises(DamagedContext, match="cannot be read"):
        context(contexts.CREDENTIALS_V2)
