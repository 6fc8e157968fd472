"""A wire that passes everything on, to be watched at one place."""

from __future__ import annotations

from drivers.simulators.fiscal_model import Act, Why
from drivers.simulators.fiscal_wire import Ping, Reader, Request, Wire


class Through:
    """`drivers.simulators.fiscal_wire.Wire`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.nak, self.syn, self.retry = wire.nak, wire.syn, wire.retry
        self.repeats, self.quiet = wire.repeats, wire.quiet

    def reader(self) -> Reader:
        return self._wire.reader()

    def lines(self, act: Act) -> int:
        return self._wire.lines(act)

    def pong(self, ping: Ping, *, busy: bool) -> bytes:
        return self._wire.pong(ping, busy=busy)

    def act(self, request: Request) -> Act:
        return self._wire.act(request)

    def answer(self, request: Request, deny: Why | None, *, quiet: bool) -> bytes:
        return self._wire.answer(request, deny, quiet=quiet)
