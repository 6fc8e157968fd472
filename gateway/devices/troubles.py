"""What can be wrong with a driver's process, with its cause and what to do next (docs/devices.md).

What is wrong with the device itself the driver says (its own `errors.py`).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from drivers.contract.core import Problem


class Trouble(StrEnum):
    NOT_STARTED = "driver_not_started"
    ENDED = "driver_ended"
    BAD_OPTIONS = "bad_options"
    WRONG_CONTRACT = "wrong_contract"
    NO_HELLO = "no_hello"
    HUNG = "driver_hung"
    SILENT = "silent"
    LOST = "lost"
    KILLED = "killed"


class Text(msgspec.Struct, frozen=True):
    """`cause` is a template."""

    cause: str
    advice: str


TEXTS = {
    Trouble.NOT_STARTED: Text(
        "its driver could not be started: {what}",
        "Check `driver` and `command` of this device in the configuration, and that the driver is installed",
    ),
    Trouble.ENDED: Text(
        "its driver {what}",
        "It is started again by itself; if this goes on, read the log lines of this device",
    ),
    Trouble.BAD_OPTIONS: Text(
        "its driver refused the options: {what}",
        "Correct the options of this device in the configuration and restart the gateway",
    ),
    Trouble.WRONG_CONTRACT: Text(
        "its driver does not speak the gateway's contract: {what}",
        "Install gateway and driver of one version, then restart the gateway",
    ),
    Trouble.NO_HELLO: Text(
        "its driver said nothing for {what} s after its start",
        "It is started again by itself; if this goes on, read the log lines of this device",
    ),
    Trouble.HUNG: Text(
        "its driver hung: {what}",
        "It is started again by itself; if this goes on, report the driver's fault with its log lines",
    ),
    Trouble.SILENT: Text(
        "it has not answered for {what} s",
        "Check its power and its cable; the gateway reopens and restarts it by itself",
    ),
    Trouble.LOST: Text(
        "its driver has lost it and does not say why",
        "Check its power and its cable; the driver opens it again by itself",
    ),
    Trouble.KILLED: Text(
        "its driver was stopped by a technician",
        "Nothing to do: it is started again by itself",
    ),
}

HELP = "Reopening and restarting did not help: a person must look at the device, its power and its cable"
"""Added to the advice when the ladder is at its end."""

TEXT_MAX = 500
"""Characters of a driver's own words that are kept."""
DETAIL_MAX = 32
"""Entries of what a device says of itself that are kept."""


def problem(trouble: Trouble, what: object = "") -> Problem:
    text = TEXTS[trouble]
    return Problem(trouble.value, text.cause.format(what=what), text.advice)


def bounded(said: Problem) -> Problem:
    """A driver's own words, cut to a length that a page can show."""
    return Problem(said.code[:64], said.cause[:TEXT_MAX], said.advice[:TEXT_MAX])


def bounded_detail(said: dict[str, str]) -> dict[str, str]:
    return {key[:64]: text[:TEXT_MAX] for key, text in list(said.items())[:DETAIL_MAX]}
