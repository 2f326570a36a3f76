"""What every vault promises: the port `Vault` of `ledger.application.ports`, wherever its rows lie.

A backend's test class inherits `VaultContract` and provides the fixtures `open_rows` and `set_version`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from threading import Thread
from uuid import UUID

import pytest

from ledger.adapters.clock import SystemEntropy
from ledger.adapters.vault import KeyVault, VaultRow, VaultRows, VaultUnreadable, first_epoch
from ledger.application.ports import LearnerKey, StoreUnavailable, Vault
from ledger.domain.types import LearnerId
from tests.contracts.scribe import stream

COLLEGE, BOARD = stream(1), stream(2)
WRAPPING, LOOKUP = b"w" * 32, b"l" * 32
FIRST_EPOCH = first_epoch(WRAPPING, SystemEntropy())  # of the vault that a backend makes

OpenRows = Callable[[], VaultRows]  # the same rows, as another process opens them
Reopen = Callable[[], Vault]  # another process that opens the same vault
SetVersion = Callable[[int], None]  # as if a program with this version had made the vault


def opened(rows: VaultRows, *, wrapping_key: bytes = WRAPPING) -> KeyVault:
    """A vault of these rows."""
    return KeyVault(rows, wrapping_key=wrapping_key, lookup_key=LOOKUP, entropy=SystemEntropy())


class Unlucky:
    """Rows that fail a number of times while they are written: before it is done, or just after."""

    def __init__(self, inner: VaultRows, *, failures: int, done: bool) -> None:
        self._inner, self._failures, self._done = inner, failures, done
        self.epochs, self.find, self.by_id, self.close = inner.epochs, inner.find, inner.by_id, inner.close

    def insert(self, rows: Sequence[VaultRow]) -> Sequence[VaultRow]:
        """As the others, in the end."""
        failing = self._failures > 0
        self._failures -= 1
        first = self._inner.insert(rows) if self._done or not failing else ()
        if failing:
            raise StoreUnavailable("the connection was lost (made by a test)")
        return first


class VaultContract:
    """The promises."""

    @pytest.fixture
    def reopen(self, open_rows: OpenRows) -> Iterator[Reopen]:
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(opened(open_rows())))

    @pytest.fixture
    def vault(self, reopen: Reopen) -> Vault:
        return reopen()

    def test_same_learner_of_the_same_issuer_has_the_same_key(self, vault: Vault) -> None:
        assert vault.learner(COLLEGE, "S1") == vault.learner(COLLEGE, "S1")

    def test_key_is_the_same_after_flushing_and_for_another_process(self, vault: Vault, reopen: Reopen) -> None:
        key = vault.learner(COLLEGE, "S1")
        vault.flush()
        assert vault.learner(COLLEGE, "S1") == key
        assert reopen().learner(COLLEGE, "S1") == key
        assert reopen().data_key(key.key_id) == key.data_key

    def test_learners_and_issuers_share_no_key(self, vault: Vault) -> None:
        keys = [vault.learner(COLLEGE, "S1"), vault.learner(COLLEGE, "S2"), vault.learner(BOARD, "S1")]
        for values in ({key.data_key for key in keys}, {key.key_id for key in keys}, {key.learner for key in keys}):
            assert len(values) == 3

    def test_key_that_was_not_flushed_is_nobody_elses(self, vault: Vault, reopen: Reopen) -> None:
        key = vault.learner(COLLEGE, "S1")
        assert reopen().data_key(key.key_id) is None

    def test_flush_without_anything_new_does_nothing(self, vault: Vault) -> None:
        assert vault.flush() == frozenset()
        key = vault.learner(COLLEGE, "S1")
        assert vault.flush() == frozenset()
        assert vault.flush() == frozenset()
        assert vault.data_key(key.key_id) == key.data_key

    def test_key_id_that_nobody_has_finds_nothing(self, vault: Vault) -> None:
        assert vault.data_key(bytes(16)) is None
        assert vault.data_key(b"") is None

    def test_many_learners_are_answered_in_order_whether_stored_new_or_named_twice(
        self, vault: Vault, reopen: Reopen
    ) -> None:
        unflushed = reopen().learners(COLLEGE, ["S1", "S2"])
        assert vault.learners(COLLEGE, []) == []
        first = vault.learners(COLLEGE, ["S1", "S2"])
        assert {key.key_id for key in first}.isdisjoint(key.key_id for key in unflushed)
        vault.flush()
        other = reopen()
        new = other.learner(COLLEGE, "S4")
        found = other.learners(COLLEGE, ["S3", "S2", "S1", "S4", "S3"])
        assert found[1:4] == [first[1], first[0], new]
        assert found[0] == found[4] == other.learner(COLLEGE, "S3")

    def test_more_learners_than_fit_into_one_statement_are_found(self, vault: Vault, reopen: Reopen) -> None:
        numbers = [f"S{number}" for number in range(1_201)]
        keys = vault.learners(COLLEGE, numbers)
        vault.flush()
        assert reopen().learners(COLLEGE, numbers) == keys

    def test_processes_that_invent_a_key_for_the_same_learner_agree_after_flushing(
        self, vault: Vault, reopen: Reopen
    ) -> None:
        other = reopen()
        mine = {number: vault.learner(COLLEGE, number) for number in ("S1", "S2", "S3")}
        theirs = {number: other.learner(COLLEGE, number) for number in ("S2", "S3", "S4")}
        assert other.flush() == frozenset()
        assert vault.flush() == {mine["S2"].key_id, mine["S3"].key_id}
        expected = [mine["S1"], theirs["S2"], theirs["S3"], theirs["S4"]]
        for each in (vault, other, reopen()):
            assert each.learners(COLLEGE, ["S1", "S2", "S3", "S4"]) == expected
            assert each.data_key(mine["S2"].key_id) is None
            assert each.data_key(theirs["S2"].key_id) == theirs["S2"].data_key
        assert vault.flush() == frozenset()

    def test_seeking_makes_no_key_and_finds_those_that_are_there(self, vault: Vault, reopen: Reopen) -> None:
        other = reopen()
        there = other.learner(COLLEGE, "S1")
        other.flush()
        vault.seek(COLLEGE, ["S1", "S2", "S1"])
        assert vault.flush() == frozenset()
        assert reopen().learner(COLLEGE, "S2") != vault.learner(COLLEGE, "S2")  # neither was kept yet
        assert vault.learners(COLLEGE, ["S2", "S1"]) == [vault.learner(COLLEGE, "S2"), there]

    def test_learner_registered_elsewhere_after_it_was_sought_keeps_the_key_of_that_place(
        self, vault: Vault, reopen: Reopen
    ) -> None:
        other = reopen()
        vault.seek(COLLEGE, ["S1"])
        theirs = other.learner(COLLEGE, "S1")
        other.flush()
        mine = vault.learner(COLLEGE, "S1")
        assert vault.flush() == {mine.key_id}
        assert vault.learner(COLLEGE, "S1") == theirs

    def test_learner_that_was_sought_is_not_looked_for_again(self, open_rows: OpenRows) -> None:
        rows, looks = Unlucky(open_rows(), failures=0, done=True), 0
        find = rows.find

        def counted(lookups: Sequence[bytes]) -> Sequence[VaultRow]:
            nonlocal looks
            looks += 1
            return find(lookups)

        rows.find = counted
        with closing(opened(rows)) as vault:
            vault.seek(COLLEGE, ["S1", "S2"])
            vault.seek(COLLEGE, [])
            keys = [vault.learner(COLLEGE, number) for number in ("S1", "S2")]
            vault.seek(COLLEGE, ["S1"])
            assert vault.learners(COLLEGE, ["S1", "S2"]) == keys
            assert looks == 1

    def test_processes_that_flush_the_same_learners_at_once_agree(self, reopen: Reopen) -> None:
        numbers = [f"S{number}" for number in range(40)]
        vaults = [reopen() for _ in range(4)]
        invented = [vault.learners(COLLEGE, numbers[:: (-1) ** index]) for index, vault in enumerate(vaults)]
        lost: list[frozenset[bytes]] = [frozenset()] * 4

        def flush(index: int) -> None:
            lost[index] = vaults[index].flush()

        threads = [Thread(target=flush, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = [key for keys, ids in zip(invented, lost, strict=True) for key in keys if key.key_id not in ids]
        agreed = reopen().learners(COLLEGE, numbers)
        assert {key.key_id for key in kept} == {key.key_id for key in agreed}
        assert len(kept) == len(numbers)
        assert all(vault.learners(COLLEGE, numbers) == agreed for vault in vaults)

    @pytest.mark.parametrize("done", [False, True])
    def test_flush_that_failed_is_repeated_and_its_own_keys_are_not_lost(
        self, open_rows: OpenRows, reopen: Reopen, done: bool
    ) -> None:
        with closing(opened(Unlucky(open_rows(), failures=2, done=done))) as vault:
            keys = vault.learners(COLLEGE, ["S1", "S2"])
            for _ in range(2):
                with pytest.raises(StoreUnavailable, match="connection was lost"):
                    vault.flush()
            assert vault.learners(COLLEGE, ["S1", "S2"]) == keys
            later = vault.learner(COLLEGE, "S3")
            assert vault.flush() == frozenset()
            assert reopen().learners(COLLEGE, ["S1", "S2", "S3"]) == [*keys, later]

    def test_key_that_is_new_while_others_are_flushed_is_flushed_the_next_time(self, open_rows: OpenRows) -> None:
        found: list[LearnerKey] = []

        class Slow(Unlucky):
            def insert(self, rows: Sequence[VaultRow]) -> Sequence[VaultRow]:
                if not found:  # nobody waits for a flush
                    found.extend([vault.learner(COLLEGE, "S1"), vault.learner(COLLEGE, "S2")])
                return super().insert(rows)

        vault = opened(Slow(open_rows(), failures=0, done=True))
        first = vault.learner(COLLEGE, "S1")
        vault.flush()
        with closing(open_rows()) as rows:
            assert found[0] == first
            assert rows.by_id(first.key_id) is not None
            assert rows.by_id(found[1].key_id) is None
            vault.close()
            assert rows.by_id(found[1].key_id) is not None

    def test_row_is_kept_as_it_was_given(self, open_rows: OpenRows) -> None:
        row = VaultRow(
            key_id=bytes(range(16)), lookup=bytes(32), learner=LearnerId(UUID(int=7)), epoch=1, wrapped=b"\xff" * 40
        )
        with closing(open_rows()) as rows:
            assert rows.insert([row]) == []
        with closing(open_rows()) as rows:
            assert rows.find([bytes(32), b"other"]) == [row]
            assert rows.by_id(row.key_id) == row
            assert rows.epochs() == [(1, FIRST_EPOCH)]

    def test_wrong_master_key_is_refused(self, open_rows: OpenRows) -> None:
        with pytest.raises(VaultUnreadable, match="another master key"):
            opened(open_rows(), wrapping_key=b"x" * 32)

    @pytest.mark.parametrize("version", [0, 2])
    def test_vault_of_another_version_is_refused(
        self, open_rows: OpenRows, set_version: SetVersion, version: int
    ) -> None:
        set_version(version)
        with pytest.raises(VaultUnreadable, match=f"vault version {version}, this program works with 1"):
            open_rows()
