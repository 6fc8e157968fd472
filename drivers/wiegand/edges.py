"""Where the edges come from: lines of a GPIO chip, stamped by the kernel, or a pipe that brings them as text.

The pipe is the seam for simulators and recordings. One line each: `0 81234567890123` and `1 81234567990123` (a pulse
began on DATA0, DATA1, CLOCK_MONOTONIC in nanoseconds), `low 01`, `low 0`, `low 1`, `low` (which wires are low now).
"""

from __future__ import annotations

import errno
import os
import re
import select
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from drivers.driver import DeviceError
from drivers.wiegand.errors import BY_ERRNO, Code, problem
from drivers.wiegand.frames import Edge

BUFFERED = 1024
"""Edges that the kernel keeps for us: a card is up to 128, and this process may be kept waiting for a while."""
LONGEST_LINE = 64
AHEAD_NS = 50_000_000
WRONG_LINES = 16
"""So many lines in a row that say nothing: it is not the pipe that it should be."""

_LINE = re.compile(rb"([01]) (\d{1,19})|low ?(0?1?)")


class Edges(Protocol):
    """An open source of edges. Raises `DeviceError`."""

    def read(self, wait_s: float) -> list[Edge]:
        """Edges as soon as there are any; none after so many seconds. The system has it when this returns."""
        ...

    def low(self) -> tuple[int, ...]:
        """Which lines are low just now. Idle ones are high."""
        ...

    def close(self) -> None:
        """Let go of it, whatever state it is in."""
        ...


class KernelEvents:
    """What the kernel says of a line (`gpiod.EdgeEvent`) → edges."""

    def __init__(self, d0: int) -> None:
        self._d0 = d0
        self._expected: int | None = None

    def edge(self, event: Any) -> Edge:
        """Numbers that are left out are events that did not fit into the kernel's buffer."""
        number: int = event.global_seqno
        lost, self._expected = self._expected not in (None, number), number + 1
        return Edge(0 if event.line_offset == self._d0 else 1, event.timestamp_ns, lost)


def chip_path(chip: str, label_of: Callable[[str], str], folder: Path = Path("/dev")) -> str:
    """The device file of a chip, given by its file or by its label: kernels number chips as they like. `label_of` is
    told a file and raises `OSError`. Raises `DeviceError`."""
    if chip.startswith("/"):
        return chip
    known: dict[str, str] = {}
    refused: OSError | None = None
    for path in sorted(str(path) for path in folder.glob("gpiochip*") if not path.is_symlink()):
        try:
            label = label_of(path)
        except OSError as error:
            refused = error
            continue
        if label == chip and chip in known:
            raise DeviceError(problem(Code.BAD_LINES, chip, "several chips have this label: name its device file"))
        known[label] = path
    if chip in known:
        return known[chip]
    if refused is not None and BY_ERRNO.get(refused.errno or 0) is Code.DENIED:
        raise DeviceError(problem(Code.DENIED, chip)) from refused
    raise DeviceError(problem(Code.NO_CHIP, chip))


def _label(path: str) -> str:
    """As the kernel has it (GPIO_GET_CHIPINFO_IOCTL, 31 bytes at most)."""
    import gpiod

    with gpiod.Chip(path) as chip:
        label: str = chip.get_info().label
        return label


class GpioEdges:
    """Two lines of a GPIO chip, for us alone (libgpiod 2, Linux GPIO character device, uAPI v2)."""

    def __init__(self, chip: str, d0: int, d1: int, *, pull_up: bool, inverted: bool) -> None:
        try:
            import gpiod  # after the hello is out
            from gpiod.line import Bias, Clock, Direction
            from gpiod.line import Edge as On
        except ImportError as error:
            raise DeviceError(problem(Code.NO_LIBRARY)) from error
        self._where, self._d0, self._d1, self._inverted = chip, d0, d1, inverted
        self._events = KernelEvents(d0)
        self._active: Any = gpiod.line.Value.ACTIVE
        settings = gpiod.LineSettings(
            direction=Direction.INPUT,
            edge_detection=On.RISING if inverted else On.FALLING,
            bias=Bias.PULL_UP if pull_up else Bias.DISABLED,
            debounce_period=timedelta(0),
            event_clock=Clock.MONOTONIC,
        )
        try:
            self._lines: Any = gpiod.request_lines(
                chip_path(chip, _label), consumer="smartplace", config={(d0, d1): settings}, event_buffer_size=BUFFERED
            )
        except OSError as error:
            code = BY_ERRNO.get(error.errno or 0, Code.BAD_LINES)
            raise DeviceError(problem(code, chip, error.strerror or error)) from error
        except ValueError as error:
            raise DeviceError(problem(Code.BAD_LINES, chip, error)) from error

    def read(self, wait_s: float) -> list[Edge]:
        try:
            if not self._lines.wait_edge_events(timedelta(seconds=wait_s)):
                return []
            return [self._events.edge(event) for event in self._lines.read_edge_events()]
        except OSError as error:
            raise DeviceError(problem(Code.UNPLUGGED, self._where)) from error

    def low(self) -> tuple[int, ...]:
        try:
            values = self._lines.get_values([self._d0, self._d1])
        except OSError as error:
            raise DeviceError(problem(Code.UNPLUGGED, self._where)) from error
        return tuple(line for line, value in enumerate(values) if (value is self._active) == self._inverted)

    def close(self) -> None:
        try:
            self._lines.release()
        except OSError:
            return


class PipeEdges:
    """Edges as text. The end of the pipe is the end of the device."""

    def __init__(self, path: str) -> None:
        self._where = path
        self._rest = b""
        self._wrong = 0
        self._low: tuple[int, ...] = ()
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            code = BY_ERRNO.get(error.errno or 0, Code.BAD_LINES)
            raise DeviceError(problem(code, path, error.strerror)) from error

    def read(self, wait_s: float) -> list[Edge]:
        try:
            if not select.select([self._fd], [], [], wait_s)[0]:
                return []
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return []
        except OSError as error:
            if error.errno == errno.EISDIR:
                raise DeviceError(problem(Code.GARBLED, self._where)) from error
            raise DeviceError(problem(Code.UNPLUGGED, self._where)) from error
        if not data:
            raise DeviceError(problem(Code.UNPLUGGED, self._where))
        return self._parse(data)

    def low(self) -> tuple[int, ...]:
        return self._low

    def close(self) -> None:
        try:
            os.close(self._fd)
        except OSError:
            return

    def _parse(self, data: bytes) -> list[Edge]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        edges: list[Edge] = []
        for line in lines:
            if (found := _LINE.fullmatch(line)) is None:
                self._count_wrong()
                continue
            self._wrong = 0
            if found[1] is None:
                self._low = tuple(byte - ord("0") for byte in found[3])
            else:
                self._append(edges, Edge(int(found[1]), int(found[2])))
        if len(self._rest) > LONGEST_LINE:
            self._count_wrong(len(self._rest) // LONGEST_LINE)
            self._rest = b"?"
        return edges

    def _append(self, edges: list[Edge], edge: Edge) -> None:
        """An edge from the future is none: a card would wait for its end until then."""
        if edge.t_ns > time.monotonic_ns() + AHEAD_NS:
            self._count_wrong()
        else:
            edges.append(edge)

    def _count_wrong(self, lines: int = 1) -> None:
        self._wrong += lines
        if self._wrong > WRONG_LINES:
            raise DeviceError(problem(Code.GARBLED, self._where))
