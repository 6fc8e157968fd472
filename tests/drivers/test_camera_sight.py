"""When a code is news and when a frame is looked at, in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.sight import CAPACITY, MISSES, Debounce, Pace

MS = 1_000_000

looks_strategy = st.lists(st.tuples(st.integers(1, 2500), st.sets(st.sampled_from("abc"), max_size=3)), max_size=60)


def timed(looks: list[tuple[int, set[str]]]) -> list[tuple[int, set[str]]]:
    """Pauses in ms as moments in ns."""
    now, moments = 10**12, []
    for pause_ms, codes in looks:
        now += pause_ms * MS
        moments.append((now, codes))
    return moments


def test_in_sight_is_told_once() -> None:
    debounce: Debounce[str] = Debounce(1500)
    assert [debounce.look(turn * 125 * MS, ["a"]) for turn in range(40)] == [["a"], *[[]] * 39]


def test_gone_long_enough_is_told_again() -> None:
    debounce: Debounce[str] = Debounce(1500)
    debounce.look(0, ["a"])
    for ms in (500, 1000, 1499):
        assert debounce.look(ms * MS, []) == []
    assert len(debounce) == 1
    debounce.look(1500 * MS, [])
    assert debounce.look(1600 * MS, ["a"]) == ["a"]


def test_not_quite_gone_is_not_told_again() -> None:
    debounce: Debounce[str] = Debounce(1500)
    debounce.look(0, ["a"])
    for ms in (500, 1000, 1499):
        debounce.look(ms * MS, [])
    assert debounce.look(1600 * MS, ["a"]) == []


def test_time_without_a_look_makes_nothing_go() -> None:
    debounce: Debounce[str] = Debounce(1500)
    debounce.look(0, ["a"])
    assert debounce.look(60_000 * MS, ["a"]) == []
    for ms in (120_000, 120_100):
        debounce.look(ms * MS, [])
    assert debounce.look(120_200 * MS, ["a"]) == []


def test_a_code_seen_twice_in_one_frame_is_one() -> None:
    assert Debounce[str](1500).look(0, ["b", "a", "b"]) == ["b", "a"]


@given(looks=looks_strategy, gone_ms=st.integers(200, 3000))
def test_told_exactly_when_it_was_away_for_long_enough(looks: list[tuple[int, set[str]]], gone_ms: int) -> None:
    """Against the definition, taken from the whole history anew at each look."""
    history = timed(looks)
    debounce: Debounce[str] = Debounce(gone_ms)
    for number, (now, codes) in enumerate(history):
        expected = set()
        for code in codes:
            last = max((i for i in range(number) if code in history[i][1]), default=None)
            if last is None or any(
                i - last >= MISSES and history[i][0] - history[last][0] >= gone_ms * MS for i in range(last + 1, number)
            ):
                expected.add(code)
        assert set(debounce.look(now, sorted(codes))) == expected


@given(st.lists(st.sets(st.integers(0, 5000), max_size=40), max_size=60))
def test_memory_is_bounded_whatever_is_shown(looks: list[set[int]]) -> None:
    debounce: Debounce[int] = Debounce(60_000)
    for number, codes in enumerate(looks):
        debounce.look(number * MS, codes)
        assert len(debounce) <= CAPACITY


def play(pace: Pace, camera_fps: float, look_ms: float, seconds: float) -> list[int]:
    """A camera's frames, one after the other; while one is looked at, the next ones queue up. Returns the
    moments at which a look began."""
    now, begun = 10**12, []
    for number in range(int(seconds * camera_fps)):
        now = max(now, 10**12 + int(number / camera_fps * 1e9))
        if pace.due(now):
            begun.append(now)
            end = now + int(look_ms * MS)
            pace.looked(now, end)
            now = end
    return begun


def test_eight_of_ten_frames_are_looked_at() -> None:
    """A plain pause of 125 ms would take every second frame of a 10-fps camera."""
    assert 79 <= len(play(Pace(8), 10, 2, 10)) <= 81


@given(max_fps=st.floats(1, 30), camera_fps=st.floats(1, 60), look_ms=st.floats(0, 400), seconds=st.floats(1, 10))
def test_never_more_than_asked_and_never_more_than_half_the_time(
    max_fps: float, camera_fps: float, look_ms: float, seconds: float
) -> None:
    begun = play(Pace(max_fps), camera_fps, look_ms, seconds)
    assert begun
    if len(begun) > 1:
        span_s = (begun[-1] - begun[0]) / 1e9
        assert len(begun) - 1 <= span_s * max_fps * 1.001 + 1
        assert (len(begun) - 1) * look_ms / 1000 <= span_s / 2 + 1e-6
