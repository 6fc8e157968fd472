"""NTAG 424 DNA Secure Unique NFC: the card's URL carries its encrypted UID and counter and a MAC, new at every tap.

NXP AN12196 "NTAG 424 DNA features and hints": PICCData = AES-CBC(SDMMetaReadKey, 0xC7 ‖ UID ‖ counter), session
key = CMAC(SDMFileReadKey, 3CC3 0001 0080 ‖ UID ‖ counter), MAC = odd bytes of CMAC(session key, empty input).
SDMFileReadKey is diversified per card: CMAC(master, 01 ‖ UID ‖ "SUN") (the input form of NXP AN10922).
"""

from __future__ import annotations

import hmac
import re

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

_SUN = re.compile(r"^https?://[^?#\s]{1,200}\?(?:[^#\s]{0,200}&)?e=([0-9A-Fa-f]{32})&c=([0-9A-Fa-f]{16})$")
_PICC_UID_AND_COUNTER = 0xC7
_SV2 = bytes.fromhex("3CC300010080")


class SunMessage(msgspec.Struct, frozen=True):
    """What a card's URL holds, not yet proved."""

    encrypted: bytes
    mac: bytes


class SunProof(msgspec.Struct, frozen=True):
    """A message that verified: the card's UID (7 bytes) and its tap counter."""

    uid: bytes
    counter: int

    def __repr__(self) -> str:
        return f"SunProof(counter={self.counter})"


def parse(uri: str) -> SunMessage | None:
    """The SUN parts of a URL, or None when it has none."""
    found = _SUN.match(uri)
    return SunMessage(bytes.fromhex(found[1]), bytes.fromhex(found[2])) if found else None


def diversify(master: bytes, uid: bytes) -> bytes:
    """A card's own SDMFileReadKey."""
    return _cmac(master, b"\x01" + uid + b"SUN")


def verify(message: SunMessage, meta_key: bytes, file_master: bytes) -> SunProof | None:
    """UID and counter when a card with our keys made this message, else None. The counter says whether it is
    a new message: compare it with the highest one seen."""
    decryptor = Cipher(algorithms.AES(meta_key), modes.CBC(bytes(16))).decryptor()
    plain = decryptor.update(message.encrypted) + decryptor.finalize()
    if plain[0] != _PICC_UID_AND_COUNTER:
        return None
    uid, counter = plain[1:8], plain[8:11]
    if not _mac_holds(diversify(file_master, uid), uid, counter, message.mac):
        return None
    return SunProof(uid, int.from_bytes(counter, "little"))


def _mac_holds(file_key: bytes, uid: bytes, counter: bytes, mac: bytes) -> bool:
    session = _cmac(file_key, _SV2 + uid + counter)
    return hmac.compare_digest(_cmac(session, b"")[1::2], mac)


def _cmac(key: bytes, data: bytes) -> bytes:
    state = CMAC(algorithms.AES(key))
    state.update(data)
    return state.finalize()
