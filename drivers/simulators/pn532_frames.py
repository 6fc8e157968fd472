"""Frames of a PN532 on the wire, seen from the chip (UM0701-02, section 6.2.1), and the CRC of its air side."""

from __future__ import annotations

ACK = bytes.fromhex("0000FF00FF00")
ERROR = bytes.fromhex("0000FF01FF7F8100")
"""The syntax error frame."""


def frame(data: bytes) -> bytes:
    """`data` as an information frame; an extended one from 256 bytes on."""
    size = len(data)
    if size < 256:
        head = bytes([size, -size & 255])
    else:
        length = size.to_bytes(2, "big")
        head = b"\xff\xff" + length + bytes([-sum(length) & 255])
    return b"\x00\x00\xff" + head + data + bytes([-sum(data) & 255, 0])


def take_frame(line: bytearray) -> bytes | None:
    """Cut the next frame out of what came in: its data, b"" for a host's ACK, None when there is none yet.
    Noise and frames with a wrong checksum are passed over, as the chip does."""
    while (start := line.find(b"\x00\xff")) >= 0:
        del line[:start]
        if len(line) < 4:
            return None
        if line[2:4] == b"\x00\xff":
            del line[:4]
            return b""
        extended = line[2:4] == b"\xff\xff"
        body = 7 if extended else 4
        if len(line) < body:
            return None
        size = line[4] << 8 | line[5] if extended else line[2]
        if sum(line[4:7] if extended else line[2:4]) & 255:
            del line[:2]
            continue
        if len(line) < body + size + 1:
            return None
        data, checksum = bytes(line[body : body + size]), line[body + size]
        del line[: body + size + 1]
        if (sum(data) + checksum) & 255 == 0:
            return data
    del line[: max(0, len(line) - 1)]
    return None


def crc_a(data: bytes) -> bytes:
    """CRC_A of ISO/IEC 14443-3, annex B."""
    crc = 0x6363
    for byte in data:
        byte ^= crc & 0xFF
        byte = (byte ^ byte << 4) & 0xFF
        crc = crc >> 8 ^ byte << 8 ^ byte << 3 ^ byte >> 4
    return crc.to_bytes(2, "little")
