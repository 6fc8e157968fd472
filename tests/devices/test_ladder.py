"""The recovery ladder in virtual time: single stories, then properties over any story."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.devices.ladder import (
    BACKOFF_CAP_S,
    BACKOFF_FIRST_S,
    HEALTHY_S,
    HELP_AFTER_STARTS,
    JITTER,
    LIMITS,
    PATIENCE_S,
    Ladder,
    Rung,
)

ROUNDING_S = 1e-6
"""Differences of floating-point times are not exact."""


def ladder(silence_s: float = 15.0) -> Ladder:
    return Ladder(silence_s, lambda: 0.0)


def climb(device: Ladder, now: float, until: float) -> list[tuple[float, Rung]]:
    """Ask whenever it wants to be asked; what was to be done and when. Nothing helps. No bus can be reset."""
    acts: list[tuple[float, Rung]] = []
    while device.due <= until:
        now = device.due
        rung = device.check(now)
        if rung is Rung.RESET_BUS:
            acts.append((now, rung))
            rung = device.not_available(now)
        if rung is not Rung.NOTHING:
            acts.append((now, rung))
        if rung is Rung.RESTART:
            now = device.ended(now)
            device.starting(now)
            device.watch(now)
    return acts


def test_one_late_answer_is_no_absence() -> None:
    device = ladder()
    device.starting(0)
    device.watch(0)
    assert [device.check(at) for at in (5, 10)] == [Rung.NOTHING, Rung.NOTHING]
    device.alive(14.9)
    assert [device.check(at) for at in (15, 20, 25)] == [Rung.NOTHING] * 3
    assert not device.absent


def test_three_misses_are_an_absence_and_the_device_is_reopened() -> None:
    device = ladder()
    device.starting(0)
    device.watch(0)
    assert [device.check(at) for at in (5, 10, 15)] == [Rung.NOTHING, Rung.NOTHING, Rung.REOPEN]
    assert device.absent


def test_a_daemon_that_slept_does_not_take_it_for_silence() -> None:
    device = ladder()
    device.starting(0)
    device.watch(0)
    device.alive(1)
    device.check(5)
    assert device.check(1000) is Rung.NOTHING
    device.alive(1000.1)
    assert device.check(1005) is Rung.NOTHING
    assert not device.absent


def test_silence_climbs_from_rung_to_rung_and_never_gives_up() -> None:
    device = ladder()
    device.starting(0)
    device.watch(0)
    acts = climb(device, 0, 2500)
    assert [rung for _, rung in acts] == [
        Rung.REOPEN,
        Rung.REOPEN,
        Rung.RESTART,
        Rung.RESTART,
        Rung.RESTART,
        Rung.RESET_BUS,
        Rung.ASK_FOR_HELP,
        Rung.RESTART,
        Rung.RESTART,
        Rung.RESTART,
    ]
    assert device.wants_help


def test_a_cool_down_counts_from_the_start_of_the_attempt() -> None:
    device = ladder()
    device.starting(0)
    device.watch(0)
    acts = climb(device, 0, 200)
    assert [at for at, _ in acts[:3]] == [15, 25, 35]


def test_a_driver_that_says_that_its_device_is_away_is_left_to_itself_at_first() -> None:
    device = ladder()
    device.starting(0)
    device.watch(0)
    device.lost(2)
    acts = climb(device, 0, 2 + PATIENCE_S)
    assert acts == [(2 + PATIENCE_S, Rung.RESTART)]


def test_restarts_back_off_to_a_cap() -> None:
    device = ladder()
    now, gaps = 0.0, []
    for _ in range(12):
        device.starting(now)
        again = device.ended(now)
        gaps.append(again - now)
        now = again
    assert gaps[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert gaps[-1] == pytest.approx(BACKOFF_CAP_S)
    assert device.wants_help


def test_a_driver_that_has_run_for_a_while_is_started_again_at_once() -> None:
    device = ladder()
    device.starting(0)
    assert device.ended(40) == 40


def test_health_for_a_minute_forgets_what_was() -> None:
    device = ladder()
    for at in range(HELP_AFTER_STARTS):
        device.starting(at * 100)
        device.ended(at * 100)
    wanted = [device.wants_help]
    device.starting(1000)
    device.watch(1000)
    for at in range(1001, 1003 + int(HEALTHY_S)):
        device.alive(at)
    assert [*wanted, device.wants_help] == [True, False]
    device.ended(1100)
    device.starting(1100)
    assert device.ended(1100) - 1100 == pytest.approx(2 * BACKOFF_FIRST_S)


@dataclass
class Story:
    """A device driven through any events, with the rules of the house checked at each."""

    device: Ladder
    now: float = 0.0
    running: bool = False
    start_at: float = 0.0
    starts: list[float] = field(default_factory=list)
    acts: list[tuple[float, Rung]] = field(default_factory=list)
    healthy_since: float | None = None
    forgotten_at: float = 0.0

    def to(self, now: float) -> None:
        """Time goes on; everything that is due on the way is done."""
        while True:
            at = self.device.due if self.running else self.start_at
            if at > now:
                break
            self.now = max(self.now, at)
            if self.running:
                self._check()
            else:
                self._start()
        self.now = now

    def alive(self) -> None:
        if self.running:
            self.device.alive(self.now)
            if self.healthy_since is None:
                self.healthy_since = self.now
            elif self.now - self.healthy_since >= HEALTHY_S:
                self.forgotten_at = self.now

    def lost(self) -> None:
        if self.running:
            self.device.lost(self.now)
            self.healthy_since = None

    def crash(self) -> None:
        if self.running:
            self._end()

    def _start(self) -> None:
        self.starts.append(self.now)
        self.device.starting(self.now)
        self.device.watch(self.now)
        assert self.device.due > self.now
        self.running = True

    def _end(self) -> None:
        self.running = False
        self.healthy_since = None
        self.start_at = self.device.ended(self.now)
        assert self.now <= self.start_at <= self.now + BACKOFF_CAP_S
        assert self.start_at - self.starts[-1] >= BACKOFF_FIRST_S * (1 - JITTER) - ROUNDING_S
        assert math.isinf(self.device.due)

    def _check(self) -> None:
        rung = self.device.check(self.now)
        assert self.device.due > self.now, "it would turn the loop for ever"
        if self.device.absent:
            self.healthy_since = None
        if rung is not Rung.NOTHING:
            self.acts.append((self.now, rung))
        if rung is Rung.RESTART:
            self._end()


EVENTS = st.lists(st.tuples(st.floats(0.01, 40), st.sampled_from(["alive", "lost", "crash", "nothing"])), max_size=80)
SILENCES = st.floats(2, 120)


@given(EVENTS, SILENCES, st.floats(0, 1))
def test_whatever_happens_budgets_and_cool_downs_hold(
    events: list[tuple[float, str]], silence_s: float, jitter: float
) -> None:
    story = Story(Ladder(silence_s, lambda: jitter))
    for pause, event in events:
        story.to(story.now + pause)
        match event:
            case "alive":
                story.alive()
            case "lost":
                story.lost()
            case "crash":
                story.crash()
    since = [(at, rung) for at, rung in story.acts if at > story.forgotten_at]
    for rung, limit in LIMITS.items():
        if rung is not Rung.RESTART:
            assert sum(act is rung for _, act in since) <= limit.budget
    for (first, rung), (second, _) in pairwise(since):
        assert second - first >= LIMITS[rung].cool_down_s - ROUNDING_S
    order = list(LIMITS)
    before_help = [order.index(rung) for _, rung in since]
    if order.index(Rung.ASK_FOR_HELP) in before_help:
        before_help = before_help[: before_help.index(order.index(Rung.ASK_FOR_HELP))]
    assert before_help == sorted(before_help) or any(event == "lost" for _, event in events)


@given(SILENCES, st.floats(0, 1), st.floats(0.1, 0.99))
def test_a_device_that_answers_in_time_is_never_disturbed(silence_s: float, jitter: float, part: float) -> None:
    story = Story(Ladder(silence_s, lambda: jitter))
    story.to(0.0)
    for _ in range(200):
        story.to(story.now + silence_s / 3 * part)
        story.alive()
    assert story.acts == []
    assert story.starts == [0.0]


@given(SILENCES, st.floats(0, 1), st.booleans())
def test_a_dead_device_always_ends_in_a_call_for_help_and_is_still_tried(
    silence_s: float, jitter: float, honest: bool
) -> None:
    story = Story(Ladder(silence_s, lambda: jitter))
    while story.now < 4 * silence_s + 3600:
        story.to(story.now + 1)
        if honest and story.running:
            story.lost()
    rungs = [rung for _, rung in story.acts]
    assert Rung.ASK_FOR_HELP in rungs
    assert rungs[-1] is Rung.RESTART
    assert (Rung.REOPEN in rungs) is not honest
    assert story.device.wants_help


@given(st.lists(st.floats(0, 5), min_size=30, max_size=60), st.floats(0, 1))
def test_a_crash_loop_never_costs_more_than_one_start_in_most_of_the_cap(lives: list[float], jitter: float) -> None:
    story = Story(ladder())
    story.device = Ladder(15, lambda: jitter)
    for life in lives:
        story.to(max(story.now, story.start_at))
        story.to(story.now + life)
        story.crash()
    gaps = [second - first for first, second in pairwise(story.starts)]
    assert min(gaps[8:]) >= BACKOFF_CAP_S * (1 - JITTER) - ROUNDING_S
