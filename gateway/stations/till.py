"""A till: a tap waits for its receipt, a POS asks for a quote and commits it, or has it printed here; what comes back
is given back by the receipt's own decision. The flows are in `till_taps`, `till_quotes`, `till_commits`, `till_refunds`
and `till_day`.
"""

from __future__ import annotations

from gateway.config.types import TillStation
from gateway.ledger.effects import Effect
from gateway.model.identification import Refusal
from gateway.model.reading import BeaconReading, Input, InputReading, InputStates, Reading
from gateway.model.shown import Show
from gateway.stations.answers import Asked, Tidy
from gateway.stations.day_words import DayReport
from gateway.stations.once import Once
from gateway.stations.printing import Printing, no_printer
from gateway.stations.refund_words import RefundRequest, VoidRequest
from gateway.stations.report_words import CashRequest, ReportRequest
from gateway.stations.sales import SalesTidied
from gateway.stations.services import Services
from gateway.stations.slip_words import SlipRequest
from gateway.stations.slips import PrintSlip, Slips
from gateway.stations.till_commits import Commits
from gateway.stations.till_quotes import Quotes
from gateway.stations.till_refunds import Refunds
from gateway.stations.till_taps import Taps
from gateway.stations.till_words import BalanceAnswer, CommitRequest, QuoteRequest, QuoteWithdrawn

TIDY_S = 24 * 3600
"""How often old answers and quotes are dropped."""


class Till:
    """One cash register's station."""

    kind = "till"

    def __init__(self, section: TillStation, services: Services, print_slip: PrintSlip | None = None) -> None:
        self.id = section.id
        self._section = section
        self._services = services
        self._printing = Printing(section, section.printer, services) if section.printer else None
        self._taps = Taps(services.clock, section.tap_s)
        self._once = Once(services.ledger.query)
        self._quotes = Quotes(section, services, self._taps, self._printing, self._tidy)
        self._slips = Slips(section.id, section.slips, services, print_slip)
        self._commits = Commits(section.id, services, self._taps, self._printing, self._slips)
        self._refunds = Refunds(section.id, services, self._printing)
        self._tidied_ns: int | None = None

    @property
    def printer(self) -> str:
        """Its own fiscal printer; empty for none."""
        return self._section.printer or ""

    def devices(self) -> tuple[str, ...]:
        printer = (self.printer,) if self.printer else ()
        return (*self._section.readers, *printer)

    async def start(self) -> None:
        if self._printing is not None:
            await self._printing.start()
        await self._services.ledger.commit([], self._tidy())
        self._services.board.tell(self.id, Show.IDLE)

    async def stop(self) -> None:
        """What is still being worked on after `once.STOP_S` is settled at the next start."""
        await self._once.stop()
        if self._printing is not None:
            await self._printing.reports.stop()
        await self._slips.stop()

    def on_input(self, reading: Input) -> None:
        """It has none."""

    async def on_reading(self, reading: Reading) -> None:
        """A tap: recorded, then it waits for its receipt. A beacon is no tap: who stands near presents nothing."""
        if isinstance(reading, InputReading | InputStates | BeaconReading):
            return
        if (identified := self._services.identify(self.id, reading)) is None:
            return
        who, entry = await self._services.store_identification(self.id, identified)
        if who.refusal is Refusal.SEVERAL_CARDS:
            self._taps.drop_waiting()  # One of them may have been read before the other was seen: which was meant?
        marks = self._taps.present(who) if who.accepted else ()
        show = Show.ACCEPTED if who.accepted else Show.REFUSED
        self._services.show_identification(self.id, show, who, entry)
        if marks:
            self._services.board.tell(self.id, Show.TWO_TAPS, marks=marks)

    # What a POS asks -------------------------------------------------------------------------------------

    async def quote(self, request: QuoteRequest, key: str) -> bytes:
        """A `QuoteAnswer` as JSON: see `till_quotes`."""
        asked = self._quotes.asked(request, key)
        return await self._once.do(asked, lambda: self._quotes.quote(request, asked))

    async def withdraw(self, quote: str) -> bytes:
        """A `QuoteWithdrawn` as JSON, the same however often it is asked: see `till_quotes`."""
        asked = Asked.of("withdrawal", self.id, quote, QuoteWithdrawn(quote))
        return await self._once.do(asked, lambda: self._quotes.withdraw(quote, asked))

    async def balance(self) -> BalanceAnswer:
        """What is left for the person whose tap waits: see `till_quotes`."""
        return await self._quotes.balance()

    async def slip(self, request: SlipRequest, key: str) -> bytes:
        """A slip for whoever's tap waits, or of the POS's own: see `slips`."""
        return await self._slips.ask(request, key, lambda: self._taps.waiting)

    async def commit(self, request: CommitRequest, key: str) -> bytes:
        """A `CommitAnswer` as JSON: see `till_commits`."""
        asked = Asked.of("receipt", self.id, key, request)
        return await self._once.do(asked, lambda: self._commits.commit(request, key, asked))

    async def refund(self, request: RefundRequest, key: str) -> bytes:
        """A `RefundAnswer` as JSON: see `till_refunds`. A preview books nothing and needs no key."""
        if request.preview:
            return self._refunds.preview(request)
        asked = Asked.of("refund", self.id, key, request)
        return await self._once.do(asked, lambda: self._refunds.refund(request, key, asked))

    async def void(self, request: VoidRequest, key: str) -> bytes:
        """A `RefundAnswer` as JSON: see `till_refunds`."""
        asked = Asked.of("void", self.id, key, request)
        return await self._once.do(asked, lambda: self._refunds.void(request, key, asked))

    async def report(self, request: ReportRequest, key: str) -> bytes:
        """A `WorkAnswer` as JSON: see `till_reports`."""
        return await self._printer().reports.report(request, key)

    async def cash(self, request: CashRequest, key: str) -> bytes:
        """A `WorkAnswer` as JSON: see `till_reports`."""
        return await self._printer().reports.cash(request, key)

    async def day(self, date: str) -> DayReport:
        """What was sold and given back here on a day of the place's calendar (ISO 8601; empty: today)."""
        from gateway.stations.till_day import report  # Once or twice a day: not worth memory between.

        return await report(self._services, self.id, date)

    def _printer(self) -> Printing:
        if self._printing is None:
            raise no_printer(self.id)
        return self._printing

    def _tidy(self) -> list[Effect]:
        """At the start and once a day."""
        now_ns = self._services.clock.mono_ns()
        if self._tidied_ns is not None and now_ns - self._tidied_ns < TIDY_S * 10**9:
            return []
        self._tidied_ns = now_ns
        return [Tidy(), SalesTidied(), *self._services.deciding.tidy()]
