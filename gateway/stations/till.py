"""A till: a tap waits for its receipt, a POS asks for a quote and commits it, or has it printed here.

Every answer that books is stored with what it books: a repeated request gets the same answer, a crash in between
loses neither. A receipt is printed once per key; after any doubt its outcome is `unknown`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import msgspec

from gateway.config.types import TillStation
from gateway.ledger.effects import Effect
from gateway.model.bodies import PrintedBy, ReceiptBody
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict, InputRefused, NotFound, NotReady
from gateway.model.fiscal import Payment, Tender
from gateway.model.identification import Identification, Refusal
from gateway.model.reading import BeaconReading, Input, InputReading, InputStates, Reading
from gateway.model.receipt import check_receipt
from gateway.model.shown import Show, shown_left
from gateway.stations.answers import (
    Asked,
    QuoteGiven,
    QuoteUsed,
    StoreAnswer,
    Tidy,
    stored_answer,
)
from gateway.stations.deciding import TRIES, has_changed
from gateway.stations.printing import Printing
from gateway.stations.report_words import CashRequest, ReportRequest
from gateway.stations.services import RECEIPT, Services, new_entry
from gateway.stations.till_words import (
    BalanceAnswer,
    CommitAnswer,
    CommitRequest,
    Fiscal,
    OpenQuote,
    QuoteAnswer,
    QuoteRequest,
)

TIDY_S = 24 * 3600
"""How often old answers and quotes are dropped."""
STOP_S = 1.0
"""At a stop: time for a receipt under way to be recorded as what it is. Its printer is gone by then."""


class Till:
    """One cash register's station."""

    kind = "till"

    def __init__(self, section: TillStation, services: Services) -> None:
        self.id = section.id
        self._section = section
        self._services = services
        self._printing = Printing(section, section.printer, services) if section.printer else None
        self._tap: tuple[Identification, int] | None = None
        self._busy: dict[str, asyncio.Task[bytes]] = {}
        self._tidied_ns: int | None = None

    def devices(self) -> tuple[str, ...]:
        printer = (self._section.printer,) if self._section.printer else ()
        return (*self._section.readers, *printer)

    async def start(self) -> None:
        if self._printing is not None:
            await self._printing.start()
        await self._services.ledger.commit([], self._tidy())
        self._services.board.tell(self.id, Show.IDLE)

    async def stop(self) -> None:
        """A receipt that is still being printed after `STOP_S` is settled at the next start."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=STOP_S)

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
            self._tap = None  # One of them may have been read before the other was seen: which one was meant?
        if who.accepted:
            self._tap = (who, self._services.clock.mono_ns())
        show = Show.ACCEPTED if who.accepted else Show.REFUSED
        self._services.show_identification(self.id, show, who, entry)

    # What a POS asks -------------------------------------------------------------------------------------

    async def quote(self, request: QuoteRequest, key: str) -> bytes:
        """A `QuoteAnswer` as JSON. Raises `InputRefused`, `Conflict`, `LedgerError`."""
        asked = Asked.of("quote", self.id, key, request)
        if (before := stored_answer(self._services.ledger.query, asked)) is not None:
            return before
        if (fault := check_receipt(request.receipt)) is not None:
            raise InputRefused(fault, "Correct the receipt", code="bad_receipt")
        who = self._waiting_tap()
        for _ in range(TRIES):
            try:
                return await self._quote(request, asked, who)
            except Conflict as conflict:
                if not has_changed(conflict):
                    raise
        raise Conflict("what is left of a quota changes again and again", "Ask again", code="in_progress")

    async def _quote(self, request: QuoteRequest, asked: Asked, who: Identification | None) -> bytes:
        deciding = self._services.deciding
        decided = await deciding.decide(self.id, request.receipt, who)
        decision = decided.decision
        expires_ms = self._services.clock.wall_ms() + round(self._section.quote_s * 1000)
        quote = os.urandom(8).hex()
        answer = QuoteAnswer(
            quote=quote,
            expires_ms=expires_ms,
            identified=who is not None,
            lines=decision.lines,
            list_cents=decision.list_cents,
            discount_cents=decision.discount_cents,
            due_cents=decision.due_cents,
            bundle=decision.bundle,
            trace=decision.trace,
            messages=tuple(self._services.benefits.messages(decision, who.language if who else None)),
            rounding_cents=decision.rounding_cents,
            balances=decision.balances,
            cannot_print=self._printing.hindrance(request.receipt, decision) if self._printing is not None else None,
        )
        kept = who.facts_left_out() if who is not None else None
        body = msgspec.json.encode(OpenQuote(request.receipt, decision, kept, decided.asked, decided.asks))
        store = StoreAnswer(asked, lambda _ids: msgspec.json.encode(answer))
        given = QuoteGiven(quote, self.id, body, expires_ms)
        holds = deciding.holds(decided.takes, quote, self._section.quote_s)
        await self._services.ledger.commit([], [given, store, *holds, *self._tidy()])
        sums = {"list_cents": decision.list_cents, "due_cents": decision.due_cents}
        self._services.board.tell(self.id, Show.QUOTE, **sums, left=shown_left(decision.balances))
        return store.body

    async def balance(self) -> BalanceAnswer:
        """What is left for the person whose tap waits here, of the benefits that they have at this place. Spends
        nothing."""
        who = self._waiting_tap()
        left = await self._services.deciding.balances(self.id, who, ask=True) if who is not None else ()
        return BalanceAnswer(who is not None, left)

    async def commit(self, request: CommitRequest, key: str) -> bytes:
        """A `CommitAnswer` as JSON: the receipt is recorded, and printed where that was asked.

        Raises `InputRefused`, `NotFound` (no such quote), `Conflict` (key reused, quote used, in progress),
        `NotReady` (no printer; nothing recorded), `LedgerError`.
        """
        asked = Asked.of("receipt", self.id, key, request)
        if asked.key in self._busy:
            raise Conflict("this receipt is being worked on", "Ask again in a moment", code="in_progress")
        if (before := stored_answer(self._services.ledger.query, asked)) is not None:
            return before
        # A caller that hangs up changes nothing: the receipt goes its way, and whoever asks again hears of it.
        work = asyncio.create_task(self._commit(request, key, asked), name=f"receipt at {self.id}")
        self._busy[asked.key] = work
        work.add_done_callback(lambda _done: self._busy.pop(asked.key))
        return await asyncio.shield(work)

    async def report(self, request: ReportRequest, key: str) -> bytes:
        """A `WorkAnswer` as JSON: see `till_reports`."""
        return await self._printer().reports.report(request, key)

    async def cash(self, request: CashRequest, key: str) -> bytes:
        """A `WorkAnswer` as JSON: see `till_reports`."""
        return await self._printer().reports.cash(request, key)

    async def _commit(self, request: CommitRequest, key: str, asked: Asked) -> bytes:
        quote, expires_ms = self._open_quote(request.quote)
        paid = self._check_paid(request, quote)
        late = self._services.clock.wall_ms() > expires_ms
        body = ReceiptBody(
            station=self.id,
            key=key,
            quote=request.quote,
            receipt=quote.receipt,
            decision=quote.decision,
            printed_by=PrintedBy.GATEWAY if request.print else PrintedBy.POS,
            identification=quote.identification,
            fiscal_number=request.fiscal_number,
            late=late,
            asked=quote.asked,
        )
        entry = new_entry(Stream.RECEIPT, EntryKind.RECEIPT, body)
        due = quote.decision.due_cents

        def answer(ids: tuple[EntryId, ...], fiscal: Fiscal | None = None) -> bytes:
            return msgspec.json.encode(CommitAnswer(str(ids[0]), due, late, fiscal))

        if not request.print:
            store = StoreAnswer(asked, answer)
            stored = await self._book(entry, request.quote, quote, [store], late=late)
            self._recorded(stored, quote)
            return store.body
        # The key is short enough for any printer's line.
        begun = self._printer().begun(request.quote, quote.receipt, quote.decision, paid, asked, quote.identification)
        # The first answer is stored with the receipt: whoever asks again after a crash learns how it stands.
        first = StoreAnswer(asked, lambda ids: answer(ids, Fiscal("recorded")))
        stored = await self._book(entry, request.quote, quote, [begun, first], late=late)
        self._recorded(stored, quote)
        await self._services.printers.run(begun)
        told = stored_answer(self._services.ledger.query, asked)
        return first.body if told is None else told

    async def _book(
        self, entry: NewEntry, name: str, quote: OpenQuote, effects: Sequence[Effect], *, late: bool
    ) -> EntryId:
        """Commit a quote's receipt with what it takes of quotas. What the quote held may be gone (it has ended, or the
        box began anew): the receipt is true all the same, and what is not covered is overspend."""
        deciding, ledger = self._services.deciding, self._services.ledger
        codes = tuple(dict.fromkeys(line.category for line in quote.receipt.lines))
        always = [QuoteUsed(name), *effects, *deciding.noted(quote.holder, RECEIPT, codes, self.id)]
        if not late:
            try:
                (stored,) = await ledger.commit([entry], [*always, *deciding.takes(quote.takes, quote=name)])
                return stored
            except Conflict as conflict:
                if not has_changed(conflict):
                    raise
        (stored,) = await ledger.commit([entry], [*always, *deciding.takes_late(quote.takes, quote=name)])
        return stored

    def _recorded(self, stored: EntryId, quote: OpenQuote) -> None:
        if self._tap is not None and self._tap[0].facts_left_out() == quote.identification:
            self._tap = None  # Only theirs: the next person in the queue may have tapped already.
        decision = quote.decision
        self._services.board.tell(
            self.id,
            Show.RECORDED,
            entry=str(stored),
            list_cents=decision.list_cents,
            due_cents=decision.due_cents,
            left=shown_left(decision.balances),
        )

    def _open_quote(self, quote: str) -> tuple[OpenQuote, int]:
        rows = self._services.ledger.query(
            "SELECT body, expires_ms FROM quote WHERE id=? AND station=?", (quote, self.id)
        )
        if not rows:
            raise NotFound(
                f"no open quote {quote[:32]!r} at {self.id}",
                "It was never given or is committed already: ask for a new quote",
                code="no_such_quote",
            )
        return msgspec.json.decode(rows[0][0], type=OpenQuote), rows[0][1]

    def _check_paid(self, request: CommitRequest, quote: OpenQuote) -> tuple[Tender, ...]:
        due = quote.decision.due_cents
        if request.print == bool(request.fiscal_number):
            raise InputRefused(
                "give either `fiscal_number` or `print`",
                "A POS that printed gives its receipt's number; to print here, set `print` to true",
                code="bad_commit",
            )
        paid = tuple(Tender(Payment(tender.means), tender.cents) for tender in request.paid)
        if not paid:
            return (Tender(Payment(quote.receipt.means), due),)
        if sum(tender.cents for tender in paid) < due:
            raise InputRefused("paid is less than what is due - at `$.paid`", f"{due} cents are due", code="bad_commit")
        if sum(tender.cents for tender in paid if tender.means is not Payment.CASH) > due:
            raise InputRefused("only cash gives change - at `$.paid`", f"{due} cents are due", code="bad_commit")
        return paid

    def _printer(self) -> Printing:
        if self._printing is None:
            raise NotReady(
                f"till {self.id} has no printer", "Print on the POS, or configure `printer`", code="no_printer"
            )
        return self._printing

    def _tidy(self) -> list[Effect]:
        """At the start and once a day."""
        now_ns = self._services.clock.mono_ns()
        if self._tidied_ns is not None and now_ns - self._tidied_ns < TIDY_S * 10**9:
            return []
        self._tidied_ns = now_ns
        return [Tidy(), *self._services.deciding.tidy()]

    def _waiting_tap(self) -> Identification | None:
        if self._tap is None:
            return None
        who, since_ns = self._tap
        if self._services.clock.mono_ns() - since_ns > self._section.tap_s * 1e9:
            self._tap = None
            return None
        return who
