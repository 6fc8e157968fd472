"""What is asked of a device and is no work: its state, its drawer, its clock, copies, raw commands, and settling.

Each waits for its turn: nothing comes between the commands of a receipt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.api.netfp import codes
from gateway.api.netfp.amounts import number
from gateway.api.netfp.receipts import Refused
from gateway.api.netfp.words import Message, Result, error, info, result, warning
from gateway.fiscal.port import FiscalDevices
from gateway.fiscal.printers import Printers
from gateway.fiscal.rows import row_of
from gateway.fiscal.words import in_doubt, look_at, name_of
from gateway.ledger.ledger import Ledger
from gateway.model.clock import Clock
from gateway.model.errors import DeadlineMissed, InputRefused, NotFound, NotReady
from gateway.model.fiscal import PrinterStatus, PrintResult

TURN_S = 5.0
"""Who asks how a device is, waits so long for the end of what it prints."""
DRIFT_S = 300
"""A device's clock that differs by more is told."""


class Devices(FiscalDevices, Protocol):
    """Fiscal devices (`gateway.devices.Devices`)."""

    async def set_clock(self, device: str, device_time: str, deadline_ms: int = 5000) -> PrinterStatus: ...
    async def print_copy(self, device: str, deadline_ms: int = 30_000) -> PrinterStatus: ...
    async def raw(self, device: str, command: int, data: bytes, deadline_ms: int = 5000) -> bytes: ...


class Calls:
    """One for all devices. Every method answers; it raises nothing for what a device does."""

    def __init__(self, ledger: Ledger, printers: Printers, devices: Devices, clock: Clock, zone: ZoneInfo) -> None:
        self._ledger = ledger
        self._printers = printers
        self._devices = devices
        self._clock = clock
        self._zone = zone

    async def status(self, device: str) -> Result:
        """How it is."""
        turn = self._printers.turn(device)
        try:
            async with asyncio.timeout(TURN_S):
                await turn.acquire()
        except TimeoutError:
            return result(error(codes.BUSY, "the device is printing: ask again"))
        try:
            return await self._asked(lambda: self._status(device))
        finally:
            turn.release()

    async def cash(self, device: str) -> Result:
        """What is in its drawer."""

        async def ask() -> Result:
            status = await self._devices.printer_status(device)
            if status.cash_cents is None:
                return result(error("E412", "this device does not tell what is in its drawer"))
            return result(info("as the device counts it"), amount=number(status.cash_cents))

        return await self._in_turn(device, ask)

    async def set_clock(self, device: str, device_time: str) -> Result:
        """Set its clock; without a time, to ours, where ours can be trusted."""
        now = self._now()
        if not device_time and now is None:
            text = "the gateway's own clock is not known to be right: give deviceDateTime"
            return result(error("E405", text))
        to = device_time or f"{now:%Y-%m-%dT%H:%M:%S}"

        async def ask() -> Result:
            status = await self._devices.set_clock(device, to)
            return codes.of_status(status, [info(f"the clock is set to {to}")])

        return await self._in_turn(device, ask, effect="the clock was set")

    async def duplicate(self, device: str) -> Result:
        """A copy of the last receipt."""

        async def ask() -> Result:
            await self._devices.print_copy(device)
            return result(info("a copy of the last receipt is printed"))

        return await self._in_turn(device, ask, effect="a copy was printed")

    async def raw(self, device: str, request: str) -> Result:
        """One command as it is: the first character is its code."""
        try:
            command, *data = request.encode("latin-1")
        except UnicodeEncodeError as fault:
            return codes.of_error(Refused("E401", f"{fault.reason}", "Write one byte a character", where="rawRequest"))

        async def ask() -> Result:
            answer = await self._devices.raw(device, command, bytes(data))
            return result(info("the device has answered"), raw_response=answer.decode("latin-1"))

        return await self._in_turn(device, ask, effect="the command was carried out")

    async def reset(self, device: str) -> Result:
        """Find out from the device how every work in doubt ended, and bring it to its end: what was not paid is
        cancelled, what was half paid is paid and closed as it was asked for. What is open and none of ours stays."""
        async with self._printers.turn(device):  # A till's receipt under way may be in doubt when it ends.
            doubts = self._printers.doubts(device)
        if doubts:
            await self._printers.settle(device)
        told: list[Message] = []
        for doubt in doubts:
            row = row_of(self._ledger.query, doubt.key) or doubt
            if row.result in (None, PrintResult.UNKNOWN):
                told.append(error(codes.UNKNOWN_OUTCOME, look_at(row)))
            elif row.result is PrintResult.PRINTED:
                told.append(info(f"the {name_of(row)} was printed: number {row.number or 'not told'}"))
            else:
                told.append(info(f"the {name_of(row)} was not printed, or was cancelled: nothing was sold"))

        async def ask() -> Result:
            status = await self._devices.printer_status(device)
            if status.open_receipt and not any(one.code == codes.UNKNOWN_OUTCOME for one in told):
                text = (
                    "a receipt is open on the device that this gateway did not begin: it is neither paid nor cancelled "
                    "here. Finish or cancel it at the device, by its own manual"
                )
                told.append(error(codes.NOT_ALLOWED, text))
            if not told:
                told.append(info("nothing was in doubt, and nothing is open: there was nothing to do"))
            return codes.of_status(status, told)

        said = await self._in_turn(device, ask)
        return result(*dict.fromkeys((*told, *said.messages)), device_date_time=said.device_date_time)

    # How a device is asked --------------------------------------------------------------------------------

    async def _in_turn(self, device: str, ask: Callable[[], Awaitable[Result]], effect: str = "") -> Result:
        """`effect`: what it does to the device. While it is not known how a work there ended, that is refused: it is
        read back from counters and from what is printed last."""
        async with self._printers.turn(device):
            if effect and (doubts := self._printers.doubts(device)):
                return codes.of_error(in_doubt(doubts[0]))
            return await self._asked(ask, effect)

    async def _asked(self, ask: Callable[[], Awaitable[Result]], effect: str = "") -> Result:
        """`effect`: what may have happened when no answer came."""
        try:
            return await ask()
        except DeadlineMissed as fault:
            if effect:
                text = f"it is not known whether {effect}: {fault}. Look at the device before you ask again"
                return result(error(codes.UNKNOWN_OUTCOME, text))
            return codes.of_error(fault, codes.NO_ANSWER)
        except (NotReady, NotFound) as fault:
            return codes.of_error(fault, codes.NO_ANSWER)
        except InputRefused as fault:
            return codes.of_error(fault, codes.NOT_ALLOWED)

    async def _status(self, device: str) -> Result:
        status = await self._devices.printer_status(device)
        told: list[Message] = []
        now = self._now()
        if status.device_time and now is not None:
            seconds = _ahead_s(status.device_time, now)
            if seconds is None:
                told.append(warning(codes.CLOCK_DRIFT, "the device's clock cannot be read: look at it, and set it"))
            elif abs(seconds) > DRIFT_S:
                way = "fast" if seconds > 0 else "slow"
                text = f"the device's clock is {abs(seconds) / 60:.0f} min {way}: set it when no receipt is open"
                told.append(warning(codes.CLOCK_DRIFT, text))
        if any(day.device == device and day.z_due for day in self._printers.days()):
            told.append(warning("W502", "the day's Z report is due: after 24 hours the device sells nothing"))
        if doubts := self._printers.doubts(device):
            told.append(error(codes.IN_DOUBT, look_at(doubts[0])))
        return codes.of_status(status, told)

    def _now(self) -> datetime | None:
        """Now, in the place's zone; None when our clock cannot be trusted."""
        stamp = self._clock.stamp()
        return datetime.fromtimestamp(stamp.wall_ms / 1000, self._zone) if stamp.quality.trusted else None


def _ahead_s(device_time: str, now: datetime) -> float | None:
    """By how much the device's clock is fast; None when what it says is no local time. In the hour that comes twice it
    is taken for the moment that is nearer to now, and in the one that is left out for a clock not put forward yet."""
    try:
        said = datetime.fromisoformat(device_time)
        if said.tzinfo is not None:
            return None
        moments = [said.replace(tzinfo=now.tzinfo, fold=fold).timestamp() for fold in (0, 1)]
    except (ValueError, OverflowError):
        return None
    return min((moment - now.timestamp() for moment in moments), key=abs)
