"""How fast a backlog goes up: a city whose broker was away for an hour must not be run over by all its gateways."""

from __future__ import annotations

from gateway.wire.envelope import MAX_BATCH_ENTRIES

STEP_S = 0.25
"""Backlog goes in steps of so long: one batch a step, not one message an entry."""
SHORTEST_S = 0.01
ROUNDING = 1e-6
"""Of a token: after the time that was asked for, there must be room."""


class Bucket:
    """A token bucket over entries: `per_s` a second, and at once as many as a second brings or one batch holds."""

    def __init__(self, per_s: float, now: float) -> None:
        self._now = now
        self._set(per_s)
        self._tokens = self._capacity

    def change(self, per_s: float, now: float) -> None:
        """Another pace from now on."""
        self._refill(now)
        self._set(per_s)
        self._tokens = min(self._tokens, self._capacity)

    def room(self, now: float) -> int:
        """Entries that may go now; 0 until a step's worth is there."""
        self._refill(now)
        return int(self._tokens + ROUNDING) if self._tokens + ROUNDING >= self._step else 0

    def wait_s(self, now: float) -> float:
        """Seconds until there is room."""
        self._refill(now)
        return max(SHORTEST_S, (self._step - self._tokens) / self.per_s)

    def take(self, entries: int) -> None:
        """So many have gone."""
        self._tokens -= entries

    def _set(self, per_s: float) -> None:
        self.per_s = per_s
        self._capacity = max(per_s, float(MAX_BATCH_ENTRIES))
        self._step = min(max(1.0, per_s * STEP_S), float(MAX_BATCH_ENTRIES))

    def _refill(self, now: float) -> None:
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._now) * self.per_s)
        self._now = now
