"""When it was, for what was recorded before the box knew: from the anchors of the same boot."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.bodies import AnchorBody
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, EntryId, EntryKind, Header, Stream
from gateway.wire.time import Anchor, anchors_in, utc_ms

BOOT, OTHER = "a" * 32, "b" * 32
NOON_MS = 1_795_435_200_000
"""2026-11-23 12:00 UTC: an hour after the boot."""
HOUR_NS = 3600 * 10**9
HOUR_MS = 3600 * 1000
DAWN_OF_UNIX_MS = 7_000


def stamp(wall_ms: int, mono_ns: int, quality: ClockQuality = ClockQuality.GUESS, boot: str = BOOT) -> Stamp:
    return Stamp(wall_ms, mono_ns, boot, quality)


def entry(kind: EntryKind, body: bytes | None) -> Entry:
    header = Header(EntryId("museum-1", "e" * 16, Stream.AUDIT, 1), kind, stamp(0, 0))
    return Entry(header, b"", b"", b"", None if body is None else b"s", body)


def test_a_boot_at_1970_is_dated_by_the_first_anchor() -> None:
    anchors = [Anchor(BOOT, HOUR_NS, NOON_MS)]
    assert utc_ms(stamp(DAWN_OF_UNIX_MS, HOUR_NS // 2), anchors) == NOON_MS - HOUR_MS // 2


def test_what_was_recorded_after_the_network_came_says_itself_when() -> None:
    anchors = [Anchor(BOOT, HOUR_NS, NOON_MS)]
    assert utc_ms(stamp(NOON_MS + 5, 2 * HOUR_NS, ClockQuality.NTP), anchors) == NOON_MS + 5
    assert utc_ms(stamp(NOON_MS + 5, 2 * HOUR_NS, ClockQuality.RTC), []) == NOON_MS + 5


def test_a_clock_that_was_56_years_ahead_is_put_right() -> None:
    ahead = NOON_MS + 56 * 365 * 24 * HOUR_MS
    assert utc_ms(stamp(ahead, HOUR_NS // 4), [Anchor(BOOT, HOUR_NS, NOON_MS)]) == NOON_MS - HOUR_MS * 3 // 4


def test_after_a_jump_back_by_an_hour_the_anchor_before_counts() -> None:
    """The clock was set back an hour by hand, lost its quality, and came right again."""
    anchors = [Anchor(BOOT, 5 * HOUR_NS, NOON_MS + 4 * HOUR_MS), Anchor(BOOT, HOUR_NS, NOON_MS)]
    wrong = stamp(NOON_MS + HOUR_MS, 3 * HOUR_NS)
    assert utc_ms(wrong, anchors) == NOON_MS + 2 * HOUR_MS
    assert utc_ms(stamp(0, 6 * HOUR_NS), anchors) == NOON_MS + 5 * HOUR_MS


def test_an_anchor_of_another_boot_says_nothing() -> None:
    assert utc_ms(stamp(DAWN_OF_UNIX_MS, HOUR_NS), [Anchor(OTHER, HOUR_NS, NOON_MS)]) is None
    assert utc_ms(stamp(DAWN_OF_UNIX_MS, HOUR_NS), []) is None


def test_anchors_are_found_among_entries_and_nonsense_is_passed_over() -> None:
    body = msgspec.json.encode(AnchorBody(boot=BOOT, mono_ns=1, wall_ms=2, quality=ClockQuality.NTP))
    entries = [
        entry(EntryKind.ANCHOR, body),
        entry(EntryKind.ANCHOR, None),
        entry(EntryKind.ANCHOR, b"{}"),
        entry(EntryKind.STARTED, body),
    ]
    assert anchors_in(entries) == [Anchor(BOOT, 1, 2)]


@given(st.binary(max_size=80))
def test_any_body_is_an_anchor_or_none(body: bytes) -> None:
    assert len(anchors_in([entry(EntryKind.ANCHOR, body)])) <= 1


@given(
    st.lists(st.integers(0, 10**15), min_size=1, max_size=20),
    st.integers(0, 10**15),
    st.integers(0, 2**41),
    st.integers(-(2**40), 2**40),
)
def test_order_within_a_boot_is_that_of_monotonic_time(monos: list[int], at: int, wall_ms: int, wrong_ms: int) -> None:
    """However wrong the clock was, the dates that come out are in the order in which things happened."""
    anchors = [Anchor(BOOT, at, wall_ms)]
    dated = [utc_ms(stamp(mono // 10**6 + wrong_ms, mono), anchors) for mono in sorted(monos)]
    known = [when for when in dated if when is not None]
    assert known == sorted(known)
    assert len(known) == len(monos)
