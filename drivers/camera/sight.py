"""When a code in sight is news, and when the next frame is looked at. Pure: times come in, in nanoseconds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

MISSES = 3
"""Looks without the code before it counts as gone: a reflection hides it for one."""

CAPACITY = 256
"""Codes remembered at a time; then the one that was seen longest ago is forgotten first."""


class Debounce(Generic[K]):
    """Lets a code through once while it stays in sight.

    A code is gone when it was missing in at least `MISSES` looks in a row and for at least `gone_ms`. Time
    without a look (the camera was away) makes nothing go: who holds up a pass meanwhile is not let in twice.
    """

    def __init__(self, gone_ms: int = 1500) -> None:
        self.gone_ms = gone_ms
        self._in_sight: dict[K, tuple[int, int]] = {}  # code: last seen, misses since

    def look(self, now_ns: int, codes: Iterable[K]) -> list[K]:
        """What one look saw; returns the codes that are news, each once, in their order."""
        seen = list(dict.fromkeys(codes))
        news = [code for code in seen if code not in self._in_sight]
        kept: dict[K, tuple[int, int]] = {}
        for code, (last_ns, misses) in self._in_sight.items():
            if code in seen:
                continue
            if misses + 1 < MISSES or now_ns - last_ns < self.gone_ms * 1_000_000:
                kept[code] = (last_ns, misses + 1)
        kept.update((code, (now_ns, 0)) for code in seen)
        for code in list(kept)[: max(0, len(kept) - CAPACITY)]:
            del kept[code]
        self._in_sight = kept
        return news

    def __len__(self) -> int:
        """How many codes count as in sight."""
        return len(self._in_sight)


class Pace:
    """Which frames are looked at: on average at most `max_fps` a second, and never more than half of the
    time is spent on looking.

    The frames in between are taken off the stream unlooked, so a slow board sees the present and does not
    fall behind. Kept as a timetable and not as a pause: a pause would make 5 of a 10-fps camera's 8.
    """

    def __init__(self, max_fps: float) -> None:
        self._every_ns = int(1e9 / max_fps)
        self._next_ns = 0

    def due(self, now_ns: int) -> bool:
        """Whether a frame that came now is to be looked at."""
        return now_ns >= self._next_ns

    def looked(self, begin_ns: int, end_ns: int) -> None:
        """A frame that came at `begin_ns` was looked at until `end_ns`."""
        on_time = self._next_ns + self._every_ns
        # Late by more than a turn: begin a new timetable, do not catch up in a burst.
        regular = on_time if on_time > begin_ns else begin_ns + self._every_ns
        self._next_ns = max(regular, 2 * end_ns - begin_ns)
