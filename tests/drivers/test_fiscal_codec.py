"""Frames of Datecs version 1: published examples, broken lines, and whatever a cable can bring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.fiscal.datecs_frames import FrameError, bcc, unescape
from drivers.fiscal.datecs_v1 import MAX_ANSWER, MAX_DATA, AnswerParser, decode_answer, encode_request, escape
from drivers.fiscal.frames import Answer, Event, Signal

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "fiscal-vectors.json").read_text("utf-8")
)
V1 = [bytes.fromhex(vector["bytes_hex"]) for vector in VECTORS if vector["family"] == "datecs-v1"]
ANSWERS = [frame for frame in V1 if frame[-13:-12] == b"\x04"]
REQUESTS = [frame for frame in V1 if frame[-13:-12] != b"\x04"]

answers = st.builds(
    Answer,
    seq=st.integers(0x20, 0x7F),
    command=st.integers(0x20, 0xFF),
    data=st.binary(max_size=100),
    status=st.binary(min_size=6, max_size=6).map(lambda status: bytes(byte | 0x80 for byte in status)),
)


def answer_frame(answer: Answer) -> bytes:
    """The frame of `answer`, as a device sends it."""
    assert answer.command is not None
    inner = bytes((answer.seq, answer.command)) + escape(answer.data) + b"\x04" + answer.status + b"\x05"
    body = bytes((0x20 + 1 + len(inner),)) + inner
    return b"\x01" + body + bcc(body) + b"\x03"


def test_vectors_hold_both_directions() -> None:
    assert len(V1) == 24
    assert len(REQUESTS) == 16
    assert len(ANSWERS) == 8


@pytest.mark.parametrize("frame", REQUESTS, ids=lambda frame: frame.hex())
def test_request_is_the_published_one(frame: bytes) -> None:
    assert encode_request(frame[2], frame[3], unescape(frame[4:-6])) == frame


@pytest.mark.parametrize("frame", ANSWERS, ids=lambda frame: frame.hex())
def test_published_answer_is_understood_and_comes_out_the_same(frame: bytes) -> None:
    answer = decode_answer(frame)
    assert (answer.seq, answer.command) == (frame[2], frame[3])
    assert answer_frame(answer) == frame


def test_answer_with_everything_in_its_place() -> None:
    frame = bytes.fromhex("01 33 25 35 52 30 30 30 30 36 38 30 04 80 80 88 80 86 9A 05 30 35 36 3E 03")
    assert decode_answer(frame) == Answer(0x25, 53, b"R0000680", bytes.fromhex("80 80 88 80 86 9A"))


def test_status_bytes_inside_data_do_not_end_the_frame() -> None:
    frame = bytes.fromhex("01 31 20 4A 88 80 C0 80 80 B8 04 88 80 C0 80 80 B8 05 30 37 3A 34 03")
    assert AnswerParser().feed(frame) == [decode_answer(frame)]


def test_modem_text_in_front_of_a_frame_is_dropped() -> None:
    parser = AnswerParser()
    assert parser.feed(b"\r\nAT+CPIN?\r\n" + ANSWERS[0]) == [decode_answer(ANSWERS[0])]
    assert parser.junk == 12


def test_busy_busy_answer() -> None:
    events = AnswerParser().feed(b"\x16\x16" + ANSWERS[1])
    assert events == [Signal.SYN, Signal.SYN, decode_answer(ANSWERS[1])]


def test_nak() -> None:
    assert AnswerParser().feed(b"\x15") == [Signal.NAK]


def test_answer_behind_a_torn_one_is_found_when_the_line_falls_silent() -> None:
    parser = AnswerParser()
    torn = b"\x01\xff\x20"
    assert parser.feed(torn + ANSWERS[0]) == []
    assert parser.expire() == [decode_answer(ANSWERS[0])]
    assert parser.held == 0


def test_answer_behind_one_with_a_wrong_checksum_is_found_at_once() -> None:
    parser = AnswerParser()
    broken = ANSWERS[0][:-2] + bytes((ANSWERS[0][-2] ^ 1,)) + ANSWERS[0][-1:]
    assert parser.feed(broken + ANSWERS[1]) == [decode_answer(ANSWERS[1])]
    assert parser.broken > 0


@pytest.mark.parametrize(
    ("seq", "command", "data"),
    [(0x1F, 74, b""), (0x80, 74, b""), (0x20, 31, b""), (0x20, 256, b""), (0x20, 54, b"x" * (MAX_DATA + 1))],
)
def test_request_that_no_frame_can_carry_is_refused(seq: int, command: int, data: bytes) -> None:
    with pytest.raises(FrameError):
        encode_request(seq, command, data)


def test_escaping_counts_in_the_length() -> None:
    with pytest.raises(FrameError):
        encode_request(0x20, 54, b"\x01" * (MAX_DATA // 2 + 1))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_escape_comes_back(data: bytes) -> None:
    escaped = escape(data)
    assert unescape(escaped) == data
    assert not set(escaped) & (set(range(0x20)) - {0x09, 0x0A, 0x10})


@settings(deadline=None)
@given(st.binary(max_size=600))
@example(b"\x01")
@example(b"\x01\x2b" + b"\x01\x2b" * 200)
@example(b"\x01\xff" * 300)
def test_decode_raises_nothing_but_its_own_error(data: bytes) -> None:
    try:
        answer = decode_answer(data)
    except FrameError:
        return
    assert len(answer.status) == 6


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
    st.sampled_from([b"\x01", b"\x15", b"\x16", b"\x01\xff", b"\x01\x2b\x20", ANSWERS[0][:-3], ANSWERS[2][3:]]),
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
