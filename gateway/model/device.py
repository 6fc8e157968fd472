"""Devices as the gateway sees them: how they stand."""

from __future__ import annotations

from enum import StrEnum

import msgspec


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
