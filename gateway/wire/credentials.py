"""How a credential becomes its keyed digest: one function for gateway and centre, so that they always agree.

digest = HMAC-SHA-256(city key, kind ‖ 0x00 ‖ canonical id). The kind is part of the input: a card that has proved
its UID and a plain card with the same UID are two credentials. Canonical ids:

card, sun_card, desfire_card
                 the raw UID bytes in ISO 14443-3 order, 4, 7 or 10 of them (the same from every reader)
access_card      `access_card(bits, number)`: how many bits ‖ the number, as Wiegand and OSDP readers hand it on without
                 its parity. Not a UID, even where a reader is said to send one: the length and the order of its bytes
                 are the reader's own, so that it never has the digest of a `card`
barcode          `barcode(data)`: ASCII without white space around it
pass             `pass_id(issuer, id)`: issuer ‖ 0x00 ‖ pass id
beacon           `beacon(text)`: ASCII such as `ibeacon:<32 hex digits>:<major>:<minor>`
"""

from __future__ import annotations

import hmac
import re

from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind

KEY_BYTES = 32
UID_LENGTHS = (4, 7, 10)
"""Single, double and triple size UIDs (ISO/IEC 14443-3, 6.5.4)."""
MAX_BARCODE = 128
_BEACON = re.compile(
    r"(?P<family>ibeacon|altbeacon):(?P<organisation>[0-9a-f]{32}):(?P<major>[0-9]{1,5}):(?P<minor>[0-9]{1,5})"
    r"|eddystone:[0-9a-f]{20}:[0-9a-f]{12}"
    r"|phone:[a-z0-9][a-z0-9-]{0,31}"
)
ACCESS_BITS = range(24, 129)
"""How many bits the number of an access card may have."""


def digest(key: bytes, kind: CredentialKind, canonical: bytes) -> bytes:
    """The 32-byte digest of a credential under the city's key. `canonical` is never empty (`ValueError`)."""
    if not canonical:
        raise ValueError("a credential has an id")
    return hmac.digest(key, kind.encode() + b"\0" + canonical, "sha256")


def pass_id(issuer: str, pass_id: str) -> bytes:
    """Canonical id of a pass. Raises `InputRefused` for empty parts or a zero byte in the issuer, which would
    let two passes share an id."""
    if not issuer or not pass_id or "\0" in issuer:
        raise InputRefused("a pass has an issuer and an id", "Neither is empty; no zero byte in the issuer")
    return issuer.encode() + b"\0" + pass_id.encode()


def access_card(bits: int, number: bytes) -> bytes:
    """Canonical id of an access card. Raises `InputRefused` when it is not one number of that many bits."""
    fits = len(number) == -(-bits // 8) and int.from_bytes(number, "big").bit_length() <= bits
    if bits not in ACCESS_BITS or not fits:
        raise InputRefused("an access card has 24 to 128 bits, in the fewest bytes that hold them")
    return bytes([bits]) + number


def parse_access_card(text: str) -> bytes | None:
    """Canonical id of an access card as people write it, or None: `h10301:FACILITY:NUMBER` (decimal, as printed on
    26-bit cards), `h10304:FACILITY:NUMBER` (37-bit cards), or `BITS:HEX`, the number that a reader hands on."""
    kind, _, rest = text.strip().lower().partition(":")
    try:
        match kind:
            case "h10301":
                facility, number = _pair(rest, 8, 16)
                return access_card(24, (facility << 16 | number).to_bytes(3, "big"))
            case "h10304":
                return access_card(37, _h10304(*_pair(rest, 16, 19)).to_bytes(5, "big"))
            case _ if kind.isascii() and kind.isdecimal() and len(kind) <= 3:
                return access_card(int(kind), bytes.fromhex(rest))
    except (ValueError, InputRefused):
        return None
    return None


def _pair(text: str, *bits: int) -> tuple[int, int]:
    """Facility and number, each of at most so many bits. Raises `ValueError`."""
    parts = text.split(":")
    if len(parts) != len(bits) or not all(part.isascii() and part.isdecimal() and len(part) <= 10 for part in parts):
        raise ValueError("not facility and number")
    facility, number = map(int, parts)
    if facility >> bits[0] or number >> bits[1]:
        raise ValueError("out of range")
    return facility, number


def _h10304(facility: int, number: int) -> int:
    """All 37 bits of an HID H10304 card: even parity over the first 18 of its 35 bits, odd parity over the last 18."""
    data = facility << 19 | number
    even = (data >> 17).bit_count() % 2
    odd = 1 - (data & 0x3FFFF).bit_count() % 2
    return even << 36 | data << 1 | odd


def holder_of_pass(key: bytes, issuer: str, subject: str, pass_id: str) -> str:
    """The opaque holder behind a pass that no registry knows: the same at every gateway of the city, by the issuer's
    subject when the pass names one, else every pass is a holder of its own."""
    whose = f"s{subject}" if subject else f"p{pass_id}"
    return "pass-" + hmac.digest(key, b"holder\0" + issuer.encode() + b"\0" + whose.encode(), "sha256").hex()[:40]


def barcode(data: bytes) -> bytes | None:
    """Canonical id of a barcode: its printable ASCII without white space around it, or None when it is empty,
    longer than `MAX_BARCODE` or holds anything else."""
    text = data.strip(b" \t\r\n\v\f")
    if not 1 <= len(text) <= MAX_BARCODE or any(byte < 0x20 or byte > 0x7E for byte in text):
        return None
    return text


def beacon(text: str) -> bytes | None:
    """Canonical id of a beacon or phone (docs/drivers/ble.md), or None when it is none:

    ibeacon, altbeacon   family `:` 32 hex digits `:` major `:` minor, both decimal, at most 65535
    eddystone            `eddystone:` namespace (20 hex digits) `:` instance (12)
    phone                `phone:` name under which the city keeps the phone's key

    Hex may be upper-case and a UUID may have its hyphens; canonical is lower-case, without hyphens, without leading
    zeros. A phone's name keeps its own.
    """
    lower = text.strip().lower()
    found = _BEACON.fullmatch(lower if lower.startswith("phone:") else lower.replace("-", ""))
    if found is None:
        return None
    if found["family"] is None:
        return found[0].encode()
    major, minor = int(found["major"]), int(found["minor"])
    if max(major, minor) > 0xFFFF:
        return None
    return f"{found['family']}:{found['organisation']}:{major}:{minor}".encode()
