"""All devices of a place: the face of this package to the rest of the daemon.

Calls raise `NotFound` (no such device), `NotReady` and `InputRefused` (nothing was done), or `DeadlineMissed`
(what happened is not known). Callbacks are called in the loop, one after the other; what they raise goes to
the loop's exception handler and stops no device.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from drivers.contract.codec import BadMessage
from drivers.contract.core import Kind
from gateway.config.types import DeviceSection
from gateway.devices import convert, convert_printer, convert_slip
from gateway.devices.device import Device
from gateway.devices.environment import environment
from gateway.devices.guard import Guard
from gateway.devices.link import NOTHING_DONE
from gateway.model.clock import Clock
from gateway.model.counter import CardDebited
from gateway.model.device import DeviceHealth, Health
from gateway.model.errors import DeadlineMissed, InputRefused, NotFound
from gateway.model.fiscal import (
    Baseline,
    PrinterDescription,
    PrinterStatus,
    PrintOutcome,
    Work,
    WorkPoint,
    WorkStep,
)
from gateway.model.library import LibraryWord
from gateway.model.reading import Reading
from gateway.model.slip import SlipJob

GUARD_STOP_S = 0.1
"""The guard ends at once when its input ends and no group is left."""

T = TypeVar("T")
OnWorkStep = Callable[[WorkStep], Awaitable[None]]


class Devices:
    """Supervises one driver process for each device.

    `time_zone`: the place's (IANA name), which is every driver's local time. `on_reading` gets fresh readings only (see
    `Refused` for what is not), `on_change` each change of a device's health, `on_flood(device, reason, count)` what was
    refused, at most once per device, reason and minute.
    """

    def __init__(
        self,
        sections: Sequence[DeviceSection],
        clock: Clock,
        time_zone: str,
        *,
        on_reading: Callable[[Reading], None],
        on_change: Callable[[DeviceHealth], None],
        on_flood: Callable[[str, str, int], None],
    ) -> None:
        self._guard = Guard()
        theirs = environment(os.environ, time_zone)
        self._devices = {
            section.id: Device(
                section, clock, self._guard, theirs, on_reading=on_reading, on_change=on_change, on_flood=on_flood
            )
            for section in sections
        }

    async def start(self) -> None:
        """Spawn the guard and every driver. Does not wait until they are ready."""
        self._guard.start()
        for device in self._devices.values():
            device.start()
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Undo `start`: Stop, then SIGTERM, then SIGKILL, to all at the same time. At most 1.5 s."""
        await asyncio.gather(*(device.stop() for device in self._devices.values()))
        await self._guard.stop(GUARD_STOP_S)

    def health(self) -> list[DeviceHealth]:
        """All devices, in the order of the configuration."""
        return [device.health() for device in self._devices.values()]

    def is_ready(self, device: str) -> bool:
        """Whether its driver has the device open and it has answered."""
        return self._device(device).health().health is Health.READY

    def kill(self, device: str) -> None:
        """SIGKILL to the driver's process group, for a technician. It heals, also one that had given up."""
        self._device(device).kill()

    async def pulse(self, device: str, channel: int, ms: int, deadline_ms: int = 1500) -> int:
        """Close output `channel` for `ms` milliseconds. Returns the monotonic ns by which it had begun."""
        relay = self._device(device)
        answer = await relay.call(Kind.RELAY, convert.pulse(channel, ms), deadline_ms)
        return _understood(device, convert.pulsed, answer)

    async def read_outputs(self, device: str, deadline_ms: int = 1500) -> tuple[bool, ...]:
        """Whether each output is closed, channel 0 first."""
        relay = self._device(device)
        answer = await relay.call(Kind.RELAY, convert.read_outputs(), deadline_ms)
        return _understood(device, convert.outputs, answer)

    async def check_work(self, device: str, work: Work, deadline_ms: int = 1000) -> PrintOutcome | None:
        """Whether the driver would refuse this work for what it says, and how; None when nothing is against it, or the
        driver does not know the question. The device is not asked."""
        call = self._said(device, lambda: convert_printer.check(work))
        try:
            answer = await self._device(device).call(Kind.PRINTER, call, deadline_ms, of_device=False)
        except InputRefused as error:
            if error.code in NOTHING_DONE:
                return None
            raise
        return _understood(device, lambda body: convert_printer.checked(work, body), answer)

    async def do_work(self, device: str, work: Work, on_step: OnWorkStep, deadline_ms: int) -> PrintOutcome:
        """Do one work of a fiscal device. The driver goes on at each durable point only when `on_step` has returned.

        If `on_step` raises, the driver never goes on, and the call ends with `DeadlineMissed` (the error is its
        cause). A call whose deadline passes at such a point ends the same way; `on_step` is not cancelled.
        """
        call = self._said(device, lambda: convert_printer.work(work))
        return await self._work(device, work, call, on_step, deadline_ms)

    async def settle(
        self,
        device: str,
        work: Work,
        point: WorkPoint,
        baseline: Baseline,
        on_step: OnWorkStep,
        deadline_ms: int,
    ) -> PrintOutcome:
        """Have the device find out how this work ended, and bring it to its end; nothing is begun again. `point` and
        `baseline` are what was stored last. `on_step` as in `do_work`."""
        call = self._said(device, lambda: convert_printer.settle(work, point, baseline))
        return await self._work(device, work, call, on_step, deadline_ms)

    async def printer_status(self, device: str, deadline_ms: int = 3000) -> PrinterStatus:
        """How the printer says it is."""
        answer = await self._device(device).call(Kind.PRINTER, convert_printer.status_call(), deadline_ms)
        return _understood(device, convert_printer.status, answer)

    async def describe(self, device: str, deadline_ms: int = 3000) -> PrinterDescription:
        """Which device it is and what it takes."""
        answer = await self._device(device).call(Kind.PRINTER, convert_printer.describe_call(), deadline_ms)
        return _understood(device, convert_printer.description, answer)

    async def set_clock(self, device: str, device_time: str, deadline_ms: int = 5000) -> PrinterStatus:
        """Set its clock to this local time (`2026-11-27T10:02:41`). The device refuses while a receipt is open, and
        what is before its last record."""
        call = self._said(device, lambda: convert_printer.set_clock_call(device_time))
        answer = await self._device(device).call(Kind.PRINTER, call, deadline_ms)
        return _understood(device, convert_printer.status, answer)

    async def print_copy(self, device: str, deadline_ms: int = 30_000) -> PrinterStatus:
        """Print the last receipt again as a copy, where the driver's options allow it."""
        answer = await self._device(device).call(Kind.PRINTER, convert_printer.copy_call(), deadline_ms)
        return _understood(device, convert_printer.status, answer)

    async def raw(self, device: str, command: int, data: bytes, deadline_ms: int = 5000) -> bytes:
        """Send one command as it is and return its answer's data, where the driver's options allow it: never one that
        sells, pays, closes, moves cash or prints a Z report."""
        call = self._said(device, lambda: convert_printer.raw_call(command, data))
        answer = await self._device(device).call(Kind.PRINTER, call, deadline_ms)
        return _understood(device, convert_printer.raw_answer, answer)

    async def library_card(self, device: str, barcode: bytes, deadline_ms: int = 3000) -> LibraryWord:
        """How a library card stands in the library's own system. Its number goes there and nowhere else."""
        link = self._device(device)
        try:
            call = convert.patron_call(barcode)
        except BadMessage as error:
            raise InputRefused(str(error), "It is none of the library's", where=device) from None
        answer = await link.call(Kind.LIBRARY, call, deadline_ms)
        return _understood(device, convert.patron, answer)

    async def type_text(self, device: str, text: bytes, deadline_ms: int = 2000) -> None:
        """Type a code into the program that has the focus. Returns when all of it was given to the system."""
        keyboard = self._device(device)
        try:
            call = convert.type_call(text)
        except BadMessage as error:
            raise InputRefused(str(error), "It is no library card", where=device) from None
        _understood(device, convert.typed, await keyboard.call(Kind.KEYBOARD, call, deadline_ms))

    async def print_slip(self, device: str, job: SlipJob, deadline_ms: int = 30_000) -> bool:
        """Print a slip, on a printer of slips or a fiscal one. Returns whether the printer has confirmed it; it has all
        of it either way."""
        printer = self._device(device)
        try:
            call = convert_slip.slip_call(job)
        except BadMessage as error:
            raise InputRefused(str(error), "Print less at once", where=device) from None
        answer = await printer.call(Kind.SLIP, call, deadline_ms)
        return _understood(device, lambda body: convert_slip.slip_printed(job, body), answer)

    async def debit_card(
        self, device: str, uid: bytes, quota: str, units: int, name: bytes, deadline_ms: int = 1500
    ) -> CardDebited:
        """Take units off the counter of the card that lies at this reader and has proved this UID. The name is new: the
        card knows by it whether this has happened."""
        reader = self._device(device)
        try:
            call = convert.debit_call(uid, quota, units, name)
        except BadMessage as error:
            raise InputRefused(str(error), "Look at the rules' quota", where=device) from None
        answer = await reader.call(Kind.READER, call, deadline_ms)
        return _understood(device, convert.debited, answer)

    async def _work(
        self, device: str, work: Work, call: msgspec.Struct, on_step: OnWorkStep, deadline_ms: int
    ) -> PrintOutcome:
        async def take(body: msgspec.Raw) -> None:
            await on_step(convert_printer.step(work, body))

        answer = await self._device(device).call(Kind.PRINTER, call, deadline_ms, take)
        return _understood(device, lambda body: convert_printer.outcome(work, body), answer)

    def _said(self, device: str, build: Callable[[], T]) -> T:
        """A call to a printer as the contract says it; nothing was sent when it cannot."""
        self._device(device)
        try:
            return build()
        except BadMessage as error:
            raise InputRefused(str(error), "Correct what is to be printed", where=device) from error

    def _device(self, device: str) -> Device:
        try:
            return self._devices[device]
        except KeyError:
            raise NotFound("there is no such device", "See the configuration", where=device) from None


def _understood(device: str, convert_answer: Callable[[msgspec.Raw], T], answer: msgspec.Raw) -> T:
    try:
        return convert_answer(answer)
    except BadMessage as error:
        what = f"its driver's answer is not understood ({error}); what happened is not known"
        advice = "Install gateway and driver of one version"
        raise DeadlineMissed(what, advice, where=device, code="bad_answer") from error
