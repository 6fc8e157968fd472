"""A simulated printer and its host in one process, on a clock that stands still unless somebody waits: many thousand
receipts a minute, to the millisecond the same each time."""

from __future__ import annotations

from datetime import datetime, timedelta

from drivers.fiscal.link import PortGone
from drivers.simulators.fiscal_endpoint import Endpoint

START = datetime.fromisoformat("2026-11-27T08:00:00")


class VirtualClock:
    """Seconds since it was made, as `time.monotonic` counts them; goes on only by `advance`."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += max(0.0, seconds)

    def datetime(self) -> datetime:
        """The time of day, for the device's clock."""
        return self._start + timedelta(seconds=self.now_s)


class MemoryLine:
    """The host's end of the cable: a `Transport` of the driver. Waiting for bytes lets the clock go on. When the port
    has vanished every call raises `PortGone`, for ever: the port that comes back is opened by another `MemoryLine`."""

    def __init__(self, endpoint: Endpoint, clock: VirtualClock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._port = endpoint.port

    def open(self) -> None:
        """Open the port, or open it again. Raises `PortGone` while it is not there."""
        if not self._endpoint.present(self._clock.now_s):
            raise PortGone("the simulated port is not there")
        self._port = self._endpoint.port

    def close(self) -> None:
        """Nothing is heard on this line any more."""
        self._port = -1

    def send(self, data: bytes) -> None:
        """Raises `PortGone`."""
        self._check()
        self._endpoint.receive(data, self._clock.now_s)

    def receive(self, timeout_s: float) -> bytes:
        """What has come, at least a byte unless the time is over. Raises `PortGone`."""
        until = self._clock.now_s + timeout_s
        while True:
            self._check()
            now, at = self._clock.now_s, self._endpoint.next_s()
            if at <= now:
                if sent := self._endpoint.due(now):
                    return b"".join(sent)
                at = self._endpoint.next_s()
            if now >= until:
                return b""
            self._clock.advance(max(min(at, until) - now, 1e-9))

    def _check(self) -> None:
        if self._port != self._endpoint.port or not self._endpoint.present(self._clock.now_s):
            raise PortGone("the simulated port is not there")
