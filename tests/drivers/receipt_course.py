"""The course of a receipt, run against a device that answers as a value, for its tests."""

from __future__ import annotations

from collections.abc import Callable

from drivers.contract.printer import Outcome
from drivers.fiscal import operations as op
from drivers.fiscal.moves import Ask, Event, Heard, Move, Reopen
from drivers.fiscal.operations import Close
from drivers.fiscal.receipt import receipt
from drivers.fiscal.said import Day, Last, Said
from tests.drivers.fiscal_values import HERE, A, example, good, walk

PATIENCE_S = 300.0


def run(answer: Callable[[Move], Event]) -> tuple[Outcome, list[Move]]:
    return walk(receipt(example(), A, HERE, PATIENCE_S), answer)


def well(move: Move) -> Event:
    match move:
        case Ask(operation=op.ReadLast()):
            return Heard(Said(frozenset(), value=Last("0000006")))
        case Ask(operation=operation):
            return good(operation)
        case Reopen():
            return HERE
        case _:
            return True


class Numbers:
    """Counts documents as a device does: one more after the close."""

    def __init__(self, also: Callable[[Move], Event | None] = lambda move: None) -> None:
        self._also = also
        self._closed = False

    def __call__(self, move: Move) -> Event:
        if (event := self._also(move)) is not None:
            return event
        match move:
            case Ask(operation=op.ReadLast()):
                return Heard(Said(frozenset(), value=Last("0000007" if self._closed else "0000006")))
            case Ask(operation=op.ReadDay()):
                return Heard(Said(frozenset(), value=Day("0003", 1390 if self._closed else 0, 0)))
            case Ask(operation=Close()):
                self._closed = True
        return well(move)
