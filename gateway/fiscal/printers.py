"""One queue and one journal for each fiscal device: every work is done once, and how it ended is told, not guessed.

    caller:   commit([own entry], [FiscalBegun(work, ...), StoreAnswer(...)])     nothing is sent before this
              outcome = await printers.run(begun)                                 waits for its turn, prints, stores

Every point that the device's driver reaches is an entry `fiscal_step` and a row before the driver goes on. How it ended
is an entry `fiscal_outcome`, in one commit with the owner's amended answer. What went wrong in the middle is read back
from the device (`settle`) before anything else is begun there. Nothing is ever printed again by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from gateway.fiscal import words
from gateway.fiscal.port import FiscalDevices, OnStep, Owner
from gateway.fiscal.rows import Ended, FiscalBegun, PointReached, WorkRow, open_rows
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import FiscalOutcomeBody, FiscalStepBody
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import DeadlineMissed, InputRefused, NotReady
from gateway.model.fiscal import PrinterDescription, PrintOutcome, PrintResult, ReceiptWork, Work, WorkPoint, WorkStep

DEADLINE_MS = 30_000
DEADLINE_MS_A_LINE = 1_000
"""A fiscal printer prints some lines a second; a slow one at the end of its roll less."""
STOP_S = 1.0
"""At a stop: time for works under way to be recorded as what they are. Their devices are gone by then."""

log = logging.getLogger("fiscal")


class Printers:
    """The fiscal devices' works. `own` before `run`; `stop` undoes everything."""

    def __init__(self, ledger: Ledger, devices: FiscalDevices) -> None:
        self._ledger = ledger
        self._devices = devices
        self._owners: dict[str, Owner] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._loaded = False
        self._open: dict[str, WorkRow] = {}
        """Works of which it is not known how they ended: those under way, and those in doubt."""
        self._busy: set[str] = set()
        self._ready: set[str] = set()
        self._settling: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[PrintOutcome]] = set()

    async def own(self, owner: str, asks: Owner) -> None:
        """`asks` answers for this owner's works from now on. Those that a crash interrupted are ended: `cancelled`
        where nothing was sent to the device, else `unknown` until it is read back. Raises `LedgerError`."""
        self._owners[owner] = asks
        for row in self._rows():
            if row.owner != owner or row.result is not None or row.key in self._busy:
                continue
            if row.point is WorkPoint.RECORDED:
                outcome = PrintOutcome(row.key, PrintResult.CANCELLED, reason="restart_before_printing")
            else:
                advice = words.READ_BACK if row.work is not None else words.look_at(row)
                outcome = PrintOutcome(
                    row.key, PrintResult.UNKNOWN, row.number, reason=f"restart_at_{row.point}", advice=advice
                )
            await self._end(row, outcome)

    def description(self, device: str) -> PrinterDescription | None:
        """What this device is and takes, as it said when it was ready last; None while it was never ready."""
        return None

    def check(self, device: str) -> None:
        """Raises `NotReady` when no work may be begun on this device now: `printer_not_ready` (it cannot be reached),
        `printer_in_doubt` (it is not known how a work on it ended). Nothing was recorded."""
        if not self._devices.is_ready(device):
            raise NotReady(f"printer {device} is not ready", "See `smartplace devices`", code="printer_not_ready")
        if doubts := self.doubts(device):
            raise words.in_doubt(doubts[0])

    def doubts(self, device: str | None = None) -> list[WorkRow]:
        """Works of which it is not known how they ended, those under way left out; the oldest first."""
        return [row for row in self._rows() if row.key not in self._busy and device in (None, row.device)]

    async def run(self, begun: FiscalBegun) -> PrintOutcome:
        """Do what was begun, when it is its turn at its device, and store how it ended with the owner's answer. Never
        raises for what the device does: the outcome says it. A caller that is cancelled changes nothing.

        Raises `LedgerError` when how it ended cannot be stored: it is settled later.
        """
        row = begun.row()
        self._rows()
        self._open[row.key] = row
        self._busy.add(row.key)
        task = asyncio.create_task(self._run(row, begun.work), name=f"work {row.key}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def on_change(self, health: DeviceHealth) -> None:
        """From the devices: one that became ready is read back, before anything else is begun on it."""
        if health.health is not Health.READY:
            self._ready.discard(health.device)
        elif health.device not in self._ready:
            self._ready.add(health.device)
            self._settle_soon(health.device)

    async def stop(self) -> None:
        """What is still under way after `STOP_S` is settled at the next start."""
        settling = list(self._settling.values())
        for task in settling:
            task.cancel()
        await asyncio.gather(*settling, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_S)

    # A work ----------------------------------------------------------------------------------------------

    def _rows(self) -> list[WorkRow]:
        if not self._loaded:
            self._open = {row.key: row for row in open_rows(self._ledger.query)}
            self._loaded = True
        return list(self._open.values())

    async def _run(self, row: WorkRow, work: Work) -> PrintOutcome:
        try:
            async with self._turns[row.device]:
                if doubts := self.doubts(row.device):
                    outcome = _refused(row.key, words.in_doubt(doubts[0]))
                else:
                    outcome = await self._do(row, work)
                await self._end(self._open[row.key], outcome)
        finally:
            self._busy.discard(row.key)
            if outcome_in_doubt := self._open.get(row.key):
                self._settle_soon(outcome_in_doubt.device)
        return outcome

    async def _do(self, row: WorkRow, work: Work) -> PrintOutcome:
        try:
            return await self._devices.do_work(row.device, work, self._stores(row), deadline_ms(work))
        except (InputRefused, NotReady, DeadlineMissed) as error:
            known = self._open[row.key]
            # A driver sends nothing that changes the device before its intent is stored.
            return _refused(row.key, error) if known.point is WorkPoint.RECORDED else _unknown(known, error)

    def _stores(self, row: WorkRow) -> OnStep:
        async def store(step: WorkStep) -> None:
            body = FiscalStepBody(
                station=row.owner,
                key=step.key,
                point=step.point,
                baseline=step.baseline.number if step.baseline is not None else "",
                number=step.number,
                device=row.device,
                counters=step.baseline,
            )
            await self._ledger.commit([_entry(EntryKind.FISCAL_STEP, body)], [PointReached(step)])
            if (known := self._open.get(step.key)) is not None:
                self._open[step.key] = known.after(step)

        return store

    async def _end(self, row: WorkRow, outcome: PrintOutcome, by: str = "") -> None:
        """Store how it ended, with the answer to who asked."""
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
        )
        owner = self._owners.get(row.owner)
        answers: Sequence[Effect] = owner.answered(row, outcome) if owner is not None else ()
        (stored,) = await self._ledger.commit([_entry(EntryKind.FISCAL_OUTCOME, body)], [Ended(outcome), *answers])
        if outcome.result is PrintResult.UNKNOWN:
            self._open[row.key] = row.ended(outcome)
        else:
            self._open.pop(row.key, None)
        if owner is not None:
            owner.told(row, outcome, stored)

    # Settling --------------------------------------------------------------------------------------------

    def _settle_soon(self, device: str) -> None:
        if device in self._ready and device not in self._settling and self.doubts(device):
            task = asyncio.create_task(self._settle(device), name=f"settling on {device}")
            self._settling[device] = task
            task.add_done_callback(lambda _done: self._settling.pop(device, None))

    async def _settle(self, device: str) -> None:
        """Read back every work in doubt of this device, the oldest first."""
        async with self._turns[device]:
            for row in self.doubts(device):
                if row.work is None or row.point is WorkPoint.RECORDED:
                    continue
                try:
                    outcome = await self._devices.settle(
                        device, row.work, row.point, row.baseline, self._stores(row), deadline_ms(row.work)
                    )
                except (InputRefused, NotReady, DeadlineMissed) as error:
                    log.warning("%s cannot be settled now: %s", words.name_of(row), error)
                    return
                if outcome.result is not PrintResult.UNKNOWN:
                    await self._end(row, outcome)


def deadline_ms(work: Work) -> int:
    """How long a work may take at its device."""
    return DEADLINE_MS + DEADLINE_MS_A_LINE * (len(work.items) if isinstance(work, ReceiptWork) else 0)


def _refused(key: str, error: InputRefused | NotReady | DeadlineMissed) -> PrintOutcome:
    return PrintOutcome(key, PrintResult.REFUSED, reason=error.code, advice=str(error), code=error.code)


def _unknown(row: WorkRow, error: InputRefused | NotReady | DeadlineMissed) -> PrintOutcome:
    advice = f"{error}. {words.READ_BACK}"
    return PrintOutcome(row.key, PrintResult.UNKNOWN, row.number, reason=error.code, advice=advice, code=error.code)


def _entry(kind: EntryKind, body: msgspec.Struct) -> NewEntry:
    return NewEntry(Stream.RECEIPT, kind, msgspec.json.encode(body))
