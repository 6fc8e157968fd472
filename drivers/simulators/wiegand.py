"""A Wiegand reader's two wires, as the edges that they make in a pipe: the seam of `drivers/wiegand/edges.py`.

    python -m drivers.simulators.wiegand --link PATH

steered by lines: {"do": "card", "facility": 12, "number": 34567}, {"do": "bits", "bits": "0110..."} (any frame;
"every_us", "ring" repeats a pulse at once, "both" puts both wires down at once at that bit), {"do": "low", "wires":
"01"} (wires that stay low; "" for none), {"do": "send", "text": "..."} (bytes as they are), {"do": "unplug"},
{"do": "plug"}.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.simulators import control
from drivers.simulators.simulated import Act, Simulated

REPEAT_LOW_S = 0.2
"""A wire that stays low is said so often: whoever opens the pipe later must hear it too."""


def h10301(facility: int, number: int) -> str:
    """The 26 bits of a card with this facility and number, from the format's own definition."""
    data = f"{facility:08b}{number:016b}"
    left, right = data[:12].count("1"), data[12:].count("1")
    return f"{left & 1}{data}{1 - (right & 1)}"


class WiegandReader:
    """`path` is where its edges are found."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._lock = threading.Lock()
        self._free = threading.Event()
        self._low: threading.Thread | None = None

    def plug(self) -> None:
        with self._lock:
            if self._fd < 0:
                os.mkfifo(self._path)
                self._fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)

    def unplug(self) -> None:
        self.low("")
        with self._lock:
            if self._fd >= 0:
                self._path.unlink(missing_ok=True)
                os.close(self._fd)
                self._fd = -1

    def card(self, facility: int, number: int) -> None:
        """A 26-bit card."""
        self.bits(h10301(facility, number))

    def bits(self, bits: str, every_us: int = 1000, ring: int = -1, both: int = -1) -> None:
        """A frame that ends now. `ring`: this bit's pulse rings twice; `both`: the other wire goes down with it."""
        at = time.monotonic_ns() - len(bits) * every_us * 1000
        edges: list[str] = []
        for number, bit in enumerate(bits):
            at += every_us * 1000
            edges.append(f"{bit} {at}")
            if number == ring:
                edges += [f"{bit} {at + 5_000}", f"{bit} {at + 11_000}"]
            if number == both:
                edges.append(f"{1 - int(bit)} {at + 2_000}")
        self.send("".join(f"{edge}\n" for edge in edges))

    def low(self, wires: str) -> None:
        """These wires ("0", "1", "01") stay low from now on; "": none."""
        self._free.set()
        if self._low is not None:
            self._low.join()
            self._low = None
            self.send("low\n")
        if wires:
            self._free = threading.Event()
            self._low = threading.Thread(target=self._stay_low, args=(wires, self._free), daemon=True)
            self._low.start()

    def send(self, text: str) -> None:
        """These very bytes."""
        with self._lock:
            if self._fd < 0:
                raise OSError("it is unplugged")
            os.write(self._fd, text.encode())

    def _stay_low(self, wires: str, free: threading.Event) -> None:
        while True:
            with contextlib.suppress(BlockingIOError):  # Nobody reads.
                self.send(f"low {wires}\n")
            if free.wait(REPEAT_LOW_S):
                return


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A reader's wires; two cards come in turn."""
    reader = WiegandReader(folder / "edges")
    reader.plug()
    try:
        acts = (
            Act("a card is held to the reader", lambda: reader.card(12, 34567), reads=True),
            Act("another card is held to it", lambda: reader.card(12, 34568), reads=True),
        )
        yield Simulated({"edges": str(folder / "edges")}, acts, reader.unplug, reader.plug)
    finally:
        reader.unplug()


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.wiegand", description=__doc__)
    parser.add_argument("--link", type=Path, required=True, help="where the edges are to be found")
    given = parser.parse_args(argv)
    reader = WiegandReader(given.link)
    reader.plug()
    try:
        commands: dict[str, control.Command] = {
            "card": reader.card,
            "bits": reader.bits,
            "low": reader.low,
            "send": reader.send,
            "unplug": reader.unplug,
            "plug": reader.plug,
        }
        control.serve({"path": str(given.link)}, commands)
    finally:
        reader.unplug()
    return 0


if __name__ == "__main__":
    sys.exit(main())
