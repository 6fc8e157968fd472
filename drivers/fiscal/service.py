"""What is asked of a printer beside its works: how it is, what it is, its clock, copies, single commands, slips."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers.contract.core import Problem
from drivers.contract.printer import (
    BasisPoints,
    Copy,
    Description,
    PrinterStatus,
    Raw,
    RawAnswer,
    SetClock,
)
from drivers.contract.slip import Slip, SlipPrinted
from drivers.driver import CallRefused, DeviceError
from drivers.fiscal import local_time
from drivers.fiscal.dialects import SPOKEN
from drivers.fiscal.errors import Reason, Refusal, Trouble, advice, problem
from drivers.fiscal.families import OPEN_SIGNS, Sign
from drivers.fiscal.operations import (
    CloseSlip,
    CopyLast,
    OpenSlip,
    Operation,
    ReadCash,
    ReadClock,
    ReadDay,
    ReadLast,
    ReadRates,
    ReadStatus,
    SlipLine,
    WriteClock,
)
from drivers.fiscal.options import Options
from drivers.fiscal.said import Cash, Day, DeviceClock, Last, Rates, merged
from drivers.fiscal.slips import slip_lines
from drivers.fiscal.watch import Watch
from drivers.fiscal.wire import Wire


class Service:
    """Every method raises `DeviceError` when the device does not answer, and `CallRefused` when it refuses and nothing
    was done."""

    def __init__(
        self,
        wire: Wire,
        unknown: Callable[[], int],
        options: Options,
        watch: Watch,
        clock: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._wire = wire
        self._unknown = unknown
        self._options = options
        self._watch = watch
        self._clock = clock
        self._wall = wall
        self._rates: Rates | None = None

    # Reading ---------------------------------------------------------------------------------------------

    def signs(self) -> frozenset[Sign]:
        return self._wire.read(ReadStatus()).signs

    def day(self) -> Day:
        """The day's counters, for the watch as well."""
        parts = [self._wire.value(ReadDay(part), Day) or Day() for part in range(self._wire.dialect.reads_day)]
        return merged(parts)

    def device_time(self) -> str:
        """For the watch as well. Empty when the device does not tell it, or tells no time: a clock that was never set
        must not keep the device from being set."""
        clock = self._wire.understood(ReadClock(), DeviceClock)
        if clock is None:
            return ""
        self._watch.saw_clock(local_time.off_s(clock.device_time, self._wall()))
        return clock.device_time

    def read_rates(self) -> None:
        """The VAT letters that are programmed: the others are refused from now on. Firmware that tells them otherwise
        leaves it to the option."""
        self._rates = self._wire.understood(ReadRates(), Rates)

    @property
    def letters(self) -> str:
        """VAT letters that the option and the device both have."""
        letters, told = self._options.vat_letters, self._rates
        return letters if told is None else "".join(filter(told.rates.__contains__, letters))

    @property
    def rates(self) -> dict[str, BasisPoints]:
        """VAT letter to rate, as the device has told at its opening."""
        told = self._rates
        return {} if told is None else told.rates

    def status(self) -> PrinterStatus:
        signs = self.signs()
        last, cash, day = self._wire.value(ReadLast(), Last), self._wire.value(ReadCash(), Cash), self.day()
        self._watch.saw_day(day, self._clock())
        device_time = self.device_time()
        troubles = [*signs, *self._watch.troubles(self._clock())]
        return PrinterStatus(
            ready=not self._wire.dialect.family.blocks(signs),
            paper=Sign.PAPER_OUT not in signs,
            open_receipt=bool(OPEN_SIGNS & signs),
            last_number=last.number if last is not None else "",
            problems=tuple(sorted(trouble.value for trouble in troubles)),
            z_number=day.z_number,
            device_time=device_time,
            cash_cents=cash.cents if cash is not None else None,
        )

    def describe(self) -> Description:
        identity, family, line = self._wire.identity, self._wire.dialect.family, self._wire.counters
        return Description(
            family=family.name,
            manufacturer=family.manufacturer,
            model=identity.model,
            firmware=identity.firmware,
            serial=identity.serial,
            fiscal_memory=identity.fiscal_memory,
            tax_number=identity.tax_number,
            item_text_bytes=family.text_bytes,
            note_text_bytes=family.note_bytes,
            payments=tuple(family.payments),
            adjusts=family.adjusts,
            adjust_needs_vat=family.adjust_needs_vat,
            zero_total=family.zero_total,
            reversals=family.reversals,
            reversal_needs=family.reversal_needs,
            rates=self.rates,
            counters={
                "commands": line.commands,
                "resends": line.resends,
                "naks": line.naks,
                "retries": line.retries,
                "stale": line.stale,
                "lost": line.lost,
                "busy_ms": round(line.busy_s * 1000),
                "unknown": self._unknown(),
                "day_minutes": int(self._watch.hours(self._clock()) * 60),
            },
            frames=tuple(self._wire.frames.lines()),
            rounding=self._options.rounding_means is not None,
            checks=True,
        )

    # Doing -----------------------------------------------------------------------------------------------

    def set_clock(self, call: SetClock) -> PrinterStatus:
        self._none_open()
        clock = WriteClock(call.device_time, summer=self._is_summer(call.device_time))
        self._carried_out(clock, "the printer's clock")
        return self.status()

    def copy(self, call: Copy) -> PrinterStatus:
        if not self._options.copies:
            raise _refused(Reason.SWITCHED_OFF, "a copy of a receipt: option `copies`")
        self._none_open()
        self._carried_out(CopyLast(), "a copy")
        return self.status()

    def raw(self, call: Raw) -> RawAnswer:
        if not self._options.raw:
            raise _refused(Reason.SWITCHED_OFF, "single commands: option `raw`")
        if call.command not in SPOKEN[self._options.family].raw:
            raise _refused(Reason.NOT_SUPPORTED, f"command {call.command} is not one that only reads, feeds or cuts")
        try:
            return RawAnswer(self._wire.send(call.command, call.data).answer.data)
        except ValueError as error:
            raise _refused(Reason.NOT_SUPPORTED, f"no frame can carry command {call.command}: {error}") from error

    def slip(self, call: Slip) -> SlipPrinted:
        """A non-fiscal document. One that breaks off in the middle is closed; nobody has to clean up after it. Then it
        raises `DeviceError`: part of it may stand on paper."""
        try:
            lines = slip_lines(call, self._options.encoding, self._wire.dialect.family.note_bytes)
        except Refusal as refusal:
            raise _refused(refusal.reason, str(refusal)) from refusal
        self._none_open()
        if Sign.SERVICE_OPEN in self.signs():
            self._carried_out(CloseSlip(), "closing a slip that was left open")
        self._carried_out(OpenSlip(), "a slip")
        for line in lines:
            if refused := self._wire.read(SlipLine(line)).refused:
                self._wire.read(CloseSlip())
                raise DeviceError(problem(Trouble.SLIP_BROKEN_OFF, what=f"the printer refused a line: {refused}"))
        if refused := self._wire.read(CloseSlip()).refused:
            raise DeviceError(problem(Trouble.SLIP_BROKEN_OFF, what=f"the printer did not close it: {refused}"))
        return SlipPrinted(call.key)

    def _is_summer(self, device_time: str) -> bool:
        """Raises `CallRefused` when it is no time."""
        try:
            return local_time.is_summer(device_time, self._wall())
        except ValueError as error:
            raise _refused(Reason.BAD_AMOUNT, f"{device_time} is no time: {error}") from error

    def _none_open(self) -> None:
        if OPEN_SIGNS & self.signs():
            raise _refused(Reason.RECEIPT_OPEN, "a receipt is open on the printer")

    def _carried_out(self, operation: Operation, what: str) -> None:
        said = self._wire.read(operation)
        if said.refused:
            raise _refused(Reason.WORK_REFUSED, f"the printer refused {what}: {said.refused}")


def _refused(reason: Reason, what: str) -> CallRefused:
    return CallRefused(Problem(reason.value, what, advice(reason)))
