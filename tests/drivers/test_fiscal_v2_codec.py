"""Frames of Datecs version 2: published examples, broken lines, and whatever a cable can bring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.fiscal.datecs_frames import FrameError, bcc, unescape
from drivers.fiscal.datecs_v2 import (
    MAX_ANSWER,
    MAX_ANSWER_DATA,
    MAX_DATA,
    AnswerParser,
    FramingV2,
    decode_answer,
    digits,
    encode_request,
    escape,
    number,
)
from drivers.fiscal.frames import Answer, Event, Framing, Signal

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "fiscal-vectors.json").read_text("utf-8")
)
V2 = [bytes.fromhex(vector["bytes_hex"]) for vector in VECTORS if vector["family"] == "datecs-v2"]
V1 = [bytes.fromhex(vector["bytes_hex"]) for vector in VECTORS if vector["family"] == "datecs-v1"]
ANSWERS = [frame for frame in V2 if frame[-15:-14] == b"\x04"]
REQUESTS = [frame for frame in V2 if frame[-15:-14] != b"\x04"]

answers = st.builds(
    Answer,
    seq=st.integers(0x20, 0xFF),
    command=st.integers(0x20, 0xFF),
    data=st.binary(max_size=200),
    status=st.binary(min_size=8, max_size=8).map(lambda status: bytes(byte | 0x80 for byte in status)),
)


def answer_frame(answer: Answer) -> bytes:
    """The frame of `answer`, as a device sends it."""
    assert answer.command is not None
    inner = bytes((answer.seq,)) + digits(answer.command) + escape(answer.data) + b"\x04" + answer.status + b"\x05"
    body = digits(0x20 + 4 + len(inner)) + inner
    return b"\x01" + body + bcc(body) + b"\x03"


def test_vectors_hold_both_directions() -> None:
    assert len(V2) == 14
    assert len(REQUESTS) == 10
    assert len(ANSWERS) == 4


@pytest.mark.parametrize("frame", REQUESTS, ids=lambda frame: frame.hex())
def test_request_is_the_published_one(frame: bytes) -> None:
    assert encode_request(frame[5], number(frame[6:10]), unescape(frame[10:-6])) == frame


@pytest.mark.parametrize("frame", ANSWERS, ids=lambda frame: frame.hex())
def test_published_answer_is_understood_and_comes_out_the_same(frame: bytes) -> None:
    answer = decode_answer(frame)
    assert (answer.seq, answer.command) == (frame[5], number(frame[6:10]))
    assert answer_frame(answer) == frame
    assert AnswerParser().feed(frame) == [answer]


def test_answer_with_everything_in_its_place() -> None:
    frame = bytes.fromhex(
        "01 30 30 33 3B 30 30 30 33 35 2D 31 31 31 30 31 36 09 04 80 80 80 80 86 9A 80 80 05 30 37 34 3F 03"
    )
    status = bytes.fromhex("80 80 80 80 86 9A 80 80")
    assert decode_answer(frame) == Answer(seq=0x30, command=53, data=b"-111016\t", status=status)


def test_status_bytes_inside_data_do_not_end_the_frame() -> None:
    status = bytes.fromhex("80 80 88 80 86 9A 80 80")
    answer = Answer(0x21, 74, b"0\t" + status + b"\t", status)
    assert AnswerParser().feed(answer_frame(answer)) == [answer]


def test_framing_is_one_of_a_dialect_and_repeats() -> None:
    framing: Framing = FramingV2()
    assert (framing.seq_first, framing.seq_last, framing.repeats) == (0x20, 0xFF, True)
    assert framing.encode(0x24, 42, b"Test\t") == V2[0]
    assert framing.parser().feed(V2[1]) == [decode_answer(V2[1])]


def test_answer_in_the_pieces_in_which_a_serial_port_delivered_it() -> None:
    """ErpNet.FP, issue 135: ten pieces behind a SYN."""
    rest = ANSWERS[2]
    parser, events = AnswerParser(), list[Event]()
    assert parser.feed(b"\x16") == [Signal.SYN]
    for size in (1, 7, 1, 7, 1, 7, 1, 7, 1):
        start, rest = rest[:size], rest[size:]
        events += parser.feed(start)
    assert rest == b""
    assert events == [decode_answer(ANSWERS[2])]
    assert (parser.held, parser.junk, parser.broken) == (0, 0, 0)


def test_modem_text_in_front_of_a_frame_is_dropped() -> None:
    parser = AnswerParser()
    assert parser.feed(b"\r\nAT+CPIN?\r\n" + ANSWERS[0]) == [decode_answer(ANSWERS[0])]
    assert parser.junk == 12


def test_a_frame_that_comes_twice_is_told_twice() -> None:
    assert AnswerParser().feed(ANSWERS[0] * 2) == [decode_answer(ANSWERS[0])] * 2


def test_nak() -> None:
    assert AnswerParser().feed(b"\x15") == [Signal.NAK]


def test_answer_of_version_1_is_no_answer() -> None:
    parser = AnswerParser()
    assert [event for frame in V1 for event in parser.feed(frame) + parser.expire()] == []


def test_own_request_that_comes_back_as_an_echo_is_no_answer() -> None:
    parser = AnswerParser()
    assert parser.feed(REQUESTS[0] + ANSWERS[0]) == [decode_answer(ANSWERS[0])]


def test_answer_behind_a_torn_one_is_found_when_the_line_falls_silent() -> None:
    parser = AnswerParser()
    torn = b"\x01\x30\x32\x30\x30\x20"
    assert parser.feed(torn + ANSWERS[0]) == []
    assert parser.expire() == [decode_answer(ANSWERS[0])]
    assert parser.held == 0


def test_answer_behind_one_with_a_wrong_checksum_is_found_at_once() -> None:
    parser = AnswerParser()
    broken = ANSWERS[0][:-2] + bytes((ANSWERS[0][-2] ^ 1,)) + ANSWERS[0][-1:]
    assert parser.feed(broken + ANSWERS[1]) == [decode_answer(ANSWERS[1])]
    assert parser.broken > 0


@pytest.mark.parametrize(("at", "byte"), [(-15, 0x05), (-6, 0x04)])
def test_a_frame_whose_marks_are_not_in_their_place_is_none(at: int, byte: int) -> None:
    body = bytearray(ANSWERS[0])
    body[at] = byte
    frame = bytes(body[:-5]) + bcc(body[1:-5]) + b"\x03"
    with pytest.raises(FrameError, match="status field"):
        decode_answer(frame)


def test_nothing_is_waited_for_that_is_longer_than_an_answer_can_be() -> None:
    parser = AnswerParser()
    assert parser.feed(b"\x01" + digits(0x20 + 19 + MAX_ANSWER_DATA + 1)) == []
    assert parser.held == 0


def test_the_longest_answer_is_found() -> None:
    answer = Answer(0x20, 125, b"x" * MAX_ANSWER_DATA, b"\x80" * 8)
    frame = answer_frame(answer)
    assert len(frame) == MAX_ANSWER
    assert AnswerParser().feed(frame) == [answer]


@pytest.mark.parametrize(
    ("seq", "command", "data"),
    [(0x1F, 74, b""), (0x100, 74, b""), (0x20, 31, b""), (0x20, 256, b""), (0x20, 54, b"x" * (MAX_DATA + 1))],
)
def test_request_that_no_frame_can_carry_is_refused(seq: int, command: int, data: bytes) -> None:
    with pytest.raises(FrameError):
        encode_request(seq, command, data)


def test_escaping_counts_in_the_length() -> None:
    with pytest.raises(FrameError):
        encode_request(0x20, 54, b"\x01" * (MAX_DATA // 2 + 1))


@given(st.integers(0, 0xFFFF))
def test_digits_come_back(value: int) -> None:
    assert number(digits(value)) == value


@pytest.mark.parametrize("four", [b"", b"000", b"00000", b"000/", b"000@", b"-001"])
def test_what_is_not_four_digits_is_no_number(four: bytes) -> None:
    with pytest.raises(FrameError):
        number(four)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_escape_comes_back(data: bytes) -> None:
    escaped = escape(data)
    assert unescape(escaped) == data
    assert not set(escaped) & (set(range(0x20)) - {0x09, 0x10})


@settings(deadline=None)
@given(st.binary(max_size=700))
@example(b"\x01")
@example(b"\x01\x30\x30\x33\x33" * 100)
@example(ANSWERS[0][:-1])
def test_decode_raises_nothing_but_its_own_error(data: bytes) -> None:
    try:
        answer = decode_answer(data)
    except FrameError:
        return
    assert len(answer.status) == 8


@settings(deadline=None)
@given(answers, st.data())
def test_one_wrong_byte_anywhere_is_noticed(answer: Answer, data: st.DataObject) -> None:
    frame = bytearray(answer_frame(answer))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(FrameError):
        decode_answer(bytes(frame))


noise = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"\x01", b"\x15", b"\x16", b"\x01\x30", b"\x01\x30\x32\x30\x30", b"\x01\x3f\x3f\x3f\x3f", ANSWERS[0][:-3]]
    ),
    st.sampled_from([ANSWERS[2][3:], REQUESTS[0], V1[1]]),
    answers.map(answer_frame),
)


@settings(deadline=None)
@given(st.lists(noise, max_size=30), st.integers(1, 64))
def test_parser_survives_anything_with_a_bounded_buffer(pieces: list[bytes], chunk: int) -> None:
    parser, stream = AnswerParser(), b"".join(pieces)
    for start in range(0, len(stream), chunk):
        parser.feed(stream[start : start + chunk])
        assert parser.held < MAX_ANSWER


@settings(deadline=None)
@given(st.lists(noise, max_size=10), answers, st.integers(1, 64))
def test_parser_finds_the_good_answer_behind_any_noise(pieces: list[bytes], good: Answer, chunk: int) -> None:
    parser, stream = AnswerParser(), b"".join(pieces)
    for start in range(0, len(stream), chunk):
        parser.feed(stream[start : start + chunk])
    parser.expire()
    assert parser.feed(answer_frame(good)) == [good]


@settings(deadline=None)
@given(st.lists(answers, min_size=1, max_size=5), st.data())
def test_chunks_do_not_matter(sent: list[Answer], data: st.DataObject) -> None:
    stream = b"\x16".join(map(answer_frame, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    parser, found = AnswerParser(), list[Event]()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += parser.feed(stream[start:end])
    assert [event for event in found if isinstance(event, Answer)] == sent
    assert found.count(Signal.SYN) == len(sent) - 1


@settings(deadline=None)
@given(st.integers(0x20, 0xFF), st.integers(0x20, 0xFF), st.binary(max_size=MAX_DATA // 2))
def test_a_request_says_what_was_put_into_it(seq: int, command: int, data: bytes) -> None:
    frame = encode_request(seq, command, data)
    assert number(frame[1:5]) == 0x20 + len(frame) - 6
    assert (frame[5], number(frame[6:10]), unescape(frame[10:-6])) == (seq, command, data)
    assert frame[-5:-1] == bcc(frame[1:-5])
