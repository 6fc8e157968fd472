"""The wedge driver: types a code as a scanner set to "keyboard" would, key by key, and its end last.

What it types is in a call and in the strokes, and nowhere else: in no log, no state, no problem.
"""

from __future__ import annotations

import re
import time
from typing import ClassVar

import msgspec

from drivers.contract.core import Kind
from drivers.contract.keyboard import Type, Typed
from drivers.driver import CallRefused, DeviceError, Driver, Port
from drivers.wedge.errors import Code, problem
from drivers.wedge.keyboard import Keyboard
from drivers.wedge.options import Options
from drivers.wedge.strokes import strokes

PROOF_S = 1.0
"""Between two looks whether the keyboard is still there."""
MARGIN_S = 0.05
"""Beside the strokes' own time: for a machine that has other work."""
ALLOWED = {"number": re.compile(r"[A-Za-z0-9-]{1,32}"), "printable": re.compile(r"[\x20-\x7e]{1,128}")}


class WedgeDriver(Driver[Options]):
    """One keyboard."""

    name: ClassVar[str] = "wedge"
    kind: ClassVar[Kind] = Kind.KEYBOARD
    options_type: ClassVar[type[msgspec.Struct]] = Options
    calls: ClassVar[tuple[type[msgspec.Struct], ...]] = (Type,)

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._keyboard: Keyboard | None = None
        self._options: Options

    def open(self, options: Options) -> dict[str, str]:
        self._options = options
        self._keyboard = Keyboard(options.port)
        return {"port": options.port, "kind": "pipe" if self._keyboard.is_pipe else "uinput"}

    def poll(self) -> float:
        self._there().prove()
        self.alive()
        return PROOF_S

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case Type(text=text):
                return self._type(text, deadline)
            case _:
                return super().handle(call, deadline)

    def close(self) -> None:
        if self._keyboard is not None:
            self._keyboard.close()
            self._keyboard = None

    def _type(self, text: str, deadline: float) -> Typed:
        """All of it or, when it cannot end in time, nothing."""
        if ALLOWED[self._options.allowed].fullmatch(text) is None:
            raise CallRefused(problem(Code.NOT_ALLOWED))
        pause_s = self._options.key_ms / 1000
        todo = strokes(text, self._options.end)
        if time.monotonic() + len(todo) * pause_s + MARGIN_S > deadline:
            raise CallRefused(problem(Code.TOO_LATE))
        keyboard = self._there()
        for records in todo:
            keyboard.write(records)
            time.sleep(pause_s)
        self.alive()
        return Typed()

    def _there(self) -> Keyboard:
        if self._keyboard is None:
            raise DeviceError(problem(Code.NO_PORT, self._options.port))
        return self._keyboard
