"""The operator's password, and texts, go to the device and nowhere else, in whatever command a family puts them."""

from __future__ import annotations

import typing

import pytest

from drivers.contract.printer import Payment, Reversal
from drivers.fiscal import operations as op
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.dialects import SPOKEN, dialect_of
from drivers.fiscal.moves import Ask
from drivers.fiscal.operations import Operation
from drivers.fiscal.wire import Timing, Wire
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS
from tests.drivers.fiscal_bench import FAMILIES

TEXT = b"Card 400012"
PASSWORD = "739173"
TOLD: dict[type, Operation] = {
    op.OpenReversal: op.OpenReversal(Reversal("1", device_time="2026-11-27T08:00:00", fiscal_memory="02000600")),
    op.Text: op.Text(TEXT),
    op.Sale: op.Sale(b"Tea", "A", 250, 1000),
    op.AdjustSubtotal: op.AdjustSubtotal(-10, "A"),
    op.Pay: op.Pay(Payment.CASH, 250),
    op.ReadDocument: op.ReadDocument("1"),
    op.PrintDay: op.PrintDay(False),
    op.MoveCash: op.MoveCash(500),
    op.WriteClock: op.WriteClock("2026-11-27T08:00:00"),
    op.SlipLine: op.SlipLine(TEXT),
}
"""Operations that say something; the others are made of nothing."""
OPERATIONS = tuple(TOLD[kind] if kind in TOLD else kind() for kind in typing.get_args(Operation))


@pytest.mark.parametrize("family", FAMILIES)
def test_no_command_shows_them_in_the_log_of_frames(family: str) -> None:
    clock = VirtualClock()
    device = Device(MODELS[family], now=clock.datetime)
    device.passwords[1] = PASSWORD
    answering = endpoint(family, device)

    def line() -> MemoryLine:
        opened = MemoryLine(answering, clock)
        opened.open()
        return opened

    dialect = dialect_of(family, Clerk("1", PASSWORD, "1"))
    wire = Wire(
        dialect, line, Timing(), first_seq=1, clock=clock, alive=lambda: None, known=SPOKEN[family].known, port="p"
    )
    wire.open()
    holding = 0
    for operation in OPERATIONS:
        try:
            _, data = wire.dialect.request(operation)
        except ValueError:
            continue
        wire.ask(Ask(operation))
        holding += PASSWORD.encode() in data
    assert holding >= 2
    shown = " ".join(wire.frames.lines())
    assert b"Tea".hex(" ") in shown
    assert PASSWORD.encode().hex(" ") not in shown
    assert TEXT.hex(" ") not in shown
