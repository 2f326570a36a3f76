"""Keys that a ledger needs and a vault lacks are counted without keeping either in memory."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.copies import lacking

_IDS = st.sets(st.binary(min_size=1, max_size=2), max_size=12)


@given(needed=_IDS, held=_IDS)
def test_what_is_needed_and_not_held_is_counted(needed: set[bytes], held: set[bytes]) -> None:
    assert lacking(sorted(needed), sorted(held)) == len(needed - held)
