"""One queue and one journal for each fiscal device: every work is done once, and how it ended is told, not guessed.

    caller:   await printers.check_work(device, work)                               refuses what the device cannot print
              commit([own entry], [FiscalBegun(work, ...), StoreAnswer(...)])     nothing is sent before this
              outcome = await printers.run(begun)                                 waits for its turn, prints, stores

Every point that the device's driver reaches is an entry `fiscal_step` and a row before the driver goes on. How it ended
is an entry `fiscal_outcome`, in one commit with the owner's amended answer. What went wrong in the middle is read back
from the device (`settle`) before anything else is begun there. Nothing is ever printed again by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection

import msgspec

from gateway.fiscal import words
from gateway.fiscal.checking import Checking
from gateway.fiscal.journal import Journal
from gateway.fiscal.port import FiscalDevices, Owner
from gateway.fiscal.rows import NO_TRACE, FiscalBegun, WorkRow, receipt_of
from gateway.fiscal.settling import PAUSES_S, Settling, deadline_ms, not_begun, refused
from gateway.ledger.ledger import Ledger
from gateway.model.clock import Clock, Stamp
from gateway.model.device import DeviceHealth, Health
from gateway.model.errors import DeadlineMissed, GatewayError, InputRefused, LedgerError, NotReady
from gateway.model.fiscal import PrinterDescription, PrintOutcome, PrintResult, ReceiptWork, Work, WorkPoint

LOOK_S = 600
"""How often a device's Z number is looked at."""
STOP_S = 1.0
"""At a stop: time for works under way to be recorded as what they are. Their devices are gone by then."""

log = logging.getLogger("fiscal")


class DeviceDay(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fiscal device: whether works may be begun on it now, its last Z report as far as it is known here, and hours
    since our first receipt after that. `z_due`: the next report is to be printed soon, or at last."""

    device: str
    ready: bool
    in_doubt: bool = False
    z_number: str = ""
    hours: float | None = None
    z_due: bool = False
    z_overdue: bool = False
    """It sells no more before its Z report."""


class Printers:
    """The fiscal devices' works. `own` before `run`; `stop` undoes everything.

    `on_attention`: each is called with device, code and advice when a person has to see to something: `z_due`, `z_seen`
    (a Z report that nobody here asked for).
    """

    def __init__(
        self,
        ledger: Ledger,
        devices: FiscalDevices,
        clock: Clock,
        *,
        pauses_s: tuple[float, ...] = PAUSES_S,
    ) -> None:
        self._devices = devices
        self._clock = clock
        self.on_attention: list[Callable[[str, str, str], None]] = []
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._query = ledger.query
        self._checking = Checking(devices)
        self._journal = Journal(ledger, clock)
        self._settling = Settling(self._journal, devices, self._turns, ledger.query, self._came, pauses_s)
        self._own: dict[str, None] = {}
        """Devices that somebody here prints on, in the order in which they came."""
        self._looked: dict[str, int] = {}
        """Device → when its counters were looked at last, in monotonic ns."""
        self._described: dict[str, PrinterDescription] = {}
        self._running: set[asyncio.Task[PrintOutcome]] = set()

    # Life ------------------------------------------------------------------------------------------------

    async def own(self, owner: str, asks: Owner, devices: Collection[str] = ()) -> None:
        """`asks` answers for this owner's works from now on; it prints on these devices.

        Works of it that a crash interrupted are ended: `cancelled` where nothing was sent to the device, else `unknown`
        until they are read back. Raises `LedgerError`."""
        self._journal.owners[owner] = asks
        self._own |= dict.fromkeys(devices)
        self._journal.load()
        await self._end_interrupted(lambda row: row.owner == owner)

    async def start(self, others: Owner | None = None) -> None:
        """When all owners are there: `others` answers for the works of those that are there no longer, and what a crash
        left of them is ended. Raises `LedgerError`."""
        self._journal.others = others
        self._journal.load()
        await self._end_interrupted(lambda _row: True)

    async def stop(self) -> None:
        """What is still under way after `STOP_S` is settled at the next start."""
        await self._settling.stop()
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_S)

    async def _end_interrupted(self, whose: Callable[[WorkRow], bool]) -> None:
        for row in self._journal.doubts():
            if row.result is not None or not whose(row):
                continue
            if row.point is WorkPoint.RECORDED:
                await self._journal.end(row, not_begun(row.key))
                continue
            advice = words.not_read_yet(row) if row.work is not None else words.look_at(row)
            outcome = PrintOutcome(
                row.key, PrintResult.UNKNOWN, row.number, reason=f"restart_at_{row.point}", advice=advice
            )
            await self._journal.end(row, msgspec.structs.replace(outcome, code=outcome.reason))

    # Questions -------------------------------------------------------------------------------------------

    def description(self, device: str) -> PrinterDescription | None:
        """What this device is and takes, as it said when it was ready last; None while it was never ready."""
        return self._described.get(device)

    def check(self, device: str, *, sells: bool = True) -> None:
        """Raises `NotReady` when no work may be begun on this device now: `printer_not_ready` (it cannot be reached),
        `printer_in_doubt` (it is not known how a work on it ended), for what `sells` `z_overdue`. Nothing was
        recorded."""
        if not self._devices.is_ready(device):
            raise NotReady(f"printer {device} is not ready", "See `smartplace devices`", code="printer_not_ready")
        if doubts := self.doubts(device):
            raise words.in_doubt(doubts[0])
        day, now = self._journal.day(device), self._clock.stamp()
        if sells and day.is_overdue(now):
            raise words.z_overdue(device, day.hours(now) or 0.0)

    @property
    def on_news(self) -> list[Callable[[], None]]:
        """Each is called when what is in doubt, or a device's fiscal day, may have changed. Must not raise."""
        return self._journal.on_news

    async def check_work(self, device: str, work: Work) -> None:
        """`check`, and whether the device's driver would refuse just this work for what it says: letters, lengths,
        amounts, all limits of the family. For before anything is recorded. The device is not asked; it may be printing.

        Raises `NotReady` as `check` does, and `InputRefused` with the driver's code; its `where` is a part of the work,
        such as `items[2].text`. A driver that does not answer has nothing against it: it will say so later.
        """
        sells = isinstance(work, ReceiptWork)
        self.check(device, sells=sells)
        await self._checking.check(device, work, self.description(device))
        self.check(device, sells=sells)

    def turn(self, device: str) -> asyncio.Lock:
        """For what is asked of a device and is no work: held, nothing else is begun on it."""
        return self._turns[device]

    def doubts(self, device: str | None = None) -> list[WorkRow]:
        """Works of which it is not known how they ended, those under way left out; the oldest first."""
        self._journal.load()
        return self._journal.doubts(device)

    def receipt(self, device: str, number: str) -> WorkRow | None:
        """What was printed on this device under this number, for as long as ended works are kept (14 days)."""
        return receipt_of(self._query, device, number)

    def days(self) -> list[DeviceDay]:
        """Every fiscal device that somebody here prints on, and its fiscal day."""
        now = self._clock.stamp()
        found = []
        for device in self._own:
            day = self._journal.day(device)
            hours = day.hours(now)
            found.append(
                DeviceDay(
                    device,
                    ready=self._devices.is_ready(device),
                    in_doubt=bool(self._journal.doubts(device)),
                    z_number=day.z_number,
                    hours=None if hours is None else round(hours, 1),
                    z_due=day.is_due(now),
                    z_overdue=day.is_overdue(now),
                )
            )
        return found

    # Works -----------------------------------------------------------------------------------------------

    async def run(self, begun: FiscalBegun, wanted: Callable[[], bool] = lambda: True) -> PrintOutcome:
        """Do what was begun, when it is its turn at its device, and store how it ended with the owner's answer. Never
        raises for what the device does: the outcome says it. A caller that is cancelled changes nothing. `wanted` is
        asked when its turn has come: if it is not any more, nothing is sent (`not_wanted`).

        Raises `LedgerError` when how it ended cannot be stored: it is settled later.
        """
        row = self._journal.begin(begun)
        task = asyncio.create_task(self._run(row, begun, wanted), name=f"work {row.key}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def settle(self, device: str) -> None:
        """Read back now what is in doubt on this device, without waiting for it to go and come back."""
        await self._settling.now(device)

    async def settle_by_hand(self, key: str, printed: str | None, by: str, device_time: str = "") -> PrintOutcome:
        """A person has looked at the paper: `printed` is the number that stands there, None for no receipt;
        `device_time` the time that stands there, as far as somebody has looked for it. On record with the name. Raises
        `NotFound` (no such work), `Conflict` (it has ended, or is under way), `LedgerError`."""
        return await self._settling.by_hand(key, printed, by, device_time)

    async def _run(self, row: WorkRow, begun: FiscalBegun, wanted: Callable[[], bool]) -> PrintOutcome:
        try:
            async with self._turns[row.device]:
                if doubts := self._journal.doubts(row.device):
                    outcome = refused(row.key, words.in_doubt(doubts[0]))
                elif not wanted():
                    outcome = refused(row.key, words.not_wanted(row))
                else:
                    outcome = await self._do(row, begun)
                await self._journal.end(self._journal.row(row.key) or row, outcome)
        finally:
            self._journal.done(row.key)
            self._settling.soon(row.device)
        if row.kind == "z" and outcome.result is PrintResult.PRINTED:
            await self._describe(row.device)  # rates are programmed between a Z report and the next sale
        return outcome

    async def _do(self, row: WorkRow, begun: FiscalBegun) -> PrintOutcome:
        try:
            store, deadline = self._journal.storing(row), deadline_ms(begun.work)
            outcome = await self._devices.do_work(row.device, begun.work, store, deadline)
        except (InputRefused, NotReady, DeadlineMissed) as error:
            known = self._journal.row(row.key) or row
            # A driver sends nothing that changes the device before its intent is stored.
            return refused(row.key, error) if known.point is WorkPoint.RECORDED else _unknown(known, error)
        if outcome.result is not PrintResult.UNKNOWN or outcome.code == NO_TRACE:
            return outcome
        # Of a device that does not answer the driver says the same, without what to type.
        said = f"{outcome.advice}. " if outcome.advice and outcome.code != "not_read_back" else ""
        return msgspec.structs.replace(outcome, advice=f"{said}{words.not_read_yet(self._journal.row(row.key) or row)}")

    # Devices ---------------------------------------------------------------------------------------------

    def on_change(self, health: DeviceHealth) -> None:
        """From the devices: one that became ready is read back, before anything else is begun on it."""
        if health.device in self._own or self.doubts(health.device):
            self._settling.became(health.device, ready=health.health is Health.READY)

    async def look(self) -> None:
        """From time to time: which Z reports the devices have printed, and whether the next one is due. A card that
        refuses to store that is told, and it is tried again the next time."""
        now = self._clock.stamp()
        for device in self._own:
            try:
                if self._looks(device, now):
                    await self._look(device)
                await self._warn(device)
            except LedgerError as error:
                log.error("%s: %s", device, error)

    def _looks(self, device: str, now: Stamp) -> bool:
        """Not each minute: it takes some commands on the line, and every work looks at the counters as well. But once
        the report is due, so that one that is printed at the device is noticed soon."""
        if not self._devices.is_ready(device) or self._turns[device].locked():
            return False
        last = self._looked.get(device)
        return last is None or now.mono_ns - last >= LOOK_S * 10**9 or self._journal.day(device).is_due(now)

    async def _warn(self, device: str) -> None:
        day, now = self._journal.day(device), self._clock.stamp()
        if day.warned or not day.is_due(now) or self._turns[device].locked():
            return
        async with self._turns[device]:
            await self._journal.warn(device, int(day.hours(now) or 0))
        self.tell(device, "z_due", words.Z_DUE)

    def tell(self, device: str, code: str, advice: str) -> None:
        """Somebody has to see to this device."""
        for hears in self.on_attention:
            hears(device, code, advice)

    async def _came(self, device: str) -> None:
        """It is ready, and nothing on it waits to be read back."""
        await self._describe(device)
        await self._look(device)

    async def _describe(self, device: str) -> None:
        try:
            self._described[device] = await self._devices.describe(device)
        except (InputRefused, NotReady, DeadlineMissed) as error:
            log.info("%s does not say what it is: %s", device, error)

    async def _look(self, device: str) -> None:
        async with self._turns[device]:
            if self._journal.doubts(device):
                return  # a Z report among them would be taken for a stranger's
            try:
                status = await self._devices.printer_status(device)
            except (InputRefused, NotReady, DeadlineMissed) as error:
                log.info("%s does not say how it is: %s", device, error)
                return
            self._looked[device] = self._clock.mono_ns()
            moved = await self._journal.look(device, status.z_number)
        if moved:
            self.tell(device, "z_seen", words.Z_SEEN)


def _unknown(row: WorkRow, error: GatewayError) -> PrintOutcome:
    advice = f"{error}. {words.not_read_yet(row)}"
    return PrintOutcome(row.key, PrintResult.UNKNOWN, row.number, reason=error.what, advice=advice, code=error.code)
