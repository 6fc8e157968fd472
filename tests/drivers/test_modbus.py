"""The relay driver's Modbus codec: the manuals' own frames, pymodbus as an independent peer, any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import WriteMultipleRegistersRequest, WriteMultipleRegistersResponse

from drivers.relay.boards import BOARDS
from drivers.relay.modbus import (
    READ_COILS,
    READ_INPUTS,
    BadFrame,
    ExceptionAnswer,
    ModbusError,
    ReadBits,
    Request,
    WriteCoil,
    WriteRegisters,
    WrongEcho,
    answer_length,
    crc16,
    decode_answer,
    encode,
    find_answer,
    frame,
    silence_s,
)

UNITS = st.integers(1, 247)
WORDS = st.integers(0, 0xFFFF)
READS = st.builds(ReadBits, st.sampled_from([READ_COILS, READ_INPUTS]), WORDS, st.integers(1, 2000))
WRITES: st.SearchStrategy[Request] = st.one_of(
    st.builds(WriteCoil, WORDS, WORDS),
    st.builds(WriteRegisters, WORDS, st.lists(WORDS, min_size=1, max_size=123).map(tuple)),
)
REQUESTS = st.one_of(READS, WRITES)


# The manuals' own bytes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("board", "unit", "channel", "ms", "wire"),
    [
        ("waveshare", 1, 0, 700, "01 05 02 00 00 07 8D B0"),
        ("waveshare", 1, 1, 800, "01 05 02 01 00 08 9C 74"),
        ("lctech", 255, 0, 2000, "FF 10 00 03 00 02 04 00 04 00 14 C5 9F"),
        ("lctech", 254, 0, 1000, "FE 10 00 03 00 02 04 00 04 00 0A 41 6B"),
        ("lctech", 254, 3, 100, "FE 10 00 12 00 02 04 00 04 00 01 C0 6C"),
    ],
)
def test_a_timed_pulse_is_the_frame_of_the_boards_manual(
    board: str, unit: int, channel: int, ms: int, wire: str
) -> None:
    dialect = BOARDS[board]
    assert encode(unit, dialect.pulse(channel, dialect.units(ms))) == bytes.fromhex(wire)


def test_a_pulse_is_rounded_up_to_the_boards_unit() -> None:
    assert [BOARDS["waveshare"].units(ms) for ms in (1, 100, 101, 700)] == [1, 1, 2, 7]


def test_a_board_that_reads_in_eights_is_asked_in_eights() -> None:
    assert encode(255, BOARDS["lctech"].read_inputs(2)) == bytes.fromhex("FF 02 00 00 00 08 6C 12")
    assert BOARDS["waveshare"].read_inputs(2) == ReadBits(READ_INPUTS, 0, 2)


def test_the_bits_of_an_answer_come_lowest_first() -> None:
    # Modbus Application Protocol V1.1b3, 6.1: coils 20 to 38, CD 6B 05.
    answer = frame(1, bytes.fromhex("01 03 CD 6B 05"))
    bits = decode_answer(1, ReadBits(READ_COILS, 19, 19), answer)
    assert bits[:8] == (True, False, True, True, False, False, True, True)
    assert len(bits) == 19


def test_silence_is_three_and_a_half_characters_and_fixed_at_high_speed() -> None:
    assert silence_s(9600) == pytest.approx(0.00401, abs=1e-5)
    assert silence_s(115200) == 0.00175


# pymodbus as the peer ------------------------------------------------------------------------------------


@given(st.binary(min_size=1, max_size=254))
def test_the_checksum_is_the_one_pymodbus_computes(data: bytes) -> None:
    assert crc16(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(2, "big")


def _as_a_device(wire: bytes) -> ModbusPDU | None:
    """What pymodbus understands when it is the device."""
    decoder = DecodePDU(True)
    _used, _unit, _tid, pdu = FramerRTU(decoder).decode(wire)
    return decoder.decode(pdu)


@given(UNITS, READS)
def test_pymodbus_reads_our_requests_for_bits(unit: int, request: ReadBits) -> None:
    heard = _as_a_device(encode(unit, request))
    expected = ReadCoilsRequest if request.function == READ_COILS else ReadDiscreteInputsRequest
    assert isinstance(heard, expected)
    assert (heard.address, heard.count) == (request.address, request.count)


@given(UNITS, WORDS, st.lists(WORDS, min_size=1, max_size=123))
def test_pymodbus_reads_our_writes_of_registers(unit: int, address: int, values: list[int]) -> None:
    heard = _as_a_device(encode(unit, WriteRegisters(address, tuple(values))))
    assert isinstance(heard, WriteMultipleRegistersRequest)
    assert (heard.address, heard.registers) == (address, values)


@given(UNITS, WORDS, st.booleans())
def test_pymodbus_reads_our_writes_of_a_coil(unit: int, address: int, on: bool) -> None:
    heard = _as_a_device(encode(unit, WriteCoil(address, 0xFF00 if on else 0)))
    assert isinstance(heard, WriteSingleCoilRequest)
    assert (heard.address, heard.bits) == (address, [on])


def _from_a_device(unit: int, answer: ModbusPDU) -> bytes:
    """The bytes that pymodbus answers with."""
    pdu = bytes((answer.function_code,)) + answer.encode()
    return FramerRTU(DecodePDU(True)).encode(pdu, unit, 0)


@given(UNITS, READS, st.data())
def test_we_read_the_bits_that_pymodbus_answers(unit: int, request: ReadBits, data: st.DataObject) -> None:
    bits = data.draw(st.lists(st.booleans(), min_size=request.count, max_size=request.count))
    answer = ReadCoilsResponse if request.function == READ_COILS else ReadDiscreteInputsResponse
    wire = _from_a_device(unit, answer(bits=bits))
    assert decode_answer(unit, request, wire) == tuple(bits)


@given(UNITS, WORDS, st.lists(WORDS, min_size=1, max_size=123).map(tuple))
def test_we_take_pymodbus_answer_to_a_write_of_registers(unit: int, address: int, values: tuple[int, ...]) -> None:
    wire = _from_a_device(unit, WriteMultipleRegistersResponse(address=address, count=len(values)))
    assert decode_answer(unit, WriteRegisters(address, values), wire) == ()


@given(UNITS, REQUESTS, st.integers(0, 255))
def test_we_take_pymodbus_exception_as_a_refusal(unit: int, request: Request, code: int) -> None:
    function = encode(unit, request)[1]
    wire = _from_a_device(unit, ExceptionResponse(function, exception_code=code))
    with pytest.raises(ExceptionAnswer) as refusal:
        decode_answer(unit, request, wire)
    assert refusal.value.code == code


# Answers that are not the answer -------------------------------------------------------------------------


def test_an_echo_of_another_output_is_wrong() -> None:
    with pytest.raises(WrongEcho, match="02010007"):
        decode_answer(1, WriteCoil(0x0200, 7), encode(1, WriteCoil(0x0201, 7)))


def test_an_echo_of_another_time_is_wrong() -> None:
    with pytest.raises(WrongEcho):
        decode_answer(1, WriteCoil(0x0200, 7), encode(1, WriteCoil(0x0200, 70)))


def test_an_answer_of_another_unit_is_wrong() -> None:
    with pytest.raises(WrongEcho, match="unit 2"):
        decode_answer(1, WriteCoil(0x0200, 7), encode(2, WriteCoil(0x0200, 7)))


@given(REQUESTS, st.integers(0, 7), st.integers(1, 255))
def test_no_single_damaged_byte_passes_as_an_echo(request: Request, at: int, change: int) -> None:
    if isinstance(request, ReadBits):
        answer = bytearray(frame(1, bytes((request.function, 1, 5))))
    else:
        answer = bytearray(frame(1, encode(1, request)[1:6]))
    answer[at % len(answer)] ^= change
    with pytest.raises(BadFrame):
        decode_answer(1, request, bytes(answer))


@given(st.integers(0, 255), REQUESTS, st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_a_modbus_error(unit: int, request: Request, data: bytes) -> None:
    for candidate in (data, frame(unit, data), frame(unit, encode(unit, request)[1:2] + data)):
        try:
            bits = decode_answer(unit, request, candidate)
        except ModbusError:
            continue
        assert len(bits) == (request.count if isinstance(request, ReadBits) else 0)


@given(st.binary(max_size=40), WRITES, st.binary(max_size=10))
def test_an_answer_is_found_behind_noise(noise: bytes, request: Request, after: bytes) -> None:
    echo = frame(1, encode(1, request)[1:6])
    found = find_answer(1, request, noise + echo + after)
    assert found is not None
    assert len(found) in (answer_length(request), 5)
    # A random noise that holds a sound frame of this function by itself would be found first: 1 in 65536.
    assert found == echo or found in noise + echo


@given(st.integers(0, 255), REQUESTS, st.binary(max_size=600))
def test_what_is_found_in_noise_is_always_sound(unit: int, request: Request, data: bytes) -> None:
    if (found := find_answer(unit, request, data)) is not None:
        assert crc16(found[:-2]) == int.from_bytes(found[-2:], "little")


def test_a_late_answer_to_another_function_is_passed_over() -> None:
    late = frame(1, bytes((READ_COILS, 1, 0)))
    request = WriteCoil(0x0200, 7)
    assert find_answer(1, request, late + encode(1, request)) == encode(1, request)
