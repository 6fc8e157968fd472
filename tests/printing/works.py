"""What is printed in the runs: every kind of work, small enough that its every step can be broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from drivers.contract.printer import (
    Adjust,
    CashMove,
    DayReport,
    Item,
    Line,
    Note,
    Payment,
    Print,
    Reversal,
    ReversalReason,
    Tender,
    Work,
)

TEA = Line("Tea", "A", 250, 1000)
COFFEE = Line("Coffee", "A", 250, 2000, discount_cents=50)
BOOK = Line("Book", "C", 990, 1000, discount_cents=50)
PREPARED = "prepared"
"""The key of what each device has printed before."""
DRAWER_CENTS = 5000


def _receipt(items: tuple[Item, ...], *tenders: tuple[Payment, int], total: int) -> Callable[[str], Print]:
    return lambda key: Print(key, items, tuple(Tender(means, cents) for means, cents in tenders), total)


def _given_back(key: str) -> Print:
    """In whole, what every device has sold before under `PREPARED`; what names it is put in by `of`."""
    return Print(key, (TEA,), (Tender(Payment.CASH, 250),), 250, reversal=Reversal("1"))


WORKS: Mapping[str, Callable[[str], Work]] = {
    "sale": _receipt((TEA,), (Payment.CASH, 250), total=250),
    "change": _receipt((TEA, BOOK), (Payment.CASH, 2000), total=1190),
    "many": _receipt(
        (COFFEE, Note("Hello"), BOOK, TEA, Note("Come again", footer=True)),
        (Payment.CARD, 390),
        (Payment.CASH, 2000),
        total=1640,
    ),
    "three": _receipt((COFFEE, BOOK), (Payment.CARD, 390), (Payment.COUPON, 500), (Payment.CASH, 500), total=1390),
    "adjusted": _receipt((COFFEE, TEA, Adjust(-100, "A")), (Payment.CARD, 600), total=600),
    "given back": _given_back,
    "z": lambda key: DayReport(key, z=True),
    "x": lambda key: DayReport(key),
    "cash in": lambda key: CashMove(key, 700),
    "cash out": lambda key: CashMove(key, -300),
}
"""Paid exactly and with change, by one means and by several; alike lines; sums that a cancelled one does not show."""


def of(work: Work, reversal: Reversal) -> Work:
    """`work`, and where it gives back, of the receipt that `reversal` names."""
    if isinstance(work, Print) and work.reversal is not None:
        return msgspec.structs.replace(work, reversal=reversal)
    return work


def sold(number: str, device_time: str, fiscal_memory: str) -> Reversal:
    return Reversal(number, ReversalReason.REFUND, device_time, fiscal_memory)
