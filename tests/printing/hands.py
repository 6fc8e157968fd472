"""What a person does at the printer's own keys, or with its cable, while the gateway does not know how a work ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from drivers.contract.printer import CashMove, Line, Print
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_model import Stage
from tests.printing.rows import Row
from tests.printing.works import TEA
from tests.printing.world import World

KEY = "by-hand"
"""On the person's receipts, so that they are known on paper. No driver reads paper."""


def _begin(world: World, *lines: Line) -> None:
    device = world.device
    world.foreign.add(KEY)
    device.open(1, device.passwords[1], "1")
    device.text(f"Nr. {KEY}")
    for line in lines:
        change = line.surcharge_cents - line.discount_cents
        device.sell(line.text, line.vat, line.unit_cents, line.quantity, amount=change)
    world.foreign_open = True


def _finish(world: World, device: Device) -> None:
    receipt = device.memory.receipt
    if receipt is not None and receipt.due > 0:
        device.pay("cash")
    device.close()
    world.foreign_open = False


def _alike(row: Row) -> list[Line]:
    return [item for item in row.work.items if isinstance(item, Line)] if isinstance(row.work, Print) else [TEA]


def prints(world: World, row: Row) -> None:
    """Another receipt, if none is open."""
    if world.device.stage is Stage.IDLE:
        _begin(world, TEA, TEA, TEA)
        _finish(world, world.device)


def prints_alike(world: World, row: Row) -> None:
    """A receipt over the same sum, because "nothing came out"."""
    if world.device.stage is Stage.IDLE:
        _begin(world, *_alike(row))
        _finish(world, world.device)


def prints_as_much(world: World, row: Row) -> None:
    """A receipt that puts just so much into the drawer as was to be put there."""
    if world.device.stage is Stage.IDLE and isinstance(row.work, CashMove) and row.work.cents > 0:
        _begin(world, Line("Tea", "A", row.work.cents, 1000))
        _finish(world, world.device)


def leaves_open(world: World, row: Row) -> None:
    """Another receipt that is not finished yet."""
    if world.device.stage is Stage.IDLE:
        _begin(world, TEA, TEA, TEA)


def leaves_alike_open(world: World, row: Row) -> None:
    """A receipt with the same lines, not paid yet: nothing tells it from ours but what was booked before it."""
    if world.device.stage is Stage.IDLE:
        _begin(world, *_alike(row))


def leaves_half_paid(world: World, row: Row) -> None:
    if world.device.stage is Stage.IDLE:
        _begin(world, TEA, TEA, TEA)
        world.device.pay("cash", 100)


def cancels_ours(world: World, row: Row) -> None:
    """Ours is stopped at the keys, and another one printed."""
    if world.device.stage is Stage.OPEN:
        world.device.cancel()
    prints(world, row)


def cancels_ours_alone(world: World, row: Row) -> None:
    """And prints nothing: the last receipt is ours, with our sum, and counts nothing."""
    if world.device.stage is Stage.OPEN:
        world.device.cancel()


def cancels_ours_for_one_alike(world: World, row: Row) -> None:
    if world.device.stage is Stage.OPEN:
        world.device.cancel()
    prints_alike(world, row)


def finishes_ours(world: World, row: Row) -> None:
    """Ours is paid in cash and closed at the keys."""
    if world.device.stage in (Stage.PAYING, Stage.PAID) or (
        world.device.stage is Stage.OPEN and world.device.memory.receipt and world.device.memory.receipt.total > 0
    ):
        _finish(world, world.device)


def ends_the_day(world: World, row: Row) -> None:
    if world.device.stage is Stage.IDLE:
        world.device.report(z=True)


def resets_it(world: World, row: Row) -> None:
    """The device has lost the receipt that was open, without a document."""
    world.device.memory.receipt = None


def puts_another_there(world: World, row: Row) -> None:
    """Another device of the same kind at the cable, until it has been asked twice; then ours again."""
    ours, endpoint = world.device, world.endpoint
    model = msgspec.structs.replace(ours.model, serial=ours.model.serial[:-3] + "999")
    world.plug(Device(model, now=world.clock.datetime))
    for _ in range(2):
        if row.point is not None:
            world.settle(row)
    assert world.device.documents == []
    world.plug_back(ours, endpoint)


HANDS: Mapping[str, Callable[[World, Row], None]] = {
    hand.__name__.replace("_", " "): hand
    for hand in (
        prints, prints_alike, prints_as_much, leaves_open, leaves_alike_open, leaves_half_paid, cancels_ours,
        cancels_ours_alone, cancels_ours_for_one_alike, finishes_ours, ends_the_day, resets_it, puts_another_there,
    )
}  # fmt: skip
