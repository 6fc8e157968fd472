"""Edges on two wires → frames of bits. Pure: each edge brings its time.

SIA AC-01-1996.10: a pulse (low for 20 to 100 µs) on D0 is a 0, on D1 a 1; from pulse to pulse 200 µs to 20 ms, on
whichever wire.
"""

from __future__ import annotations

from typing import NamedTuple

MOST_BITS = 128
"""More is no card: counted to here, so that a line that rings for ever fills no memory."""


class Edge(NamedTuple):
    """A pulse has begun on `line` (0 or 1). `lost`: the system has dropped some before it."""

    line: int
    t_ns: int
    lost: bool = False


class Frame(NamedTuple):
    """Bits between two pauses; the first one is the most significant of `value`. `why`: they are not to be used."""

    bits: int
    value: int
    t_ns: int
    why: str = ""


class Frames:
    """Cuts edges into frames. A pulse on one wire sooner than `apart_ns` after the last one on the same is a bounce and
    counts as nothing; on the other wire it spoils the frame: both at once is no bit."""

    def __init__(self, gap_ns: int, apart_ns: int) -> None:
        self._gap_ns, self._apart_ns = gap_ns, apart_ns
        self._bits = self._value = 0
        self._why = ""
        self._last: Edge | None = None
        self.bounces = 0

    @property
    def waiting(self) -> bool:
        """A frame has begun and is not over."""
        return self._last is not None

    def feed(self, edge: Edge) -> Frame | None:
        """Take an edge. Returns the frame before it, when there was a pause between."""
        over = self.look(edge.t_ns)
        last, self._last = self._last, edge
        if last is not None:
            since = edge.t_ns - last.t_ns
            if since < 0:
                self._spoil("time went back")
            elif since < self._apart_ns and edge.line == last.line:
                # The time of the first edge stays: what rings without end is over after the pause all the same.
                self._last = last
                self.bounces += 1
                return over
            elif since < self._apart_ns:
                self._spoil("both wires at once")
        if edge.lost:
            self._spoil("pulses were lost")
        if self._bits == MOST_BITS:
            self._spoil(f"more than {MOST_BITS} bits")
        else:
            self._bits += 1
            self._value = self._value << 1 | edge.line
        return over

    def look(self, now_ns: int) -> Frame | None:
        """The frame that is over because nothing came since."""
        if self._last is None or now_ns - self._last.t_ns < self._gap_ns:
            return None
        frame = Frame(self._bits, self._value, self._last.t_ns, self._why)
        self._bits = self._value = 0
        self._why = ""
        self._last = None
        return frame

    def _spoil(self, why: str) -> None:
        self._why = self._why or why
