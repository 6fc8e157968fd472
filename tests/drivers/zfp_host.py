"""A host of the simulated Tremol device, for its tests, with the commands of an ordinary receipt."""

from __future__ import annotations

from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_endpoint import Endpoint
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS
from drivers.simulators.fiscal_wire import Request
from drivers.simulators.fiscal_zfp import Zfp, acknowledgement, checksum
from drivers.simulators.fiscal_zfp_commands import COMMANDS

OPEN = (0x30, b"1;0000;1;1;0")
BOOK = (0x31, b"Book".ljust(36) + b";\xc2;9.90:-0.50")
COFFEE = (0x31, b"Coffee".ljust(36) + b";\xc0;2.50*2.000,-10.00%")
PAY = (0x35, b"0;0;20.00")
CLOSE = (0x38, b"")
DONE = (0, 0)


def frame(number: int, command: int, data: bytes = b"") -> bytes:
    part = bytes((0x23 + len(data), number, command)) + data
    return b"\x02" + part + checksum(part) + b"\x0a"


class Host:
    def __init__(self, line_ms: float = 0, *, repeats: bool = False, executes_after_cut: bool = True) -> None:
        self.clock = VirtualClock()
        self.device = Device(MODELS["tremol"], now=self.clock.datetime)
        wire = Zfp(self.device, COMMANDS, repeats=repeats, executes_after_cut=executes_after_cut)
        self.endpoint = Endpoint(wire, self.device, line_ms=line_ms)
        self.line = MemoryLine(self.endpoint, self.clock)
        self.number = 0x20

    def send(self, command: int, data: bytes = b"", *, again: bool = False) -> None:
        self.number += not again
        self.line.send(frame(self.number, command, data))

    def ask(self, command: int, data: bytes = b"", *, again: bool = False) -> bytes:
        self.send(command, data, again=again)
        heard = b""
        while came := self.line.receive(0.5):
            heard += came
        return heard

    def digits(self, command: int, data: bytes = b"", *, again: bool = False) -> tuple[int, int]:
        reply = self.ask(command, data, again=again)
        assert reply == acknowledgement(Request(self.number, command, b""), (reply[2] - 0x30, reply[3] - 0x30))
        return reply[2] - 0x30, reply[3] - 0x30

    def fields(self, command: int, data: bytes = b"") -> list[str]:
        reply = self.ask(command, data)
        assert (reply[0], reply[1] - 0x20, reply[2], reply[3]) == (2, len(reply) - 4, self.number, command)
        assert reply[-3:-1] == checksum(reply[1:-3])
        return reply[4:-3].decode("cp1251").split(";")

    def do(self, *commands: tuple[int, bytes]) -> None:
        for command, data in commands:
            assert self.digits(command, data) == DONE, (command, data)
