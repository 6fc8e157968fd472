"""What differs between relay boards, as data.

A board is only usable for a gate when it ends a pulse by itself; how it is told to do so is not part of
Modbus and differs. Sources:

- `waveshare`: Waveshare wiki, "Modbus RTU Relay" and "Modbus RTU Relay (D)", development protocol, command
  "flash on": function 05 at 0x0200 + channel, value = time in units of 100 ms (example of the wiki:
  `01 05 02 00 00 07 8D B0`, relay 0 for 700 ms).
- `lctech`: LC Technology LC-Modbus-nR-D7 (and the like, such as the DAM series of JuYing): function 10h at
  3 + 5 x channel, two registers: 4 ("flash on": closes, opens after the time; 2 would be the opposite) and
  the time in units of 100 ms (example of the manual: `FF 10 00 03 00 02 04 00 04 00 14 C5 9F`, relay 1 for
  2 s). It answers reads of bits only in whole eights.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from drivers.relay.modbus import READ_COILS, READ_INPUTS, ReadBits, Request, WriteCoil, WriteRegisters


class Board(msgspec.Struct, frozen=True):
    """One dialect. `pulse` makes the request for a channel and a time in units of `unit_ms`."""

    pulse: Callable[[int, int], Request]
    unit_ms: int
    longest_units: int
    read_step: int

    def units(self, ms: int) -> int:
        """Time in the board's units, rounded up: a lock needs at least what it was promised."""
        return -(-ms // self.unit_ms)

    def longest_ms(self) -> int:
        """The longest pulse that the board can end by itself."""
        return self.longest_units * self.unit_ms

    def read_coils(self, count: int) -> ReadBits:
        """The request that reads the first `count` outputs, in steps that the board answers."""
        return ReadBits(READ_COILS, 0, self._stepped(count))

    def read_inputs(self, count: int) -> ReadBits:
        """The same for the inputs."""
        return ReadBits(READ_INPUTS, 0, self._stepped(count))

    @staticmethod
    def open_coil(channel: int) -> WriteCoil:
        """The request that opens an output: function 05 with 0x0000, as the standard has it (Modbus Application
        Protocol V1.1b3, 6.5); both dialects take it."""
        return WriteCoil(channel, 0x0000)

    def _stepped(self, count: int) -> int:
        return -(-count // self.read_step) * self.read_step


BOARDS: dict[str, Board] = {
    "waveshare": Board(
        pulse=lambda channel, units: WriteCoil(0x0200 + channel, units),
        unit_ms=100,
        longest_units=0x7FFF,
        read_step=1,
    ),
    "lctech": Board(
        pulse=lambda channel, units: WriteRegisters(3 + 5 * channel, (4, units)),
        unit_ms=100,
        longest_units=0xFFFF,
        read_step=8,
    ),
}
"""Dialects by the name that the option `board` takes."""
