"""When it was, for what was recorded before the box knew: from the anchors of the same boot."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.bodies import AnchorBody
from gateway.model.clock import ClockQuality, Stamp
from gateway.wire.time import Anchor, Timeline, anchors_in

BOOT, OTHER = "a" * 32, "b" * 32
NOON_MS = 1_795_435_200_000
"""2026-11-23 12:00 UTC: an hour after the boot."""
HOUR_NS = 3600 * 10**9
HOUR_MS = 3600 * 1000
DAWN_OF_UNIX_MS = 7_000


def stamp(wall_ms: int, mono_ns: int, quality: ClockQuality = ClockQuality.GUESS, boot: str = BOOT) -> Stamp:
    return Stamp(wall_ms, mono_ns, boot, quality)


def test_a_boot_at_1970_is_dated_by_the_first_anchor() -> None:
    anchors = [Anchor(BOOT, HOUR_NS, NOON_MS)]
    assert Timeline(anchors).utc_ms(stamp(DAWN_OF_UNIX_MS, HOUR_NS // 2)) == NOON_MS - HOUR_MS // 2


def test_what_was_recorded_after_the_network_came_says_itself_when() -> None:
    anchors = [Anchor(BOOT, HOUR_NS, NOON_MS)]
    assert Timeline(anchors).utc_ms(stamp(NOON_MS + 5, 2 * HOUR_NS, ClockQuality.NTP)) == NOON_MS + 5
    assert Timeline([]).utc_ms(stamp(NOON_MS + 5, 2 * HOUR_NS, ClockQuality.RTC)) == NOON_MS + 5


def test_a_clock_that_was_56_years_ahead_is_put_right() -> None:
    ahead = NOON_MS + 56 * 365 * 24 * HOUR_MS
    assert Timeline([Anchor(BOOT, HOUR_NS, NOON_MS)]).utc_ms(stamp(ahead, HOUR_NS // 4)) == NOON_MS - HOUR_MS * 3 // 4


def test_after_a_jump_back_by_an_hour_the_anchor_before_counts() -> None:
    """The clock was set back an hour by hand, lost its quality, and came right again."""
    anchors = [Anchor(BOOT, 5 * HOUR_NS, NOON_MS + 4 * HOUR_MS), Anchor(BOOT, HOUR_NS, NOON_MS)]
    wrong = stamp(NOON_MS + HOUR_MS, 3 * HOUR_NS)
    assert Timeline(anchors).utc_ms(wrong) == NOON_MS + 2 * HOUR_MS
    assert Timeline(anchors).utc_ms(stamp(0, 6 * HOUR_NS)) == NOON_MS + 5 * HOUR_MS


@given(
    st.lists(st.tuples(st.sampled_from([BOOT, OTHER]), st.integers(0, 60), st.integers(0, 2**40))), st.integers(0, 60)
)
def test_the_search_finds_what_a_look_at_every_anchor_finds(told: list[tuple[str, int, int]], now: int) -> None:
    anchors = [Anchor(boot, mono * 10**6, wall) for boot, mono, wall in told]
    mine = sorted((one for one in anchors if one.boot == BOOT), key=lambda one: one.mono_ns)
    before = [one for one in mine if one.mono_ns <= now * 10**6]
    expected = before[-1:] or mine[:1]
    found = Timeline(anchors).utc_ms(stamp(0, now * 10**6))
    assert found == (expected[0].wall_of(now * 10**6) if expected else None)


def test_an_anchor_of_another_boot_says_nothing() -> None:
    assert Timeline([Anchor(OTHER, HOUR_NS, NOON_MS)]).utc_ms(stamp(DAWN_OF_UNIX_MS, HOUR_NS)) is None
    assert Timeline([]).utc_ms(stamp(DAWN_OF_UNIX_MS, HOUR_NS)) is None


def body(**other: object) -> bytes:
    told = {"boot": BOOT, "mono_ns": 1, "wall_ms": 2, "quality": "ntp", **other}
    return msgspec.json.encode(msgspec.convert(told, AnchorBody))


def test_anchors_are_found_among_bodies_and_nonsense_is_passed_over() -> None:
    assert anchors_in([body(), None, b"{}", b"\xff"]) == [Anchor(BOOT, 1, 2)]


@pytest.mark.parametrize("wrong", [{"quality": "guess"}, {"wall_ms": -1}, {"wall_ms": 2**60}, {"mono_ns": 2**63}])
def test_an_anchor_that_cannot_be_true_dates_nothing(wrong: dict[str, object]) -> None:
    assert anchors_in([body(**wrong)]) == []


@given(st.binary(max_size=80))
def test_any_body_is_an_anchor_or_none(body: bytes) -> None:
    assert len(anchors_in([body])) <= 1


@given(
    st.lists(st.integers(0, 10**15), min_size=1, max_size=20),
    st.integers(0, 10**15),
    st.integers(0, 2**41),
    st.integers(-(2**40), 2**40),
)
def test_order_within_a_boot_is_that_of_monotonic_time(monos: list[int], at: int, wall_ms: int, wrong_ms: int) -> None:
    """However wrong the clock was, the dates that come out are in the order in which things happened."""
    anchors = [Anchor(BOOT, at, wall_ms)]
    dated = [Timeline(anchors).utc_ms(stamp(mono // 10**6 + wrong_ms, mono)) for mono in sorted(monos)]
    known = [when for when in dated if when is not None]
    assert known == sorted(known)
    assert len(known) == len(monos)
