"""What a device saw, as the gateway's own types. A clear card id lives here and nowhere further down."""

from __future__ import annotations

import msgspec

from gateway.model.counter import CardCounter
from gateway.model.identification import Refusal

NFC = "nfc"
"""Symbology of a code that a phone handed over by radio."""

READING_LIFE_MS = 2000
"""A reading older than this is worthless: it opens nothing (docs/words.md)."""


class Proved(msgspec.Struct, frozen=True):
    """The card has proved to its reader that it holds the key of this version in this application (DESFire). `uid` is
    bound by that proof; the one in the reading is only what the card shows to everybody."""

    uid: bytes
    application: bytes
    key_version: int
    counter: CardCounter | None = None

    def __repr__(self) -> str:
        return f"Proved(application={self.application.hex()}, key_version={self.key_version})"


class Unproved(msgspec.Struct, frozen=True):
    """The card has this application, and did not prove itself."""

    application: bytes


class CardReading(msgspec.Struct, frozen=True):
    """A contactless card. `repr` hides the id, so that it cannot slip into a log. `proof` is None when its reader asked
    for none, or had no reason to."""

    device: str
    mono_ns: int
    uid: bytes
    ndef: bytes
    proof: Proved | Unproved | None = None

    def __repr__(self) -> str:
        return f"CardReading(device={self.device!r}, {len(self.uid)}-byte uid, {len(self.ndef)} bytes NDEF)"


class CodeReading(msgspec.Struct, frozen=True):
    """An optical code, or what a phone handed over (`symbology` is `NFC`). `repr` hides the content: it may be a
    library card's number."""

    device: str
    mono_ns: int
    symbology: str
    data: bytes

    def __repr__(self) -> str:
        return f"CodeReading(device={self.device!r}, {self.symbology}, {len(self.data)} bytes)"


class AccessCardReading(msgspec.Struct, frozen=True):
    """An access card by the number that a Wiegand or OSDP reader hands on. `repr` hides it."""

    device: str
    mono_ns: int
    bits: int
    number: bytes

    def __repr__(self) -> str:
        return f"AccessCardReading(device={self.device!r}, {self.bits} bits)"


class UnusableReading(msgspec.Struct, frozen=True):
    """Something was presented that is no credential here, whatever it holds: nothing of it was read."""

    device: str
    mono_ns: int
    why: Refusal


class BeaconReading(msgspec.Struct, frozen=True):
    """A beacon or phone that a person carries came near (`enter`) or has gone. `repr` hides the id."""

    device: str
    mono_ns: int
    id: str
    enter: bool
    rssi_dbm: int

    def __repr__(self) -> str:
        event = "enter" if self.enter else "leave"
        return f"BeaconReading(device={self.device!r}, {event}, {self.rssi_dbm} dBm)"


class InputReading(msgspec.Struct, frozen=True):
    """An input of a relay board changed: a passage sensor, a button."""

    device: str
    mono_ns: int
    channel: int
    on: bool


class InputStates(msgspec.Struct, frozen=True):
    """What every input of a relay board is, channel 0 first: told whenever the board becomes ready."""

    device: str
    mono_ns: int
    on: tuple[bool, ...]


Presented = CardReading | CodeReading | AccessCardReading | UnusableReading | BeaconReading
Input = InputReading | InputStates
Reading = Presented | InputReading | InputStates


def is_fresh(reading: Reading, now_ns: int) -> bool:
    """Whether the reading may still have an effect: not older than `READING_LIFE_MS`, not from the future."""
    age_ms = (now_ns - reading.mono_ns) / 1e6
    return -100 <= age_ms <= READING_LIFE_MS
