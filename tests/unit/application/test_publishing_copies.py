"""Processes that sign nothing bring their own folder up to what others published, whatever they have of it already."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.domain.values import Reason
from ledger.testing.publishing_faults import Fault, WriteFailed, striking
from tests.moving import move_to_postgres
from tests.unit.application.office import Office, open_office, run
from tests.unit.application.test_publishing import assert_published


@pytest.fixture
def offices(folder: Path, tmp_path: Path, database_url: str) -> Iterator[tuple[Office, Office]]:
    """One that signs, and one of another machine that does not."""
    move_to_postgres(folder, database_url)
    shutil.copytree(folder, tmp_path / "other")
    signing = open_office(folder, database_url=database_url)
    copying = open_office(tmp_path / "other", database_url=database_url)
    for each in (signing, copying):
        each.ledger.publisher.close()
    yield signing, copying
    signing.ledger.close()
    copying.ledger.close()


def published(office: Office) -> dict[str, bytes]:
    """Every file that is served, and what proofs need beside them."""
    home = office.ledger.home
    served = (path for path in home.log.rglob("*") if path.is_file() and path.name != ".lock")
    found = {path.relative_to(home.folder).as_posix(): path.read_bytes() for path in served}
    size = office.ledger.published.size
    return {**found, "statuses": (home.statements / str(size)).read_bytes()}


def without_edges(files: dict[str, bytes]) -> dict[str, bytes]:
    """But for the right edges of trees that only one of two served."""
    return {path: content for path, content in files.items() if ".p/" not in path}


def test_copy_serves_what_the_other_signed_and_proves_as_much(offices: tuple[Office, Office]) -> None:
    signing, copying = offices
    for number in range(3):
        award = run(signing.issue(student_number=f"S{number}"))
        run(signing.ledger.changing.suspend(signing.registrar, award.stream, Reason.OTHER))
        size = signing.ledger.publishing.publish()
        assert copying.ledger.publishing.copy() == size
        assert_published(copying)
    assert without_edges(published(copying)) == without_edges(published(signing))


def test_copy_of_a_new_home_begins_from_nothing(offices: tuple[Office, Office]) -> None:
    signing, copying = offices
    run(signing.issue())
    signing.ledger.publishing.publish()
    signing.clock.at += timedelta(days=1)
    run(signing.issue(student_number="S2"))
    size = signing.ledger.publishing.publish()
    for path in (copying.ledger.home.log, copying.ledger.home.statements):
        shutil.rmtree(path)
    copying.ledger.home.guard.unlink()
    assert copying.ledger.publishing.copy() == size
    assert_published(copying)
    days = sorted(path.name for path in (copying.ledger.home.log / "days").iterdir())
    assert days == ["2026-11-21", "2026-11-22"]
    assert list(copying.ledger.published.list("days")) == [f"days/{day}" for day in days]
    assert without_edges(published(copying)) == without_edges(published(signing))


def test_copy_signs_and_appends_nothing(offices: tuple[Office, Office]) -> None:
    signing, copying = offices
    signing.ledger.publishing.publish()
    copying.ledger.publishing.copy()
    before = published(copying)
    run(signing.issue())
    size = signing.size()
    copying.ledger.publishing.copy()
    assert signing.size() == size
    assert published(copying) == before


def test_whoever_copied_can_sign_next(offices: tuple[Office, Office]) -> None:
    first, second = offices
    for number in range(4):
        run(first.issue(student_number=f"S{number}"))
        size = first.ledger.publishing.publish()
        assert second.ledger.publishing.publish() == size
        assert_published(first)
        assert_published(second)
        first, second = second, first


def test_copy_that_is_cut_off_at_any_write_is_completed_by_the_next(offices: tuple[Office, Office]) -> None:
    signing, copying = offices
    struck: list[str | None] = []
    for number in range(6):
        for after in (False, True):
            run(signing.issue(student_number=f"S{number}-{after}"))
            size = signing.ledger.publishing.publish()
            with striking(Fault(number, after=after)) as fault, pytest.raises(WriteFailed):
                copying.ledger.publishing.copy()
            struck.append(fault.struck)
            assert copying.ledger.publishing.copy() == size
            assert_published(copying)
    assert set(struck) == {"GuardFile.keep", "FolderTiles.write", "FolderTiles.replace", "PublishedFile.serve"}
