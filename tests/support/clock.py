"""A clock that stands still until a test moves it."""

from __future__ import annotations

from gateway.model.clock import ClockQuality, Stamp


class FakeClock:
    """Starts on 2026-11-23 09:00 UTC, one second after boot."""

    def __init__(self, wall_ms: int = 1_795_424_400_000, mono_ns: int = 10**9) -> None:
        self._wall_ms = wall_ms
        self._mono_ns = mono_ns
        self.quality = ClockQuality.NTP
        self.boot = "0" * 32

    def advance(self, seconds: float) -> None:
        self._wall_ms += round(seconds * 1000)
        self._mono_ns += round(seconds * 1e9)

    def set_wall(self, wall_ms: int) -> None:
        """The wall clock is set, as by a first NTP answer; monotonic time knows nothing of it."""
        self._wall_ms = wall_ms

    def mono_ns(self) -> int:
        return self._mono_ns

    def wall_ms(self) -> int:
        return self._wall_ms

    def stamp(self) -> Stamp:
        return Stamp(self._wall_ms, self._mono_ns, self.boot, self.quality)
