"""Quotes of a till: what is due for a receipt, held for a while; withdrawn, or replaced when the receipt changes."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from gateway.config.types import TillStation
from gateway.identity.identify import Identified
from gateway.ledger.effects import Effect
from gateway.model.entry import NewEntry
from gateway.model.errors import Conflict, InputRefused, NotFound
from gateway.model.identification import Identification, Refusal
from gateway.model.reading import CodeReading
from gateway.model.receipt import check_receipt
from gateway.model.shown import Show, shown_left
from gateway.stations.answers import Asked, QuoteDropped, QuoteGiven, QuoteReplaced, StoreAnswer
from gateway.stations.deciding import TRIES, Decided, has_changed
from gateway.stations.printing import Printing
from gateway.stations.services import Services
from gateway.stations.till_taps import Tap, Taps, TwoTaps
from gateway.stations.till_words import (
    BalanceAnswer,
    CannotPrint,
    OpenQuote,
    QuoteAnswer,
    QuoteRequest,
    QuoteWithdrawn,
)

POS = "pos"
"""The device of a code that the POS has read itself."""


class Quotes:
    """One till's."""

    def __init__(
        self,
        section: TillStation,
        services: Services,
        taps: Taps,
        printing: Printing | None,
        tidy: Callable[[], list[Effect]],
    ) -> None:
        self._station = section.id
        self._tidy = tidy
        self._printing = printing
        self._quote_s = section.quote_s
        self._services = services
        self._taps = taps

    def asked(self, request: QuoteRequest, key: str) -> Asked:
        """The request as it is remembered: a credential only by what tells it from others."""
        if request.credential:
            fingerprint = self._services.identity.fingerprint(request.credential.encode())
            request = msgspec.structs.replace(request, credential=fingerprint)
        return Asked.of("quote", self._station, key, request)

    def check(self, request: QuoteRequest) -> None:
        """What the types cannot say. Raises `InputRefused`."""
        if (fault := check_receipt(request.receipt)) is not None:
            raise InputRefused(fault, "Correct the receipt", code="bad_receipt")
        listed = request.receipt.list_cents
        if request.total_cents not in (None, listed):
            raise InputRefused(
                f"the lines at list price are {listed} cents, not {request.total_cents} - at `$.total_cents`",
                "A line is its unit price × its quantity, rounded half up to the cent",
                code="bad_receipt",
            )
        if request.tap and request.credential:
            raise InputRefused(
                "give either `tap` or `credential`", "A credential is used instead of a tap", code="bad_receipt"
            )

    async def quote(self, request: QuoteRequest, asked: Asked) -> bytes:
        """A `QuoteAnswer` as JSON. Raises `InputRefused`, `NotFound`, `Conflict` (`TwoTaps` among them), `LedgerError`:
        nothing has changed then."""
        self.check(request)
        former = self._open(request.replaces) if request.replaces else None
        tap: Tap | None = None
        identified: Identified | None = None
        who: Identification | None
        if request.credential:
            who, identified = await self._present(request.credential)
        elif former is not None and former.identification is not None and self._keeps_its_own(request):
            who = former.identification  # After a restart, when nothing else is known of its tap.
        else:
            tap = self._take(request)
            who = tap.who if tap is not None else None
        formers = {request.replaces, tap.quote if tap is not None else ""} - {""}
        given = False
        try:
            answer, body = await self._decided(request, asked, who, identified, formers)
            given = True
        finally:
            if not given:
                self._taps.put_back(tap)
        for one in formers:
            self._taps.close(one, who.holder if who is not None else None)
        if who is not None and who.accepted:
            self._taps.bind(tap or Tap(who, 0), answer.quote, self._quote_s)
        sums = {"list_cents": answer.list_cents, "due_cents": answer.due_cents}
        self._services.board.tell(self._station, Show.QUOTE, **sums, left=shown_left(answer.balances))
        return body

    async def withdraw(self, quote: str, asked: Asked) -> bytes:
        """A `QuoteWithdrawn` as JSON: the quote can be committed no more, and what it held is free. Raises `NotFound`
        (`no_such_quote`), `Conflict` (`quote_used`: it is a receipt by now), `LedgerError`."""
        withdrawn = self._open(quote)
        store = StoreAnswer(asked, lambda _ids: msgspec.json.encode(QuoteWithdrawn(quote)))
        release = self._services.deciding.released(quote)
        await self._services.ledger.commit([], [QuoteDropped(quote), store, *release])
        self._taps.close(quote, withdrawn.holder)
        self._services.board.tell(self._station, Show.IDLE)
        return store.body

    async def balance(self) -> BalanceAnswer:
        """What is left for the person whose tap waits here, of the benefits that they have at this place. Spends
        nothing. Raises `TwoTaps`."""
        who = self._taps.waiting
        left = await self._services.deciding.balances(self._station, who, ask=True) if who is not None else ()
        return BalanceAnswer(who is not None, left)

    def _open(self, quote: str) -> OpenQuote:
        return open_quote(self._services, self._station, quote)[0]

    def _keeps_its_own(self, request: QuoteRequest) -> bool:
        return not request.tap and self._taps.bound(request.replaces) is None

    def _take(self, request: QuoteRequest) -> Tap | None:
        try:
            return self._taps.take(request.tap, request.replaces)
        except TwoTaps as several:
            self._services.board.tell(self._station, Show.TWO_TAPS, marks=several.marks)
            raise

    async def _present(self, text: str) -> tuple[Identification, Identified | None]:
        """What the POS's own scanner has read. One that is accepted is recorded with the quote; a refusal now."""
        services = self._services
        reading = CodeReading(POS, services.clock.mono_ns(), "", text.encode())
        identified = services.resolve(self._station, reading)
        if identified.identification.accepted:
            return identified.identification, identified
        who, _ = await services.store_identification(self._station, identified)
        return who, None

    async def _decided(
        self,
        request: QuoteRequest,
        asked: Asked,
        who: Identification | None,
        identified: Identified | None,
        formers: set[str],
    ) -> tuple[QuoteAnswer, bytes]:
        for _ in range(TRIES):
            try:
                return await self._decide(request, asked, who, identified, formers)
            except Conflict as conflict:
                if identified is not None and conflict.code == Refusal.REPLAYED:
                    # Somebody used this very pass first.
                    who, _entry = await self._services.store_identification(self._station, identified)
                    identified = None
                elif not has_changed(conflict):
                    raise
        raise Conflict("what is left of a quota changes again and again", "Ask again", code="in_progress")

    async def _decide(
        self,
        request: QuoteRequest,
        asked: Asked,
        who: Identification | None,
        identified: Identified | None,
        formers: set[str],
    ) -> tuple[QuoteAnswer, bytes]:
        services, deciding = self._services, self._services.deciding
        decided = await deciding.decide(self._station, request.receipt, who, without=frozenset(formers))
        decision = decided.decision
        quote = os.urandom(8).hex()
        hindrance = None
        if self._printing is not None:
            hindrance = await self._printing.hindrance(quote, request.receipt, decision, who)
        answer = self._answer(request, decided, quote, who, hindrance)
        accepted = who is not None and who.accepted
        kept = who.facts_left_out() if who is not None and accepted else None
        body = OpenQuote(request.receipt, decision, kept, decided.asked, decided.asks, answer.unmapped)
        store = StoreAnswer(asked, lambda _ids: msgspec.json.encode(answer))
        entries: list[NewEntry] = []
        effects: list[Effect] = []
        if identified is not None:
            entries, effects = services.of_identification(self._station, identified)
        for former in formers:
            effects += [QuoteReplaced(former), *deciding.released(former)]
        effects += [QuoteGiven(quote, self._station, msgspec.json.encode(body), answer.expires_ms), store]
        holds = deciding.holds(decided.takes, quote, self._quote_s)
        await services.ledger.commit(entries, [*effects, *holds, *self._tidy()])
        return answer, store.body

    def _answer(
        self,
        request: QuoteRequest,
        decided: Decided,
        quote: str,
        who: Identification | None,
        hindrance: CannotPrint | None,
    ) -> QuoteAnswer:
        benefits, decision = self._services.benefits, decided.decision
        accepted = who is not None and who.accepted
        return QuoteAnswer(
            quote=quote,
            expires_ms=self._services.clock.wall_ms() + round(self._quote_s * 1000),
            identified=accepted,
            lines=decision.lines,
            list_cents=decision.list_cents,
            discount_cents=decision.discount_cents,
            due_cents=decision.due_cents,
            bundle=decision.bundle,
            trace=decision.trace,
            messages=tuple(benefits.messages(decision, who.language if who else None)),
            rounding_cents=decision.rounding_cents,
            balances=decision.balances,
            mark=self._taps.mark_of(who) if who is not None and accepted else "",
            refusal=who.refusal if who is not None else None,
            unmapped=benefits.unmapped(request.receipt),
            benefits_until_ms=benefits.until_ms,
            no_benefits=benefits.missing,
            cannot_print=hindrance,
        )


def open_quote(services: Services, station: str, quote: str) -> tuple[OpenQuote, int]:
    """A quote that this till has given, and until when it holds. Raises `NotFound`, or `Conflict` (`quote_used`)."""
    rows = services.ledger.query("SELECT body, expires_ms FROM quote WHERE id=? AND station=?", (quote, station))
    if not rows:
        raise NotFound(
            f"no open quote {quote[:32]!r} at {station}",
            "It was never given, is committed already, or was withdrawn: ask for a new quote",
            code="no_such_quote",
        )
    return msgspec.json.decode(rows[0][0], type=OpenQuote), rows[0][1]
