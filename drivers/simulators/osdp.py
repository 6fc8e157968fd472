"""OSDP readers at the other end of a pty: libosdp again, as peripheral devices, so that the wire is the real one.

    python -m drivers.simulators.osdp --link PATH --key-file FILE [--address N ...]

steered by lines: {"do": "card", "address": 0, "facility": 12, "number": 34567}, {"do": "bits", "address": 0, "bits":
"01..."}, {"do": "keys", "address": 0, "keys": "12"}, {"do": "tamper", "address": 0, "on": true}, {"do": "power", ...},
{"do": "inputs", "address": 0, "on": [true]}, {"do": "cable", "on": false} (the bus is cut), {"do": "silent",
"address": 0, "on": true}, {"do": "noise", "on": true}, {"do": "rekey", "address": 0, "key": "..."}, {"do": "unplug"},
{"do": "plug"}.
It tells each pulse of an output, and when a light turns green.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import sys
import threading
import time
import tty
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.wiegand import h10301

STEP_S = 0.003
MOST_WAITING = 4096


class _Ear:
    """What one reader hears, and how it speaks: everything on the bus, from the panel alone."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self.id = 0
        self.heard = bytearray()
        self._say = say

    def read(self, most: int) -> bytes:
        data = bytes(self.heard[:most])
        del self.heard[:most]
        return data

    def write(self, data: bytes) -> int:
        self._say(bytes(data))
        return len(data)

    def flush(self) -> None:
        self.heard.clear()


class _Reader:
    """One peripheral device. `outputs`: 0 for one without any; no `key`: as it leaves the factory, it takes the key
    that everybody knows."""

    def __init__(self, bus: OsdpReaders, address: int, key: bytes | None, *, outputs: int, inputs: int) -> None:
        import osdp
        import osdp_sys

        self._osdp: Any = osdp
        self._bus, self.address = bus, address
        self.ear = _Ear(self._say)
        self.silent = self.tampered = self.no_power = False
        self.pulses: list[tuple[int, int]] = []
        """Output and time in ms of each pulse."""
        self.greens = 0
        """How often its light was turned green."""
        kinds = osdp.Capability
        caps = [(kinds.CardDataFormat, 1, 1), (kinds.CheckCharacter, 1, 0), (kinds.LEDControl, 1, 1)]
        caps += [(kinds.OutputControl, 1, outputs)] if outputs else []
        caps += [(kinds.ContactStatusMonitoring, 1, inputs)] if inputs else []
        flags = [osdp.LibFlag.EnforceSecure if key else osdp.LibFlag.InstallMode]
        name = osdp.PdId(2, 7, 0x00C0DE, 1234, 0x010203)
        told = osdp.PDInfo(address, self.ear, scbk=key, flags=flags, id=name)
        self.device: Any = osdp_sys.PeripheralDevice(told.get(), capabilities=osdp.PDCapabilities(caps).get())
        self.device.set_command_callback(self._commanded)
        self._later: list[dict[str, Any]] = []

    def step(self) -> None:
        self.device.refresh()
        while self._later:
            self.device.submit_event(self._later.pop(0))

    def submit(self, event: dict[str, Any]) -> None:
        self._later.append(event)

    def local(self) -> dict[str, Any]:
        """Its tamper and power status, as it tells them."""
        report = bytes([self.tampered, self.no_power])
        return {"event": self._osdp.Event.Status, "type": self._osdp.StatusReportType.Local, "report": report}

    def _commanded(self, command: dict[str, Any]) -> tuple[int, None]:
        kinds = self._osdp.Command
        if command["command"] == kinds.Output:
            ms = command["timer_count"] * 100
            self.pulses.append((command["output_no"], ms))
            self._bus.tell("pulse", address=self.address, output=command["output_no"], ms=ms)
        elif command["command"] == kinds.LED and command["on_color"] == self._osdp.CommandLEDColor.Green:
            self.greens += 1
            self._bus.tell("green", address=self.address)
        elif command["command"] == kinds.Status and (self.tampered or self.no_power):
            # The binding cannot put a report into the answer (it says all is well): said again right after it.
            self._later.append(self.local())
        return 0, None

    def _say(self, data: bytes) -> None:
        if not self.silent:
            self._bus.say(data)


class OsdpReaders:
    """Readers on one bus, in a thread of their own. `link` is where the panel's adapter is found."""

    def __init__(
        self,
        link: Path,
        readers: Sequence[tuple[int, bytes | None]],
        *,
        outputs: int = 1,
        inputs: int = 0,
        tell: Callable[..., None] | None = None,
    ) -> None:
        """`readers`: address and key of each, no key as from the factory."""
        import osdp
        import osdp_sys

        self._osdp: Any = osdp
        osdp_sys.set_loglevel(osdp.LogLevel.Emergency)
        self._link = link
        self._tell = tell
        self._made = {"outputs": outputs, "inputs": inputs}
        self._lock = threading.RLock()
        self._readers = {address: _Reader(self, address, key, **self._made) for address, key in readers}
        self._fds: tuple[int, ...] = ()
        self._cable, self._noise = True, False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="osdp readers", daemon=True)

    def start(self) -> None:
        self.plug()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self.unplug()

    def plug(self) -> None:
        with self._lock:
            if not self._fds:
                near, far = os.openpty()
                os.set_blocking(near, False)
                tty.setraw(far)
                control.link(os.ttyname(far), self._link)
                self._fds = near, far

    def unplug(self) -> None:
        """The adapter is pulled out."""
        with self._lock:
            for fd in self._fds:
                os.close(fd)
            self._fds = ()
            self._link.unlink(missing_ok=True)

    def card(self, address: int, facility: int, number: int) -> None:
        """A 26-bit card, as readers hand it on: with its parity, in the format Wiegand."""
        self.bits(address, h10301(facility, number))

    def bits(self, address: int, bits: str, *, wiegand: bool = True) -> None:
        """Any bits; `wiegand`: said to be of that format, else of none."""
        data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
        kind = self._osdp.CardFormat.Wiegand if wiegand else self._osdp.CardFormat.Unspecified
        self._submit(
            address,
            {
                "event": self._osdp.Event.CardRead,
                "reader_no": 0,
                "direction": 0,
                "format": kind,
                "length": len(bits),
                "data": data,
            },
        )

    def keys(self, address: int, keys: str) -> None:
        self._submit(address, {"event": self._osdp.Event.KeyPress, "reader_no": 0, "data": keys.encode()})

    def inputs(self, address: int, on: Sequence[bool]) -> None:
        """What its inputs are from now on."""
        kind = self._osdp.StatusReportType.Input
        self._submit(address, {"event": self._osdp.Event.Status, "type": kind, "report": bytes(on)})

    def tamper(self, address: int, on: bool) -> None:
        with self._lock:
            reader = self._readers[address]
            reader.tampered = on
            reader.submit(reader.local())

    def power(self, address: int, on: bool) -> None:
        """`on` False: its supply fails."""
        with self._lock:
            reader = self._readers[address]
            reader.no_power = not on
            reader.submit(reader.local())

    def pulses(self, address: int) -> list[tuple[int, int]]:
        """Output and ms of each pulse so far."""
        with self._lock:
            return list(self._readers[address].pulses)

    def greens(self, address: int) -> int:
        """How often this reader's light was turned green."""
        with self._lock:
            return self._readers[address].greens

    def forget_pulses(self) -> None:
        with self._lock:
            for reader in self._readers.values():
                reader.pulses.clear()

    def cable(self, on: bool) -> None:
        """Off: nothing on the bus reaches anybody."""
        with self._lock:
            self._cable = on

    def silent(self, address: int, on: bool) -> None:
        with self._lock:
            self._readers[address].silent = on

    def noise(self, on: bool) -> None:
        """Random bytes in place of what the readers say."""
        with self._lock:
            self._noise = on

    def rekey(self, address: int, key: bytes) -> None:
        """Another reader hangs there: with this key, and without a memory of any session."""
        with self._lock:
            self._readers[address] = _Reader(self, address, key, **self._made)

    # The bus ---------------------------------------------------------------------------------------------

    def say(self, data: bytes) -> None:
        """A reader speaks."""
        if self._fds and self._cable:
            said = random.randbytes(len(data)) if self._noise else data
            try:
                os.write(self._fds[0], said)
            except BlockingIOError:
                return  # Nobody reads, and the pty is full.

    def tell(self, event: str, **fields: Any) -> None:
        if self._tell is not None:
            self._tell(event, **fields)

    def _submit(self, address: int, event: dict[str, Any]) -> None:
        with self._lock:
            self._readers[address].submit(event)

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._lock:
                heard = self._hear()
                for reader in self._readers.values():
                    if len(reader.ear.heard) < MOST_WAITING:
                        reader.ear.heard += heard
                    reader.step()
            time.sleep(STEP_S)

    def _hear(self) -> bytes:
        if not self._fds or not select.select([self._fds[0]], [], [], 0)[0]:
            return b""
        try:
            data = os.read(self._fds[0], 1024)
        except (BlockingIOError, OSError):
            return b""
        return data if self._cable else b""


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.osdp", description=__doc__)
    parser.add_argument("--link", type=Path, required=True, help="where the RS-485 adapter is to be found")
    parser.add_argument("--key-file", type=Path, required=True, help="file with the key of all readers, in hex")
    parser.add_argument("--address", type=int, action="append", help="a reader; repeat it (default: 0)")
    parser.add_argument("--outputs", type=int, default=1)
    parser.add_argument("--inputs", type=int, default=0)
    given = parser.parse_args(argv)
    key = bytes.fromhex(given.key_file.read_text())
    bus = OsdpReaders(
        given.link,
        [(address, key) for address in given.address or [0]],
        outputs=given.outputs,
        inputs=given.inputs,
        tell=control.emit,
    )
    bus.start()
    try:
        names = ("card", "bits", "keys", "inputs", "tamper", "power", "cable", "silent", "noise", "unplug", "plug")
        commands: dict[str, control.Command] = {name: getattr(bus, name) for name in names}
        commands["rekey"] = lambda address, key: bus.rekey(address, bytes.fromhex(key))
        control.serve({"port": str(given.link), "addresses": given.address or [0]}, commands)
    finally:
        bus.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
