"""Refunds of a till, in whole or in part, and voids: what a receipt's own decision gave is mirrored, whatever the rules
say by now. Any till of the place gives back what any of them has sold.

However a receipt comes back, piece by piece, at several tills at once or over restarts: never more than was sold, and
the parts add up to the whole. What has come back is written down in the commit of the refund's entry.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from gateway.fiscal.rows import FiscalBegun, row_of
from gateway.ledger.effects import Effect
from gateway.model.entry import EntryKind, Stream, entry_name
from gateway.model.errors import Conflict, InputRefused
from gateway.model.fiscal import PrintResult, ReversalReason
from gateway.model.money import Thousandths
from gateway.model.refund import Refund, RefundReason
from gateway.model.shown import Show
from gateway.model.till_bodies import PrintedBy, RefundBody
from gateway.rules.refund import refund
from gateway.stations.answers import Asked, StoreAnswer, stored_answer
from gateway.stations.deciding import TRIES
from gateway.stations.printing import Printing, no_printer
from gateway.stations.refund_paper import original
from gateway.stations.refund_words import Named, RefundAnswer, RefundRequest, VoidRequest
from gateway.stations.sales import CameBack, SaleNoted, Sold, came_back, find, outcome_of, pending, took_place
from gateway.stations.services import Services, new_entry
from gateway.stations.till_words import Fiscal


class Refunds:
    """One till's."""

    def __init__(self, station: str, services: Services, printing: Printing | None) -> None:
        self._station = station
        self._services = services
        self._printing = printing

    def preview(self, request: RefundRequest) -> bytes:
        """A `RefundAnswer` as JSON of what would be given back now. Books nothing. Raises as `refund` does."""
        if request.print or request.fiscal_number:
            raise InputRefused("a preview has no paper", "Leave `fiscal_number` and `print` out", code="bad_refund")
        sold = find(self._services.ledger, request, self._station)
        self._check_paper(sold, request, preview=True)
        given, _, rest = self._given(sold, request)
        return _answer(sold, given, rest=rest)

    async def refund(self, request: RefundRequest, key: str, asked: Asked) -> bytes:
        """A `RefundAnswer` as JSON: what is given back, recorded. Nothing has changed when it raises: `InputRefused`
        (`bad_refund`, `more_than_sold`, `nothing_left`), `NotFound` (see `sales.find`), `Conflict` (`not_printed`,
        `print_unknown`, `in_progress`, `refund_differs`, `paper_needed`, `paper_differs`), `LedgerError`."""
        sold = find(self._services.ledger, request, self._station)
        self._check_paper(sold, request)
        for _ in range(TRIES):
            given, before, rest = self._given(sold, request)
            if request.due_cents not in (None, given.due_cents):
                raise Conflict(
                    f"{given.due_cents} cents are given back, not {request.due_cents}",
                    "Ask for a `preview` right before you print",
                    code="refund_differs",
                )
            try:
                reason = RefundReason(request.reason.value)
                return await self._book(sold, given, before, request, key, asked, reason=reason, rest=rest)
            except Conflict as conflict:
                if conflict.code != "returned_meanwhile":
                    raise
        raise Conflict("more of this receipt comes back again and again", "Ask again", code="in_progress")

    async def void(self, request: VoidRequest, key: str, asked: Asked) -> bytes:
        """A `RefundAnswer` as JSON: all of a receipt of which nothing has come back, as if it had not been. Raises as
        `refund` does, and `Conflict` (`partly_returned`)."""
        sold = find(self._services.ledger, request, self._station)
        self._check_paper(sold, request, void=True)
        self._none_came_back(sold)
        given = refund(sold.body.receipt, sold.body.decision)
        try:
            return await self._book(sold, given, {}, request, key, asked, reason=RefundReason.VOID, rest=False)
        except Conflict as conflict:
            if conflict.code == "returned_meanwhile":
                self._none_came_back(sold)
            raise

    def _none_came_back(self, sold: Sold) -> None:
        if not (before := came_back(self._services.ledger.query, sold.id)):
            return
        refund(sold.body.receipt, sold.body.decision, before=before)  # raises `nothing_left` when all of it has
        raise Conflict("some of this receipt has come back", "Give the rest back: a refund", code="partly_returned")

    def _given(self, sold: Sold, request: RefundRequest) -> tuple[Refund, dict[str, Thousandths], bool]:
        """What comes back now, what had before, and whether anything is left then."""
        before = came_back(self._services.ledger.query, sold.id)
        wanted: dict[str, Thousandths] | None = None
        if request.lines:
            wanted = {}
            for back in request.lines:
                wanted[back.line] = wanted.get(back.line, 0) + back.quantity
        given = refund(sold.body.receipt, sold.body.decision, wanted, before)
        return given, before, _rest(sold, before, given)

    async def _book(
        self,
        sold: Sold,
        given: Refund,
        before: Mapping[str, Thousandths],
        request: Named,
        key: str,
        asked: Asked,
        *,
        reason: RefundReason,
        rest: bool,
    ) -> bytes:
        work = os.urandom(8).hex() if request.print else ""
        begun = await self._begun(work, sold, given, reason, asked, request) if work else None
        on_paper = PrintedBy.POS if request.fiscal_number else PrintedBy.GATEWAY if work else None
        body = RefundBody(
            station=self._station,
            key=key,
            receipt=str(sold.id),
            refund=given,
            reason=reason,
            means=sold.body.receipt.means,
            printed_by=on_paper,
            fiscal_number=request.fiscal_number,
            work=work,
            before=dict(before),
            rest=rest,
        )
        fiscal = Fiscal("recorded") if begun is not None else None
        store = StoreAnswer(asked, lambda ids: _answer(sold, given, str(ids[0]), rest=rest, fiscal=fiscal))
        more = {line.line: line.quantity for line in given.lines}
        effects: list[Effect] = [CameBack(sold.id, before, more, work), SaleNoted(self._station), store]
        # Of what is printed here they are free with the paper: see `Printing.answered`.
        effects += [begun] if begun is not None else self._units(sold, given, rest=rest)
        entry = new_entry(Stream.RECEIPT, EntryKind.REFUND, body)
        (stored,) = await self._services.ledger.commit([entry], effects)
        if begun is None:
            self._services.board.tell(self._station, Show.REFUNDED, entry=str(stored), due_cents=given.due_cents)
            return store.body
        await self._services.printers.run(begun)
        return stored_answer(self._services.ledger.query, asked) or store.body

    async def _begun(
        self, work: str, sold: Sold, given: Refund, reason: RefundReason, asked: Asked, request: Named
    ) -> FiscalBegun:
        if self._printing is None:
            raise no_printer(self._station)
        row = row_of(self._services.ledger.query, sold.body.quote)
        ended = row.said if row is not None else outcome_of(self._services.ledger, sold)
        why = ReversalReason.REFUND if reason is RefundReason.RETURNED else ReversalReason.ERROR
        of = original(ended, row, request.paper, why, self._printing.reversal_needs)
        return await self._printing.begun_refund(work, sold, given, of, asked)

    def _units(self, sold: Sold, given: Refund, *, rest: bool) -> list[Effect]:
        """Quota units and what is remembered of the sale: with the last of it, it is as if it had not been."""
        deciding, name = self._services.deciding, entry_name(sold.id)
        return deciding.given_back(name, given.uses) if rest else deciding.undone(name)

    def _check_paper(self, sold: Sold, request: Named, *, void: bool = False, preview: bool = False) -> None:
        """Whether what is asked for goes with the paper that the receipt stands on."""
        by_pos = sold.body.printed_by is PrintedBy.POS
        if request.paper is not None and not request.print:
            raise InputRefused("`paper` is for what is printed here", "Leave it out", code="bad_refund")
        if request.print and (by_pos or request.fiscal_number):
            raise InputRefused(
                "the POS has printed this receipt, or what is given back" if by_pos else "give one of both",
                "Give it back at the POS, and tell its `fiscal_number`; `print` is for receipts that were printed here",
                code="bad_refund",
            )
        if not by_pos:
            self._check_printed(sold)
        self._check_pending(sold)
        if not (request.print or request.fiscal_number or preview or (void and by_pos)):
            raise InputRefused(
                "give either `fiscal_number` or `print`",
                "The number of the paper that says what is given back; to print it here, set `print` to true",
                code="bad_refund",
            )

    def _check_pending(self, sold: Sold) -> None:
        """One after the other, where refunds are printed: parts are counted from what has come back before."""
        query = self._services.ledger.query
        if work := pending(query, sold.id):
            row = row_of(query, work)
            if row is None or row.result is PrintResult.UNKNOWN:
                raise Conflict(
                    "it is not known whether another refund of this receipt was printed",
                    "Settle that first: look at the paper",
                    code="print_unknown",
                )
            raise Conflict(
                "another refund of this receipt is being printed", "Ask again in a moment", code="in_progress"
            )

    def _check_printed(self, sold: Sold) -> None:
        """A receipt that our own printer made. Raises `Conflict`."""
        row = row_of(self._services.ledger.query, sold.body.quote)
        result = row.result if row is not None else self._ended(sold)
        if row is not None and result is None:
            raise Conflict("this receipt is being printed", "Ask again in a moment", code="in_progress")
        if result in (None, PrintResult.UNKNOWN):
            raise Conflict(
                "it is not known whether this receipt was printed",
                "Settle that first: look at the paper",
                code="print_unknown",
            )
        if result is not PrintResult.PRINTED:
            raise Conflict(
                "this receipt was not printed, so nothing was sold", "There is nothing to give back", code="not_printed"
            )

    def _ended(self, sold: Sold) -> PrintResult | None:
        """How a printing ended that the journal has forgotten: it forgets only what it knows the end of."""
        if (printed := took_place(self._services.ledger.query, sold.id)) is not None:
            return PrintResult.PRINTED if printed else PrintResult.CANCELLED
        outcome = outcome_of(self._services.ledger, sold)
        return PrintResult(outcome.outcome) if outcome is not None else None


def _rest(sold: Sold, before: Mapping[str, Thousandths], given: Refund) -> bool:
    back = {line.line: line.quantity for line in given.lines}
    return any(before.get(line.id, 0) + back.get(line.id, 0) < line.quantity for line in sold.body.receipt.lines)


def _answer(sold: Sold, given: Refund, entry: str = "", *, rest: bool, fiscal: Fiscal | None = None) -> bytes:
    answer = RefundAnswer(
        entry=entry,
        receipt=str(sold.id),
        lines=given.lines,
        list_cents=given.list_cents,
        discount_cents=given.discount_cents,
        due_cents=given.due_cents,
        rounding_cents=given.rounding_cents,
        rest=rest,
        uses=given.uses,
        fiscal=fiscal,
    )
    return msgspec.json.encode(answer)
