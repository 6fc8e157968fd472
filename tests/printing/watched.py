"""What must not happen on the wire, looked at while it happens."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from drivers.contract.printer import PrintPoint
from drivers.simulators.fiscal_model import Act, Stage, Why
from drivers.simulators.fiscal_paper import Document, key_of
from drivers.simulators.fiscal_wire import Request, Wire
from tests.printing.rows import Row
from tests.printing.through import Through

if TYPE_CHECKING:
    from tests.printing.world import World

NEEDS = {
    Act.OPEN: PrintPoint.INTENT,
    Act.REVERSE: PrintPoint.INTENT,
    Act.TEXT: PrintPoint.OPENED,
    Act.SELL: PrintPoint.OPENED,
    Act.SUBTOTAL: PrintPoint.OPENED,
    Act.PAY: PrintPoint.PAYING,
    Act.CLOSE: PrintPoint.CLOSING,
    Act.X: PrintPoint.INTENT,
    Act.Z: PrintPoint.INTENT,
    Act.CASH: PrintPoint.INTENT,
}
"""What has to be on disk before such a command may be sent."""
ENDS = frozenset({Act.PAY, Act.CLOSE, Act.CANCEL, Act.SELL, Act.TEXT})
_POINTS = list(PrintPoint)


class Notes:
    """`begun`: how many receipts each work has begun; `made`: its reports and movements of cash."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.begun: Counter[str] = Counter()
        self.made: defaultdict[str, list[Document]] = defaultdict(list)


class Watched(Through):
    """A wire that notes what is asked of the device."""

    def __init__(self, world: World, wire: Wire) -> None:
        super().__init__(wire)
        self._world = world
        self._notes = world.notes

    def act(self, request: Request) -> Act:
        """A command has arrived."""
        act = self._wire.act(request)
        if (point := NEEDS.get(act)) is not None:
            self._is_stored(act, point)
        return act

    def answer(self, request: Request, deny: Why | None, *, quiet: bool) -> bytes:
        device = self._world.device
        act, before, receipt, documents = self._wire.act(request), device.stage, device.memory.receipt, device.documents
        so_far = len(documents)
        if act in ENDS and before is not Stage.IDLE and receipt is not None:
            key = key_of(receipt.lines)
            if key in self._world.foreign:
                self._notes.complaints.append(f"foreign: {act} within the receipt of {key}")
        answered = self._wire.answer(request, deny, quiet=quiet)
        if act in (Act.OPEN, Act.REVERSE) and before is Stage.IDLE and device.stage is Stage.OPEN:
            self._notes.begun[self._row.work.key] += 1
        for paper in documents[so_far:]:
            self._world.note(f"paper {paper.number} {paper.kind} {paper.key!r} {paper.payments} {paper.closed}")
        if act in (Act.X, Act.Z, Act.CASH):
            self._notes.made[self._row.work.key] += documents[so_far:]
        return answered

    @property
    def _row(self) -> Row:
        """One work is under way at a time: that which was begun last."""
        return list(self._world.rows.values())[-1]

    def _is_stored(self, act: Act, point: PrintPoint) -> None:
        stored = {step.point for step in self._row.steps}
        # Settling goes from `paying` to `closing` by what it finds; what is stored is at least as far.
        if not any(_POINTS.index(one) >= _POINTS.index(point) for one in stored):
            self._notes.complaints.append(f"order: {act} was sent before {point} was stored")
