"""A host by hand at a simulated Datecs version 1 printer: frames out, bytes in, on a clock of its own."""

from __future__ import annotations

from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_endpoint import Endpoint
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS
from drivers.simulators.fiscal_v1 import checksum

OPEN, COFFEE, BOOK, PAY, CLOSE = (
    (48, b"1,0000,1"), (49, b"Coffee\tA2.50*2.000,-10.00"), (49, b"Book\tC9.90;-0.50"), (53, b"\tP20.00"), (56, b""),
)  # fmt: skip
RECEIPT = (OPEN, COFFEE, BOOK, PAY, CLOSE)


def frame(seq: int, command: int, data: bytes = b"") -> bytes:
    """A version 1 request, put together here and nowhere else."""
    part = bytes((0x20 + 4 + len(data), seq, command)) + data + b"\x05"
    return b"\x01" + part + checksum(part) + b"\x03"


class Host:
    """A host that sends frames and looks at what comes back, on a clock of its own."""

    def __init__(self, family: str = "datecs-v1", line_ms: float = 0, baud: int = 0) -> None:
        self.clock = VirtualClock()
        self.device = Device(MODELS[family], now=self.clock.datetime)
        self.endpoint: Endpoint = endpoint(family, self.device, line_ms=line_ms, baud=baud)
        self.line = MemoryLine(self.endpoint, self.clock)
        self.seq = 0x20

    def send(self, command: int, data: bytes = b"", *, again: bool = False) -> None:
        self.seq += not again
        self.line.send(frame(self.seq, command, data))

    def hear(self, wait_s: float = 0.5) -> bytes:
        """All that comes until it has been silent for so long."""
        heard = b""
        while came := self.line.receive(wait_s):
            heard += came
        return heard

    def ask(self, command: int, data: bytes = b"", *, again: bool = False) -> bytes:
        self.send(command, data, again=again)
        return self.hear()

    def do(self, *commands: tuple[int, bytes]) -> None:
        for command, data in commands:
            assert self.ask(command, data)

    def receipts(self) -> int:
        return sum(document.fiscal for document in self.device.documents)


def status(reply: bytes) -> bytes:
    return reply[-12:-6]


def data(reply: bytes) -> bytes:
    return reply[4:-13]
