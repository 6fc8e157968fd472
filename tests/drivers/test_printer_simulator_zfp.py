"""The simulated Tremol device on its wire: published frames, pings, digits of acknowledgements, what is left open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_endpoint import Endpoint
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS, Stage
from drivers.simulators.fiscal_wire import Broken, Ping, Request
from drivers.simulators.fiscal_zfp import NACK, RETRY, RequestReader, Zfp, acknowledgement, checksum
from drivers.simulators.fiscal_zfp_commands import COMMANDS

VECTORS = [
    bytes.fromhex(vector["bytes_hex"])
    for vector in json.loads((Path(__file__).parent.parent / "data" / "fiscal-vectors.json").read_text("utf-8"))
    if vector["family"] == "tremol-zfp"
]
OPEN = (0x30, b"1;0000;1;1;0")
BOOK = (0x31, b"Book".ljust(36) + b";\xc2;9.90:-0.50")
COFFEE = (0x31, b"Coffee".ljust(36) + b";\xc0;2.50*2.000,-10.00%")
PAY = (0x35, b"0;0;20.00")
CLOSE = (0x38, b"")
DONE = (0, 0)


def frame(number: int, command: int, data: bytes = b"") -> bytes:
    part = bytes((0x23 + len(data), number, command)) + data
    return b"\x02" + part + checksum(part) + b"\x0a"


class Host:
    def __init__(self, line_ms: float = 0, *, repeats: bool = False, executes_after_cut: bool = True) -> None:
        self.clock = VirtualClock()
        self.device = Device(MODELS["tremol"], now=self.clock.datetime)
        wire = Zfp(self.device, COMMANDS, repeats=repeats, executes_after_cut=executes_after_cut)
        self.endpoint = Endpoint(wire, self.device, line_ms=line_ms)
        self.line = MemoryLine(self.endpoint, self.clock)
        self.number = 0x20

    def send(self, command: int, data: bytes = b"", *, again: bool = False) -> None:
        self.number += not again
        self.line.send(frame(self.number, command, data))

    def ask(self, command: int, data: bytes = b"", *, again: bool = False) -> bytes:
        self.send(command, data, again=again)
        heard = b""
        while came := self.line.receive(0.5):
            heard += came
        return heard

    def digits(self, command: int, data: bytes = b"", *, again: bool = False) -> tuple[int, int]:
        reply = self.ask(command, data, again=again)
        assert reply == acknowledgement(Request(self.number, command, b""), (reply[2] - 0x30, reply[3] - 0x30))
        return reply[2] - 0x30, reply[3] - 0x30

    def fields(self, command: int, data: bytes = b"") -> list[str]:
        reply = self.ask(command, data)
        assert (reply[0], reply[1] - 0x20, reply[2], reply[3]) == (2, len(reply) - 4, self.number, command)
        assert reply[-3:-1] == checksum(reply[1:-3])
        return reply[4:-3].decode("cp1251").split(";")

    def do(self, *commands: tuple[int, bytes]) -> None:
        for command, data in commands:
            assert self.digits(command, data) == DONE, (command, data)


def test_published_frames_are_understood_and_made() -> None:
    requests = [vector for vector in VECTORS if vector[0] == 0x02]
    assert len(requests) == 3
    for request in requests:
        assert RequestReader().feed(request) == [Request(request[2], request[3], request[4:-3])]
    assert acknowledgement(Request(0x20, 0x20, b""), DONE) in VECTORS
    assert acknowledgement(Request(0x21, 0x20, b""), (3, 2)) in VECTORS


def test_published_opening_and_closing() -> None:
    host = Host()
    opening, closing = (next(v for v in VECTORS if v[0] == 2 and v[3] == command) for command in (0x30, 0x38))
    host.line.send(opening)
    assert host.line.receive(0.5) == acknowledgement(Request(0x21, 0x30, b""), DONE)
    host.line.send(closing)
    assert host.line.receive(0.5) == acknowledgement(Request(0x22, 0x38, b""), (5, 2))


def test_receipt_from_open_to_number() -> None:
    host = Host()
    host.do(OPEN, (0x37, b"Nr. k-1"), COFFEE, BOOK)
    assert host.fields(0x33, b"0;0") == ["13.90"]
    assert host.fields(0x33, b"1;0,-5.00") == ["13.20"]
    host.do((0x35, b"7;0;3.20"))
    assert host.fields(0x72)[:5] == ["1", "002", "4.27", "0.00", "8.93"]
    assert host.fields(0x72)[8:10] == ["1", "0"]
    host.do((0x35, b'0;0;"'))
    assert host.fields(0x72)[8:10] == ["1", "1"]
    host.do(CLOSE)
    assert host.fields(0x72)[0] == "0"
    assert host.fields(0x72, b"P")[:3] == ["P", "0", "10.00"]
    assert host.fields(0x71) == ["000001"]
    (document,) = host.device.documents
    assert (document.key, document.payments) == ("k-1", (("card", 320), ("cash", 1000)))


@pytest.mark.parametrize(
    ("history", "request_", "digits"),
    [
        ([OPEN], OPEN, (4, 2)),
        ([(0x2E, b"1;0000")], OPEN, (6, 2)),
        ([OPEN, BOOK, (0x35, b"7;0;1.00")], BOOK, (5, 2)),
        ([OPEN, BOOK], CLOSE, (5, 2)),
        ([OPEN, BOOK, PAY], PAY, (7, 2)),
        ([], CLOSE, (0, 2)),
        ([], (0x30, b"1;4711;1;1;0"), (9, 0)),
        ([OPEN], (0x31, b"x".ljust(36) + b";\xc0;0.00"), (0, 6)),
        ([OPEN], (0x31, b"x".ljust(36) + b";A;1.00"), (0, 4)),
        ([OPEN], (0x31, b"x;\xc0;1.00"), (0, 4)),
        ([OPEN], (0x31, b"x".ljust(36) + b";\xc0;1.005"), (0, 4)),
        ([OPEN, BOOK], (0x31, b"x".ljust(36) + b";\xc2;-9.99"), (0, 7)),
        ([OPEN, BOOK, COFFEE], (0x33, b"0;0:-1.00"), (15, 2)),
        ([], (0x3B, b"1;0000;0;-0.01"), (0, 8)),
        ([], (0x7C, b""), (0, 4)),
        ([], (0x41, b"1;0000"), (0, 1)),
    ],
)  # fmt: skip
def test_refusals_are_acknowledged_with_their_digits(
    history: list[tuple[int, bytes]], request_: tuple[int, bytes], digits: tuple[int, int]
) -> None:
    host = Host()
    host.do(*history)
    before = host.device.stage, len(host.device.documents)
    assert host.digits(*request_) == digits
    assert (host.device.stage, len(host.device.documents)) == before


def test_cancel_of_an_unpaid_receipt_takes_all_back() -> None:
    host = Host()
    host.do(OPEN, BOOK, (0x39, b""))
    assert host.device.documents[-1].closed == "cancelled"


def test_cancel_of_a_half_paid_receipt_closes_it() -> None:
    host = Host()
    host.do(OPEN, BOOK, (0x35, b"7;0;1.00"), (0x39, b""))
    assert (host.device.documents[-1].closed, host.device.documents[-1].total_cents) == (True, 940)


def test_36h_pays_and_closes_in_one() -> None:
    host = Host()
    host.do(OPEN, BOOK, (0x36, b""))
    assert host.device.documents[-1].payments == (("cash", 940),)


def test_amount_off_the_subtotal_of_one_group() -> None:
    host = Host()
    host.do(OPEN, BOOK)
    assert host.fields(0x33, b"0;0:-1.00") == ["8.40"]


def test_payment_without_change_takes_no_more_than_is_due() -> None:
    host = Host()
    host.do(OPEN, BOOK, (0x35, b"2;1;20.00"), CLOSE)
    assert host.device.documents[-1].payments == (("coupon", 940),)


def test_reversal_names_the_receipt() -> None:
    host = Host()
    host.do((0x30, b"1;0000;1;1;D;1;000001;27-11-26 08:00:00;50000900"), BOOK)
    assert host.fields(0x72)[11] == "6"
    host.do((0x35, b"0;0;9.40"), CLOSE)
    assert host.fields(0x6D)[-1] == "9.40"
    assert host.device.documents[-1].lines[0] == "reversal (refund) of 0000001 2026-11-27T08:00:00 50000900"


def test_reports_cash_clock_and_rates() -> None:
    host = Host()
    host.do(OPEN, BOOK, PAY, CLOSE, (0x3B, b"1;0000;0;10.00"))
    assert host.fields(0x6E, b"0")[:2] == ["0", "19.40"]
    assert host.fields(0x6D)[8] == "9.40"
    host.do((0x7C, b"X"), (0x7C, b"Z"))
    assert host.fields(0x6E, b"5")[:2] == ["5", "1"]
    assert host.fields(0x6D)[8] == "0.00"
    assert host.fields(0x68) == ["27-11-2026 08:00"]
    host.do((0x48, b"27-11-26 09:30:00"))
    assert host.fields(0x68) == ["27-11-2026 09:30"]
    assert host.fields(0x62)[:3] == ["21.00%".rjust(7), "12.00%".rjust(7), "5.00%".rjust(7)]


def test_slip_is_closed_by_either_command() -> None:
    for command in (0x2F, 0x38):
        host = Host()
        host.do((0x2E, b"1;0000;0;1"), (0x37, b"Balance: 5"), (command, b""))
        assert host.device.documents[-1].kind == "slip"


def test_pings_are_answered_while_it_prints() -> None:
    host = Host(line_ms=100)
    host.send(*OPEN)
    host.line.send(b"\x04\x09")
    assert host.line.receive(0.1) == b"\x04\x41"
    host.send(0x20)
    assert host.line.receive(0.1) == RETRY
    assert host.line.receive(0.5)[:1] == b"\x06"
    host.line.send(b"\x05\x09")
    assert host.line.receive(0.1) == b"\x05\x40"
    host.device.has_paper = False
    host.line.send(b"\x05\x09")
    assert host.line.receive(0.1) == b"\x07\x42"


def test_postponed_receipt_is_printed_when_it_is_closed() -> None:
    host = Host(line_ms=100)
    host.do((0x30, b"1;0000;1;1;2"))
    before = host.clock.now_s
    host.do(BOOK, PAY)
    assert round(host.clock.now_s - before, 3) == 1.0  # of waiting for more, twice
    host.send(*CLOSE)
    assert host.line.receive(0.4) == b""
    assert host.line.receive(2.0)[:1] == b"\x06"


def test_broken_message_is_answered_with_one_byte() -> None:
    host = Host()
    host.line.send(frame(0x21, 0x20)[:-2] + b"\x30\x0a")
    assert host.line.receive(0.5) == NACK


@pytest.mark.parametrize(("repeats", "lines"), [(False, 2), (True, 1)])
def test_message_that_comes_again_is_executed_again_unless_the_device_filters(repeats: bool, lines: int) -> None:
    host = Host(repeats=repeats)
    host.do(OPEN, BOOK)
    assert host.digits(*BOOK, again=True) == DONE
    assert host.fields(0x72)[1] == f"{lines:03}"


@pytest.mark.parametrize(("executes", "digits", "items"), [(True, (13, 0), 2), (False, (13, 2), 1)])
def test_power_cut_is_told_until_the_status_is_read(executes: bool, digits: tuple[int, int], items: int) -> None:
    host = Host(executes_after_cut=executes)
    host.do(OPEN, BOOK)
    host.endpoint.cut_power(host.clock.now_s)
    assert host.digits(*BOOK) == digits
    assert host.fields(0x72)[1] == f"{items:03}"
    assert host.fields(0x72)[10] == "1"
    assert host.ask(0x20)[4] & 2
    host.do(BOOK)
    assert not host.ask(0x20)[4] & 2


@pytest.mark.parametrize(("kind", "told"), [("busy", RETRY), ("nak", NACK), ("drop_request", b"")])
def test_message_that_is_not_taken(kind: str, told: bytes) -> None:
    host = Host()
    host.do(OPEN)
    host.endpoint.fault(kind, times=2)
    assert [host.ask(*BOOK), host.ask(*BOOK, again=True)] == [told, told]
    assert host.digits(*BOOK, again=True) == DONE
    assert host.fields(0x72)[1] == "001"


@pytest.mark.parametrize("kind", ["syn_storm", "syn_silence", "error_in_data", "lock"])
def test_faults_of_the_other_families_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="has no fault"):
        Host().endpoint.fault(kind)


def test_status_tells_paper_and_what_is_open() -> None:
    host = Host()
    host.do(OPEN)
    host.device.has_paper = False
    status = host.ask(0x20)[4:-3]
    assert (len(status), status[1] & 1, status[2] >> 1 & 1) == (7, 1, 1)
    assert host.digits(*BOOK) == (1, 0)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=10))
def test_whatever_comes_in_nothing_breaks(pieces: list[bytes]) -> None:
    host = Host()
    reader = RequestReader()
    host.do(OPEN)
    for piece in pieces:
        assert all(isinstance(found, Request | Broken | Ping) for found in reader.feed(b"\x02" + piece))
        for command in COMMANDS:
            for data in (piece, b"1;0000;" + piece.replace(b" ", b";")):
                host.number = 0x20 + (host.number - 0x1F) % 0x60
                host.line.send(frame(host.number, command, data))
                assert host.line.receive(0.5)[:1] in (b"\x02", b"\x06")
    assert host.device.stage in set(Stage)


def test_family_is_made_by_its_name() -> None:
    assert endpoint("tremol").device.model is MODELS["tremol"]
