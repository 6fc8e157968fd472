"""Devices as the gateway sees them: their health, and what was asked of a relay or a printer."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.money import Cents
from gateway.model.receipt import Line, Means


class Health(StrEnum):
    """Where a device stands."""

    STARTING = "starting"
    READY = "ready"
    LOST = "lost"
    """The driver runs and cannot reach its device."""
    FAILED = "failed"
    """The driver does not run or does not speak the contract; it is started again with a back-off."""
    STOPPED = "stopped"


class DeviceHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    """One device: state, what is wrong and what to do, age of the last proof of life, restarts so far."""

    device: str
    driver: str
    health: Health
    code: str = ""
    cause: str = ""
    advice: str = ""
    needs_help: bool = False
    """The recovery ladder is at its end: a person must look."""
    alive_age_ms: int | None = None
    pid: int | None = None
    restarts: int = 0
    garbage: int = 0
    """Lines that were no messages of the contract."""
    slowed: int = 0
    """Readings dropped because the device sent too many."""
    detail: dict[str, str] = {}


class Paid(msgspec.Struct, frozen=True):
    """A tender: means and amount given."""

    means: Means
    cents: Cents


class PrintJob(msgspec.Struct, frozen=True):
    """One fiscal receipt to be printed once for ever under `key`. `discounts` are per line, in line order."""

    key: str
    lines: tuple[Line, ...]
    discounts: tuple[Cents, ...]
    paid: tuple[Paid, ...]
    total_cents: Cents


class PrintResult(StrEnum):
    PRINTED = "printed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class PrintOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How printing ended. After any doubt `unknown`: nothing prints again by itself."""

    key: str
    result: PrintResult
    number: str = ""
    total_cents: Cents = 0
    change_cents: Cents = 0
    reason: str = ""
    advice: str = ""


class PrintStepTaken(msgspec.Struct, frozen=True, omit_defaults=True):
    """A durable point that the printer's driver has reached and waits at."""

    key: str
    point: str
    baseline: str = ""
    number: str = ""


class PrinterStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a printer says it is. `open_receipt`: a fiscal receipt is open on the device."""

    ready: bool
    paper: bool
    open_receipt: bool
    last_number: str = ""
    problems: tuple[str, ...] = ()
