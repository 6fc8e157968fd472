"""A line whose device answers by a script, in virtual time, for the tests of the link."""

from __future__ import annotations

from collections.abc import Callable

from drivers.fiscal.datecs_v1 import FramingV1
from drivers.fiscal.link import Link, Pace, PortGone
from drivers.simulators.fiscal_v1 import RequestReader, answer
from drivers.simulators.fiscal_wire import Request

OK = bytes.fromhex("80 80 80 80 86 9A")


class Line:
    """A transport whose time passes only while somebody waits. `device` says what comes for a request, as
    (seconds later, bytes)."""

    def __init__(self, device: Callable[[Request, int], list[tuple[float, bytes]]]) -> None:
        self.now = 0.0
        self.sent: list[Request] = []
        self._device = device
        self._coming: list[tuple[float, bytes]] = []
        self.unplugged = False

    def send(self, data: bytes) -> None:
        if self.unplugged:
            raise PortGone("unplugged")
        (request,) = RequestReader().feed(data)
        assert isinstance(request, Request)
        self.sent.append(request)
        self._coming += [(self.now + later, what) for later, what in self._device(request, len(self.sent))]
        self._coming.sort(key=lambda item: item[0])

    def receive(self, timeout_s: float) -> bytes:
        until = self.now + timeout_s
        if self._coming and self._coming[0][0] <= until:
            at, what = self._coming.pop(0)
            self.now = max(self.now, at)
            return what
        self.now = until
        return b""

    def clock(self) -> float:
        return self.now

    def close(self) -> None:
        self.unplugged = True


def link_on(line: Line, first_seq: int = 0x30) -> Link:
    return Link(line, FramingV1(), first_seq=first_seq, pace=Pace(0.5, 3, 15.0), clock=line.clock)


def reply(request: Request, data: bytes = b"") -> bytes:
    return answer(request, data, OK)
