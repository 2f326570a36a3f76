"""A process that has seen more than the store holds does nothing more."""

import pytest

from ledger.adapters.fence import Fence
from ledger.application.ports import LedgerHalted


def test_log_that_grows_passes() -> None:
    fence = Fence()
    for size in (0, 1, 1, 7):
        fence.check(size, fence.floor())
    assert (fence.floor(), fence.halted) == (7, None)


def test_smaller_log_halts_for_good() -> None:
    fence = Fence()
    fence.check(7, fence.floor())
    floor = fence.floor()
    with pytest.raises(LedgerHalted, match="holds 6 entries, but 7 are known"):
        fence.check(6, floor)
    with pytest.raises(LedgerHalted):
        fence.floor()
    assert fence.halted is not None


def test_state_that_was_begun_before_others_grew_is_no_alarm() -> None:
    fence = Fence()
    floor = fence.floor()  # a reader begins
    fence.check(7, fence.floor())  # meanwhile something is committed
    fence.check(5, floor)  # and the reader sees the state from before
    assert fence.floor() == 7


def test_checkpoint_outside_counts_as_seen() -> None:
    published = 3
    fence = Fence()
    fence.watch(lambda: published)
    fence.check(3, fence.floor())
    published = 4
    with pytest.raises(LedgerHalted, match="holds 3 entries, but 4 are known"):
        fence.check(3, fence.floor())
