"""Token buckets, and counts that are reported at most once a minute."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from gateway.devices.budget import Bucket, Refusals


def test_a_burst_is_taken_and_then_the_rate() -> None:
    bucket = Bucket(10, 3)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait(100.0) > 0
    assert bucket.take(100.0 + bucket.wait(100.0) + 1e-9)


def test_a_debt_is_waited_for_until_some_tokens_rest() -> None:
    bucket = Bucket(200, 400)
    assert bucket.spend(10.0, 400, 50) == 0
    assert bucket.spend(10.0, 100, 50) == (100 + 50) / 200


@given(st.lists(st.floats(0, 0.5), max_size=300), st.floats(1, 100), st.integers(1, 50))
def test_never_more_than_burst_and_rate_allow(pauses: list[float], rate: float, burst: int) -> None:
    bucket = Bucket(rate, burst)
    now = taken = 0.0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
    assert taken <= burst + now * rate + 1e-6


async def test_many_refusals_are_one_report() -> None:
    reports: list[tuple[str, int]] = []
    told = asyncio.Event()

    def report(reason: str, count: int) -> None:
        reports.append((reason, count))
        told.set()

    refusals = Refusals(report)
    for _ in range(500):
        refusals.count("garbage")
    await asyncio.wait_for(told.wait(), 10)
    assert reports == [("garbage", 500)]
    # Within the same minute there is no second report, not even at the end.
    refusals.count("garbage")
    refusals.count("stale", 3)
    refusals.stop()
    assert reports == [("garbage", 500), ("stale", 3)]
