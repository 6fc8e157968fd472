"""Full jitter: no two gateways come back at the same moment, and none waits longer than the cap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.sync.backoff import STABLE_S, Backoff


def longest(low: float, high: float) -> float:
    assert low == 0
    return high


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    backoff = Backoff(10, longest)
    assert [backoff.failed() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_a_link_that_held_starts_from_the_beginning() -> None:
    backoff = Backoff(100, longest)
    assert [backoff.failed(), backoff.failed(), backoff.failed(STABLE_S), backoff.failed(STABLE_S - 1)] == [1, 2, 1, 2]


def test_it_never_overflows() -> None:
    backoff = Backoff(120, longest)
    assert {backoff.failed() for _ in range(5000)} <= {1, 2, 4, 8, 16, 32, 64, 120}


@given(st.lists(st.floats(0, 200), max_size=30))
def test_the_delay_is_between_nothing_and_the_cap(held: list[float]) -> None:
    backoff = Backoff(30)
    assert all(0 <= backoff.failed(seconds) <= 30 for seconds in held)
