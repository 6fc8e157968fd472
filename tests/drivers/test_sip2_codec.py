"""SIP2 messages: made as the protocol's document has them, taken apart whatever comes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.simulators.sip2 import signed
from drivers.sip2 import codec
from drivers.sip2.codec import Answer, BadChecksum, Flag, Sip2Error, decode, framed

DATE = b"20261127    101500"


def test_the_checksum_makes_all_bytes_add_up_to_nothing() -> None:
    message = framed(codec.status(), 4)
    assert message == signed("9900802.00AY4")
    assert (sum(message[:-5]) + int(message[-5:-1], 16)) % 65536 == 0


def test_without_error_detection_nothing_is_added() -> None:
    assert framed(codec.status(), None) == b"9900802.00\r"


def test_questions_have_the_fields_of_the_document_in_their_places() -> None:
    assert codec.login(b"gw", b"secret", b"hall") == b"9300CNgw|COsecret|CPhall|"
    information = codec.patron(b"63", DATE, b"LIB", b"L1", b"")
    assert information == b"63000" + DATE + b" " * 10 + b"AOLIB|AAL1|AC|AD|"
    assert codec.patron(b"23", DATE, b"LIB", b"L1", b"12") == b"23000" + DATE + b"AOLIB|AAL1|AC|AD12|"
    assert codec.end_session(DATE, b"LIB", b"L1") == b"35" + DATE + b"AOLIB|AAL1|"


@pytest.mark.parametrize("value", [b"L1|AD1234", b"L1\r63", b"L1\n"])
def test_no_card_can_put_fields_or_messages_of_its_own_into_a_question(value: bytes) -> None:
    with pytest.raises(ValueError, match="no line end"):
        codec.patron(b"63", DATE, b"LIB", value, b"")


def test_an_answer_is_taken_apart() -> None:
    answer = decode(signed(f"24Y   Y{' ' * 9}000{DATE.decode()}AOLIB|AAL1|AEŽane|BLN|AY3")[:-1])
    assert (answer.code, answer.sequence, answer.fields[b"AA"]) == (b"24", 3, b"L1")
    assert [codec.flag(answer, flag) for flag in Flag] == [True, True]
    assert codec.yes_no(answer, b"BL") is False
    assert codec.yes_no(answer, b"CQ") is None
    assert "ane" not in repr(answer)


def test_of_a_field_that_comes_twice_the_first_counts() -> None:
    answer = decode(b"24" + b" " * 14 + b"000" + DATE + b"AAL1|BLN|BLY|")
    assert codec.yes_no(answer, b"BL") is False


def test_a_changed_bit_is_noticed() -> None:
    good = signed(f"36Y{DATE.decode()}AOLIB|AY3")[:-1]
    for at in range(len(good) - 9):
        bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        with pytest.raises(BadChecksum):
            decode(bad)


@pytest.mark.parametrize("line", [b"", b"9", b"94", b"24YY", b"17", b"x" * 9000, b"941AYxAZFB00"])
def test_what_is_no_answer_is_refused(line: bytes) -> None:
    with pytest.raises(Sip2Error):
        decode(line)


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda rest: b"64" + b" " * 59 + rest))
@example(b"AY1AZ0000")
def test_any_bytes_are_an_answer_or_refused(line: bytes) -> None:
    try:
        answer = decode(line)
    except Sip2Error:
        return
    assert isinstance(answer, Answer)
    assert answer.sequence is None or 0 <= answer.sequence <= 9


@given(st.binary(max_size=100).filter(lambda data: b"\r" not in data), st.integers(0, 9))
def test_what_is_framed_adds_up_and_is_unframed_again(data: bytes, sequence: int) -> None:
    line = framed(b"96" + data, sequence)
    assert line.endswith(b"\r")
    assert decode(line[:-1]).sequence == sequence


# A recorded conversation with somebody else's server -------------------------------------------------------

RECORDED = Path(__file__).parents[1] / "data" / "sip2-pysip2.txt"
DATES = re.compile(rb"^(?:63000|23000|35)(.{18})")


def recorded() -> list[tuple[bytes, bytes]]:
    """Questions and answers, in their order."""
    lines = [line for line in RECORDED.read_bytes().splitlines() if not line.startswith(b"#")]
    assert all(line[:3] == (b"S: " if at % 2 else b"C: ") for at, line in enumerate(lines))
    return [(question[3:], answer[3:]) for question, answer in zip(lines[::2], lines[1::2], strict=True)]


def asked(question: bytes) -> bytes:
    """What was asked, made anew."""
    code, barcode = question[:2], question.partition(b"|AA")[2].partition(b"|")[0]
    found = DATES.match(question)
    date = found[1] if found else b""
    match code:
        case b"93":
            return codec.login(b"gw", b"secret", b"")
        case b"99":
            return codec.status()
        case b"35":
            return codec.end_session(date, b"LIB", barcode)
        case _:
            return codec.patron(code, date, b"LIB", barcode, b"")


def test_the_recorded_questions_are_made_again_byte_for_byte() -> None:
    for question, answer in recorded():
        sequence = decode(answer).sequence
        assert framed(asked(question), sequence) == question + b"\r"


def test_the_recorded_answers_say_what_that_server_was_told_of_its_patrons() -> None:
    said: list[tuple[bytes, bool | None, bool, bool]] = []
    for question, line in recorded():
        answer = decode(line)
        if question[:2] in (b"63", b"23"):
            flags = codec.flag(answer, Flag.CARD_LOST), codec.flag(answer, Flag.CHARGE_DENIED)
            said.append((answer.fields[b"AA"], codec.yes_no(answer, b"BL"), *flags))
        elif question[:2] == b"99":
            assert codec.is_online(answer)
        else:
            assert codec.said_yes(answer)
    cards = [
        (b"L-1", True, False, False),
        (b"L-2", True, True, False),
        (b"L-3", True, False, True),
        (b"L-9", False, False, False),
    ]
    assert said == cards * 2
