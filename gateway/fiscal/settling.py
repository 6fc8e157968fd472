"""Finding out how a work ended: read back from its device, or told by a person who has looked at the paper."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable

from gateway.fiscal import words
from gateway.fiscal.journal import Journal
from gateway.fiscal.port import FiscalDevices
from gateway.fiscal.rows import NO_TRACE, OTHER_DEVICE, Query, WorkRow, row_of
from gateway.model.errors import Conflict, GatewayError, InputRefused, NotFound
from gateway.model.fiscal import CashWork, PrintOutcome, PrintResult, ReceiptWork, ReportWork, Work, WorkPoint

DEADLINE_MS = 30_000
DEADLINE_MS_A_LINE = 1_000
"""A fiscal printer prints some lines a second; a slow one at the end of its roll less."""
REPORT_MS = 180_000
"""A Z report writes to the fiscal memory and may print every article: minutes on old devices."""
PAUSES_S = (1.0, 5.0, 15.0, 60.0)
"""Between two attempts to read a work back from a device that is ready and does not answer; the last one again and
again. Each attempt only reads, or ends what is begun: it cannot print twice."""

Turns = defaultdict[str, asyncio.Lock]

log = logging.getLogger("fiscal")


class Settling:
    """Reads works in doubt back, the oldest first, whenever their device is there. `stop` ends it."""

    def __init__(
        self,
        journal: Journal,
        devices: FiscalDevices,
        turns: Turns,
        query: Query,
        after: Callable[[str], Awaitable[None]],
        pauses_s: tuple[float, ...] = PAUSES_S,
    ) -> None:
        self._journal = journal
        self._devices = devices
        self._turns = turns
        self._query = query
        self._after = after
        self._pauses_s = pauses_s
        self._ready: set[str] = set()
        self._came: set[str] = set()
        """Devices that became ready and were not looked at since."""
        self._answered: set[str] = set()
        """Keys of works of which the device itself could not tell how they ended, since it became ready."""
        self._wake: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopped = False

    def became(self, device: str, *, ready: bool) -> None:
        """From the devices. One that comes back is read back before anything else is begun on it; `after` follows."""
        if not ready:
            self._ready.discard(device)
        elif device not in self._ready:
            self._ready.add(device)
            self._came.add(device)
            self._answered -= {row.key for row in self._journal.doubts(device)}
            self._begin(device)

    def soon(self, device: str) -> None:
        """Something on this device is in doubt since a moment ago."""
        if device in self._ready:
            self._begin(device)

    async def now(self, device: str) -> None:
        """Ask the device again about what it could not tell, and return when that is done or it cannot be asked."""
        self._answered -= {row.key for row in self._journal.doubts(device)}
        await self._read_back(device)

    async def stop(self) -> None:
        self._stopped = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # By the device ---------------------------------------------------------------------------------------

    def _begin(self, device: str) -> None:
        self._wake[device].set()
        # One that has just returned is forgotten only in the next turn of the loop: it hears of nothing any more.
        if (device not in self._tasks or self._tasks[device].done()) and not self._stopped:
            task = asyncio.create_task(self._work(device), name=f"settling on {device}")
            self._tasks[device] = task
            task.add_done_callback(lambda done: self._forget(device, done))

    def _forget(self, device: str, done: asyncio.Task[None]) -> None:
        if self._tasks.get(device) is done:
            del self._tasks[device]

    async def _work(self, device: str) -> None:
        """Until nothing is left to be read back, or the device is away."""
        wake, failed = self._wake[device], 0
        while device in self._ready:
            wake.clear()
            if await self._read_back(device):
                failed = 0
                if device in self._came:
                    self._came.discard(device)
                    await self._after(device)
                if not wake.is_set():
                    return
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), self._pauses_s[min(failed, len(self._pauses_s) - 1)])
                failed += 1

    async def _read_back(self, device: str) -> bool:
        """Ask the device about each work in doubt, the oldest first. False when it cannot be asked now."""
        while True:
            async with self._turns[device]:
                if (found := self._next(device)) is None:
                    return True
                row, work = found
                try:
                    await self._settle(row, work)
                except GatewayError as error:
                    log.warning("%s cannot be settled now: %s", words.name_of(row), error)
                    return False

    def _next(self, device: str) -> tuple[WorkRow, Work] | None:
        """The oldest work that the device may know of and was not asked about."""
        for row in self._journal.doubts(device):
            if row.work is not None and row.key not in self._answered:
                return row, row.work
        return None

    async def _settle(self, row: WorkRow, work: Work) -> None:
        outcome = await self._ask(row, work)
        now = self._journal.row(row.key) or row
        # Before it is stored: a device that goes and comes back meanwhile is asked again.
        self._answered.add(row.key)
        try:
            if outcome.result is not PrintResult.UNKNOWN or outcome != now.said:
                await self._journal.end(now, outcome)
        except GatewayError:
            self._answered.discard(row.key)
            raise

    async def _ask(self, row: WorkRow, work: Work) -> PrintOutcome:
        """How the device says it ended. Raises `NotReady`, `DeadlineMissed`."""
        if row.point is WorkPoint.RECORDED:
            return not_begun(row.key)
        store, deadline = self._journal.storing(row), deadline_ms(work)
        try:
            outcome = await self._devices.settle(row.device, work, row.point, row.baseline, store, deadline)
        except InputRefused as error:  # a driver that cannot: nothing would come of asking again
            outcome = PrintOutcome(row.key, PrintResult.UNKNOWN, reason=error.what, code=error.code)
        if outcome.result is not PrintResult.UNKNOWN or outcome.code == NO_TRACE:
            return outcome
        if outcome.code == OTHER_DEVICE:
            advice = words.other_device(row)
        else:
            advice = words.look_at(row, await self._last_number(row.device))
        return PrintOutcome(
            row.key, PrintResult.UNKNOWN, reason=outcome.reason, code=outcome.code or "not_read_back", advice=advice
        )

    async def _last_number(self, device: str) -> str:
        try:
            return (await self._devices.printer_status(device)).last_number
        except InputRefused:
            return ""

    # By a person -----------------------------------------------------------------------------------------

    async def by_hand(self, key: str, printed: str | None, by: str, device_time: str = "") -> PrintOutcome:
        """A person has looked: `printed` is the number that stands on the paper, None for no paper; `device_time` the
        time that stands there, empty where nobody has looked for it. On record with the name. Raises `NotFound` (no
        such work), `Conflict` (it has ended, or is under way), `LedgerError`."""
        row = self._in_doubt(key)
        turn = self._turns[row.device]
        if turn.locked():
            raise Conflict(f"{key} is being read back from its printer", "Ask again in a moment", code="in_progress")
        async with turn:
            row = self._in_doubt(key)
            result = PrintResult.CANCELLED if printed is None else PrintResult.PRINTED
            total = row.work.total_cents if printed is not None and isinstance(row.work, ReceiptWork) else 0
            outcome = PrintOutcome(
                *(key, result, printed or "", total),
                reason="by_hand",
                code="by_hand",
                device_time=device_time if printed is not None else "",
                fiscal_memory=row.baseline.fiscal_memory if printed is not None else "",
            )
            await self._journal.end(row, outcome, by)
        return outcome

    def _in_doubt(self, key: str) -> WorkRow:
        self._journal.load()
        if key in self._journal.under_way:
            raise Conflict(f"{key} is under way", "Ask again in a moment", code="in_progress")
        if (row := self._journal.row(key)) is not None:
            return row
        if (row := row_of(self._query, key)) is None:
            raise NotFound(
                f"no work {key[:32]!r}", "`smartplace till doubts` lists those in doubt", code="no_such_work"
            )
        number = f" with number {row.number}" if row.number else ""
        raise Conflict(f"it is known how {key} ended: {row.result}{number}", "Nothing is to be done", code="settled")


def deadline_ms(work: Work) -> int:
    """How long a work may take at its device."""
    match work:
        case ReceiptWork(items=items):
            return DEADLINE_MS + DEADLINE_MS_A_LINE * len(items)
        case ReportWork():
            return REPORT_MS
        case CashWork():
            return DEADLINE_MS


def not_begun(key: str) -> PrintOutcome:
    """Of a work that a crash kept from being sent."""
    return PrintOutcome(key, PrintResult.CANCELLED, reason="restart_before_printing", code="restart_before_printing")


def refused(key: str, error: GatewayError) -> PrintOutcome:
    """Nothing was begun."""
    return PrintOutcome(key, PrintResult.REFUSED, reason=error.what, advice=str(error), code=error.code)
