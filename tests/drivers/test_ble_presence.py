"""Enter and leave: whatever is heard in whatever order, the two alternate, and the limits mean what they say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.ble import presence
from drivers.ble.presence import Limits, Presence
from drivers.contract.reader import BeaconEvent

S = 1_000_000_000
LIMITS = Limits(enter_dbm=-70, leave_dbm=-80, unseen_ns=10 * S, weight_percent=30, sightings=2)
ENTER, LEAVE = BeaconEvent.ENTER, BeaconEvent.LEAVE
HEARD = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-110, 0), st.integers(0, 15 * S)), max_size=60)


def levels(presence: Presence, *rssi: int, start_s: int = 0) -> list[BeaconEvent]:
    """What happens when one is heard each second, so strongly."""
    told = [presence.hear("a", level, (start_s + at) * S) for at, level in enumerate(rssi)]
    return [change.event for changes in told for change in changes]


def test_somebody_who_comes_close_enters_once() -> None:
    assert levels(Presence(LIMITS), -60, -60, -62, -58) == [ENTER]


def test_one_strong_reflection_is_nobody() -> None:
    assert levels(Presence(LIMITS), -55, -95, -95, -95) == []


def test_one_weak_moment_is_no_leaving() -> None:
    """A body between the two takes 20 dB and more."""
    assert levels(Presence(LIMITS), -60, -60, -85, -60, -60) == [ENTER]


def test_between_the_limits_everything_stays_as_it_is() -> None:
    assert levels(Presence(LIMITS), *[-75] * 20) == []
    assert levels(Presence(LIMITS), -60, -60, *[-75] * 20) == [ENTER]


def test_who_walks_away_leaves_and_may_come_again() -> None:
    assert levels(Presence(LIMITS), -60, -60, *[-95] * 6, *[-60] * 6) == [ENTER, LEAVE, ENTER]


def test_who_is_not_heard_any_more_leaves_after_the_time_that_was_set() -> None:
    one = Presence(LIMITS)
    levels(one, -60, -60)
    assert one.look(11 * S - 1) == []
    (change,) = one.look(11 * S)
    assert (change.event, change.rssi_dbm) == (LEAVE, -60)
    assert one.look(100 * S) == []


def test_who_was_away_unnoticed_left_before_entering_again() -> None:
    one = Presence(LIMITS)
    levels(one, -60, -60)
    assert levels(one, -60, -60, start_s=60) == [LEAVE, ENTER]


@given(HEARD)
def test_for_each_id_enter_and_leave_alternate_and_begin_with_enter(heard: list[tuple[str, int, int]]) -> None:
    one, now = Presence(LIMITS), 0
    last: dict[str, BeaconEvent] = {}
    for beacon, level, wait in heard:
        now += wait
        for change in one.hear(beacon, level, now) + one.look(now):
            assert last.get(change.id, LEAVE) is not change.event
            last[change.id] = change.event
    gone = {change.id for change in one.look(now + LIMITS.unseen_ns)}
    assert gone == {beacon for beacon, event in last.items() if event is ENTER}
    assert len(one) == 0


@given(st.lists(st.integers(-110, -71), max_size=60))
def test_who_is_never_loud_enough_never_enters(heard: list[int]) -> None:
    assert levels(Presence(LIMITS), *heard) == []


@given(st.lists(st.integers(-80, 0), max_size=60))
def test_who_is_never_too_faint_never_leaves(heard: list[int]) -> None:
    assert LEAVE not in levels(Presence(LIMITS), *heard)


@given(st.lists(st.integers(-110, 0), min_size=1, max_size=40))
def test_the_level_told_lies_within_what_was_heard(heard: list[int]) -> None:
    one = Presence(LIMITS)
    for at, level in enumerate(heard):
        for change in one.hear("a", level, at * S):
            assert min(heard) - 0.5 <= change.rssi_dbm <= max(heard) + 0.5


def test_ids_made_up_by_somebody_fill_no_memory_and_push_nobody_out() -> None:
    one = Presence(LIMITS)
    one.hear("a", -60, 0)
    one.hear("a", -60, 1)
    for number in range(presence.MOST + 500):
        one.hear(f"made-up-{number}", -60, 2 + number)
    assert len(one) == presence.MOST
    assert [change.id for change in one.look(60 * S)] == ["a"]


def test_when_all_are_inside_one_more_is_not_kept() -> None:
    one = Presence(Limits(-70, -80, 10 * S, 30, 1))
    for number in range(presence.MOST):
        one.hear(f"inside-{number}", -60, number)
    assert one.hear("one more", -60, 5000) == []
    assert len(one.look(60 * S)) == presence.MOST
