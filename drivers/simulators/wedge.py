"""The program that has the focus: reads what a wedge types into a pipe, as an event device would hand it over.

    python -m drivers.simulators.wedge --link PATH

tells each line that was typed (`{"event": "typed", "text": "..."}`), and is steered by lines: {"do": "unplug"}, {"do":
"plug"}, {"do": "held"} (keys that are down, and what stands there without an Enter). The table of keys is the
simulated scanner's, apart from the driver's own.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.scanner import EVENT, LEFT_SHIFT, SHIFTED, UNSHIFTED
from drivers.simulators.simulated import Act, Simulated

ENTERS = "\r\t"


class FocusedProgram:
    """`lines` are what was typed and sent off by Enter or Tab; `standing` waits for one; `down` are keys held."""

    def __init__(self, path: Path, on_line: Callable[[str], None] = lambda _line: None) -> None:
        self._path = path
        self._on_line = on_line
        self._fd: int | None = None
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self.lines: list[str] = []
        self.standing = ""
        self.down: set[int] = set()
        self.strokes: list[str] = []
        """Each key by its number (linux/input-event-codes.h), as it went down or up."""
        self.torn = 0
        """Events that did not end in a report of their own."""

    def plug(self) -> None:
        """A pipe to type into, with somebody who reads it."""
        if self._thread is not None:
            return
        os.mkfifo(self._path)
        self._fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        self._thread = threading.Thread(target=self._read, args=(self._fd,), name="focus", daemon=True)
        self._ended = threading.Event()
        self._thread.start()

    def unplug(self) -> None:
        """Nobody reads any more, and the pipe is gone."""
        if self._thread is None or self._fd is None:
            return
        self._ended.set()
        self._thread.join()
        os.close(self._fd)
        self._path.unlink()
        self._thread = self._fd = None

    def wait(self, right: Callable[[], bool], seconds: float = 15.0) -> bool:
        """Until something holds of what was typed."""
        with self._changed:
            return self._changed.wait_for(right, seconds)

    def _read(self, fd: int) -> None:
        held = b""
        while not self._ended.is_set():
            if not select.select([fd], [], [], 0.02)[0]:
                continue
            piece = os.read(fd, 65536)
            if not piece:
                self._ended.wait(0.02)  # No writer has it open now.
            held += piece
            whole = len(held) - len(held) % EVENT.size
            self._take(held[:whole])
            held = held[whole:]

    def _take(self, records: bytes) -> None:
        with self._changed:
            pressed = False
            for _, _, kind, code, value in EVENT.iter_unpack(records):
                if kind == 0:
                    pressed = False
                    continue
                self.torn += pressed
                self.strokes.append(f"key {code} {'down' if value else 'up'}")
                pressed = True
                if value:
                    self.down.add(code)
                    self._press(code)
                else:
                    self.down.discard(code)
            self._changed.notify_all()

    def _press(self, code: int) -> None:
        if code == LEFT_SHIFT:
            return
        character = (SHIFTED if LEFT_SHIFT in self.down else UNSHIFTED)[code]
        if character in ENTERS:
            self.lines.append(self.standing)
            self._on_line(self.standing)
            self.standing = ""
        else:
            self.standing += character


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A librarian's program that is closed and opened again."""
    program = FocusedProgram(folder / "focus")
    program.plug()
    try:
        acts = (
            Act("the librarian's program is closed", program.unplug, stay_s=6.0),
            Act("the librarian's program is opened again", program.plug, stay_s=6.0),
        )
        yield Simulated({"port": str(folder / "focus")}, acts, program.unplug, program.plug)
    finally:
        program.unplug()


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.wedge", description=__doc__)
    parser.add_argument("--link", type=Path, required=True, help="where the wedge types")
    given = parser.parse_args(argv)
    program = FocusedProgram(given.link, lambda line: control.emit("typed", text=line))
    program.plug()
    try:
        commands: dict[str, Callable[..., Any]] = {
            "unplug": program.unplug,
            "plug": program.plug,
            "held": lambda: {"down": sorted(program.down), "standing": program.standing},
        }
        control.serve({"path": str(given.link)}, commands)
    finally:
        program.unplug()
    return 0


if __name__ == "__main__":
    sys.exit(main())
