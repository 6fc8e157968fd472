"""Full-jitter back-off: after a broker's fall a whole city must not come back in one second."""

from __future__ import annotations

import random
from collections.abc import Callable

BASE_S = 1.0
STABLE_S = 60.0
"""A link that held for so long starts the next back-off from the beginning."""


class Backoff:
    """Delays between attempts: uniform between 0 and min(cap, base · 2ⁿ)."""

    def __init__(self, cap_s: float, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._cap = cap_s
        self._uniform = uniform
        self._failures = 0

    def failed(self, held_s: float = 0.0) -> float:
        """Seconds to wait after an attempt failed, or after a link broke that had held for `held_s`."""
        if held_s >= STABLE_S:
            self._failures = 0
        ceiling = min(self._cap, BASE_S * 2 ** min(self._failures, 30))
        self._failures += 1
        return self._uniform(0, ceiling)
