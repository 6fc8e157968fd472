"""A fiscal printer of Datecs group A without its wire: what a command does and what it answers.

States: idle, receipt open, payment begun, paid. A refused command changes nothing. Totals are rounded half
up, line by line. Memory and an open receipt survive a power cut.
Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, the commands; Rounding in Fiscal
Devices, Bulgaria, v1.0.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum

from drivers.simulators.datecs_paper import Document, Paper, finish, money

_SALE = re.compile(
    r"(?P<text>[^\t]*)\t(?P<vat>[A-H])(?P<void>-?)(?P<price>\d{1,8}(?:\.\d{1,2})?)"
    r"(?:\*(?P<quantity>\d{1,6}(?:\.\d{1,3})?))?(?:,(?P<percent>[+-]?\d{1,2}\.\d\d)|;(?P<sum>[+-]?\d{1,8}\.\d\d))?"
)
_PAY = re.compile(r"(?:[^\t]*)\t(?:(?P<mode>[PNCDIJKLijklmoprs])?(?P<amount>\d{1,8}(?:\.\d{1,2})?)?)")
_SUBTOTAL = re.compile(r"[01][01](?:,(?P<percent>[+-]?\d{1,2}\.\d\d)|;(?P<sum>[+-]?\d{1,8}\.\d\d))?")
_CENT = Decimal("0.01")
FACTORY_PASSWORD = "0000"


class Stage(Enum):
    IDLE = 0
    OPEN = 1
    PAYING = 2
    PAID = 3


class NotNow(Exception):
    """Not allowed in this state: bit 1.1."""


class BadSyntax(Exception):
    """DATA is not the command's: bit 0.0."""


class NoPaper(Exception):
    """Bit 2.0: refused, nothing changed."""


class Device:
    """One printer. `execute` is the whole of it; the knobs are for tests and the demo."""

    identity = b"FP-2000,1.00BG 23NOV18 1000,FFFF,00000000,DT000600,02000600"

    def __init__(
        self, paper: Paper, *, password: str = FACTORY_PASSWORD, now: Callable[[], datetime] = datetime.now
    ) -> None:
        self._paper = paper
        self._password = password
        self._now = now
        self.has_paper = True
        self.cover_open = False
        self.subtotal_off_by = 0
        self.wrong_passwords = 0
        self.executed: list[int] = []
        self._all_receipts = 0
        self._fiscal_receipts = 0
        self._clear()
        self._commands: dict[int, Callable[[str], bytes]] = {
            48: self._open, 49: self._sale, 51: self._subtotal, 53: self._pay, 54: self._text,
            56: self._close, 60: self._cancel, 62: self._clock, 74: self._status_command,
            76: self._transaction, 90: self._identify, 113: self._last_number,
        }  # fmt: skip

    def _clear(self) -> None:
        self.stage = Stage.IDLE
        self.lines: list[str] = []
        self._groups: dict[str, Decimal] = {}
        self._payments: list[tuple[str, int]] = []
        self._items = 0

    def execute(self, command: int, data: bytes, *, refuse: bool = False) -> tuple[bytes, bytes]:
        """Carry out one command: its DATA and the six status bytes. `refuse`: say "not now" whatever it is."""
        self.executed.append(command)
        bits: frozenset[tuple[int, int]] = frozenset()
        answer = b""
        try:
            if refuse:
                raise NotNow
            answer = self._commands[command](_readable(data))
        except KeyError:
            bits = _error(0, 1)
        except BadSyntax:
            bits = _error(0, 0)
        except NotNow:
            bits = _error(1, 1)
        except NoPaper:
            bits = _error(2, 0)
        return answer, self.status(bits)

    def status(self, bits: frozenset[tuple[int, int]] = frozenset()) -> bytes:
        """Six status bytes: the standing ones of a fiscalised device, and `bits`."""
        status = bytearray((0x80, 0x80, 0x80, 0x80, 0x86, 0x9A))
        standing = {
            (2, 3): self.stage is not Stage.IDLE,
            (2, 0): not self.has_paper,
            (0, 5): not self.has_paper,
            (0, 6): self.cover_open,
        }
        for byte, bit in bits | {place for place, is_set in standing.items() if is_set}:
            status[byte] |= 1 << bit
        return bytes(status)

    def power_returns(self) -> None:
        """The printer marks the break on paper; the receipt goes on, a lock by wrong passwords does not."""
        self.wrong_passwords = 0
        if self.stage is not Stage.IDLE:
            self.lines.append("# power was cut #")

    # Receipt ---------------------------------------------------------------------------------------------

    def _open(self, data: str) -> bytes:
        self._need(Stage.IDLE)
        fields = data.split(",")
        if len(fields) < 3 or not fields[0].isdigit() or not fields[2].isdigit():
            raise BadSyntax
        if self.wrong_passwords >= 3:
            raise NotNow
        if fields[1] != self._password:
            self.wrong_passwords += 1
            raise NotNow
        self.wrong_passwords = 0
        self._clear()
        self.stage = Stage.OPEN
        self._all_receipts += 1
        self._fiscal_receipts += 1
        return self._counters()

    def _sale(self, data: str) -> bytes:
        self._need(Stage.OPEN)
        found = _SALE.fullmatch(data)
        if found is None:
            raise BadSyntax
        price, quantity = Decimal(found["price"]), Decimal(found["quantity"] or "1")
        row = _round(price * quantity)
        adjusted = self._adjust(row, found["percent"], found["sum"])
        if found["void"]:
            row, adjusted = -row, -adjusted
        if adjusted < 0 and not found["void"]:
            raise BadSyntax
        self.lines.append(f"{found['text']} {quantity} x {price:.2f} {found['vat']} {row:.2f}")
        if adjusted != row:
            self.lines.append(f"discount {adjusted - row:.2f}")
        self._groups[found["vat"]] = self._groups.get(found["vat"], Decimal(0)) + adjusted
        self._items += 1
        return b""

    @staticmethod
    def _adjust(row: Decimal, percent: str | None, amount: str | None) -> Decimal:
        if percent:
            return row + _round(row * Decimal(percent) / 100)
        return row + Decimal(amount) if amount else row

    def _subtotal(self, data: str) -> bytes:
        self._need(Stage.OPEN)
        found = _SUBTOTAL.fullmatch(data)
        if found is None:
            raise BadSyntax
        if found["percent"] or found["sum"]:
            raise BadSyntax  # this simulator takes discounts by line only
        groups = ",".join(f"{_cents(self._groups.get(letter, Decimal(0))):09}" for letter in "ABCDEFGH")
        return f"{self.total + self.subtotal_off_by:09},{groups}".encode("ascii")

    def _pay(self, data: str) -> bytes:
        self._need(Stage.OPEN, Stage.PAYING)
        found = _PAY.fullmatch(data)
        if found is None:
            raise BadSyntax
        if self.total < 0:
            return b"E000000000"
        amount = _cents(Decimal(found["amount"])) if found["amount"] else self._due
        self._payments.append((found["mode"] or "P", amount))
        due = self._due
        self.stage = Stage.PAYING if due > 0 else Stage.PAID
        self.lines.append(f"paid {found['mode'] or 'P'} {money(amount)}")
        if due < 0:
            self.lines.append(f"change {money(-due)}")
        return f"{'D' if due > 0 else 'R'}{abs(due):09}".encode("ascii")

    def _text(self, data: str) -> bytes:
        self._need(Stage.OPEN, Stage.PAYING, Stage.PAID)
        self.lines.append(data.split("\t")[0])
        return b""

    def _close(self, data: str) -> bytes:
        self._need(Stage.PAID)
        self._finish(cancelled=False)
        return self._counters()

    def _cancel(self, data: str) -> bytes:
        self._need(Stage.OPEN)
        self._finish(cancelled=True)
        return b""

    def _finish(self, *, cancelled: bool) -> None:
        number = f"{self._paper.last_number + 1:07}"
        document = finish(number, self.lines, self.total, self._payments, cancelled=cancelled)
        self._last = (self._items, self.total, sum(cents for _, cents in self._payments))
        self._clear()
        self._paper.add(document)

    _last: tuple[int, int, int] = (0, 0, 0)

    # Reads -----------------------------------------------------------------------------------------------

    def _transaction(self, data: str) -> bytes:
        given = sum(cents for _, cents in self._payments)
        items, total, paid = (self._items, self.total, given) if self.stage is not Stage.IDLE else self._last
        answer = f"{int(self.stage is not Stage.IDLE)},{items:04},{total:+010}"
        return (answer + (f",{paid:+010}" if data == "T" else "")).encode("ascii")

    def _status_command(self, data: str) -> bytes:
        return self.status()

    def _identify(self, data: str) -> bytes:
        return self.identity

    def _last_number(self, data: str) -> bytes:
        return f"{self._paper.last_number:07}".encode("ascii")

    def _clock(self, data: str) -> bytes:
        return self._now().strftime("%d-%m-%y %H:%M:%S").encode("ascii")

    # Sums ------------------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """Cents."""
        return _cents(sum(self._groups.values(), Decimal(0)))

    @property
    def _due(self) -> int:
        return self.total - sum(cents for _, cents in self._payments)

    def _counters(self) -> bytes:
        return f"{self._all_receipts:04},{self._fiscal_receipts:04}".encode("ascii")

    def _need(self, *stages: Stage) -> None:
        if self.stage not in stages:
            raise NotNow
        if self.cover_open:
            raise NotNow
        if not self.has_paper:
            raise NoPaper

    @property
    def documents(self) -> list[Document]:
        return self._paper.documents


def _error(byte: int, bit: int) -> frozenset[tuple[int, int]]:
    """This bit and the general error, which is the sum of all such."""
    return frozenset({(byte, bit), (0, 5)})


def _readable(data: bytes) -> str:
    """DATA as this printer's code page shows it: what is neither a letter nor TAB leaves a dot on paper."""
    text = data.decode("cp1257", "replace")
    return "".join(letter if letter.isprintable() or letter == "\t" else "." for letter in text)


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _cents(amount: Decimal) -> int:
    return int(_round(amount) * 100)
