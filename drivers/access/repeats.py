"""A card that stays at the reader is one presentation: readers send it once, some again and again."""

from __future__ import annotations

from drivers.access.formats import Number


class Repeats:
    """The same number within a time of the last one is no new presentation."""

    def __init__(self, within_ms: int) -> None:
        self._within_ns = within_ms * 1_000_000
        self._last: tuple[int, int] | None = None

    def is_new(self, number: Number, now_ns: int) -> bool:
        # By a hash of this process: no number is kept.
        seen, before = hash((number.bits, number.data)), self._last
        self._last = seen, now_ns
        return before is None or before[0] != seen or now_ns - before[1] >= self._within_ns
