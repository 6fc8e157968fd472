"""What beacons and phones send, written from the specifications apart from the driver's decoders.

iBeacon: Proximity Beacon Specification R1 (Apple). AltBeacon 1.0. Eddystone-UID and unencrypted Eddystone-TLM:
Eddystone Protocol Specification. Private addresses: Bluetooth Core Specification 5.4, Vol 3 Part H, 2.2.2.
"""

from __future__ import annotations

import random
import struct
import uuid
from typing import NamedTuple

FEAA = "0000feaa-0000-1000-8000-00805f9b34fb"
RADIUS = 0x0118
"""Company identifier of Radius Networks, Inc., which made the first AltBeacons (Bluetooth Assigned Numbers, 7.1)."""


class Advertised(NamedTuple):
    """Manufacturer data by company, service data by UUID."""

    manufacturer: dict[int, bytes]
    service: dict[str, bytes]


def ibeacon(proximity: str, major: int, minor: int, power: int = -59) -> Advertised:
    content = struct.pack(">BB16sHHb", 2, 21, uuid.UUID(proximity).bytes, major, minor, power)
    return Advertised({76: content}, {})


def altbeacon(organisation: str, major: int, minor: int, power: int = -59) -> Advertised:
    content = struct.pack(">H16sHHbB", 0xBEAC, uuid.UUID(organisation).bytes, major, minor, power, 0)
    return Advertised({RADIUS: content}, {})


def eddystone(namespace: str, instance: str, power: int = -18) -> Advertised:
    content = struct.pack(">Bb10s6sH", 0, power, bytes.fromhex(namespace), bytes.fromhex(instance), 0)
    return Advertised({}, {FEAA: content})


def telemetry(battery_mv: int, celsius: float = 21.5, uptime_s: int = 86_400, sent: int = 1) -> Advertised:
    content = struct.pack(">BBHhII", 0x20, 0, battery_mv, round(celsius * 256), sent, uptime_s * 10)
    return Advertised({}, {FEAA: content})


def beacon(text: str) -> Advertised:
    """The frame of an id as the driver's page writes it. Raises `ValueError`."""
    kind, *parts = text.split(":")
    if kind == "eddystone":
        return eddystone(parts[0], parts[1])
    return {"ibeacon": ibeacon, "altbeacon": altbeacon}[kind](parts[0], int(parts[1]), int(parts[2]))


def private_address(irk: str, rand: bytes | None = None) -> str:
    """A new resolvable private address of the phone with this IRK (hex)."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES128
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    drawn = bytearray(rand or random.randbytes(3))
    drawn[0] = drawn[0] & 0x3F | 0x40
    padded = bytes(drawn).rjust(16, b"\0")
    hashed = Cipher(AES128(bytes.fromhex(irk)), ECB()).encryptor().update(padded)[-3:]  # noqa: S305 - by definition
    return (bytes(drawn) + hashed).hex(":").upper()
