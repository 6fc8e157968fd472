"""The journal of all works on fiscal devices: every point and every end is stored here, before anything follows it.

Kept in memory are the works of which it is not known how they ended; they are few, and asked for by every work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from gateway.fiscal.days import DayIs, FiscalDay, days_of
from gateway.fiscal.port import OnStep, Owner
from gateway.fiscal.rows import Ended, FiscalBegun, PointReached, WorkRow, open_rows
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.body import Body
from gateway.model.clock import Clock
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.fiscal import Baseline, PrintOutcome, PrintResult, WorkStep
from gateway.model.till_bodies import FiscalOutcomeBody, FiscalStepBody, ZDueBody, ZSeenBody

SELLS = frozenset({"receipt", "reversal"})
"""Kinds of works that begin a fiscal day."""


class Journal:
    """Where works stand. `load` first; calls come from the event loop only."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._open: dict[str, WorkRow] = {}
        self._days: dict[str, FiscalDay] = {}
        self._loaded = False
        self.owners: dict[str, Owner] = {}
        self.others: Owner | None = None
        """Answers for works whose owner is there no longer."""
        self.under_way: set[str] = set()
        """Keys of works that wait for their turn or are being done."""
        self.on_news: list[Callable[[], None]] = []
        """Each is called when what is in doubt, or a device's day, may have changed."""

    def load(self) -> None:
        """Read what is open and which days run. Again: nothing."""
        if not self._loaded:
            self._open = {row.key: row for row in open_rows(self._ledger.query)}
            self._days = days_of(self._ledger.query)
            self._loaded = True

    # What is known ---------------------------------------------------------------------------------------

    def row(self, key: str) -> WorkRow | None:
        """This work, while it is not known how it ended."""
        return self._open.get(key)

    def doubts(self, device: str | None = None) -> list[WorkRow]:
        """Works of which it is not known how they ended, of one device or of all, those under way left out; the oldest
        first. Not X reports of which nothing but the paper will tell."""
        rows = (row for row in self._open.values() if row.key not in self.under_way and not row.leaves_no_trace)
        return [row for row in rows if device in (None, row.device)]

    def day(self, device: str) -> FiscalDay:
        """The device's fiscal day, as far as it is known here."""
        return self._days.get(device) or FiscalDay(device)

    # What happens ----------------------------------------------------------------------------------------

    def begin(self, begun: FiscalBegun) -> WorkRow:
        """`begun` was committed: it is under way from now on."""
        self.load()
        self.under_way.add(begun.key)
        return self._open.setdefault(begun.key, begun.row(self._clock.wall_ms()))

    def done(self, key: str) -> None:
        """Nothing waits for this work or does it any more."""
        self.under_way.discard(key)
        self._tell()

    def storing(self, row: WorkRow) -> OnStep:
        """Stores each point that the work of this row reaches. Raises `LedgerError`: then the driver never goes on."""

        async def store(step: WorkStep) -> None:
            before = step.baseline
            body = FiscalStepBody(
                station=row.owner,
                key=step.key,
                point=step.point,
                baseline=before.number if before is not None else "",
                number=step.number,
                device=row.device,
                counters=before,
            )
            day = self.day(row.device) if before is None else self.day(row.device).seen(before.z_number, before.serial)
            noted = [] if before is None else self._z_seen(row.device, before)
            await self._commit([entry(Stream.RECEIPT, EntryKind.FISCAL_STEP, body), *noted], [PointReached(step)], day)
            if (known := self._open.get(step.key)) is not None:
                self._open[step.key] = known.after(step)

        return store

    async def end(self, row: WorkRow, outcome: PrintOutcome, by: str = "") -> EntryId:
        """Store how it ended, with the answer to who asked, and tell the owner. `by`: a person says so."""
        body = FiscalOutcomeBody(
            station=row.owner,
            key=row.key,
            outcome=outcome.result,
            number=outcome.number,
            total_cents=outcome.total_cents,
            reason=outcome.reason or outcome.code,
            device=row.device,
            kind=row.kind,
            code=outcome.code,
            device_time=outcome.device_time,
            fiscal_memory=outcome.fiscal_memory,
            z_number=outcome.z_number,
            by=by,
            vat=outcome.vat,
        )
        owner = self.owners.get(row.owner, self.others)
        answers: Sequence[Effect] = owner.answered(row, outcome) if owner is not None else ()
        day = self._day_after(row, outcome)
        told = entry(Stream.RECEIPT, EntryKind.FISCAL_OUTCOME, body)
        (stored,) = await self._commit([told], [Ended(outcome), *answers], day)
        if outcome.result is PrintResult.UNKNOWN:
            self._open[row.key] = row.ended(outcome)
        else:
            self._open.pop(row.key, None)
        if owner is not None:
            owner.told(row, outcome, stored)
        self._tell()
        return stored

    async def look(self, device: str, z_number: str, serial: str = "") -> bool:
        """The device's counters were read while nothing was under way. True when it has printed a Z report that nobody
        here asked for: an audit entry says so."""
        day = self.day(device)
        moved = self._z_seen(device, Baseline(z_number=z_number, serial=serial))
        if (seen := day.seen(z_number, serial)) != day:
            await self._commit(moved, [], seen)
        return bool(moved)

    async def warn(self, device: str, hours: int) -> None:
        """It is told, once, that this device's Z report is due."""
        noted = entry(Stream.AUDIT, EntryKind.Z_DUE, ZDueBody(device=device, hours=hours))
        await self._commit([noted], [], msgspec.structs.replace(self.day(device), warned=True))

    async def _commit(self, entries: list[NewEntry], effects: Sequence[Effect], day: FiscalDay) -> tuple[EntryId, ...]:
        """Together with the fiscal day where it has changed. What changes a device's day has its turn at the device."""
        changed = day != self.day(day.device)
        ids = await self._ledger.commit(entries, [*effects, *([DayIs(day)] if changed else [])])
        if changed:
            self._days[day.device] = day
            self._tell()
        return ids

    def _tell(self) -> None:
        for hears in self.on_news:
            hears()

    def _day_after(self, row: WorkRow, outcome: PrintOutcome) -> FiscalDay:
        day = self.day(row.device)
        if outcome.result is PrintResult.PRINTED and row.device:
            if row.kind in SELLS:
                return day.sold(self._clock.stamp()) if row.result is None else day.sold_at(row.began_ms)
            if row.kind == "z":
                return day.ended(outcome.z_number)
        return day

    def _z_seen(self, device: str, counters: Baseline) -> list[NewEntry]:
        day = self.day(device)
        if not day.moved_to(counters.z_number, counters.serial):
            return []
        body = ZSeenBody(device=device, before=day.z_number, now=counters.z_number)
        return [entry(Stream.AUDIT, EntryKind.Z_SEEN, body)]


def entry(stream: Stream, kind: EntryKind, body: Body) -> NewEntry:
    """An entry whose body is this struct's JSON."""
    return NewEntry(stream, kind, msgspec.json.encode(body))
