"""The last frames on the wire, for whoever has to find out what happened: a ring that is written to the log when an
outcome is unknown. Passwords and notes are not in it: the link is told what to show."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

FRAMES_KEPT = 200
"""A receipt of ten lines is some thirty frames with its answers."""


class FrameLog:
    """Frames with their direction and time in ms. What comes again and again (a busy device says so every 60 ms) is
    kept once, with how often."""

    def __init__(self, clock: Callable[[], float], kept: int = FRAMES_KEPT) -> None:
        self._clock = clock
        self._frames: deque[tuple[float, str, bytes, int]] = deque(maxlen=kept)

    def sent(self, frame: bytes) -> None:
        self._frames.append((self._clock(), ">", frame, 1))

    def received(self, data: bytes) -> None:
        if self._frames:
            at, direction, before, times = self._frames[-1]
            if direction == "<" and before == data:
                self._frames[-1] = (at, direction, before, times + 1)
                return
        self._frames.append((self._clock(), "<", data, 1))

    def lines(self) -> list[str]:
        """Oldest first: ms before now, direction, hex, and how often when more than once."""
        now = self._clock()
        return [
            f"{(at - now) * 1000:.0f} {direction} {data.hex(' ')}" + (f" x{times}" if times > 1 else "")
            for at, direction, data, times in self._frames
        ]
