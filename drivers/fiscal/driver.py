"""The shell: opens the printer, gives works to `Works` and questions to `Service`, and looks after the device."""

from __future__ import annotations

import random
import select
import time
from typing import ClassVar

import msgspec

from drivers.contract.core import Kind, Problem
from drivers.contract.printer import (
    CashMove,
    Check,
    Copy,
    DayReport,
    Describe,
    Outcome,
    Payment,
    Print,
    Raw,
    Result,
    SetClock,
    Settle,
    Status,
    Work,
)
from drivers.contract.slip import Slip
from drivers.driver import DeviceError, Driver, Port
from drivers.fiscal.clerks import clerk_of
from drivers.fiscal.dialects import SPOKEN, dialect_of
from drivers.fiscal.errors import Trouble, problem
from drivers.fiscal.families import OPEN_SIGNS, Sign
from drivers.fiscal.link import Pace
from drivers.fiscal.operations import ReadTransaction
from drivers.fiscal.options import Options
from drivers.fiscal.plan import Terms
from drivers.fiscal.ports import Ports
from drivers.fiscal.said import Identity, Transaction
from drivers.fiscal.service import Service
from drivers.fiscal.shown import money
from drivers.fiscal.text import is_code_page
from drivers.fiscal.watch import Watch
from drivers.fiscal.wire import Timing
from drivers.fiscal.works import Works

SLOW_POLL_S = 60.0
"""Between two looks at the day's counters and the clock: a Z report that the device made by itself is noticed within
it, and a clock that was put right at the device itself as well."""

BLOCKED_S = 5.0
"""What keeps the device from taking a receipt for so long is told; one that is open at the start may be on its way to
its end."""


class FiscalDriver(Driver[Options]):
    """A fiscal printer.

    Guarantees: a work is done once per key; a receipt found open at the start is reported and left alone until
    `Settle` asks for it; the operator's password is in no log and no message. A work that ends in a problem instead of
    an `Outcome` was not begun: nothing was printed.
    """

    name: ClassVar[str] = "fiscal"
    kind: ClassVar[Kind] = Kind.PRINTER
    also: ClassVar[tuple[Kind, ...]] = (Kind.SLIP,)
    options_type: ClassVar[type[msgspec.Struct]] = Options
    calls: ClassVar[tuple[type[msgspec.Struct], ...]] = (
        Print, DayReport, CashMove, Settle, Status, Describe, SetClock, Copy, Raw, Slip,
    )  # fmt: skip
    asides: ClassVar[tuple[type[msgspec.Struct], ...]] = (Check,)

    _options: Options
    _ports: Ports
    _works: Works
    _watch: Watch
    _service: Service

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._made = self._known = False
        self._told: frozenset[Sign] = frozenset()
        self._slowly_at = 0.0
        self._blocked_at: float | None = None

    # Life ------------------------------------------------------------------------------------------------

    def open(self, options: Options) -> dict[str, str]:
        """Family first, then status, rates, counters and clock. Changes nothing at the device."""
        if not self._made:
            self._make(options)
        identity = self._first()
        self._told = frozenset()
        signs = self._look()
        self._service.read_rates()
        self._slowly_at = 0.0
        self._look_slowly()
        detail = {
            "family": self._works.wire.dialect.family.name,
            "model": identity.model,
            "firmware": identity.firmware,
            "serial": identity.serial,
            "fiscal_memory": identity.fiscal_memory,
            "vat_letters": self._service.letters,
        }
        if OPEN_SIGNS & signs:
            detail["open_receipt"] = self._open_receipt()
        return detail

    def _first(self) -> Identity:
        try:
            identity = self._works.open()
        except DeviceError:
            if not self._known:
                self._ports.release()
            raise
        self._known = True
        return identity

    def poll(self) -> float:
        signs = self._look()
        self._look_slowly()
        now = time.monotonic()
        self.concern(self._blocked(signs, now) or self._watch.concern(now), self._detail)
        return self._options.poll_s

    def close(self) -> None:
        """The port stays locked for this driver: it will open it again, and what it has begun there is not to be met
        by another one."""
        if self._made:
            self._works.close()

    def release(self) -> None:
        """Let go of the port for good. The end of the process does the same."""
        if self._made:
            self._ports.release()

    # Calls -----------------------------------------------------------------------------------------------

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case Print() | DayReport() | CashMove():
                return self._ended(call, self._works.do(call, deadline))
            case Settle():
                return self._ended(call.work, self._works.settle(call))
            case Status():
                return self._service.status()
            case Describe():
                return self._service.describe()
            case SetClock():
                return self._service.set_clock(call)
            case Copy():
                return self._service.copy(call)
            case Raw():
                return self._service.raw(call)
            case Slip():
                return self._service.slip(call)
            case _:
                return super().handle(call, deadline)

    def aside(self, call: msgspec.Struct) -> msgspec.Struct:
        if isinstance(call, Check) and self._made:
            return self._works.check(call.work)
        return super().aside(call)

    def _ended(self, work: Work, outcome: Outcome) -> Outcome:
        self._watch.done(work, outcome, time.monotonic())
        if outcome.outcome is not Result.PRINTED:
            self.log(f"{work.key}: {outcome.outcome}, {outcome.reason}")
        if outcome.outcome is Result.UNKNOWN:
            for line in self._works.wire.frames.lines():
                self.log(f"wire {line}")
        return outcome

    # Looking ---------------------------------------------------------------------------------------------

    def _look(self) -> frozenset[Sign]:
        """Status, told to the log when it has changed."""
        signs = self._service.signs()
        if signs != self._told:
            self.log(f"printer says: {', '.join(sorted(sign.value for sign in signs)) or 'all is well'}")
            self._told = signs
        return signs

    def _blocked(self, signs: frozenset[Sign], now: float) -> Problem | None:
        """Why no receipt is begun, for a person."""
        # A slip that is open is closed before a work begins.
        blocks = [sign for sign in self._works.wire.dialect.family.blocks(signs) if sign is not Sign.SERVICE_OPEN]
        if not blocks:
            self._blocked_at = None
            return None
        if Sign.PAPER_OUT in blocks:
            return problem(Trouble.PAPER_OUT)
        if Sign.COVER_OPEN in blocks:
            return problem(Trouble.COVER_OPEN)
        if self._blocked_at is None:
            self._blocked_at = now
        if now - self._blocked_at < BLOCKED_S:
            return None
        return problem(Trouble.TAKES_NO_RECEIPT, what=", ".join(sign.value for sign in blocks))

    def _look_slowly(self) -> None:
        """The day's counters and the clock, now and then."""
        now = time.monotonic()
        if now < self._slowly_at:
            return
        self._slowly_at = now + SLOW_POLL_S
        if self._watch.saw_day(self._service.day(), now):
            self.log(f"a Z report that was not asked for here: {self._watch.by_itself}")
        self._service.device_time()

    def _open_receipt(self) -> str:
        found = self._works.wire.value(ReadTransaction(), Transaction)
        if found is None or found.items is None or found.amount_cents is None:
            return "yes"
        return f"{found.items} lines, {money(found.amount_cents)}"

    def _detail(self) -> dict[str, str]:
        identity, counters = self._works.wire.identity, self._service.describe().counters
        return {"model": identity.model, "serial": identity.serial} | {name: str(n) for name, n in counters.items()}

    def _held(self, signs: tuple[Sign, ...]) -> None:
        """A receipt waits in the middle for a person."""
        what = ", ".join(sign.value for sign in signs)
        self.log(f"a receipt waits: {what}" if signs else "it goes on")
        self.concern(problem(Trouble.WAITS_FOR_HAND, what=what) if signs else None, self._detail)

    # Making ----------------------------------------------------------------------------------------------

    def _make(self, options: Options) -> None:
        """Raises `DeviceError` when the options name what is not there."""
        if not is_code_page(options.encoding):
            raise DeviceError(problem(Trouble.BAD_ENCODING, what=options.encoding))
        self._options = options
        dialect = dialect_of(options.family, clerk_of(options))
        self._ports = Ports(options.port, options.baud)
        self._works = Works(
            dialect,
            self._ports.open,
            self.step,
            terms=self._terms,
            timing=Timing(
                Pace(options.silence_ms / 1000, options.resends, options.answer_ms / 1000),
                options.report_ms / 1000,
                options.hold_s,
            ),
            first_seq=random.randrange(256),  # noqa: S311  against chance, not against people
            wait=_wait,
            held=self._held,
            alive=self.alive,
            known=SPOKEN[options.family].known,
            port=options.port,
        )
        self._watch = Watch(dialect.family.day_hours, options.clock_tolerance_s)
        self._service = Service(self._works.wire, lambda: self._works.unknown, options, self._watch, time.monotonic)
        self._made = True

    def _terms(self) -> Terms:
        means = self._options.rounding_means
        return Terms(
            self._options.encoding,
            self._service.letters,
            None if means is None else Payment(means),
            self._options.rounding_text,
            self._service.rates,
        )


def _wait(seconds: float) -> None:
    select.select([], [], [], seconds)
