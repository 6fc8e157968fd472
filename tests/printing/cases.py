"""Runs as data: what goes wrong at which step, and who is killed when. A line of JSON is a run to be repeated."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class Kill(StrEnum):
    """When the driver dies, and the gateway with it."""

    BEFORE = "before"
    """Before the command with this number is sent."""
    SENT = "sent"
    """When it has been sent."""
    UNSTORED = "unstored"
    """Before what is to be stored as number so and so is on disk."""
    STORED = "stored"
    """After that, before anybody has heard of it."""


class Hit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault of the simulated device at the command number `at`."""

    at: int
    kind: str
    times: int = 1
    ms: int = 0
    executed: bool = True


class Death(msgspec.Struct, frozen=True):
    """`at` counts commands, or what is stored: points and outcomes."""

    at: int
    when: Kill


class Cut(msgspec.Struct, frozen=True):
    """The device's power fails when the command number `at` has arrived."""

    at: int
    off_ms: int


class Case(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run. Commands are counted over all processes of the driver, from 0.

    `seq`: a new process begins with the very SEQ that the device saw last, or with the one that the process before
    began with, so that late answers to that one look like answers to the new one. `person`: somebody puts paper in and
    closes the cover. `hand`: what somebody does at the printer when the work is in doubt for the first time. `then`:
    the work that follows, once it is known how the first one ended.
    """

    family: str
    work: str
    hits: tuple[Hit, ...] = ()
    deaths: tuple[Death, ...] = ()
    cuts: tuple[Cut, ...] = ()
    seq: Literal["", "last", "first"] = ""
    person: bool = True
    line_ms: int = 0
    hand: str = ""
    then: str = ""

    @property
    def name(self) -> str:
        """The faults alone, for tables."""
        return " + ".join([*(hit.kind for hit in self.hits), *([self.hand] if self.hand else [])]) or "none"

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()
