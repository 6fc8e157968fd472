"""Refused callers, told once per source and minute with a count: a flood makes no flood of entries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

INTERVAL_S = 60.0
SOURCES_MAX = 16
"""Sources told apart within an interval; who invents more is told as `others`."""
SOURCE_MAX = 100
"""Characters of a caller's own words that are kept."""

Tell = Callable[[str, str, int], None]


class Refusals:
    """The first refusal of a source is told at once, the further ones at the interval's end. `stop` tells the rest."""

    def __init__(self, tell: Tell, interval_s: float = INTERVAL_S) -> None:
        self._tell = tell
        self._interval_s = interval_s
        self._counts: dict[tuple[str, str], int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def refused(self, what: str, source: str) -> None:
        key = (what, _printable(source))
        if key not in self._counts and len(self._counts) >= SOURCES_MAX:
            key = (what, "others")
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._flush)
        if key in self._counts:
            self._counts[key] += 1
        else:
            self._counts[key] = 0
            self._tell(*key, 1)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._flush()

    def _flush(self) -> None:
        self._timer = None
        counts, self._counts = self._counts, {}
        for (what, source), count in counts.items():
            if count:
                self._tell(what, source, count)


def _printable(text: str) -> str:
    """A caller's words, fit for a log: no control character can forge a line."""
    return "".join(c if c.isprintable() else "?" for c in text[:SOURCE_MAX])
