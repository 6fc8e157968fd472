"""How a credential becomes its keyed digest: one function for gateway and centre, so that they always agree.

digest = HMAC-SHA-256(city key, kind ‖ 0x00 ‖ canonical id). The kind is part of the input: a card that has proved
its UID and a plain card with the same UID are two credentials. Canonical ids:

card, sun_card, desfire_card   the raw UID bytes in ISO 14443-3 order, 4, 7 or 10 of them (the same from every reader)
barcode                        `barcode(data)`: ASCII without white space around it
pass                           `pass_id(issuer, id)`: issuer ‖ 0x00 ‖ pass id
beacon                         `beacon(text)`: ASCII such as `ibeacon:<32 hex digits>:<major>:<minor>`
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
