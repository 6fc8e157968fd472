"""What is done at a simulated device without its wire, for its tests: each act, and what it changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time

import msgspec
import pytest

from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_line import VirtualClock
from drivers.simulators.fiscal_memory import Reversed
from drivers.simulators.fiscal_model import MODELS, Act, Model, Refused, Why

Do = Callable[[Device], object]

OPEN: Do = lambda d: d.open(1, d.model.passwords(1), "1")  # noqa: E731  a table of acts reads better
SELL: Do = lambda d: d.sell("Coffee", "A", 250, 2000, amount=-50)  # noqa: E731
PART: Do = lambda d: d.pay("card", 100)  # noqa: E731
REST: Do = lambda d: d.pay("cash")  # noqa: E731
CLOSE: Do = lambda d: d.close()  # noqa: E731

ACTS: dict[Act, Do] = {
    Act.OPEN: OPEN,
    Act.REVERSE: lambda d: d.reverse(1, d.model.passwords(1), "1", Reversed("1")),
    Act.SELL: SELL,
    Act.SUBTOTAL: lambda d: d.subtotal(),
    Act.TEXT: lambda d: d.text("Thank you"),
    Act.PAY: REST,
    Act.CLOSE: CLOSE,
    Act.CANCEL: lambda d: d.cancel(),
    Act.OPEN_SLIP: lambda d: d.open_slip(),
    Act.SLIP_TEXT: lambda d: d.slip_text("Balance: 5"),
    Act.CLOSE_SLIP: lambda d: d.close_slip(),
    Act.X: lambda d: d.report(z=False),
    Act.Z: lambda d: d.report(z=True),
    Act.CASH: lambda d: d.move_cash(500),
    Act.SET_CLOCK: lambda d: d.set_clock(d.now),
    Act.COPY: lambda d: d.copy(),
    Act.FEED: lambda d: d.feed(),
}


families = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def device(model: Model, *history: Do, clock: VirtualClock | None = None, auto_z: time | None = None) -> Device:
    """One that has printed a receipt already, and then this."""
    made = Device(model, now=(clock or VirtualClock()).datetime, auto_z=auto_z)
    for act in (OPEN, SELL, REST, CLOSE, *history):
        act(made)
    return made


def remembered(device: Device) -> tuple[object, int]:
    return msgspec.to_builtins(device.memory), len(device.documents)


def refusal(act: Do, on: Device) -> Why | None:
    try:
        act(on)
    except Refused as refused:
        return refused.why
    return None
