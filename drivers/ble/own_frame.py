"""What the place sends as a beacon itself, as BlueZ wants to be told. Pure; sources are in `frames`, `options`."""

from __future__ import annotations

import msgspec

from drivers.ble.frames import APPLE, EDDYSTONE
from drivers.ble.options import Frame, canonical, compress, scheme


class Payload(msgspec.Struct, frozen=True):
    """Manufacturer data by company, service data by UUID. One of the two is empty."""

    manufacturer: dict[int, bytes]
    service: dict[str, bytes]


def payload(frame: Frame) -> Payload:
    """The bytes of this frame."""
    power = frame.power_dbm.to_bytes(1, "big", signed=True)
    if frame.url is not None:
        return Payload({}, {EDDYSTONE: b"\x10" + power + bytes([scheme(frame.url)]) + compress(frame.url)})
    kind, first, *rest = canonical(frame.id or "").split(":")
    if kind == "eddystone":
        return Payload({}, {EDDYSTONE: b"\x00" + power + bytes.fromhex(first + rest[0]) + bytes(2)})
    numbers = b"".join(int(number).to_bytes(2, "big") for number in rest)
    return Payload({APPLE: b"\x02\x15" + bytes.fromhex(first) + numbers + power}, {})
