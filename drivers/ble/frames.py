"""What beacons send, decoded. Pure: any bytes give a value or None, in bounded time.

An id is text, the same wherever it is named (docs/drivers/ble.md): `ibeacon:UUID:MAJOR:MINOR`,
`altbeacon:ID:MAJOR:MINOR`, `eddystone:NAMESPACE:INSTANCE`. Hex is lower-case without hyphens, numbers are decimal.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

APPLE = 0x004C
"""Company identifier of Apple, Inc. (Bluetooth Assigned Numbers, 7.1)."""
EDDYSTONE = "0000feaa-0000-1000-8000-00805f9b34fb"
"""Service UUID 0xFEAA (Bluetooth Assigned Numbers, 3.9), as BlueZ writes it."""

_NO_TEMPERATURE = 0x8000


class Telemetry(msgspec.Struct, frozen=True):
    """What a beacon says of itself. None: it does not measure that."""

    battery_mv: int | None
    celsius: float | None
    uptime_s: int


def ids(manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]) -> list[str]:
    """The ids in one device's advertising data. BlueZ keeps what a device sent before, so there may be several."""
    found = [altbeacon_id(data) for data in manufacturer.values()]
    found.append(ibeacon_id(manufacturer.get(APPLE, b"")))
    found.append(eddystone_id(service.get(EDDYSTONE, b"")))
    return [one for one in found if one is not None]


def ibeacon_id(data: bytes) -> str | None:
    """Data under Apple's company identifier. Proximity Beacon Specification (Apple, Release R1, 2015), "Proximity
    Beacon advertising packet": type 0x02, length 0x15, UUID (16 bytes), major, minor (16 bits, big-endian), measured
    power. Other types are Apple's own (phones, headphones)."""
    if len(data) != 23 or data[:2] != b"\x02\x15":
        return None
    return _id("ibeacon", data[2:22])


def altbeacon_id(data: bytes) -> str | None:
    """Data under the company identifier of any maker. AltBeacon Protocol Specification 1.0, "AltBeacon Advertisement":
    code 0xBEAC, id (20 bytes: 16 that the organisation chose, then its own division, written here as two numbers),
    reference RSSI, one byte of the maker's."""
    if len(data) != 24 or data[:2] != b"\xbe\xac":
        return None
    return _id("altbeacon", data[2:22])


def eddystone_id(data: bytes) -> str | None:
    """Service data of 0xFEAA. Eddystone Protocol Specification, Eddystone-UID, "Frame Specification": type 0x00, power
    at 0 m, namespace (10 bytes), instance (6 bytes), two bytes reserved, which some beacons leave out."""
    if len(data) not in (18, 20) or data[0] != 0x00:
        return None
    return f"eddystone:{data[2:12].hex()}:{data[12:18].hex()}"


def telemetry(service: Mapping[str, bytes]) -> Telemetry | None:
    """Service data of 0xFEAA. Eddystone Protocol Specification, Unencrypted Eddystone-TLM, "Frame Specification": type
    0x20, version 0x00, battery in mV (0: not measured), temperature in °C as signed 8.8 fixed point (0x8000:
    not measured), count of advertisements, time since power-on in 0.1 s; all big-endian."""
    data = service.get(EDDYSTONE, b"")
    if len(data) != 14 or data[:2] != b"\x20\x00":
        return None
    battery, degrees = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:6], "big")
    celsius = None
    if degrees != _NO_TEMPERATURE:
        celsius = (degrees - 0x10000 if degrees > 0x7FFF else degrees) / 256
    return Telemetry(battery or None, celsius, int.from_bytes(data[10:14], "big") // 10)


def _id(family: str, twenty: bytes) -> str:
    major, minor = int.from_bytes(twenty[16:18], "big"), int.from_bytes(twenty[18:20], "big")
    return f"{family}:{twenty[:16].hex()}:{major}:{minor}"
