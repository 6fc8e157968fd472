"""Relays on lines of a GPIO chip: a pulse that this process ends, because a line cannot (docs/drivers/relay.md, GPIO).

`Lines` is the seam: everything above it is the same for a chip and for a test.
"""

from __future__ import annotations

import errno
import threading
from typing import Any, Protocol

from drivers.contract.core import Problem
from drivers.driver import DeviceError
from drivers.relay.errors import Code, problem
from drivers.relay.options import Options


class Lines(Protocol):
    """Lines that are ours alone. Outputs are at rest when they come. Each call may raise `OSError`."""

    def drive(self, line: int, on: bool) -> None:
        """An output: on (as in a pulse), or at rest."""
        ...

    def read(self, lines: tuple[int, ...]) -> tuple[bool, ...]:
        """What these are now."""
        ...

    def release(self) -> None:
        """Let go of them: what they are from now on is the kernel's."""
        ...


class ChipLines:
    """Of a GPIO chip, by libgpiod 2 (Linux GPIO character device, uAPI v2)."""

    def __init__(self, request: Any, on: Any, off: Any) -> None:
        self._request = request
        self._on, self._off = on, off

    def drive(self, line: int, on: bool) -> None:
        self._request.set_value(line, self._on if on else self._off)

    def read(self, lines: tuple[int, ...]) -> tuple[bool, ...]:
        return tuple(value is self._on for value in self._request.get_values(list(lines)))

    def release(self) -> None:
        self._request.release()


class GpioBoard:
    """What a relay board is, on such lines. A pulse is ended by a thread of this process, once."""

    def __init__(self, lines: Lines, options: Options) -> None:
        self._lines = lines
        self._outputs, self._inputs = options.lines, options.input_lines
        self._stopped_on = options.stopped == "pulsed"
        self._where = options.port
        self._lock = threading.Lock()
        self._timers: dict[int, threading.Timer] = {}
        self._fault: OSError | None = None

    def pulse(self, channel: int, seconds: float) -> None:
        """On now, and at rest after so long; a newer pulse of this output takes the place of an older one's end.
        Raises `DeviceError`."""
        with self._lock:
            if (older := self._timers.pop(channel, None)) is not None:
                older.cancel()
            self._drive(channel, True)
            timer = threading.Timer(seconds, self._end, (channel,))
            timer.daemon = True
            self._timers[channel] = timer
            timer.start()

    def outputs(self) -> tuple[bool, ...]:
        """Which are on. Raises `DeviceError`, also for a pulse that could not be ended."""
        if self._fault is not None:
            raise DeviceError(self._gone(self._fault))
        return self._read(self._outputs)

    def inputs(self) -> tuple[bool, ...]:
        """Which are active. Raises `DeviceError`."""
        return self._read(self._inputs)

    def close(self) -> None:
        """End what is under way, leave each output as configured, and let go."""
        with self._lock:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()
            try:
                for line in self._outputs:
                    self._lines.drive(line, self._stopped_on)
                self._lines.release()
            except OSError:
                return  # A chip that is gone has taken its lines along.

    def _end(self, channel: int) -> None:
        with self._lock:
            if self._timers.get(channel) is not threading.current_thread():
                return  # a newer pulse has come, or the end of all
            del self._timers[channel]
            try:
                self._lines.drive(self._outputs[channel], False)
            except OSError as error:
                self._fault = error

    def _drive(self, channel: int, on: bool) -> None:
        try:
            self._lines.drive(self._outputs[channel], on)
        except OSError as error:
            raise DeviceError(self._gone(error)) from error

    def _read(self, lines: tuple[int, ...]) -> tuple[bool, ...]:
        try:
            return self._lines.read(lines) if lines else ()
        except OSError as error:
            raise DeviceError(self._gone(error)) from error

    def _gone(self, error: OSError) -> Problem:
        return problem(Code.PORT_LOST, port=self._where, why=error.strerror or error)


_BY_ERRNO = {
    errno.ENOENT: Code.NO_PORT,
    errno.EACCES: Code.NO_PERMISSION,
    errno.EPERM: Code.NO_PERMISSION,
    errno.EBUSY: Code.PORT_BUSY,
}


def open_lines(options: Options) -> Lines:
    """The lines, requested for us alone, outputs at rest from the first moment. Raises `DeviceError`."""
    try:
        import gpiod  # after the hello is out
        from gpiod.line import Bias, Direction, Value
    except ImportError as error:
        raise DeviceError(problem(Code.NO_LIBRARY)) from error
    low = options.active_low
    output = gpiod.LineSettings(direction=Direction.OUTPUT, active_low=low, output_value=Value.INACTIVE)
    bias = Bias.PULL_UP if options.pull_up else Bias.AS_IS
    # A contact pulls its line to ground: closed is low, and active.
    contact = gpiod.LineSettings(direction=Direction.INPUT, active_low=options.pull_up, bias=bias)
    config: dict[Any, Any] = dict.fromkeys(options.lines, output) | dict.fromkeys(options.input_lines, contact)
    try:
        request = gpiod.request_lines(options.port, consumer="smartplace", config=config)
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        code = _BY_ERRNO.get(number or 0, Code.BAD_LINES)
        raise DeviceError(problem(code, port=options.port, why=error)) from error
    return ChipLines(request, Value.ACTIVE, Value.INACTIVE)
