"""What is the same for all simulated families: each fault, at the close of a receipt, does what its table says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from drivers.fiscal.link import PortGone
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_endpoint import Endpoint
from drivers.simulators.fiscal_families import FAMILIES, endpoint
from drivers.simulators.fiscal_faults import FaultKind
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS
from tests.drivers import printer_host, test_printer_simulator_v2, zfp_host

Frame = Callable[[int, int, bytes], bytes]


class Spoken(NamedTuple):
    """A receipt up to its close on one family's wire, and how its answers begin."""

    frame: Frame
    receipt: tuple[tuple[int, bytes], ...]
    close: tuple[int, bytes]
    begins: bytes


SPOKEN = {
    "datecs-v1": Spoken(
        printer_host.frame, ((48, b"1,0000,1"), (49, b"Tea\tA2.50"), (53, b"\tP5.00")), (56, b""), b"\x01"
    ),
    "datecs-v1b": Spoken(
        printer_host.frame, ((48, b"1,1,1"), (49, b"Tea\tA2.50"), (53, b"\tP5.00")), (56, b""), b"\x01"
    ),
    "datecs-v2": Spoken(
        test_printer_simulator_v2.frame,
        ((48, b"1\t0000\t1\t\t"), (49, b"Tea\t1\t2.50\t\t\t\t0\t"), (53, b"0\t5.00\t\t")),
        (56, b""),
        b"\x01",
    ),
    "tremol": Spoken(
        zfp_host.frame,
        ((0x30, b"1;0000;1;1;0"), (0x31, b"Tea".ljust(36) + b";\xc0;2.50"), (0x35, b"0;0;5.00")),
        (0x38, b""),
        b"\x06",
    ),
}


class Told(NamedTuple):
    """`closed`: it was carried out. `right`: its right answer is in what came; `said`: any frame is."""

    closed: bool
    right: bool
    said: bool


YES, LOST, REFUSED, UNHEARD = (
    Told(True, True, True),
    Told(True, False, False),
    Told(False, False, True),
    Told(*[False] * 3),
)
EFFECTS = {
    FaultKind.DROP_REQUEST: UNHEARD,
    FaultKind.DROP_ANSWER: LOST,
    FaultKind.CORRUPT_REQUEST: UNHEARD,
    FaultKind.CORRUPT: Told(True, False, True),
    FaultKind.NAK: UNHEARD,
    FaultKind.BUSY: UNHEARD,
    FaultKind.SILENCE: LOST,
    FaultKind.SYN_STORM: YES,
    FaultKind.SYN_SILENCE: LOST,
    FaultKind.DELAY: YES,
    FaultKind.DUPLICATE: YES,
    FaultKind.STALE: YES,
    FaultKind.JUNK: YES,
    FaultKind.BYTEWISE: YES,
    FaultKind.PAPER_OUT: REFUSED,
    FaultKind.COVER: REFUSED,
    FaultKind.POWER_CUT: LOST,
    FaultKind.VANISH: LOST,
    FaultKind.REFUSE: REFUSED,
    FaultKind.ERROR_IN_DATA: REFUSED,
    FaultKind.FAIL_PAYMENT: YES,
    FaultKind.SUBTOTAL_OFF: YES,
    FaultKind.SPONTANEOUS_Z: YES,
    FaultKind.CLOCK_JUMP: YES,
    FaultKind.LOCK: REFUSED,
}


def closing(family: str, **fault: object) -> tuple[bytes, Endpoint]:
    """What comes back for the close of a receipt, after this fault was armed."""
    spoken, clock = SPOKEN[family], VirtualClock()
    at = endpoint(family, Device(MODELS[family], now=clock.datetime))
    line = MemoryLine(at, clock)
    for number, (command, data) in enumerate(spoken.receipt):
        line.send(spoken.frame(0x21 + number, command, data))
        assert line.receive(0.5)[:1] == spoken.begins
    if fault:
        at.fault(on="close", **fault)  # type: ignore[arg-type]
    line.send(spoken.frame(0x31, *spoken.close))
    heard = b""
    try:
        while came := line.receive(2.0):
            heard += came
    except PortGone:
        pass
    return heard, at


def test_each_fault_has_its_effect_here() -> None:
    assert set(EFFECTS) == set(FaultKind)


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("family", FAMILIES)
def test_fault_at_the_close(family: str, kind: FaultKind) -> None:
    right, undisturbed = closing(family)
    assert undisturbed.device.documents[-1].fiscal
    if kind not in undisturbed.faults:
        with pytest.raises(ValueError, match=f"{family} has no fault {kind}"):
            undisturbed.fault(kind)
        return
    heard, at = closing(family, kind=kind, ms=600)
    closed = any(document.fiscal for document in at.device.documents)
    assert Told(closed, right in heard, SPOKEN[family].begins in heard) == EFFECTS[kind]


@pytest.mark.parametrize("kind", [FaultKind.SILENCE, FaultKind.POWER_CUT, FaultKind.VANISH])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_takes_the_answer_away_can_come_before_the_command_is_carried_out(family: str, kind: FaultKind) -> None:
    heard, at = closing(family, kind=kind, ms=600, executed=False)
    assert (heard, at.device.documents, at.device.stage) == (b"", [], "paid")
