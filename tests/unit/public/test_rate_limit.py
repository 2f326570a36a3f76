"""Short codes cannot be guessed in numbers."""

from verify_api.public.rate_limit import Limits, RateLimit


class Watch:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


LIMITS = Limits(client_burst=2, client_per_minute=6, global_burst=3, global_per_minute=60)


def test_a_burst_is_admitted_and_the_next_try_waits_for_its_token() -> None:
    watch = Watch()
    limit = RateLimit(LIMITS, monotonic=watch)
    assert [limit.retry_after("192.0.2.1") for _ in range(3)] == [None, None, 10]
    watch.seconds = 9.5
    assert limit.retry_after("192.0.2.1") == 1
    watch.seconds = 10
    assert limit.retry_after("192.0.2.1") is None


def test_many_addresses_together_meet_the_limit_for_everybody() -> None:
    limit = RateLimit(LIMITS, monotonic=Watch())
    assert [limit.retry_after(f"192.0.2.{n}") for n in range(4)] == [None, None, None, 1]


def test_a_refused_try_costs_nobody_a_token() -> None:
    watch = Watch()
    limit = RateLimit(LIMITS, monotonic=watch)
    for _ in range(50):
        limit.retry_after("192.0.2.1")
    assert limit.retry_after("192.0.2.2") is None


def test_all_addresses_of_one_ipv6_network_are_one_client() -> None:
    limit = RateLimit(LIMITS, monotonic=Watch())
    assert [limit.retry_after(f"2001:db8::{n}") for n in range(3)] == [None, None, 10]
    assert limit.retry_after("2001:db8:0:1::1") is None


def test_a_mapped_address_is_the_ipv4_client_and_no_address_is_one_client() -> None:
    limit = RateLimit(Limits(client_burst=1), monotonic=Watch())
    assert limit.retry_after("192.0.2.1") is None
    assert limit.retry_after("::ffff:192.0.2.1") == 6
    assert limit.retry_after("::ffff:192.0.2.2") is None
    assert [limit.retry_after(None), limit.retry_after("testclient"), limit.retry_after(None)] == [None, None, 6]


def test_the_longest_unseen_of_very_many_clients_is_forgotten() -> None:
    limit = RateLimit(Limits(client_burst=1, global_burst=20_000), monotonic=Watch())
    for n in range(10_001):
        limit.retry_after(f"10.0.{n >> 8}.{n & 255}")
    assert limit.retry_after("10.0.39.16") == 6
    assert limit.retry_after("10.0.0.0") is None
