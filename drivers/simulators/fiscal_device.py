"""A fiscal device without its wire: what each operation does, the same for all families but for their tables.

A refused operation changes nothing. Money is whole cents, VAT included; quantities are thousandths; percentages are
hundredths of a percent.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from drivers.simulators import fiscal_rounding as rounding
from drivers.simulators.fiscal_machine import LETTERS, POWER_CUT, Machine
from drivers.simulators.fiscal_memory import Receipt, Reversed
from drivers.simulators.fiscal_model import Act, Refused, Stage, Why
from drivers.simulators.fiscal_paper import Document, Kind, money

__all__ = ["LETTERS", "POWER_CUT", "Device", "Subtotal"]


class Subtotal(msgspec.Struct, frozen=True):
    cents: int
    groups: dict[str, int]


class Device(Machine):
    """One device, with its operations."""

    # Receipt ---------------------------------------------------------------------------------------------

    def open(self, operator: int, password: str, till: str, *, sale_number: str = "") -> Receipt:
        self._enter(Act.OPEN)
        self._let_in(operator, password)
        if self.overdue:
            raise Refused(Why.Z_OVERDUE)
        receipt = self._begin(Kind.SALE, [f"sale {sale_number}"] if sale_number else [])
        receipt.sale_number = sale_number
        return receipt

    def reverse(self, operator: int, password: str, till: str, what: Reversed, *, sale_number: str = "") -> Receipt:
        """Open the receipt of what is given back."""
        self._enter(Act.REVERSE)
        self._let_in(operator, password)
        if self.overdue:
            raise Refused(Why.Z_OVERDUE)
        line = f"reversal ({what.reason}) of {what.number} {what.device_time} {what.fiscal_memory}".rstrip()
        receipt = self._begin(Kind.REVERSAL, [line, *([f"sale {sale_number}"] if sale_number else [])])
        receipt.reversed, receipt.sale_number = what, sale_number
        return receipt

    def reverse_whole(self, operator: int, password: str, till: str, what: Reversed) -> Document:
        """The device looks the receipt up in its own journal and gives all of it back at once."""
        self._enter(Act.REVERSE)
        self._let_in(operator, password)
        found = [document for document in self.documents if document.number == what.number.zfill(7)]
        if self.overdue or not found or found[0].kind is not Kind.SALE or not found[0].fiscal:
            raise Refused(Why.Z_OVERDUE if self.overdue else Why.NO_DOCUMENT)
        receipt = self._begin(Kind.REVERSAL, [f"reversal ({what.reason}) of {what.number}", *found[0].lines])
        receipt.groups = {group.letter: group.gross for group in found[0].vat}
        receipt.payments = [("cash", receipt.total)]
        return self._end(cancelled=False)

    def sell(
        self, text: str, vat: str, unit_cents: int, quantity: int = 1000, *,
        percent: int = 0, amount: int = 0, void: bool = False,
    ) -> None:  # fmt: skip
        """A line; at most one of `percent` and `amount` lowers (negative) or raises it. `void` takes it back."""
        receipt = self._enter(Act.SELL)
        if vat not in self.rates:
            raise Refused(Why.BAD_VAT)
        if receipt.items >= self.model.max_sales:
            raise Refused(Why.TOO_MANY)
        if unit_cents == 0 or quantity == 0:
            raise Refused(Why.ZERO_PRICE)
        row = rounding.row(unit_cents, quantity)
        change = amount + rounding.percent(row, percent)
        if row + change < 0:
            raise Refused(Why.DISCOUNT)
        signed = -(row + change) if void else row + change
        self._fits(unit_cents, row, row + change, receipt.total + signed)
        if receipt.groups.get(vat, 0) + signed < 0:
            raise Refused(Why.NEGATIVE)
        sign = "-" if void else ""
        receipt.lines.append(f"{text} {_decimals(quantity)} x {money(unit_cents)} {vat} {sign}{money(row)}")
        if change:
            receipt.lines.append(f"{'discount' if change < 0 else 'surcharge'} {money(-change if void else change)}")
        receipt.groups[vat] = receipt.groups.get(vat, 0) + signed
        receipt.items += 1

    def subtotal(self, *, percent: int = 0, amount: int = 0, printed: bool = False) -> Subtotal:
        """What the lines come to; `percent` or `amount` lowers (negative) or raises it before."""
        receipt = self._enter(Act.SUBTOTAL)
        if printed or percent or amount:
            self._can_print()
        if percent or amount:
            self._adjust(receipt, percent, amount)
        if printed:
            receipt.lines.append(f"subtotal {money(receipt.total)}")
        return Subtotal(receipt.total + self.subtotal_off_by, dict(receipt.groups))

    def _adjust(self, receipt: Receipt, percent: int, amount: int) -> None:
        if amount and self.model.adjusts_one_group and len([cents for cents in receipt.groups.values() if cents]) > 1:
            raise Refused(Why.ONE_GROUP)
        if amount and receipt.total <= 0:
            raise Refused(Why.NEGATIVE)
        changes = (
            rounding.amount_over_groups(receipt.groups, amount, self.model.leftover)
            if amount
            else rounding.percent_of_groups(receipt.groups, percent)
        )
        after = {letter: cents + changes.get(letter, 0) for letter, cents in receipt.groups.items()}
        self._fits(sum(after.values()))
        if any(cents < 0 for cents in after.values()):
            raise Refused(Why.NEGATIVE)
        receipt.groups = after
        change = sum(changes.values())
        receipt.lines.append(f"{'discount' if change < 0 else 'surcharge'} on subtotal {money(change)}")

    def text(self, text: str) -> None:
        self._enter(Act.TEXT).lines.append(text)

    def pay(self, means: str, cents: int | None = None) -> int:
        """Pay this amount (None: all that is due). Returns what is still due; negative: the change."""
        receipt = self._enter(Act.PAY)
        if self.payment_fails:
            raise Refused(Why.PAYMENT_FAILED)
        if receipt.total == 0 and not self.model.zero_total:
            raise Refused(Why.ZERO_TOTAL)
        given = receipt.due if cents is None else cents
        self._fits(given)
        if given == 0 and receipt.due > 0:
            raise Refused(Why.ZERO_PAYMENT)
        if given > receipt.due and means not in self.model.change_for:
            raise Refused(Why.NO_CHANGE)
        receipt.payments.append((means, given))
        receipt.lines.append(f"paid {means} {money(given)}")
        if receipt.due < 0:
            receipt.lines.append(f"change {money(-receipt.due)}")
        return receipt.due

    def close(self) -> Document:
        self._enter(Act.CLOSE)
        return self._end(cancelled=False)

    def cancel(self) -> Document:
        """Take all back; where the family does so, a receipt that is half paid is paid and closed instead."""
        receipt = self._enter(Act.CANCEL)
        if receipt.stage is Stage.OPEN:
            return self._end(cancelled=True)
        if receipt.due > 0:
            self.pay("cash")
        return self._end(cancelled=False)

    # Other documents -------------------------------------------------------------------------------------

    def open_slip(self, who: tuple[int, str] | None = None) -> Receipt:
        """`who`: operator and password, where the family asks for them."""
        self._enter(Act.OPEN_SLIP)
        if who is not None:
            self._let_in(*who)
        return self._begin(Kind.SLIP, [])

    def slip_text(self, text: str) -> None:
        self._enter(Act.SLIP_TEXT).lines.append(text)

    def close_slip(self) -> Document:
        self._enter(Act.CLOSE_SLIP)
        return self._end(cancelled=False)

    def report(self, *, z: bool) -> Document:
        self._enter(Act.Z if z else Act.X)
        return self._report(z=z)

    def move_cash(self, cents: int, who: tuple[int, str] | None = None) -> Document:
        """Into the drawer, or (negative) out of it. `who`: operator and password, where the family asks for them."""
        self._enter(Act.CASH)
        if who is not None:
            self._let_in(*who)
        self._fits(abs(cents), self.memory.cash + cents)
        if self.memory.cash + cents < 0:
            raise Refused(Why.NO_CASH)
        return self._print(Kind.CASH, [f"cash {'in' if cents > 0 else 'out'} {money(abs(cents))}"], total=cents)

    def set_clock(self, when: datetime) -> None:
        self._enter(Act.SET_CLOCK)
        last = max(self.memory.last_time, self.memory.z_time)
        if last and when < datetime.fromisoformat(last):
            raise Refused(Why.CLOCK_BACK)
        self.memory.clock_off_s += (when - self.now).total_seconds()

    def copy(self) -> Document:
        """The last receipt again, once."""
        self._enter(Act.COPY)
        last = self.memory.last_sale
        if last is None or self.memory.copied:
            raise Refused(Why.NO_COPY)
        document = self._print(Kind.COPY, ["DUPLICATE", *last.lines], total=last.total_cents)
        self.memory.copied = True
        return document

    def feed(self) -> None:
        self._enter(Act.FEED)


def _decimals(quantity: int) -> str:
    return f"{quantity // 1000}.{quantity % 1000:03}"
