"""Commits of a till: a quote becomes a receipt, once, printed by the POS or here.

Every answer that books is stored with what it books: a repeated request gets the same answer, a crash in between
loses neither. A receipt is printed once per key; after any doubt its outcome is `unknown`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.ledger.effects import Effect
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict, InputRefused
from gateway.model.fiscal import Payment, PrintResult, Tender
from gateway.model.shown import Show, shown_left
from gateway.model.till_bodies import PrintedBy, ReceiptBody
from gateway.stations.answers import Asked, QuoteUsed, StoreAnswer, stored_answer
from gateway.stations.deciding import has_changed
from gateway.stations.printing import Printing, no_printer
from gateway.stations.sales import SaleNoted
from gateway.stations.services import RECEIPT, Services, new_entry
from gateway.stations.slips import Slips
from gateway.stations.till_quotes import open_quote
from gateway.stations.till_taps import Taps
from gateway.stations.till_words import CommitAnswer, CommitRequest, Fiscal, OpenQuote


class Commits:
    """One till's."""

    def __init__(self, station: str, services: Services, taps: Taps, printing: Printing | None, slips: Slips) -> None:
        self._station = station
        self._services = services
        self._taps = taps
        self._printing = printing
        self._slips = slips

    async def commit(self, request: CommitRequest, key: str, asked: Asked) -> bytes:
        """A `CommitAnswer` as JSON: the receipt is recorded, and printed where that was asked.

        Raises `InputRefused`, `NotFound` (no such quote), `Conflict` (quote used), `NotReady` (no printer),
        `LedgerError`: nothing is recorded then, the quote is as it was, and the key is free.
        """
        quote, expires_ms = open_quote(self._services, self._station, request.quote)
        paid = _check_paid(request, quote)
        late = self._services.clock.wall_ms() > expires_ms
        body = ReceiptBody(
            station=self._station,
            key=key,
            quote=request.quote,
            receipt=quote.receipt,
            decision=quote.decision,
            printed_by=PrintedBy.GATEWAY if request.print else PrintedBy.POS,
            identification=quote.identification,
            fiscal_number=request.fiscal_number,
            late=late,
            asked=quote.asked,
            unmapped=quote.unmapped,
        )
        entry = new_entry(Stream.RECEIPT, EntryKind.RECEIPT, body)
        due = quote.decision.due_cents

        def answer(ids: tuple[EntryId, ...], fiscal: Fiscal | None = None) -> bytes:
            return msgspec.json.encode(CommitAnswer(str(ids[0]), due, late, fiscal))

        if not request.print:
            store = StoreAnswer(asked, answer)
            stored = await self._book(entry, request.quote, quote, [store], late=late)
            self._recorded(stored, request.quote, quote)
            self._slips.after_sale(quote.decision, quote.identification)
            return store.body
        # The key is short enough for any printer's line.
        begun = await self._printer().begun(
            request.quote, quote.receipt, quote.decision, paid, asked, quote.identification
        )
        # The first answer is stored with the receipt: whoever asks again after a crash learns how it stands.
        first = StoreAnswer(asked, lambda ids: answer(ids, Fiscal("recorded")))
        stored = await self._book(entry, request.quote, quote, [begun, first], late=late)
        self._recorded(stored, request.quote, quote)
        await self._services.printers.run(begun)
        told = stored_answer(self._services.ledger.query, asked) or first.body
        fiscal = msgspec.json.decode(told, type=CommitAnswer).fiscal
        if fiscal is not None and fiscal.state == PrintResult.PRINTED:
            self._slips.after_sale(quote.decision, quote.identification)
        return told

    async def _book(
        self, entry: NewEntry, name: str, quote: OpenQuote, effects: Sequence[Effect], *, late: bool
    ) -> EntryId:
        """Commit a quote's receipt with what it takes of quotas. What the quote held may be gone (it has ended, or the
        box began anew): the receipt is true all the same, and what is not covered is overspend."""
        deciding, ledger = self._services.deciding, self._services.ledger
        codes = tuple(dict.fromkeys(line.category for line in quote.receipt.lines if line.category))
        noted = deciding.noted(quote.holder, RECEIPT, codes, self._station)
        always: list[Effect] = [QuoteUsed(name), SaleNoted(self._station), *effects, *noted]
        if not late:
            try:
                (stored,) = await ledger.commit([entry], [*always, *deciding.takes(quote.takes, quote=name)])
                return stored
            except Conflict as conflict:
                if not has_changed(conflict):
                    raise
        (stored,) = await ledger.commit([entry], [*always, *deciding.takes_late(quote.takes, quote=name)])
        return stored

    def _recorded(self, stored: EntryId, name: str, quote: OpenQuote) -> None:
        self._taps.close(name, quote.holder)  # Only theirs: the next person in the queue may have tapped already.
        decision = quote.decision
        self._services.board.tell(
            self._station,
            Show.RECORDED,
            entry=str(stored),
            list_cents=decision.list_cents,
            due_cents=decision.due_cents,
            left=shown_left(decision.balances),
        )

    def _printer(self) -> Printing:
        if self._printing is None:
            raise no_printer(self._station)
        return self._printing


def _check_paid(request: CommitRequest, quote: OpenQuote) -> tuple[Tender, ...]:
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
