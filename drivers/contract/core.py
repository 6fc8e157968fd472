"""What every driver and the gateway say to each other, whatever the device (contract version 1).

Gateway to driver: `Options` (once, first), `Call`, `Stored`, `Stop`.
Driver to gateway: `Hello` (once, first), `Reading`, `State`, `Alive`, `Step`, `Reply`.
Times are CLOCK_MONOTONIC nanoseconds: one clock for all processes of a machine and a boot.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

CONTRACT = 1
"""Version of the contract. A driver with another number is refused with advice, never half understood."""

MAX_LINE = 256 * 1024
"""Bytes in a line, its end included. A longer one is skipped to its end and counted, in both directions."""


class Kind(StrEnum):
    """What sort of device a driver drives; decides which readings and calls it speaks."""

    READER = "reader"
    RELAY = "relay"
    PRINTER = "printer"
    SLIP = "slip"
    LIBRARY = "library"
    KEYBOARD = "keyboard"


class DeviceState(StrEnum):
    """Where a driver stands with its device. Sent on change only."""

    OPENING = "opening"
    READY = "ready"
    LOST = "lost"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something did not work, for a person who can do something about it.

    `code` is closed per driver (its `errors.py`), `cause` says what was seen, `advice` what to do next.
    None of them ever holds a card id.
    """

    code: str
    cause: str
    advice: str


# Gateway to driver ---------------------------------------------------------------------------------------


class Options(msgspec.Struct, frozen=True, tag="options", tag_field="t"):
    """First line to a driver: the device's id in the configuration and its driver's own options."""

    device: str
    options: msgspec.Raw


class Call(msgspec.Struct, frozen=True, tag="call", tag_field="t"):
    """Asks for an action. The answer is one `Reply` with the same id, within `deadline_ms` of sending.

    After its deadline the gateway no longer waits; what the driver did by then is told by the kind's own
    rules (a relay pulse may have happened, a receipt is `unknown` until read back).
    """

    id: int
    deadline_ms: int
    body: msgspec.Raw


class Stored(msgspec.Struct, frozen=True, tag="stored", tag_field="t"):
    """The step with this id is on disk: the driver may go on."""

    step: int


class Stop(msgspec.Struct, frozen=True, tag="stop", tag_field="t"):
    """Close the device and end with exit code 0. The end of the stream means the same."""


# Driver to gateway ---------------------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="t", omit_defaults=True):
    """First line of a driver. `also`: further kinds that the same device is, such as a reader with the door's relay in
    it: it speaks their readings and calls as well."""

    contract: int
    driver: str
    version: str
    kind: Kind
    also: tuple[Kind, ...] = ()


class Reading(msgspec.Struct, frozen=True, tag="reading", tag_field="t"):
    """What the device saw, stamped when it was seen. `body` is one of the kind's readings."""

    mono_ns: int
    body: msgspec.Raw


class State(msgspec.Struct, frozen=True, tag="state", tag_field="t", omit_defaults=True):
    """The device's state has changed; `problem` says why when it is not `ready`, and in `ready` that it works and a
    person should see to something all the same.

    With `ready` a `problem` is what a person should look at although the device works: one reader of several is away,
    a housing was opened. `detail` is what the device said of itself (model, firmware, serial number), for the
    technician.
    """

    state: DeviceState
    problem: Problem | None = None
    detail: dict[str, str] = {}


class Alive(msgspec.Struct, frozen=True, tag="alive", tag_field="t"):
    """The device itself has just answered. Never sent by a timer alone."""

    mono_ns: int


class Step(msgspec.Struct, frozen=True, tag="step", tag_field="t"):
    """A durable point inside a call: the driver waits for `Stored` with this id before it goes on."""

    id: int
    call: int
    body: msgspec.Raw


class Reply(msgspec.Struct, frozen=True, tag="reply", tag_field="t", omit_defaults=True):
    """Answer to a call: `body` (the kind's result) or `problem`, never both."""

    id: int
    body: msgspec.Raw | None = None
    problem: Problem | None = None


ToDriver = Options | Call | Stored | Stop
ToGateway = Hello | Reading | State | Alive | Step | Reply


# Calls that every driver answers -------------------------------------------------------------------------


class Reopen(msgspec.Struct, frozen=True, tag="reopen", tag_field="call"):
    """Close the device and open it again: the first step of the recovery ladder. Answered by `Done`."""


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="result"):
    """It was done, and there is nothing more to say."""
