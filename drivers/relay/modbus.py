"""Modbus RTU as a master speaks it: requests to bytes, bytes to answers. Pure, no port, no clock.

Sources: Modbus Application Protocol V1.1b3 (sections 6.1, 6.2, 6.5, 6.12 and 7) and Modbus over Serial
Line V1.02 (2.5.1 RTU frame, 6.2.2 CRC). Functions 01, 02, 05 and 10h are all that a relay board needs.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

READ_COILS, READ_INPUTS, WRITE_COIL, WRITE_REGISTERS = 0x01, 0x02, 0x05, 0x10
EXCEPTION_BIT = 0x80
LONGEST_FRAME = 256
"""Bytes of the longest frame on a serial line (V1.02, 2.5.1)."""

EXCEPTIONS = {
    1: "it does not know this function",
    2: "it has no such address",
    3: "it does not take this value",
    4: "it failed while doing it",
    5: "it needs longer",
    6: "it is busy",
    8: "its memory failed a parity check",
}
"""What a device says with an exception code (V1.1b3, section 7)."""


class ModbusError(ValueError):
    """Root of what an answer can be instead of an answer.

    ModbusError
    ├── BadFrame          not a frame, or its checksum is wrong
    ├── WrongEcho         a sound frame that answers something else than was asked
    └── ExceptionAnswer   the device has understood and refused
    """


class BadFrame(ModbusError):
    """The bytes are no Modbus frame."""


class WrongEcho(ModbusError):
    """A frame with a correct checksum that does not fit the request."""


class ExceptionAnswer(ModbusError):
    """The device refused: nothing was done. `code` as in `EXCEPTIONS`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}: {EXCEPTIONS.get(code, 'a code outside the standard')}")
        self.code = code


class ReadBits(msgspec.Struct, frozen=True):
    """Read `count` coils (function 01) or discrete inputs (02) from `address`. At most 2000."""

    function: int
    address: int
    count: int


class WriteCoil(msgspec.Struct, frozen=True):
    """Write one coil. The standard knows 0xFF00 and 0x0000; relay boards put a time in here too."""

    address: int
    value: int


class WriteRegisters(msgspec.Struct, frozen=True):
    """Write consecutive holding registers, at most 123."""

    address: int
    values: tuple[int, ...]


Request: TypeAlias = ReadBits | WriteCoil | WriteRegisters


def crc16(data: bytes) -> int:
    """CRC-16/Modbus: polynomial 0xA001 reflected, start 0xFFFF. Sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def frame(unit: int, pdu: bytes) -> bytes:
    """Unit address, the function with its data, checksum."""
    body = bytes((unit,)) + pdu
    return body + crc16(body).to_bytes(2, "little")


def encode(unit: int, request: Request) -> bytes:
    """The request as a frame. Fields outside the standard's ranges raise `OverflowError`: a caller's bug."""
    match request:
        case ReadBits(function=function, address=address, count=count):
            pdu = bytes((function,)) + _word(address) + _word(count)
        case WriteCoil(address=address, value=value):
            pdu = bytes((WRITE_COIL,)) + _word(address) + _word(value)
        case WriteRegisters(address=address, values=values):
            head = bytes((WRITE_REGISTERS,)) + _word(address) + _word(len(values))
            pdu = head + bytes((2 * len(values),)) + b"".join(_word(value) for value in values)
    return frame(unit, pdu)


def function_of(request: Request) -> int:
    """The function code that a request is sent with."""
    match request:
        case ReadBits(function=function):
            return function
        case WriteCoil():
            return WRITE_COIL
        case WriteRegisters():
            return WRITE_REGISTERS


def answer_length(request: Request) -> int:
    """Bytes of the whole frame that answers this request (an exception is always 5)."""
    return 5 + _bytes_for(request.count) if isinstance(request, ReadBits) else 8


def find_answer(unit: int, request: Request, data: bytes) -> bytes | None:
    """The first sound frame in `data` from `unit` that speaks of the request's function, or None.

    A serial line gives no frame limits that a program could trust (V1.02, 2.5.1.1 asks for timers in the
    line driver), so noise before the answer, and late answers to other functions, are passed over.
    """
    function = function_of(request)
    lengths = {function: answer_length(request), function | EXCEPTION_BIT: 5}
    for start in range(len(data) - 4):
        length = lengths.get(data[start + 1]) if data[start] == unit else None
        if length is None or start + length > len(data):
            continue
        found = data[start : start + length]
        if _sound(found):
            return found
    return None


def decode_answer(unit: int, request: Request, answer: bytes) -> tuple[bool, ...]:
    """What an answer says: the bits that were read, nothing for a write whose echo fits.

    Raises `BadFrame`, `WrongEcho`, `ExceptionAnswer` and nothing else, whatever the bytes are.
    """
    if not 5 <= len(answer) <= LONGEST_FRAME:
        raise BadFrame(f"{len(answer)} bytes are no frame")
    if not _sound(answer):
        raise BadFrame("its checksum is wrong")
    function = function_of(request)
    if answer[0] != unit:
        raise WrongEcho(f"unit {answer[0]} answered, not unit {unit}")
    if answer[1] == function | EXCEPTION_BIT and len(answer) == 5:
        raise ExceptionAnswer(answer[2])
    if answer[1] != function:
        raise WrongEcho(f"it answered function {answer[1]:02X}, not {function:02X}")
    if len(answer) != answer_length(request):
        raise WrongEcho(f"an answer of {len(answer)} bytes, not {answer_length(request)}")
    if isinstance(request, ReadBits):
        if answer[2] != _bytes_for(request.count):
            raise WrongEcho(f"it says {answer[2]} bytes of bits, not {_bytes_for(request.count)}")
        bits = answer[3:-2]
        return tuple(bool(bits[n // 8] >> n % 8 & 1) for n in range(request.count))
    # A write's answer repeats the first four data bytes: address and value, or address and quantity.
    if answer[2:6] != encode(unit, request)[2:6]:
        raise WrongEcho(f"it repeated {answer[2:6].hex()}, not {encode(unit, request)[2:6].hex()}")
    return ()


def character_s(baud: int) -> float:
    """Seconds that one character takes: 11 bits (V1.02, 2.5.1; ours have 10, the longer is the safe one)."""
    return 11 / baud


def silence_s(baud: int) -> float:
    """Seconds of silence between frames: 3.5 characters, above 19200 baud a fixed 1.75 ms (2.5.1.1)."""
    return 0.00175 if baud > 19200 else 3.5 * character_s(baud)


def _word(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _bytes_for(bits: int) -> int:
    return (bits + 7) // 8


def _sound(data: bytes) -> bool:
    return crc16(data[:-2]) == int.from_bytes(data[-2:], "little")
