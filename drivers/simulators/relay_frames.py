"""What a simulated relay board makes of the bytes that reach it: frames out of a stream, answers, effects.

The device's side of Modbus RTU, written from Modbus Application Protocol V1.1b3 apart from the driver's own
codec, so that one misreading does not hide the other. Dialects: see drivers/relay/boards.py for sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
UNIT_MS = 100


class Effect(NamedTuple):
    """What a request does to an output: closed (or open), for `ms`, or until told otherwise (0)."""

    channel: int
    closed: bool
    ms: int


class Refused(Exception):
    """The board answers with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


def checked(body: bytes) -> bytes:
    """The body with its checksum (V1.02, 6.2.2)."""
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            odd = crc & 1
            crc >>= 1
            if odd:
                crc ^= 0xA001
    return body + bytes((crc & 0xFF, crc >> 8))


def take(held: bytes) -> tuple[bytes, bytes]:
    """The first request in `held` and the rest. No request yet: empty and what to keep."""
    if len(held) < 8:
        return b"", held
    size = 9 + held[6] if held[1] == 0x10 else 8
    if len(held) < size:
        return b"", held
    request = held[:size]
    if checked(request[:-2]) != request:
        return b"", b""  # noise: a real board waits for the next silence
    return request, held[size:]


def answer(request: bytes, board: str, outputs: Sequence[bool], inputs: Sequence[bool]) -> tuple[bytes, Effect | None]:
    """The answer's frame, and what the request does. Raises `Refused`."""
    unit, function = request[:2]
    first, second = (int.from_bytes(request[at : at + 2], "big") for at in (2, 4))
    if function in (0x01, 0x02):
        bits = _bits(outputs if function == 0x01 else inputs, first, second, board)
        return checked(bytes((unit, function, len(bits))) + bits), None
    if function == 0x05:
        return request, _coil(first, second, board, len(outputs))
    if function == 0x10 and board == "lctech":
        return checked(request[:6]), _registers(first, request[7:-2], len(outputs))
    raise Refused(ILLEGAL_FUNCTION)


def refusal(request: bytes, code: int) -> bytes:
    """The frame that refuses this request."""
    return checked(bytes((request[0], request[1] | 0x80, code)))


def _bits(states: Sequence[bool], first: int, count: int, board: str) -> bytes:
    if board == "lctech":
        # Its manual shows reads of eight only, and its firmware does not answer others.
        if count % 8:
            raise Refused(ILLEGAL_VALUE)
        states = [*states, *[False] * (-len(states) % 8)]
    if first + count > len(states):
        raise Refused(ILLEGAL_ADDRESS)
    if not count:
        raise Refused(ILLEGAL_VALUE)
    number = sum(1 << n for n, on in enumerate(states[first : first + count]) if on)
    return number.to_bytes((count + 7) // 8, "little")


def _coil(address: int, value: int, board: str, outputs: int) -> Effect:
    group, channel = divmod(address, 0x100)
    if channel >= outputs or group not in ((0, 2, 4) if board == "waveshare" else (0,)):
        raise Refused(ILLEGAL_ADDRESS)
    if group:  # 0x02xx flash on, 0x04xx flash off
        if not 1 <= value <= 0x7FFF:
            raise Refused(ILLEGAL_VALUE)
        return Effect(channel, group == 2, value * UNIT_MS)
    if value not in (0xFF00, 0x0000):
        raise Refused(ILLEGAL_VALUE)
    return Effect(channel, value == 0xFF00, 0)


def _registers(address: int, data: bytes, outputs: int) -> Effect:
    channel, offset = divmod(address - 3, 5)
    if offset or not 0 <= channel < outputs or len(data) != 4:
        raise Refused(ILLEGAL_ADDRESS)
    mode, units = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")
    if mode not in (2, 4) or not units:
        raise Refused(ILLEGAL_VALUE)
    return Effect(channel, mode == 4, units * UNIT_MS)
