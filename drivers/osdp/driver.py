"""The osdp driver: readers on an RS-485 bus, their cards, their inputs, and their outputs as a gate's relay."""

from __future__ import annotations

import time
from typing import ClassVar

import msgspec

from drivers.access.cards import Cards
from drivers.contract.core import Kind, Problem
from drivers.contract.relay import InputEdge, Outputs, Pulse, Pulsed, ReadOutputs
from drivers.driver import CallRefused, DeviceError, Driver, Port
from drivers.osdp.bus import UNIT_MS, Bus, Event, Said
from drivers.osdp.errors import Code, problem
from drivers.osdp.keys import read_key
from drivers.osdp.line import Line
from drivers.osdp.options import Options

TICK_S = 0.01
"""Between two turns of the bus: a reader is asked every 50 ms and answers within a few."""
OPEN_S = 4.0
"""For all readers to answer under their keys: 0.3 s, and one whose first answer is lost a second more."""
LEAST_S = 0.1
"""A pulse with less time left than that is not begun: an answer takes 40 to 60 ms."""


class OsdpDriver(Driver[Options]):
    """One bus. Ready while one reader at least answers under its key; one that does not is a concern, told with its
    problem. A card is reported once per presentation; a pulse is sent once."""

    name = "osdp"
    kind = Kind.READER
    also = Options.also
    options_type = Options
    calls: ClassVar[tuple[type[msgspec.Struct], ...]] = (Pulse, ReadOutputs)

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._line = Line()
        self._bus: Bus | None = None
        self._no_status: set[int] = set()

    def open(self, options: Options) -> dict[str, str]:
        """Until each reader is known to be here or away. Raises `DeviceError` of the first one when none is here."""
        self._options = options
        keys = [(reader.address, read_key(reader.key, reader.address)) for reader in options.readers]
        self._line.open(options.port, options.baud)
        self._opened_at = self._line.heard_at
        self._bus = bus = Bus(self._line, keys, self._no_status)
        self._cards = [self._new_cards() for _ in options.readers]
        self._troubles: dict[tuple[int, Code], None] = {}
        self._inputs: dict[int, bytes] = {}
        self._closed: dict[int, bytes] = {}
        self._keys = 0
        self._answered = 0.0
        until = time.monotonic() + OPEN_S
        while not bus.settled() and time.monotonic() < until:
            self._take(bus.turn())
            time.sleep(TICK_S)
        if not bus.here:
            raise DeviceError(self._why_away(bus, 0))
        detail = {f"reader {options.readers[number].address}": bus.describe(number) for number in sorted(bus.here)}
        return {"readers": f"{len(bus.here)} of {len(keys)}", **detail}

    def poll(self) -> float:
        bus = self._open_bus()
        self._take(bus.turn())
        here = bus.here
        if not here:
            raise DeviceError(self._why_away(bus, 0))
        answered = max(bus.answered_at(number) for number in here)
        if answered > self._answered:
            self._answered = answered
            self.alive()
        self.concern(self._concern(bus))
        return TICK_S

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case Pulse(channel=channel, ms=ms):
                return self._pulse(self._open_bus(), channel, ms, deadline)
            case ReadOutputs():
                return self._read_outputs()
            case _:
                return super().handle(call, deadline)

    def close(self) -> None:
        if self._bus is not None:
            self._bus.close()
            self._bus = None
        self._line.close()

    # Outputs ---------------------------------------------------------------------------------------------

    def _pulse(self, bus: Bus, channel: int, ms: int, deadline: float) -> Pulsed:
        """One command. Everything that can be refused is refused before it is sent."""
        options = self._options
        number, output = divmod(channel, options.outputs) if options.outputs else (0, 0)
        if not 0 <= channel < options.outputs * len(options.readers):
            why = f"{options.outputs} outputs for each of {len(options.readers)} readers"
            raise CallRefused(problem(Code.NO_SUCH_OUTPUT, channel=channel, why=why))
        reader = self._address(number)
        if not 1 <= ms <= options.longest_pulse_ms:
            raise CallRefused(problem(Code.BAD_PULSE, ms=ms, longest=options.longest_pulse_ms))
        if number not in bus.here:
            raise CallRefused(problem(Code.READER_AWAY, reader=reader))
        if output >= (count := bus.outputs(number)):
            why = f"reader {reader} says that it has {count}"
            raise CallRefused(problem(Code.NO_SUCH_OUTPUT, channel=channel, why=why))
        if (left := deadline - time.monotonic()) < LEAST_S:
            raise CallRefused(problem(Code.TOO_LATE, left=max(0, round(left * 1000))))
        units = -(-ms // UNIT_MS)
        match bus.pulse(number, output, units, deadline):
            case True:
                if options.light:
                    bus.light(number, units)
                self.alive()
                return Pulsed(time.monotonic_ns())
            case False:
                raise CallRefused(problem(Code.REFUSED, reader=reader, channel=channel))
            case None:
                raise DeviceError(problem(Code.NO_ANSWER, reader=reader, channel=channel))

    def _read_outputs(self) -> Outputs:
        """What the readers said last of their outputs."""
        each, options = [], self._options
        for number in range(len(options.readers)):
            told = self._closed.get(number)
            if told is None or len(told) < options.outputs:
                raise CallRefused(problem(Code.NOT_TOLD))
            each += [bool(output) for output in told[: options.outputs]]
        return Outputs(tuple(each))

    # What readers say ------------------------------------------------------------------------------------

    def _take(self, events: list[Event]) -> None:
        for event in events:
            match event.said:
                case Said.CARD:
                    self._card(event)
                case Said.KEYS:
                    self._keys += 1
                    if self._keys.bit_count() == 1:
                        self.log(f"a key was pressed, {self._keys} so far: no station asks for one")
                case Said.LOCAL:
                    self._local(event)
                case Said.INPUTS:
                    self._look_at_inputs(event)
                case Said.OUTPUTS:
                    self._closed[event.reader] = event.data

    def _card(self, event: Event) -> None:
        """Bits, the first one the most significant of the first byte (OSDP, osdp_RAW)."""
        if len(event.data) != -(-event.bits // 8):
            self._cards[event.reader].refuse(f"{event.bits} bits in {len(event.data)} bytes")
            return
        value = int.from_bytes(event.data, "big") >> (-event.bits % 8)
        self._cards[event.reader].take(event.bits, value, event.mono_ns)

    def _local(self, event: Event) -> None:
        """Tamper and power (OSDP, osdp_LSTATR): 0 is normal."""
        for code, value in zip((Code.TAMPER, Code.POWER), event.data, strict=False):
            if value:
                self._troubles[event.reader, code] = None
            else:
                self._troubles.pop((event.reader, code), None)

    def _look_at_inputs(self, event: Event) -> None:
        """A reader tells its inputs when one changes: until then they count as idle."""
        count = self._options.inputs
        before, now = self._inputs.get(event.reader, bytes(count)), event.data
        self._inputs[event.reader] = now
        for place, (was, on) in enumerate(zip(before[:count], now[:count], strict=False)):
            if bool(was) != bool(on):
                self.reading(InputEdge(event.reader * count + place, bool(on)), event.mono_ns)

    # Troubles --------------------------------------------------------------------------------------------

    def _concern(self, bus: Bus) -> Problem | None:
        """The worst that a person should look at: a reader that is away, an opened housing, a failing supply."""
        away = [number for number in range(len(self._options.readers)) if number not in bus.here]
        for number in away:
            self._inputs.pop(number, None)
            self._troubles = {trouble: None for trouble in self._troubles if trouble[0] != number}
        if away:
            return self._why_away(bus, away[0])
        for code in (Code.TAMPER, Code.POWER):
            for number, what in self._troubles:
                if what is code:
                    return problem(code, reader=self._address(number))
        return None

    def _why_away(self, bus: Bus, number: int) -> Problem:
        return problem(bus.why_away(number, self._opened_at), reader=self._address(number))

    def _address(self, number: int) -> int:
        return self._options.readers[number].address

    def _new_cards(self) -> Cards:
        options = self._options
        return Cards(options.cards, frozenset(options.unchecked), options.repeat_ms, report=self.reading, log=self.log)

    def _open_bus(self) -> Bus:
        if self._bus is None:
            raise DeviceError(problem(Code.UNPLUGGED, port=self._options.port))
        return self._bus
