"""The simulated Datecs version 2 device on its wire: the published frames, fields, refusals in DATA."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulators.fiscal_datecs import NAK, SYN
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS, Stage
from drivers.simulators.fiscal_v2 import RequestReader, answer, nibbles
from drivers.simulators.fiscal_v2_commands import COMMANDS
from drivers.simulators.fiscal_wire import Broken, Request

VECTORS = [
    bytes.fromhex(vector["bytes_hex"])
    for vector in json.loads((Path(__file__).parent.parent / "data" / "fiscal-vectors.json").read_text("utf-8"))
    if vector["family"] == "datecs-v2"
]
OPEN = (48, "1\t0000\t1\t\t")
COFFEE = (49, "Coffee\t1\t2.50\t2.000\t2\t10.00\t0\t")
BOOK = (49, "Book\t3\t9.90\t\t4\t0.50\t0\t")
PAY = (53, "0\t20.00\t1\t")
CLOSE = (56, "")


def frame(seq: int, command: int, data: bytes = b"") -> bytes:
    part = nibbles(0x20 + 10 + len(data)) + bytes((seq,)) + nibbles(command) + data + b"\x05"
    return b"\x01" + part + nibbles(sum(part)) + b"\x03"


class Host:
    def __init__(self, line_ms: float = 0) -> None:
        self.clock = VirtualClock()
        self.device = Device(MODELS["datecs-v2"], now=self.clock.datetime)
        self.endpoint = endpoint("datecs-v2", self.device, line_ms=line_ms)
        self.line = MemoryLine(self.endpoint, self.clock)
        self.seq = 0x20

    def ask(self, command: int, data: str = "", *, again: bool = False) -> bytes:
        self.seq += not again
        self.line.send(frame(self.seq, command, data.encode("cp1257")))
        heard = b""
        while came := self.line.receive(0.5):
            heard += came
        return heard

    def fields(self, command: int, data: str = "") -> list[str]:
        reply = self.ask(command, data)
        assert reply[-15:-14] == b"\x04"
        return reply[10:-15].decode("cp1257").split("\t")[:-1]

    def do(self, *commands: tuple[int, str]) -> None:
        for command, data in commands:
            assert self.fields(command, data)[0] == "0", (command, data)


def status(reply: bytes) -> bytes:
    return reply[-14:-6]


def test_published_requests_are_understood_and_published_answers_made() -> None:
    requests = [vector for vector in VECTORS if vector[-15:-14] != b"\x04"]
    answers = [vector for vector in VECTORS if vector[-15:-14] == b"\x04"]
    assert (len(requests), len(answers)) == (10, 4)
    for request in requests:
        command = int.from_bytes(request[6:10], "big")
        (found,) = RequestReader().feed(request)
        assert isinstance(found, Request)
        assert (found.seq, found.data) == (request[5], request[10:-6])
        assert nibbles(found.command) == command.to_bytes(4, "big")
    for published in answers:
        (found,) = RequestReader().feed(frame(published[5], 0))
        assert isinstance(found, Request)
        command = sum((digit & 15) << shift for digit, shift in zip(published[6:10], (12, 8, 4, 0), strict=True))
        assert answer(Request(found.seq, command, b""), published[10:-15], published[-14:-6]) == published


def test_text_of_a_slip_is_answered_as_published() -> None:
    host = Host()
    host.do((38, ""))
    host.line.send(VECTORS[0])
    assert host.line.receive(0.5) == VECTORS[1]


def test_payment_on_a_closed_receipt_is_refused_as_published_with_a_clean_status() -> None:
    host = Host()
    host.line.send(VECTORS[4])
    assert host.line.receive(0.5) == VECTORS[5]


def test_probe_without_tab_is_answered_in_the_comma_form() -> None:
    host = Host()
    host.line.send(VECTORS[7])
    assert host.line.receive(0.5)[10:-15] == b"FP-700X,264205 21OCT19 1545,2A4F,00000000,DT000800,02000800"
    host.seq = 0x30  # the probe's was 21h
    assert host.fields(90, "1\t")[1:4] == ["FP-700X", "264205", "21OCT19"]


def test_receipt_from_open_to_number() -> None:
    host = Host()
    assert host.fields(*OPEN) == ["0", "1"]
    host.do(COFFEE, BOOK, (54, "Nr. k-1\t\t\t\t\t\t"))
    assert host.fields(51, "1\t0\t2\t5.00\t")[2:6] == ["13.20", "4.27", "0.00", "8.93"]
    assert host.fields(76) == ["0", "1", "1", "2", "13.20", "0.00"]
    assert host.fields(53, "2\t3.20\t1\t") == ["0", "D", "10.00"]
    assert host.fields(*PAY) == ["0", "R", "10.00"]
    assert host.fields(*CLOSE) == ["0", "1"]
    assert host.fields(76) == ["0", "0", "1", "2", "13.20", "23.20"]
    (document,) = host.device.documents
    assert (document.key, document.payments) == ("k-1", (("card", 320), ("cash", 2000)))


@pytest.mark.parametrize(
    ("history", "request_", "code"),
    [
        ([OPEN], OPEN, "-111015"),
        ([OPEN, COFFEE, (53, "2\t1.00\t1\t")], COFFEE, "-111018"),
        ([OPEN, COFFEE, (53, "2\t1.00\t1\t")], (60, ""), "-111018"),
        ([OPEN, COFFEE, (53, "2\t1.00\t1\t")], CLOSE, "-111050"),
        ([], CLOSE, "-111016"),
        ([OPEN], (49, "x\t8\t1.00\t\t\t\t0\t"), "-111005"),
        ([OPEN], (53, "0\t0.00\t1\t"), "-111065"),
        ([OPEN, COFFEE], (53, "2\t9.99\t1\t"), "-111054"),
        ([], (48, "1\t4711\t1\t\t"), "-102002"),
        ([(38, "")], OPEN, "-111046"),
        ([], (70, "1\t0.01\t"), "-111017"),
    ],
)
def test_refusals_of_a_receipt_stand_in_data_alone(
    history: list[tuple[int, str]], request_: tuple[int, str], code: str
) -> None:
    host = Host()
    host.do(*history)
    before = host.device.stage
    reply = host.ask(*request_)
    assert reply[10:-15] == f"{code}\t".encode()
    assert status(reply)[:2] == b"\x80\x80"
    assert host.device.stage is before


@pytest.mark.parametrize(
    ("command", "data"),
    [
        (48, "1\t0000\t1\t"),
        (48, "1\t0000\t1"),
        (49, "\t1\t1.00\t\t\t\t0\t"),
        (49, "x\t9\t1.00\t\t\t\t0\t"),
        (49, "x\t1\t1.005\t\t\t\t0\t"),
        (49, "x\t1\t1.00\t\t2\t\t0\t"),
        (49, "x\t1\t1.00\t\t\t1.00\t0\t"),
        (49, "x\t1\t1.00\t\t2\t99.999\t0\t"),
        (49, "x\t1\t1.00\t\t2\t100.00\t0\t"),
        (49, "x\t1\t1.00\t\t\t\t0\t\t"),
        (51, "2\t\t\t\t"),
        (54, "x\t3\t"),
        (43, "1\t0000\t1\t1\t1\tx\t02000800\t\t\t\t\t"),
        (43, "1\t0000\t1\t1\t1\t27-11-26 08:00:00\t02000800\t\t5\t\t\t"),
        (48, "1\t0000\tDT\t1\t\t"),
        (48, "1\tx\t1\t\t"),
        (53, "0\t\t1\t"),
        (53, "7\t1.00\t1\t"),
        (70, "2\t1.00\t"),
        (74, "9\t"),
        (100, "x\t"),
        (110, "9\t"),
        (123, "9\t"),
        (255, "nothing\t\t\t"),
        (64, "4\t"),
        (44, "0\t"),
        (69, "\t"),
        (69, ""),
        (69, "0"),
        (56, "x\t"),
        (61, "31-02-26 10:00:00\t"),
    ],
)
def test_fields_that_are_not_the_commands_are_a_syntax_error(command: int, data: str) -> None:
    host = Host()
    host.do(*([OPEN] if command in (49, 51, 53, 54, 56) else []))
    reply = host.ask(command, data)
    assert reply[10:-15] == b"-112001\t"
    assert status(reply)[0] == 0xA1
    assert host.device.memory.z_number == 0


def test_unknown_command_is_told_in_its_bit_without_data() -> None:
    reply = Host().ask(200)
    assert (reply[10:-15], status(reply)[0]) == (b"", 0xA2)


def test_refusal_can_stand_in_data_alone_whatever_it_is() -> None:
    host = Host()
    host.do(OPEN)
    host.endpoint.fault("error_in_data", on="sell")
    reply = host.ask(*COFFEE)
    assert (reply[10:-15], status(reply)) == (b"-112002\t", bytes.fromhex("80 80 88 80 86 9A 80 80"))
    assert host.device.memory.receipt is not None
    assert host.device.memory.receipt.items == 0


def test_no_paper_is_a_code_and_a_bit() -> None:
    host = Host()
    host.endpoint.fault("paper_out", on="open")
    reply = host.ask(*OPEN)
    assert (reply[10:-15], status(reply)[2] & 1, status(reply)[0]) == (b"-112006\t", 1, 0xA0)


def test_reversal_names_the_receipt_and_is_told_by_its_kind() -> None:
    host = Host()
    host.do(OPEN, BOOK, PAY, CLOSE)
    host.do((43, "1\t0000\t1\t1\t1\t27-11-26 08:00:00\t02000800\t\t\t\t\t"))
    assert host.fields(76)[1] == "3"
    assert host.fields(103)[-1] == "1"
    host.do(BOOK, (53, "0\t9.40\t1\t"), CLOSE)
    assert host.fields(65, "2\t")[2:5] == ["0.00", "0.00", "9.40"]
    assert host.device.documents[-1].lines[0] == "reversal (refund) of 0000001 2026-11-27T08:00:00 02000800"


def test_reports_and_day_sums() -> None:
    host = Host()
    assert host.fields(64, "0\t") == ["-100005"]
    host.do(OPEN, BOOK, PAY, CLOSE)
    assert host.fields(65, "0\t")[:5] == ["0", "1", "0.00", "0.00", "9.40"]
    assert host.fields(69, "X\t")[:5] == ["0", "0", "0.00", "0.00", "9.40"]
    assert host.fields(69, "Z\t")[:5] == ["0", "1", "0.00", "0.00", "9.40"]
    assert host.fields(64, "0\t")[:5] == ["0", "1", "0.00", "0.00", "9.40"]
    assert host.fields(123, "3\t")[3] == "1"
    assert host.fields(255, "nZreport\t\t\t") == ["0", "1"]


def test_cash_clock_and_rates() -> None:
    host = Host()
    assert host.fields(70, "0\t10.00\t") == ["0", "10.00", "10.00", "0.00"]
    assert host.fields(70, "1\t2.50\t") == ["0", "7.50", "10.00", "2.50"]
    assert host.fields(70, "0\t\t") == ["0", "7.50", "10.00", "2.50"]
    assert host.fields(62)[1] == "27-11-26 08:00:01"
    host.do((61, "27-11-26 09:30:00 DST\t"))
    assert host.fields(62)[1].startswith("27-11-26 09:30:0")
    assert host.fields(50)[2:7] == ["21.00", "12.00", "5.00", "0.00", "100.00"]


RECEIPT = [OPEN, BOOK, PAY, CLOSE]


@pytest.mark.parametrize(
    ("history", "command", "data", "told"),
    [
        ([], 38, "", "0 1"),
        ([(38, ""), (42, "Balance: 5\t1\t0\t2\t0\t1\t")], 39, "", "0 1"),
        ([], 44, "5\t", "0"),
        ([], 45, "", "0"),
        ([], 46, "", "0"),
        ([], 106, "", "0"),
        (RECEIPT, 109, "", "0"),
        (
            [(48, "1\t0000\tDT000800-0001-0000007\t1\t\t"), BOOK, PAY, CLOSE],
            255,
            "UNP\t\t\t",
            "0 DT000800-0001-0000007",
        ),
        ([], 48, "1\t0000\t1\tI\t", "0 1"),
        ([OPEN], 49, "Tea\t2\t1.14\t1.333\t1\t10.00\t\tkg\t", "0 1"),
        ([OPEN, BOOK], 49, "Book\t3\t-9.40\t\t\t\t0\t", "0 1"),
        ([OPEN, BOOK], 51, "\t\t4\t1.00\t", "0 1 8.40 0.00 0.00 8.40"),
        ([OPEN, BOOK], 60, "", "0"),
        ([OPEN, BOOK, (60, "")], 76, "", "0 0 1 1 9.40 0.00"),
        ([(38, "")], 76, "", "0 5 1"),
        ([], 68, "", "0 3650"),
        ([(69, "Z\t")], 68, "", "0 3649"),
        ([], 86, "", "0 01-01-2000 00:00:00"),
        (RECEIPT, 74, "0\t", "0 0 0 1 9.40 1 27-11-2026 08:00:0"),
        ([], 74, "0\t", "0 0 0 0 0.00 0 01-01-2000"),
        ([], 99, "", "0 40003000000"),
        ([], 100, "-111015\t", "0 -111015 a receipt is open"),
        ([], 100, "-1\t", "0 -1 unknown error"),
        (RECEIPT, 110, "0\t", "0 9.40 0.00"),
        (RECEIPT, 110, "1\t", "0 0.00"),
        (RECEIPT, 110, "2\t", "0 1 9.40"),
        ([OPEN, (60, "")], 110, "4\t", "0 0 0.00 1"),
        ([(70, "0\t5.00\t")], 110, "5\t", "0 0 5.00 0 0.00"),
        ([], 123, "1\t", "0 DT000800 02000800"),
        (RECEIPT, 123, "3", "0 1 27-11-2026 08:00:0"),
        ([], 255, "nBon\t\t\t", "0 0"),
    ],
)
def test_each_command_answers_as_its_document_says(
    history: list[tuple[int, str]], command: int, data: str, told: str
) -> None:
    host = Host()
    host.do(*history)
    assert " ".join(host.fields(command, data)).startswith(told)


def test_status_bytes_come_as_data_too() -> None:
    host = Host()
    host.do(OPEN)
    reply = host.ask(74)
    assert reply[10:-15] == b"0\t" + status(reply) + b"\t"


def test_version_1_frame_is_answered_with_nak() -> None:
    host = Host()
    host.line.send(bytes.fromhex("01 25 21 5A 31 05 30 30 3D 36 03"))
    assert host.line.receive(0.5) == NAK


def test_printing_and_repeating_are_as_in_version_1() -> None:
    host = Host(line_ms=50)
    reply = host.ask(*OPEN)
    assert reply.startswith(SYN * 3 + b"\x01")
    assert host.ask(*OPEN, again=True) == reply[3:]
    assert host.endpoint.executed == [48]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=10))
def test_whatever_comes_in_nothing_breaks(pieces: list[bytes]) -> None:
    host = Host()
    reader = RequestReader()
    host.do(OPEN)
    for piece in pieces:
        assert all(isinstance(found, Request | Broken) for found in reader.feed(b"\x01" + piece))
        for command in COMMANDS:
            for data in (piece, piece.replace(b" ", b"\t") + b"\t"):
                host.seq = 0x20 + (host.seq - 0x1F) % 0xE0
                host.line.send(frame(host.seq, command, data))
                reply = host.line.receive(0.5)
                assert (reply[:1], reply[-1:]) == (b"\x01", b"\x03")
    assert host.device.stage in set(Stage)
