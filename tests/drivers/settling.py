"""A device whose own answers are a value, for the tests of settling: what it says, and what is made of a receipt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from drivers.contract.printer import Baseline, Outcome, PrintPoint
from drivers.fiscal import operations as op
from drivers.fiscal.moves import Ask, Event, Heard, Lost, Move, Reopen
from drivers.fiscal.operations import Cancel, Close, Pay, ReadTransaction
from drivers.fiscal.plan import Plan
from drivers.fiscal.said import Day, Identity, Last, Paid, Said, Stage, Transaction
from drivers.fiscal.settle import Settling
from tests.drivers.fiscal_values import HERE, OPEN, SILENT, A, example, good, walk

BEFORE = Baseline("0000006", "0003", None, 5000, 0, "DT000600")
PAYING, CLOSING, CLOSED = PrintPoint.PAYING, PrintPoint.CLOSING, PrintPoint.CLOSED
INTENT, OPENED = PrintPoint.INTENT, PrintPoint.OPENED


class Told(msgspec.Struct):
    """A device as its own answers have it; acts change it as a device changes."""

    stage: Stage = Stage.NONE
    items: int | None = 2
    amount: int | None = 1390
    paid: int | None = 0
    number: str = "0000006"
    z: str = "0003"
    sold: int | None = 5000
    returned: int | None = 0
    reversal: bool = False
    refuses: tuple[type, ...] = ()
    loses: int = 0
    due: int = 0

    def __call__(self, move: Move) -> Event:
        if isinstance(move, Reopen):
            return HERE
        if not isinstance(move, Ask):
            return True
        signs = OPEN if self.stage is not Stage.NONE else frozenset[Any]()
        operation = move.operation
        if isinstance(operation, self.refuses):
            return Heard(Said(signs, "not_allowed_now"))
        if self.loses and isinstance(operation, Pay | Close | Cancel):
            self.loses -= 1
            return SILENT
        match operation:
            case ReadTransaction():
                value: Any = Transaction(self.stage, self.reversal, self.items, self.amount, self.paid)
            case op.ReadLast():
                value = Last(self.number)
            case op.ReadDay():
                value = Day(self.z, self.sold, self.returned)
            case Pay(cents=cents):
                self.due -= cents
                self.stage = Stage.PAYING if self.due > 0 else Stage.PAID
                value = Paid()
                signs = OPEN
            case Close() | Cancel():
                self.stage = Stage.NONE
                self.number = f"{int(self.number) + 1:07}"
                if isinstance(operation, Close) and self.sold is not None:
                    self.sold += 1390
                return Heard(Said(frozenset()))
            case _:
                return good(operation)
        return Heard(Said(signs, value=value))


def settled(
    told: Callable[[Move], Event],
    point: PrintPoint,
    *,
    baseline: Baseline = BEFORE,
    work: Plan | None = None,
    identity: Identity = HERE,
    dialect: Any = A,
    why: Lost | str = "",
) -> tuple[Outcome, list[Move]]:
    planned = example() if work is None else work
    return walk(Settling(planned, dialect, identity, point, baseline, 300.0).run(why), told)


class Silent(type(A)):  # type: ignore[misc]
    tells_paid = False
