"""Frames of Tremol ZFP: published examples, broken lines, and whatever a cable can bring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.fiscal.frames import Answer, Event, Signal
from drivers.fiscal.zfp import (
    MAX_ANSWER,
    MAX_DATA,
    AnswerParser,
    FrameError,
    ZfpFraming,
    checksum,
    decode_answer,
    encode_request,
)

VECTORS: list[dict[str, Any]] = [
    vector
    for vector in json.loads((Path(__file__).parent.parent / "data" / "fiscal-vectors.json").read_text("utf-8"))
    if vector["family"] == "tremol-zfp"
]
FRAMES = [bytes.fromhex(vector["bytes_hex"]) for vector in VECTORS]
STATUS, ACK, ACK_32, OPEN, CLOSE = FRAMES
DATA = encode_request(0x25, 0x71, b"000123")


def acknowledgement(nbl: int, digits: bytes) -> bytes:
    """As a device sends it."""
    body = bytes((nbl,)) + digits
    return b"\x06" + body + checksum(body) + b"\n"


answers = st.one_of(
    st.builds(
        Answer,
        seq=st.integers(0x20, 0x9F),
        command=st.integers(0x20, 0x7F),
        data=st.binary(max_size=MAX_DATA).map(lambda data: bytes(byte | 0x20 for byte in data)),
        status=st.just(b""),
    ),
    st.builds(
        Answer,
        seq=st.integers(0x20, 0x9F),
        command=st.none(),
        data=st.just(b""),
        status=st.binary(min_size=2, max_size=2).map(lambda digits: bytes(byte & 0xF | 0x30 for byte in digits)),
    ),
)


def frame_of(answer: Answer) -> bytes:
    if answer.command is None:
        return acknowledgement(answer.seq, answer.status)
    return encode_request(answer.seq, answer.command, answer.data)


@pytest.mark.parametrize(
    ("frame", "nbl", "command", "data"),
    [(STATUS, 0x20, 0x20, b""), (OPEN, 0x21, 0x30, b"1;0000;1;1;2"), (CLOSE, 0x22, 0x38, b"")],
)
def test_request_is_the_published_one(frame: bytes, nbl: int, command: int, data: bytes) -> None:
    assert ZfpFraming().encode(nbl, command, data) == frame


def test_published_acknowledgements_are_understood() -> None:
    assert decode_answer(ACK) == Answer(0x20, None, b"", b"00")
    assert decode_answer(ACK_32) == Answer(0x21, None, b"", b"32")
    assert [acknowledgement(0x20, b"00"), acknowledgement(0x21, b"32")] == [ACK, ACK_32]


def test_all_published_frames_are_tested() -> None:
    assert FRAMES == [STATUS, ACK, ACK_32, OPEN, CLOSE]


def test_checksum_of_the_document() -> None:
    assert checksum(b"\xb5") == b"\x3b\x35"


def test_answer_with_data() -> None:
    assert decode_answer(DATA) == Answer(0x25, 0x71, b"000123", b"")


def test_line_feed_among_status_bytes_does_not_end_the_frame() -> None:
    body = bytes((0x20 + 3 + 5, 0x20, 0x20)) + b"\x80\x0a\x82\xf0\x80"
    frame = b"\x02" + body + checksum(body) + b"\n"
    assert AnswerParser().feed(frame) == [Answer(0x20, 0x20, b"\x80\x0a\x82\xf0\x80", b"")]


def test_answer_may_be_longer_than_a_request() -> None:
    body = bytes((0xFF, 0x20, 0x6D)) + b"0" * 220
    frame = b"\x02" + body + checksum(body) + b"\n"
    assert AnswerParser().feed(frame) == [Answer(0x20, 0x6D, b"0" * 220, b"")]


@pytest.mark.parametrize("signal", [(0x15, Signal.NAK), (0x0E, Signal.RETRY)])
def test_signal_counts_once_the_line_is_quiet(signal: tuple[int, Signal]) -> None:
    parser = AnswerParser()
    assert parser.feed(bytes((signal[0],))) == []
    assert parser.feed(b"") == [signal[1]]
    assert parser.feed(b"") == []
    assert parser.feed(bytes((signal[0],))) == []
    assert parser.expire() == [signal[1]]
    assert parser.expire() == []


def test_frame_that_pauses_on_the_way_is_still_found() -> None:
    parser = AnswerParser()
    assert parser.feed(ACK[:3]) == []
    assert parser.feed(b"") == []
    assert parser.feed(ACK[3:]) == [decode_answer(ACK)]


def test_of_signals_in_a_row_the_last_one_counts() -> None:
    parser = AnswerParser()
    for byte in b"\x15\x0e\x0e":
        assert parser.feed(bytes((byte,))) == []
    assert parser.held == 1
    assert parser.expire() == [Signal.RETRY]


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("at", range(len(ACK)))
def test_acknowledgement_with_one_wrong_bit_is_neither_an_answer_nor_a_call_to_send_again(at: int, bit: int) -> None:
    """0Eh is 06h with one wrong bit: to believe it would carry a command out twice."""
    torn = ACK[:at] + bytes((ACK[at] ^ 1 << bit,)) + ACK[at + 1 :]
    for chunks in ([torn], [torn[:1], torn[1:]], [bytes((byte,)) for byte in torn]):
        parser = AnswerParser()
        assert [event for chunk in chunks for event in parser.feed(chunk)] == []
        assert parser.expire() == []


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("at", range(len(DATA)))
def test_data_with_one_wrong_bit_is_nothing(at: int, bit: int) -> None:
    torn = DATA[:at] + bytes((DATA[at] ^ 1 << bit,)) + DATA[at + 1 :]
    parser = AnswerParser()
    assert [event for byte in torn for event in parser.feed(bytes((byte,)))] == []
    assert parser.expire() == []


def test_signal_after_junk_is_not_believed_until_the_line_was_silent() -> None:
    parser = AnswerParser()
    assert parser.feed(b"\x80\x0e") == []
    assert parser.expire() == []
    parser.feed(b"\x0e")
    assert parser.expire() == [Signal.RETRY]


def test_reset_forgets() -> None:
    parser = AnswerParser()
    parser.feed(b"\x0e")
    parser.reset()
    assert (parser.expire(), parser.held) == ([], 0)


def test_modem_text_in_front_of_a_frame_is_dropped() -> None:
    parser = AnswerParser()
    assert parser.feed(b"\r\nAT+CPIN?\r\n" + ACK) == [decode_answer(ACK)]
    assert parser.junk == 12


def test_answer_behind_a_torn_one_is_found_when_the_line_falls_silent() -> None:
    parser = AnswerParser()
    assert parser.feed(b"\x02\xff\x20" + ACK) == []
    assert parser.expire() == [decode_answer(ACK)]
    assert parser.held == 0


def test_answer_behind_one_with_a_wrong_checksum_is_found_at_once() -> None:
    parser = AnswerParser()
    assert parser.feed(ACK[:-2] + b"\x3f\n" + DATA) == [decode_answer(DATA)]
    assert parser.broken > 0


@pytest.mark.parametrize(
    ("nbl", "command", "data"),
    [
        (0x1F, 0x20, b""),
        (0xA0, 0x20, b""),
        (0x20, 0x1F, b""),
        (0x20, 0x80, b""),
        (0x20, 0x37, b"x" * (MAX_DATA + 1)),
        (0x20, 0x37, b"a\nb"),
    ],
)
def test_request_that_no_frame_can_carry_is_refused(nbl: int, command: int, data: bytes) -> None:
    with pytest.raises(FrameError):
        encode_request(nbl, command, data)


def test_longest_request_has_the_largest_length_of_the_document() -> None:
    assert encode_request(0x20, 0x37, b"x" * MAX_DATA)[1] == 0x9F


def test_nothing_is_sent_again_after_silence() -> None:
    assert ZfpFraming().repeats is False


@given(answers)
def test_answer_round_trip(answer: Answer) -> None:
    assert decode_answer(frame_of(answer)) == answer


@given(st.lists(answers, max_size=4), st.integers(1, 9))
def test_chunks_of_any_size_give_the_same_answers(said: list[Answer], size: int) -> None:
    stream = b"".join(frame_of(answer) for answer in said)
    parser = AnswerParser()
    events: list[Event] = []
    for at in range(0, len(stream), size):
        events += parser.feed(stream[at : at + size])
    assert events == said
    assert parser.held == 0


@given(st.lists(st.binary(max_size=300), max_size=5), answers)
@example([b"\x02\xff"], Answer(0x20, None, b"", b"00"))
@example([b"\x0e" * 300], Answer(0x20, None, b"", b"00"))
def test_anything_at_all_is_survived_and_the_answer_after_silence_is_found(noise: list[bytes], last: Answer) -> None:
    parser = AnswerParser()
    for chunk in noise:
        parser.feed(chunk)
        assert parser.held <= MAX_ANSWER
    parser.expire()
    assert parser.held == 0
    assert parser.feed(frame_of(last)) == [last]


@given(st.binary(min_size=1, max_size=40), st.integers(1, 9))
@example(b"\x0e" + ACK[1:], 1)
@example(b"\x06\x0e", 1)
@example(b"\x80\x15", 2)
def test_no_signal_comes_out_of_what_is_more_than_signals(burst: bytes, size: int) -> None:
    parser = AnswerParser()
    events = [event for at in range(0, len(burst), size) for event in parser.feed(burst[at : at + size])]
    events += parser.expire()
    answered = any(isinstance(event, Answer) for event in events)
    only = set(burst) <= {0x0E, 0x15}
    assert answered or [event for event in events if isinstance(event, Signal)] == (
        [{0x0E: Signal.RETRY, 0x15: Signal.NAK}[burst[-1]]] if only else []
    )


@given(st.binary(max_size=300))
@example(ACK)
@example(DATA)
def test_decoding_refuses_by_frame_error_only(data: bytes) -> None:
    try:
        answer = decode_answer(data)
    except FrameError:
        return
    assert answer.seq in range(0x20, 0xA0)
