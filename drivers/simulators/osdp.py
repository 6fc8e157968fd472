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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.osdp_reader import Reader
from drivers.simulators.simulated import Act, Simulated, missing
from drivers.simulators.wiegand import h10301

STEP_S = 0.003
MOST_WAITING = 4096
KEY_BYTES = 16


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
        self._readers = {address: Reader(self, address, key, **self._made) for address, key in readers}
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
            self._readers[address] = Reader(self, address, key, **self._made)

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


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """One reader with an output; two cards come in turn. Raises `CannotSimulate` without libosdp."""
    key = os.urandom(KEY_BYTES)
    file = folder / "osdp.key"
    file.touch(0o600)
    file.write_text(key.hex())
    try:
        bus = OsdpReaders(folder / "bus", [(0, key)])
    except ImportError as error:
        raise missing(error) from error
    bus.start()
    try:
        acts = (
            Act("a card is held to the reader", lambda: bus.card(0, 12, 34567), reads=True),
            Act("another card is held to it", lambda: bus.card(0, 12, 34568), reads=True),
        )
        options = {"port": str(folder / "bus"), "readers": [{"address": 0, "key": str(file)}]}
        yield Simulated(options, acts, bus.unplug, bus.plug)
    finally:
        bus.stop()


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
