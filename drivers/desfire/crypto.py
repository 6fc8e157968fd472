"""The cryptography of a MIFARE DESFire card with AES keys. Pure.

Sources: NXP AN10922 (key diversification, 2.2), NIST SP 800-38B (CMAC); how the card uses them (an IV that runs on
through a session, CRC-32 without its last inversion) as in NXP's data sheets of the DESFire EV1 and AN0945, checked
against a conversation with a real card (tests/data/desfire).
"""

from __future__ import annotations

import zlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
ZERO = bytes(BLOCK)
DIVERSIFIED_MOST = 31
"""Bytes that AN10922 takes besides its own constant."""


def encrypt(key: bytes, iv: bytes, blocks: bytes) -> bytes:
    """AES-128 in CBC mode."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


def decrypt(key: bytes, iv: bytes, blocks: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(blocks) + decryptor.finalize()


def cmac(key: bytes, message: bytes, iv: bytes = ZERO, least: int = BLOCK) -> bytes:
    """CMAC of a message, beginning from `iv` and padded to `least` bytes at least."""
    subkey = _double(encrypt(key, ZERO, ZERO))
    if len(message) < least or len(message) % BLOCK:
        subkey = _double(subkey)
        message += b"\x80"
        message = message.ljust(max(least, -(-len(message) // BLOCK) * BLOCK), b"\0")
    return encrypt(key, iv, message[:-BLOCK] + _xor(message[-BLOCK:], subkey))[-BLOCK:]


def diversified(master: bytes, by: bytes) -> bytes:
    """The key of one card (AN10922, 2.2): a CMAC whose input is always padded to two blocks. Raises `ValueError` for
    more than `DIVERSIFIED_MOST` bytes, or none."""
    if not 1 <= len(by) <= DIVERSIFIED_MOST:
        raise ValueError(f"a key is made by 1 to {DIVERSIFIED_MOST} bytes")
    return cmac(master, b"\x01" + by, least=2 * BLOCK)


def crc32(data: bytes) -> bytes:
    """The card's checksum: CRC-32 of IEEE 802.3 without the inversion at its end, least significant byte first."""
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


def session_key(ours: bytes, theirs: bytes) -> bytes:
    """What both sides have after an authentication, out of both random numbers (RndA, RndB)."""
    return ours[:4] + theirs[:4] + ours[12:] + theirs[12:]


def rotated(number: bytes) -> bytes:
    """One byte to the left."""
    return number[1:] + number[:1]


def _double(block: bytes) -> bytes:
    """Doubling in GF(2^128) (SP 800-38B, 6.1)."""
    value = int.from_bytes(block, "big") << 1
    if value >> 128:
        value = value & (1 << 128) - 1 ^ 0x87
    return value.to_bytes(BLOCK, "big")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
