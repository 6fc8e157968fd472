"""The report of a till's day, added up from the ledger: whatever its entries say, in the place's own days and over
epochs. Read in small pieces, so that whoever taps meanwhile waits for some milliseconds at most.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec

from gateway.fiscal.rows import OPEN
from gateway.model.clock import ClockQuality
from gateway.model.decision import FiscalForm, LineVat, Share
from gateway.model.entry import EntryId, EntryKind, Stream, entry_name
from gateway.model.errors import InputRefused
from gateway.model.fiscal import PrintOutcome
from gateway.model.fiscal import VatSum as PaperVat
from gateway.model.money import Cents
from gateway.model.refund import RefundReason
from gateway.model.till_bodies import FiscalOutcomeBody, PrintedBy, ReceiptBody, RefundBody
from gateway.stations.answers import Query
from gateway.stations.day_words import (
    DayReport,
    MeansSum,
    Overspent,
    PayerSum,
    Sums,
    UnmappedArticle,
    VatSum,
)
from gateway.stations.sales import LOOK_AHEAD, entry_at
from gateway.stations.services import Services

PIECE = 25
"""Entries that are read at once: some 4 ms on this project's machine, with receipts of ten lines."""
_ROWS = """
SELECT s.at_ms, s.epoch, s.seq, s.off_paper, r.kind, r.quality, r.body
FROM sale s LEFT JOIN receipt r ON s.epoch=? AND r.seq=s.seq
WHERE (s.at_ms, s.epoch, s.seq) > (?, ?, ?) AND s.at_ms<? AND s.station=?
ORDER BY s.at_ms, s.epoch, s.seq LIMIT ?"""
_ENDS = "SELECT body FROM receipt WHERE seq>? AND seq<=? AND kind=? AND body IS NOT NULL ORDER BY seq DESC"

Entry = tuple[EntryId, str | None, str, bytes | None]
"""Name, kind (None: gone), the clock's quality, body."""


async def report(services: Services, station: str, day: str) -> DayReport:
    """What this till sold and gave back on this day of the place's calendar (ISO 8601; empty: today). Raises
    `InputRefused` (`bad_date`), `LedgerError`."""
    ledger, zone = services.ledger, services.benefits.zone
    on = _date(day) if day else datetime.fromtimestamp(services.clock.wall_ms() / 1000, zone).date()
    from_ms, until_ms = (
        round(datetime.combine(one, time(), zone).timestamp() * 1000) for one in (on, on + timedelta(days=1))
    )
    sums = _Day(ledger.query, ledger.epoch)
    after: tuple[int, str, int] = (from_ms, "", 0)
    while True:
        rows = ledger.query(_ROWS, (ledger.epoch, *after, until_ms, station, PIECE))
        for row in rows:
            sums.take(*_entry(services, row), off_paper=bool(row[3]))
        if len(rows) < PIECE:
            break
        after = rows[-1][:3]
        await asyncio.sleep(0)  # Whoever taps goes first.
    oldest = ledger.query("SELECT min(at_ms) FROM sale")[0][0]
    partial = ledger.floor(Stream.RECEIPT) > 0 and (oldest is None or oldest > from_ms)
    return sums.report(station, on, str(zone), from_ms, until_ms, partial=partial)


def _date(day: str) -> date:
    try:
        found = date.fromisoformat(day)
    except ValueError:
        found = date.max
    if not date(1970, 1, 2) <= found < date(9000, 1, 1):
        raise InputRefused(f"{day[:32]!r} is no day", "A date as 2026-11-27", where="date", code="bad_date")
    return found


def _entry(services: Services, row: tuple[Any, ...]) -> Entry:
    ledger = services.ledger
    _, epoch, seq, _, kind, quality, body = row
    named = EntryId(ledger.gateway, epoch, Stream.RECEIPT, seq)
    if kind is not None:
        return named, kind, quality, body
    if epoch != ledger.epoch and (entry := entry_at(ledger, named)) is not None:
        return named, entry.header.kind, entry.header.at.quality, entry.body
    return named, None, "", None


class _Day:
    """Adds up. Reads by key what the tables say of a receipt."""

    def __init__(self, query: Query, epoch: str) -> None:
        self._query = query
        self._epoch = epoch
        self._sums: dict[str, list[int]] = {name: [0] * 5 for name in ("sold", "refunded", "voided")}
        self._payers: defaultdict[tuple[str, str, FiscalForm], list[Cents]] = defaultdict(lambda: [0, 0])
        self._means: defaultdict[str, list[Cents]] = defaultdict(lambda: [0, 0])
        self._vat: defaultdict[str, list[Cents]] = defaultdict(lambda: [0, 0])
        self._unmapped: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._over: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    def take(self, named: EntryId, kind: str | None, quality: str, body: bytes | None, *, off_paper: bool) -> None:
        if off_paper:
            self._counts["not_printed"] += 1
            return
        if quality == ClockQuality.GUESS:
            self._counts["undated"] += 1
        if kind is None or body is None:
            self._counts["erased"] += 1
        elif kind == EntryKind.RECEIPT:
            self._sold(named, msgspec.json.decode(body, type=ReceiptBody))
        elif kind == EntryKind.REFUND:
            self._back(named, msgspec.json.decode(body, type=RefundBody))

    def _sold(self, named: EntryId, body: ReceiptBody) -> None:
        decision = body.decision
        sums = (1, decision.list_cents, decision.discount_cents, decision.due_cents, decision.rounding_cents)
        self._add("sold", sums)
        self._means[body.receipt.means][0] += decision.due_cents
        on_paper = self._printing(named, body.quote) if body.printed_by is PrintedBy.GATEWAY else ()
        self._paper_taxed(on_paper, 1)
        self._counts["untaxed"] += not on_paper and any(decided.vat is None for decided in decision.lines)
        for line, decided in zip(body.receipt.lines, decision.lines, strict=True):
            self._shares(decided.shares, 0)
            if not on_paper:
                self._taxed(line.vat, decided.vat, 1)
        self._counts["late"] += body.late
        self._not_mapped(body)
        if decision.uses:
            sql = "SELECT key, units FROM quota_spend WHERE entry=? AND kind='over'"
            for key, units in self._query(sql, (entry_name(named),)):
                self._over[key] += units

    def _not_mapped(self, body: ReceiptBody) -> None:
        for line in body.receipt.lines:
            if line.id in body.unmapped:
                article = self._unmapped[line.text, line.sku, line.category]
                article[0] += 1
                article[1] += line.quantity

    def _printing(self, named: EntryId, key: str) -> tuple[PaperVat, ...]:
        """A work of our own printer: one of which it is not known how it ended (an interrupted one, too) is counted.
        What the printer told of its VAT; nothing where it did not."""
        for outcome, said in self._query("SELECT outcome, said FROM fiscal WHERE key=?", (key,)):
            self._counts["print_unknown"] += outcome in OPEN
            return msgspec.json.decode(said, type=PrintOutcome).vat if said else ()
        if named.epoch != self._epoch:
            return ()
        # The work is kept no longer: its end stands some entries behind.
        ends = self._query(_ENDS, (named.seq, named.seq + LOOK_AHEAD, EntryKind.FISCAL_OUTCOME))
        outcomes = (msgspec.json.decode(body, type=FiscalOutcomeBody) for (body,) in ends)
        return next((outcome.vat for outcome in outcomes if outcome.key == key), ())

    def _back(self, named: EntryId, body: RefundBody) -> None:
        refund = body.refund
        sums = (1, refund.list_cents, refund.discount_cents, refund.due_cents, refund.rounding_cents)
        self._add("voided" if body.reason is RefundReason.VOID else "refunded", sums)
        self._means[body.means][1] += refund.due_cents
        on_paper = self._printing(named, body.work) if body.work else ()
        self._paper_taxed(on_paper, -1)
        self._counts["untaxed"] += not on_paper and any(line.vat is None for line in refund.lines)
        for line in refund.lines:
            self._shares(line.shares, 1)
            if not on_paper:
                self._taxed(line.letter, line.vat, -1)

    def _add(self, name: str, sums: tuple[int, ...]) -> None:
        self._sums[name] = [one + more for one, more in zip(self._sums[name], sums, strict=True)]

    def _shares(self, shares: tuple[Share, ...], column: int) -> None:
        for share in shares:
            self._payers[share.party, share.rule, share.form][column] += share.cents

    def _paper_taxed(self, sums: tuple[PaperVat, ...], sign: int) -> None:
        for one in sums:
            self._vat[one.letter][0] += sign * one.gross_cents
            self._vat[one.letter][1] += sign * one.tax_cents

    def _taxed(self, letter: str, vat: LineVat | None, sign: int) -> None:
        if vat is not None:
            self._vat[letter][0] += sign * vat.gross_cents
            self._vat[letter][1] += sign * vat.tax_cents

    def report(
        self, station: str, on: date, time_zone: str, from_ms: int, until_ms: int, *, partial: bool
    ) -> DayReport:
        counts = self._counts
        return DayReport(
            station=station,
            date=on.isoformat(),
            time_zone=time_zone,
            from_ms=from_ms,
            until_ms=until_ms,
            **{name: Sums(*sums) for name, sums in self._sums.items()},
            means=tuple(MeansSum(str(means), *sums) for means, sums in sorted(self._means.items())),
            payers=tuple(PayerSum(*of, *sums) for of, sums in sorted(self._payers.items())),
            vat=tuple(VatSum(letter, *sums) for letter, sums in sorted(self._vat.items())),
            untaxed=counts["untaxed"],
            late=counts["late"],
            not_printed=counts["not_printed"],
            print_unknown=counts["print_unknown"],
            overspent=tuple(Overspent(*one) for one in sorted(self._over.items())),
            unmapped=tuple(UnmappedArticle(*of, *sums) for of, sums in sorted(self._unmapped.items())),
            erased=counts["erased"],
            undated=counts["undated"],
            partial=partial,
        )
