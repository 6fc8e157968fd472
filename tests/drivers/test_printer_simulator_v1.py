"""The simulated Datecs version 1 printers, groups A and B, on their wire: published frames, commands, answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulators.fiscal_datecs import NAK
from drivers.simulators.fiscal_endpoint import REST_OF_FRAME_S
from drivers.simulators.fiscal_model import Stage
from drivers.simulators.fiscal_v1 import RequestReader, answer, checksum
from drivers.simulators.fiscal_wire import Broken, Request
from tests.drivers.printer_host import BOOK, CLOSE, COFFEE, OPEN, PAY, RECEIPT, Host, data, frame, status

VECTORS = [
    {**vector, "bytes": bytes.fromhex(vector["bytes_hex"])}
    for vector in json.loads((Path(__file__).parent.parent / "data" / "fiscal-vectors.json").read_text("utf-8"))
]
V1 = [vector["bytes"] for vector in VECTORS if vector["family"] == "datecs-v1"]


def test_requests_of_the_published_examples_are_understood() -> None:
    requests = [frame for frame in V1 if frame[-13:-12] != b"\x04"]
    assert len(requests) == 16
    for request in requests:
        assert RequestReader().feed(request) == [Request(request[2], request[3], request[4:-6])]


def test_answers_of_the_published_examples_are_made() -> None:
    answers = [frame for frame in V1 if frame[-13:-12] == b"\x04"]
    assert len(answers) == 8
    for published in answers:
        request = Request(published[2], published[3], b"")
        assert answer(request, published[4:-13], published[-12:-6]) == published


def test_published_receipt_on_the_wire() -> None:
    host = Host()
    for published in (vector for vector in VECTORS if vector["origin"] == "computed"):
        if published["family"] == "datecs-v1" and published["bytes"][3] in (48, 49, 51, 53):
            host.line.send(published["bytes"])
            last = host.hear()
    assert last.hex(" ").upper() == "01 33 25 35 52 30 30 30 30 36 38 30 04 80 80 88 80 86 9A 05 30 35 36 3E 03"


def test_digits_of_the_checksum_go_on_after_nine() -> None:
    assert checksum(bytes([0xFF] * 27)) == b"1:>5"


def test_nothing_to_cancel_is_answered_as_in_the_published_log() -> None:
    host = Host("datecs-v1b")
    host.line.send(bytes.fromhex("01 24 24 3C 05 30 30 38 39 03"))
    assert host.hear() == bytes.fromhex("01 2B 24 3C 04 A0 82 80 80 86 9A 05 30 33 3D 36 03")


def test_group_b_opens_as_in_the_published_log() -> None:
    host = Host("datecs-v1b")
    host.line.send(next(frame for frame in V1 if b"DY423793" in frame))
    assert data(host.hear()) == b"0001,0001"


def test_broken_request_is_told_and_the_next_one_found() -> None:
    good = bytes.fromhex("01 24 20 4A 05 30 30 39 33 03")
    found = RequestReader().feed(good[:-2] + b"4\x03" + good)
    assert found[-1] == Request(0x20, 74, b"")
    assert set(map(type, found[:-1])) == {Broken}


def test_frame_that_does_not_go_on_is_broken_after_a_while() -> None:
    host = Host()
    host.line.send(frame(0x21, 74)[:5])
    assert host.line.receive(REST_OF_FRAME_S - 0.001) == b""
    assert host.line.receive(0.002) == NAK


@settings(deadline=None)
@given(st.sampled_from(["datecs-v1", "datecs-v1b"]), st.lists(st.binary(max_size=30), max_size=20))
def test_whatever_comes_in_nothing_breaks(family: str, pieces: list[bytes]) -> None:
    host = Host(family)
    host.do((48, b"1,0000,1" if family == "datecs-v1" else b"1,1,1"))
    for piece in pieces:
        host.line.send(piece)
        host.hear()
        for command in (32, 38, 42, 46, 48, 49, 51, 53, 54, 60, 61, 64, 65, 69, 70, 74, 76, 86, 97, 103, 110, 200):
            reply = host.ask(command, piece)
            assert reply[:1] == b"\x01"
            assert all(byte >= 0x80 for byte in status(reply))
        host.seq = 0x20


# Commands ----------------------------------------------------------------------------------------------------


def test_x_report_of_version_2_is_no_report_here_and_an_empty_one_is_a_z_report() -> None:
    host = Host()
    assert status(host.ask(69, b"X\t"))[0] & 1
    assert host.device.memory.z_number == 0
    assert data(host.ask(69, b"2")).startswith(b"0000,")
    assert data(host.ask(69)).startswith(b"0001,")
    assert host.device.memory.z_number == 1


def test_cash_is_moved_and_read() -> None:
    host = Host()
    assert data(host.ask(70, b"10.00")) == b"P,000001000,000001000,000000000"
    assert data(host.ask(70, b"-2.50")) == b"P,000000750,000001000,000000250"
    assert data(host.ask(70, b"-7.51")) == b"F,000000750,000001000,000000250"
    assert data(host.ask(70)) == b"P,000000750,000001000,000000250"
    assert len(host.device.documents) == 2


def test_transaction_is_told_while_it_is_open_and_after() -> None:
    host = Host()
    host.do(OPEN, COFFEE, (53, b"\tD1.00"))
    assert data(host.ask(76, b"T")) == b"1,0001,+000000450,+000000100"
    host.do((53, b"\tP3.50"), CLOSE)
    assert data(host.ask(76)) == b"0,0001,+000000450"


def test_last_z_report_and_sums_of_the_day() -> None:
    host = Host()
    assert data(host.ask(64)) == b"F"
    host.do(*RECEIPT)
    zeros = b",+000000000000"
    assert data(host.ask(65)) == b"+000000000450" + zeros + b",+000000000940" + zeros * 5
    host.do((69, b"0"))
    assert data(host.ask(64)).startswith(b"P,0001,+000000000450,")
    assert data(host.ask(65)) == b"+000000000000" + zeros * 7


def test_group_b_tells_what_was_given_back() -> None:
    host = Host("datecs-v1b")
    host.do(
        (46, b"1,1,,1,1,0000007,2711260801,02000700"), (49, b"Coffee\tA2.50"), (53, b"\tP2.50"), CLOSE,
    )  # fmt: skip
    assert data(host.ask(65, b"5")).startswith(b"+000000000250,")
    assert data(host.ask(65)).startswith(b"+000000000000,")
    assert host.device.documents[-1].lines[0] == "reversal (refund) of 0000007 2026-11-27T08:01:00 02000700"


def test_group_b_tells_the_kind_of_an_open_reversal() -> None:
    host = Host("datecs-v1b")
    host.do((46, b"1,1,,1,2,7,271126080105,02000700"))
    assert data(host.ask(103)).endswith(b",3")
    assert data(host.ask(103)).startswith(b"P,0,")


ZEROS = b",000000000" * 7
EVERY: list[tuple[str, list[tuple[int, bytes]], int, bytes, bytes]] = [
    ("a", [], 38, b"", b"0001"),
    ("a", [(38, b""), (42, b"Balance: 5")], 39, b"", b"0001"),
    ("a", [], 44, b"3", b""),
    ("a", [OPEN], 52, b"Tea\tB1.14*1.333#kg,+10", b""),
    ("a", [OPEN, COFFEE], 51, b"00;-0.50", b"000000400,000000400" + ZEROS),
    ("a", [OPEN, COFFEE], 103, b"", b"1,000000450" + ZEROS + b",0,0000000001"),
    ("a", [OPEN, COFFEE], 60, b"", b""),
    ("a", [OPEN, COFFEE, (60, b"")], 113, b"", b"0000001"),
    ("a", [OPEN, COFFEE, (60, b"")], 76, b"T", b"0,0001,+000000450,+000000000"),
    ("a", [], 48, b"", b"0000000"),
    ("a", [(48, b"1,0000,1,DT000600-OP01-0001000"), BOOK, PAY, CLOSE], 48, b"", b"0001000"),
    ("a", [(48, b"1,0000,1,I,DT000600-OP01-0001000"), BOOK, PAY, CLOSE], 48, b"*", b"0000001,DT000600-OP01-0001000"),
    ("a", [], 61, b"27-11-26 09:30", b""),
    ("a", [(61, b"27-11-26 09:30:15")], 62, b"", b"27-11-26 09:30:15"),
    ("a", [*RECEIPT, (69, b"0")], 64, b"1", b"P,0001,+000000000078,..."),
    ("a", [*RECEIPT, (69, b"0N")], 64, b"*", b"P,0001,+000000000450,..."),
    ("a", [*RECEIPT], 65, b"1", b"+000000000078,+000000000000,+000000000045,..."),
    ("a", [(69, b"0")], 68, b"", b"3649,3650"),
    ("a", [(69, b"0")], 86, b"", b"27-11-2026"),
    ("a", [], 86, b"", b"F"),
    ("a", [], 90, b"*1", b"FP-2000,1.00BG 23NOV18 1000,2A4F,00000000,DT000600,02000600"),
    ("a", [], 97, b"", b"21.00,12.00,5.00,0.00,DT,DT,DT,DT"),
    ("a", [], 99, b"", b"40003000000,VAT"),
    ("a", [], 106, b"", b""),
    ("a", [*RECEIPT], 109, b"1", b""),
    ("a", [*RECEIPT], 110, b"", b"000001390" + ZEROS + b",0000,0002"),
    ("a", [OPEN, BOOK, (53, b"\tm9.40"), CLOSE], 110, b"*", b"000000000" + ZEROS + b",0000,0002,000000940,..."),
    ("a", [CLOSE_REFUSED := (56, b""), (32, b"CLEAR")], 32, b"", b"0,0,..."),
    ("b", [], 48, b"1,1,DT000700-0001-0000001,1", b"0001,0001"),
    ("b", [(48, b"1,1,1,I")], 54, b"Nr. 5", b""),
    (
        "b",
        RECEIPT_B := [(48, b"1,1,1"), BOOK, (53, b"\tC9.40"), CLOSE],
        65,
        b"4",
        b"+000000000000,+000000000000,+000000000940,...",
    ),
    ("b", RECEIPT_B, 65, b"7", b"+000000000000,..."),
    ("b", RECEIPT_B, 110, b"", b"P,000000000,000000000,000000940,..."),
    ("b", RECEIPT_B, 110, b"1", b"P,000000000,000000000,000000000,..."),
    ("b", [*RECEIPT_B, (69, b"")], 64, b"0", b"P,0001,+000000000000,+000000000000,+000000000940,..."),
    ("b", [*RECEIPT_B, (69, b"")], 86, b"T", b"27-11-2026 08:0..."),
]


@pytest.mark.parametrize(("group", "history", "command", "content", "told"), EVERY)
def test_each_command_answers_as_its_document_says(
    group: str, history: list[tuple[int, bytes]], command: int, content: bytes, told: bytes
) -> None:
    host = Host("datecs-v1" if group == "a" else "datecs-v1b")
    host.do(*history)
    reply = host.ask(command, content)
    beginning = told.removesuffix(b"...")
    assert data(reply)[: len(beginning)] == beginning
    assert told != beginning or data(reply) == told
    assert status(reply)[:2] == b"\x80\x80"


@pytest.mark.parametrize(
    ("group", "history", "command", "content"),
    [
        ("a", [], 48, b"1,0000"), ("a", [], 48, b"1,0000,0"), ("a", [], 48, b"1,0000,1,X"), ("a", [], 48, b"x,0000,1"),
        ("a", [], 46, b"1,0000,1"), ("a", [], 46, b"1,0000,1,R1,,271126080000"),
        ("a", [], 46, b"1,0000,1,R1,,x,02000600"), ("a", [OPEN], 49, b"Coffee\tA"),
        ("a", [OPEN], 49, b"x" * 43 + b"\tA1.00"), ("a", [OPEN], 49, b"a\nb\nc\tA1.00"),
        ("a", [OPEN], 49, b"Coffee\tA1.005"), ("a", [OPEN], 49, b"Coffee\tA1.00*1.0005"), ("a", [OPEN], 51, b"0"),
        ("a", [OPEN, BOOK], 53, b"P9.40"), ("a", [OPEN, BOOK], 53, b"\tX9.40"), ("a", [OPEN, BOOK], 56, b"x"),
        ("a", [], 61, b"31-02-26 10:00"), ("a", [], 64, b"2"), ("a", [], 65, b"5"), ("a", [], 69, b"1"),
        ("a", [], 70, b"1.005"), ("a", [], 74, b"Q"), ("a", RECEIPT, 109, b"2"),
        ("b", [], 48, b"1,1,DT000700-0001-0000001"), ("b", [], 46, b"1,1,,1,3,7,2711260801,02000700"),
        ("b", [(48, b"1,1,1")], 49, b"x" * 23 + b"\tA1.00"), ("b", [(48, b"1,1,1")], 49, b"x\tA1.00*1.000#kg"),
        ("b", [], 69, b"0N"), ("b", [], 110, b"2"), ("b", [], 65, b"9"),
    ],
)  # fmt: skip
def test_content_that_is_not_the_commands_is_a_syntax_error(
    group: str, history: list[tuple[int, bytes]], command: int, content: bytes
) -> None:
    host = Host("datecs-v1" if group == "a" else "datecs-v1b")
    host.do(*history)
    before = host.device.stage, len(host.device.documents)
    reply = host.ask(command, content)
    assert (data(reply), status(reply)[0]) == (b"F" if group == "b" and command in (46, 48) else b"", 0xA1)
    assert (host.device.stage, len(host.device.documents)) == before


def test_two_lines_of_text_are_one_sale() -> None:
    host = Host()
    host.do(OPEN, (49, b"Coffee\nlarge\tA2.50"))
    assert host.device.memory.receipt is not None
    assert host.device.memory.receipt.lines == ["Coffee large 1.000 x 2.50 A 2.50"]


def test_probe_of_version_2_is_no_frame_here() -> None:
    host = Host()
    host.line.send(next(vector["bytes"] for vector in VECTORS if "auto-detect probe: cmd 90" in vector["description"]))
    assert host.hear() == NAK


@pytest.mark.parametrize(("letter", "means"), [("C", "cheque"), ("D", "card"), ("N", "credit"), ("r", "bank")])
def test_letters_of_payments_in_group_a(letter: str, means: str) -> None:
    host = Host()
    host.do(OPEN, BOOK, (53, f"\t{letter}9.40".encode()), CLOSE)
    assert host.device.documents[-1].payments == ((means, 940),)


@pytest.mark.parametrize(("letter", "means"), [("C", "card"), ("D", "health_fund"), ("J", "coupon")])
def test_letters_of_payments_in_group_b(letter: str, means: str) -> None:
    host = Host("datecs-v1b")
    host.do((48, b"1,1,1"), BOOK, (53, f"\t{letter}9.40".encode()), CLOSE)
    assert host.device.documents[-1].payments == ((means, 940),)


def test_group_a_reversal_by_number_alone_prints_all_of_it_at_once() -> None:
    host = Host()
    host.do(*RECEIPT, (46, b"1,0000,1,R1"))
    assert host.device.stage is Stage.IDLE
    assert [document.total_cents for document in host.device.documents] == [1390, 1390]


def test_group_a_reversal_with_its_particulars_is_a_receipt_like_another() -> None:
    host = Host()
    host.do(*RECEIPT)
    reply = host.ask(46, b"1,0000,1,R1,DT000600-0001-0000001,271126080000,02000600")
    assert (status(reply)[1] >> 4 & 1, status(reply)[2] >> 3 & 1) == (1, 1)
    host.do(BOOK, (53, b"\tP9.40"), CLOSE)
    assert host.device.documents[-1].kind == "reversal"


def test_last_error_is_told_by_its_number() -> None:
    host = Host()
    host.ask(*CLOSE)
    assert data(host.ask(32)).startswith(b"56,-150201,")


def test_text_is_cut_where_the_paper_ends_and_controls_leave_a_dot() -> None:
    host = Host()
    host.do(OPEN, (54, b"Nr. k-1"), (54, b"\x10\x47" + b"x" * 50), COFFEE, (53, b"\t"), CLOSE)
    document = host.device.documents[-1]
    assert document.key == "k-1"
    assert document.lines[1] == "." + "x" * 41
