"""A fiscal device's works: memory, clock, power, paper; what every operation passes through. `memory` survives a power
cut, with the receipt that is open; a lock by wrong passwords does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

from drivers.simulators.fiscal_clock import iso
from drivers.simulators.fiscal_memory import Memory, Receipt
from drivers.simulators.fiscal_model import PRINTS, Act, Habits, Model, Refused, Stage, Why, why_not
from drivers.simulators.fiscal_paper import Document, Kind, Paper, VatSum, key_of, money

LETTERS = "ABCDEFGH"
POWER_CUT = "# power was cut #"
UNSOLD = frozenset({Kind.X, Kind.Z, Kind.CASH})


class Machine:
    """One device. The attributes that are not underscored are knobs for tests and the demo. `auto_z`: at this time of
    day it makes a Z report by itself, as an FP-700MX does at 23:59:59, and nobody is told."""

    def __init__(
        self, model: Model, paper: Paper | None = None, *,
        now: Callable[[], datetime] = datetime.now, auto_z: time | None = None, habits: Habits | None = None,
    ) -> None:  # fmt: skip
        self.model = model
        self.habits = habits if habits is not None else Habits()
        self.paper = paper if paper is not None else Paper()
        self.memory = Memory()
        self.rates = dict(model.rates)
        self.passwords = {number: model.passwords(number) for number in range(1, model.operators + 1)}
        self.has_paper = True
        self.cover_open = False
        self.subtotal_off_by = 0
        self.payment_fails = False
        self.wrong_passwords = 0
        self.auto_z = auto_z
        self._now = now
        self._looked: datetime | None = None

    def load(self) -> None:
        """Read the paper of earlier runs, and remember what follows from it."""
        self.paper.load()
        for document in self.paper.documents:
            self.memory.book(document, self.habits)

    # Looks -----------------------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        return self.memory.stage

    @property
    def documents(self) -> list[Document]:
        return self.paper.documents

    def document(self, number: int) -> Document:
        """The document that has this number in the journal; what takes no number of its own is not found. Raises
        `Refused`."""
        for document in self.documents:
            if int(document.number) == number:
                return document
        raise Refused(Why.NO_DOCUMENT)

    @property
    def now(self) -> datetime:
        """The device's own clock."""
        return self._now() + timedelta(seconds=self.memory.clock_off_s)

    @property
    def overdue(self) -> bool:
        """The day has been open for longer than the family allows without a Z report."""
        began = self.memory.day.began
        return bool(began) and self.now - datetime.fromisoformat(began) >= timedelta(hours=self.model.day_hours)

    @property
    def locked(self) -> bool:
        return 0 < self.model.locks_after <= self.wrong_passwords

    # Power and clock -------------------------------------------------------------------------------------

    def power_returns(self) -> None:
        """The device marks the break on paper; the receipt goes on, a lock by wrong passwords does not."""
        self.wrong_passwords = 0
        if self.memory.receipt is not None:
            self.memory.receipt.lines.append(POWER_CUT)
            self.memory.receipt.power_cut = True
            self.memory.receipt.power_cut_told = False

    def lock(self) -> None:
        """As if somebody had tried passwords."""
        self.wrong_passwords = max(self.wrong_passwords, self.model.locks_after)

    def jump_clock(self, seconds: float) -> None:
        self.memory.clock_off_s += seconds

    def z_by_itself(self) -> None:
        """Make a Z report, now or soon after the open receipt is closed."""
        self.memory.z_waits = True
        self.tick()

    def tick(self) -> None:
        """Time has passed: make the Z report that is due; a receipt that is open and paper that is out hold it up."""
        now = at = self.now
        if self.auto_z is not None and self._looked is not None:
            moment = datetime.combine(now, self.auto_z)
            moment -= timedelta(days=moment > now)
            if self._looked < moment:
                self.memory.z_waits, at = True, moment
        self._looked = now
        if self.memory.z_waits and self.stage is Stage.IDLE and self.has_paper:
            self.memory.z_waits = False
            self._report(z=True, at=at)

    # Inside ----------------------------------------------------------------------------------------------

    def _enter(self, act: Act) -> Receipt:
        """The receipt that is open, or an empty one. Raises `Refused` when the stage, a lock, the cover or the paper
        is against it."""
        self.tick()
        if self.locked:
            raise Refused(Why.LOCKED)
        if not self.model.accepts(act, self.stage):
            raise Refused(why_not(act, self.stage))
        if act in PRINTS:
            self._can_print()
        return self.memory.receipt or Receipt(Kind.SLIP, "", [])

    def _can_print(self) -> None:
        if self.cover_open:
            raise Refused(Why.COVER)
        if not self.has_paper:
            raise Refused(Why.NO_PAPER)

    def _let_in(self, operator: int, password: str) -> None:
        if self.passwords.get(operator) == password:
            self.wrong_passwords = 0
            return
        self.wrong_passwords += 1
        raise Refused(Why.PASSWORD)

    def _fits(self, *cents: int) -> None:
        if any(abs(amount) > self.model.max_cents for amount in cents):
            raise Refused(Why.OVERFLOW)

    def _begin(self, kind: Kind, lines: list[str]) -> Receipt:
        self.memory.receipt = receipt = Receipt(kind, f"{self.memory.number + 1:07}", lines)
        return receipt

    def _end(self, *, cancelled: bool) -> Document:
        receipt, self.memory.receipt = self.memory.receipt, None
        if receipt is None:
            raise Refused(Why.NO_RECEIPT)
        if receipt.kind is not Kind.SLIP:
            self.memory.items = receipt.items
            self.memory.sale_number = receipt.sale_number or self.memory.sale_number
        return self._print(receipt.kind, receipt.lines, total=receipt.total, receipt=receipt, cancelled=cancelled)

    def _report(self, *, z: bool, at: datetime | None = None) -> Document:
        day, number = self.memory.day, self.memory.z_number + z
        lines = [f"{'Z' if z else 'X'} report {number}"]
        for word, sums in (("sold", day.sold), ("returned", day.returned)):
            lines += [f"{word} {letter} {money(cents)}" for letter, cents in sorted(sums.items())]
        lines += [f"paid {means} {money(cents)}" for means, cents in sorted(day.paid.items())]
        lines.append(f"cash {money(self.memory.cash)}")
        total = sum(day.sold.values()) - sum(day.returned.values())
        return self._print(Kind.Z if z else Kind.X, lines, total=total, z_number=number, at=at)

    def _print(
        self, kind: Kind, lines: list[str], *, total: int,
        receipt: Receipt | None = None, cancelled: bool = False, z_number: int | None = None,
        at: datetime | None = None,
    ) -> Document:  # fmt: skip
        groups = receipt.groups if receipt is not None else {}
        numbered = self.habits.numbers_cancelled if cancelled else self.habits.numbers_reports or kind not in UNSOLD
        document = Document(
            f"{self.memory.number + numbered:07}", kind, key_of(lines), tuple(lines), total,
            tuple(receipt.payments) if receipt is not None else (), "cancelled" if cancelled else True,
            vat=tuple(VatSum(a, cents, self.model.vat(cents, self.rates[a])) for a, cents in sorted(groups.items())),
            z_number=self.memory.z_number if z_number is None else z_number, device_time=iso(at or self.now),
        )  # fmt: skip
        self.paper.add(document)
        self.memory.book(document, self.habits)
        return document
