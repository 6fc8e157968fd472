"""Devices that have printed before, and what a work looks like on paper when nothing goes wrong."""

from __future__ import annotations

import copy
import functools

import msgspec

from drivers.contract.printer import CashMove, Print, Result, Work
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_line import VirtualClock
from drivers.simulators.fiscal_model import MODELS
from drivers.simulators.fiscal_paper import Document
from tests.printing.cases import Case
from tests.printing.works import DRAWER_CENTS, PREPARED, WORKS, of, sold
from tests.printing.world import World

GOLDEN = "golden"


class Prepared(msgspec.Struct, frozen=True):
    """A device that has done the same work before, undisturbed: `document` is its paper, `commands` and `stores` are
    how many the work took, and what the driver asks before the work begins."""

    device: Device
    clock: VirtualClock
    work: Work
    document: Document
    commands: int
    stores: int

    def fresh(self) -> tuple[Device, VirtualClock]:
        return copy.deepcopy((self.device, self.clock))

    def named(self, key: str) -> Work:
        return msgspec.structs.replace(self.work, key=key)


@functools.cache
def prepared(family: str, name: str) -> Prepared:
    """The device before a run. The work before was alike: no sum tells the two apart."""
    clock = VirtualClock()
    device = Device(MODELS[family], now=clock.datetime)
    world = World(Case(family, name), device, clock)
    for work in (WORKS["sale"](PREPARED), CashMove("drawer", DRAWER_CENTS)):
        assert world.do(work).ended
    first = device.documents[0]
    work = of(WORKS[name](GOLDEN), sold(first.number[1:], first.device_time, device.model.fiscal_memory))
    begun = World(Case(family, name), device, clock)
    row = begun.do(work)
    assert row.outcome is not None
    assert row.outcome.outcome is Result.PRINTED, row.outcome
    assert begun.notes.complaints == []
    document = device.documents[-1]
    assert not isinstance(work, Print) or document.key == GOLDEN
    return Prepared(device, clock, work, document, begun.commands, begun.stores)
