"""What a simulated fiscal device remembers without power: counters, sums of the day, the receipt that is open.

All sums follow from the documents that were printed: `book` adds one, when it is printed and when paper is read again.
"""

from __future__ import annotations

import msgspec

from drivers.simulators.fiscal_model import Stage
from drivers.simulators.fiscal_paper import Document, Kind


class Reversed(msgspec.Struct, frozen=True):
    """The receipt that is given back, as the command names it. `reason` is `error`, `refund` or `tax_base`."""

    number: str
    reason: str = "refund"
    device_time: str = ""
    fiscal_memory: str = ""


class Receipt(msgspec.Struct):
    """The receipt or slip that is open."""

    kind: Kind
    number: str
    lines: list[str]
    reversed: Reversed | None = None
    groups: dict[str, int] = {}
    """Cents per VAT letter."""
    payments: list[tuple[str, int]] = []
    items: int = 0
    sale_number: str = ""
    power_cut: bool = False
    power_cut_told: bool = False

    @property
    def total(self) -> int:
        return sum(self.groups.values())

    @property
    def paid(self) -> int:
        return sum(cents for _, cents in self.payments)

    @property
    def due(self) -> int:
        """Cents that are still to be paid; negative: the change."""
        return self.total - self.paid

    @property
    def stage(self) -> Stage:
        if self.kind is Kind.SLIP:
            return Stage.SLIP
        if not self.payments:
            return Stage.OPEN
        return Stage.PAYING if self.due > 0 else Stage.PAID


class Day(msgspec.Struct):
    """Since the last Z report."""

    sold: dict[str, int] = {}
    returned: dict[str, int] = {}
    sold_vat: dict[str, int] = {}
    returned_vat: dict[str, int] = {}
    paid: dict[str, int] = {}
    """Cents per means of payment, change taken off the cash."""
    paid_back: dict[str, int] = {}
    cash_in: int = 0
    cash_out: int = 0
    documents: int = 0
    sales: int = 0
    reversals: int = 0
    cancelled: int = 0
    began: str = ""
    """When the first fiscal receipt was closed, by the device's clock."""


class Memory(msgspec.Struct):
    number: int = 0
    """The last document, of whatever kind."""
    last_time: str = ""
    z_number: int = 0
    z_time: str = ""
    z_waits: bool = False
    """A Z report that the device makes by itself comes when the receipt is closed."""
    cash: int = 0
    day: Day = msgspec.field(default_factory=Day)
    last_day: Day = msgspec.field(default_factory=Day)
    """As the last Z report closed it."""
    receipt: Receipt | None = None
    items: int = 0
    """Of the last fiscal receipt, as `amount` and `paid` are."""
    amount: int = 0
    paid: int = 0
    payments: tuple[tuple[str, int], ...] = ()
    last_sale: Document | None = None
    last_receipt: Document | None = None
    sale_number: str = ""
    """Of the last receipt that had one."""
    copied: bool = False
    clock_off_s: float = 0.0
    clock_set: bool = True

    @property
    def stage(self) -> Stage:
        return self.receipt.stage if self.receipt is not None else Stage.IDLE

    def book(self, document: Document) -> None:
        """Add a document that was printed."""
        self.number = int(document.number)
        self.last_time = document.device_time
        self.day.documents += 1
        match document.kind:
            case Kind.Z:
                self.last_day, self.day, self.cash = self.day, Day(), 0
                self.z_number, self.z_time = document.z_number, document.device_time
            case Kind.CASH:
                self.cash += document.total_cents
                if document.total_cents > 0:
                    self.day.cash_in += document.total_cents
                else:
                    self.day.cash_out -= document.total_cents
            case Kind.SALE | Kind.REVERSAL:
                self.amount = document.total_cents
                self.payments = document.payments
                self.paid = sum(cents for _, cents in document.payments)
                if document.fiscal:
                    self._book_receipt(document)
                else:
                    self.day.cancelled += 1
            case _:
                pass

    def _book_receipt(self, document: Document) -> None:
        day, sale = self.day, document.kind is Kind.SALE
        sums, vat = (day.sold, day.sold_vat) if sale else (day.returned, day.returned_vat)
        for group in document.vat:
            sums[group.letter] = sums.get(group.letter, 0) + group.gross
            vat[group.letter] = vat.get(group.letter, 0) + group.vat
        means = day.paid if sale else day.paid_back
        change = sum(cents for _, cents in document.payments) - document.total_cents
        for name, cents in (*document.payments, ("cash", -change)):
            if cents:
                means[name] = means.get(name, 0) + cents
                self.cash += (cents if sale else -cents) if name == "cash" else 0
        day.sales += sale
        day.reversals += not sale
        day.began = day.began or document.device_time
        self.last_receipt = document
        if sale:
            self.last_sale, self.copied = document, False
