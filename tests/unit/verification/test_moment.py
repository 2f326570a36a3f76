"""What was answered at one moment holds at another, if their states are equal, whatever their times are."""

from datetime import UTC, datetime, timedelta

from ledger.verification.moment import Moment

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_moments_of_one_state_differ_in_their_times_alone() -> None:
    first, second = (Moment(at=AT + timedelta(seconds=number), state=("note", 7)) for number in range(2))
    assert (first.state == second.state, first == second) == (True, False)
