"""An OSDP reader made by hand, apart from the library that the driver and its simulator use: frames and secure channel
as the standard has them (IEC 60839-11-5; SIA OSDP 2.2, Annex D), for a panel that asks it frame by frame.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

POLL, LOCAL_STATUS = 0x60, 0x64
ACK, NAK, PDID, PDCAP, LSTATR, RAW = 0x40, 0x41, 0x45, 0x46, 0x48, 0x50
CCRYPT, RMAC_I = 0x76, 0x78
SERIAL = bytes.fromhex("dec00702d2040000")


def crc16(data: bytes) -> int:
    """CRC-16 of OSDP: polynomial 0x1021, start 0x1D0F, not reflected."""
    crc = 0x1D0F
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def reply(frame: bytes, body: bytes) -> bytes:
    """A reader's plain answer to a frame, of this very address and number."""
    length = 5 + len(body) + 2
    head = bytes([0x53, frame[1] | 0x80, length & 255, length >> 8, frame[4] & 3 | 4]) + body
    return head + crc16(head).to_bytes(2, "little")


def block(key: bytes, data: bytes) -> bytes:
    """One block of AES, as the standard's key derivation and cryptograms are made of."""
    return Cipher(AES128(key), ECB()).encryptor().update(data)  # noqa: S305 - by definition


def chained(key: bytes, start: bytes, data: bytes) -> bytes:
    return Cipher(AES128(key), CBC(start)).encryptor().update(data)


def padded(data: bytes) -> bytes:
    """0x80, then zeros, to whole blocks."""
    return (data + b"\x80").ljust(len(data) // 16 * 16 + 16, b"\0")


class HandMadeReader:
    """`says` are the answers to the next polls, reply code first; then it has nothing to say."""

    def __init__(self, key: bytes, *says: bytes) -> None:
        self._key = key
        self.says = list(says)
        self.wrong_macs = 0
        self._random = bytes(range(8))
        self._secrets = [b""] * 4
        """S-ENC, S-MAC1 and S-MAC2, from 1 on."""
        self._mac = b""

    def __call__(self, frame: bytes) -> bytes:
        """Its answer to a frame of the panel."""
        security = frame[5 : 5 + frame[5]] if frame[4] & 8 else b""
        at = 5 + len(security)
        if security and security[1] in (0x15, 0x17):
            mac = self._made(frame[:-6])
            self.wrong_macs += mac[:4] != frame[-6:-2]
            self._mac = mac
            return self._answered(frame, frame[at])
        match frame[at]:
            case 0x61:  # osdp_ID
                return reply(frame, bytes([PDID, 0xDE, 0xC0, 0, 7, 2, 1, 0, 0, 0, 1, 2, 3]))
            case 0x62:  # osdp_CAP
                return reply(frame, bytes([PDCAP, 9, 1, 1, 8, 1, 0, 3, 1, 0]))
            case 0x76:  # osdp_CHLNG
                return self._challenged(frame, frame[at + 1 : at + 9])
            case 0x77:  # osdp_SCRYPT
                first = block(self._secrets[2], frame[at + 1 : at + 17])
                self._mac = block(self._secrets[3], first)
                return self._framed(frame, bytes([3, 0x14, 1]), bytes([RMAC_I]) + self._mac)
            case _:
                return reply(frame, bytes([NAK, 6]))

    def _challenged(self, frame: bytes, theirs: bytes) -> bytes:
        derive = [block(self._key, bytes([1, kind]) + theirs[:6] + bytes(8)) for kind in (0x82, 0x01, 0x02)]
        self._secrets = [b"", *derive]
        cryptogram = block(derive[0], theirs + self._random)
        return self._framed(frame, bytes([3, 0x12, 1]), bytes([CCRYPT]) + SERIAL + self._random + cryptogram)

    def _answered(self, frame: bytes, command: int) -> bytes:
        body = bytes([ACK])
        if command == LOCAL_STATUS:
            body = bytes([LSTATR, 0, 0])
        elif command == POLL and self.says:
            body = self.says.pop(0)
        data = body[1:]
        if data:
            flipped = bytes(byte ^ 0xFF for byte in self._mac)
            data = chained(self._secrets[1], flipped, padded(data))
        return self._framed(frame, bytes([2, 0x18 if data else 0x16]), body[:1] + data, mac=True)

    def _framed(self, frame: bytes, security: bytes, body: bytes, *, mac: bool = False) -> bytes:
        length = 5 + len(security) + len(body) + (4 if mac else 0) + 2
        head = bytes([0x53, frame[1] | 0x80, length & 255, length >> 8, frame[4] & 3 | 12]) + security + body
        if mac:
            self._mac = self._made(head)
            head += self._mac[:4]
        return head + crc16(head).to_bytes(2, "little")

    def _made(self, message: bytes) -> bytes:
        """The MAC of a message: all blocks but the last under one key, the last under the other."""
        whole = padded(message) if len(message) % 16 else message
        start = self._mac
        if len(whole) > 16:
            start = chained(self._secrets[2], start, whole[:-16])[-16:]
        return chained(self._secrets[3], start, whole[-16:])
