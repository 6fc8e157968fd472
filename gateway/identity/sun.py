"""NTAG 424 DNA Secure Unique NFC: the card's URL carries its encrypted UID and counter and a MAC, new at every tap.

NXP AN12196 "NTAG 424 DNA features and hints": PICCData = AES-CBC(SDMMetaReadKey, 0xC7 ‖ UID ‖ counter), session
key = CMAC(SDMFileReadKey, 3CC3 0001 0080 ‖ UID ‖ counter), MAC = odd bytes of CMAC(session key, empty input).
SDMFileReadKey is diversified per card by NXP AN10922 (AES-128) over 01 ‖ UID ‖ "SUN".
"""

from __future__ import annotations

import hmac
import re

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

_SUN = re.compile(r"https?://[^?#\s]{1,200}\?(?:[^#\s]{0,200}&)?e=([0-9A-Fa-f]{32})&c=([0-9A-Fa-f]{16})")
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
    found = _SUN.fullmatch(uri)
    return SunMessage(bytes.fromhex(found[1]), bytes.fromhex(found[2])) if found else None


def diversify(master: bytes, uid: bytes) -> bytes:
    """A card's own SDMFileReadKey (AN10922, 2.2): a CMAC whose input is always padded to two blocks, unlike that of
    RFC 4493, which would be content with one for so short an input."""
    data = b"\x01" + uid + b"SUN"
    padded = data + b"\x80" + bytes(31 - len(data))
    aes = Cipher(algorithms.AES(master), modes.ECB()).encryptor()  # noqa: S305 (a single block of zeros, RFC 4493, 2.3)
    subkey = _double(_double(aes.update(bytes(16))))
    last = bytes(a ^ b for a, b in zip(padded[16:], subkey, strict=True))
    chained = Cipher(algorithms.AES(master), modes.CBC(bytes(16))).encryptor()
    return (chained.update(padded[:16] + last) + chained.finalize())[16:]


def _double(block: bytes) -> bytes:
    """Doubling in GF(2^128) (RFC 4493, 2.3)."""
    value = int.from_bytes(block, "big") << 1
    if value >> 128:
        value = value & (1 << 128) - 1 ^ 0x87
    return value.to_bytes(16, "big")


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
