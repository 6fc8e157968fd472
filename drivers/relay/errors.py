"""The problems of the relay driver: closed codes, what was seen, what to do."""

from __future__ import annotations

from enum import StrEnum

from drivers.contract.core import Problem


class Code(StrEnum):
    """Every problem that this driver can report."""

    NO_PORT = "no_port"
    NO_PERMISSION = "no_permission"
    PORT_BUSY = "port_busy"
    BAD_PORT = "bad_port"
    PORT_LOST = "port_lost"
    SILENT = "silent"
    GARBLED = "garbled"
    WRONG_ANSWER = "wrong_answer"
    REFUSED = "refused"
    NO_ECHO = "no_echo"
    WRONG_ECHO = "wrong_echo"
    STAYS_CLOSED = "stays_closed"
    NO_SUCH_OUTPUT = "no_such_output"
    BAD_PULSE = "bad_pulse"
    TOO_LATE = "too_late"
    NO_LIBRARY = "no_library"
    BAD_LINES = "bad_lines"


_TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_PORT: (
        "there is no port {port}",
        "Check that the adapter is plugged in and that port names it as /dev/serial/by-id does",
    ),
    Code.NO_PERMISSION: (
        "port {port} may not be opened",
        "Give the gateway's user the group of the port (usually dialout)",
    ),
    Code.PORT_BUSY: (
        "another program uses port {port}",
        "Stop the other program; two devices of the configuration must not share a port",
    ),
    Code.BAD_PORT: (
        "port {port} does not take these settings: {why}",
        "Correct baud and parity, and check that port names a serial port",
    ),
    Code.PORT_LOST: (
        "port {port} has gone: {why}",
        "Check the adapter's plug and cable; it is opened again by itself",
    ),
    Code.SILENT: (
        "unit {unit} at {port} does not answer",
        "Check the board's power, wires A and B, baud, parity and unit (the address switch)",
    ),
    Code.GARBLED: (
        "unit {unit} at {port} answers with garbled bytes",
        "Check baud and parity, swapped wires A and B, the terminating resistor, two boards with one address",
    ),
    Code.WRONG_ANSWER: (
        "unit {unit} at {port} answers something else: {why}",
        "Check that no other master and no second board with this address is on the line",
    ),
    Code.REFUSED: (
        "the board refused {what}: {why}",
        "Check board, outputs and inputs in the configuration against the board's manual",
    ),
    Code.NO_ECHO: (
        "no echo of the pulse on output {channel}: {why}. The pulse may have happened",
        "Look at the gate before anyone is let through again; it is not repeated by itself",
    ),
    Code.WRONG_ECHO: (
        "a wrong echo of the pulse on output {channel}: {why}. A pulse may have happened",
        "Look at the gate; check that no other master and no second board is on the line",
    ),
    Code.STAYS_CLOSED: (
        "output {channel} is still closed {ms} ms after its pulse should have ended",
        "Look at the gate; check that the option board names this kind of board, then cut its power once",
    ),
    Code.NO_SUCH_OUTPUT: (
        "there is no output {channel}: the board is configured with {outputs}, counted from 0",
        "Correct the output in the station's configuration or the option outputs",
    ),
    Code.BAD_PULSE: (
        "a pulse of {ms} ms is outside 1 to {longest} ms",
        "Correct the pulse in the station's configuration or the option longest_pulse_ms",
    ),
    Code.TOO_LATE: (
        "a pulse cannot be done in the {left} ms that are left; nothing was done",
        "Ask again with more time",
    ),
    Code.NO_LIBRARY: (
        "the Python package gpiod is missing",
        'Install the extra that brings it: pip install "smartplace-gateway[wiegand]"',
    ),
    Code.BAD_LINES: (
        "{port} does not give these lines: {why}",
        "Check that port names a GPIO chip and that it has lines and input_lines: gpioinfo lists them",
    ),
}


def problem(code: Code, **facts: object) -> Problem:
    """The problem with its facts filled in."""
    cause, advice = _TABLE[code]
    return Problem(code, cause.format(**facts), advice)


def undocumented() -> set[Code]:
    """Codes without a cause and an advice. Empty, and a test says so."""
    return set(Code) - set(_TABLE)
