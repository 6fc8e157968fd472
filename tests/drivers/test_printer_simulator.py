"""The simulated printers on their wires: the published frames, and every fault as it is seen from the other end."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.fiscal.link import PortGone
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_endpoint import JUNK, REST_OF_FRAME_S, Endpoint
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_faults import FaultKind
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS, Stage
from drivers.simulators.fiscal_v1 import NAK, SYN, RequestReader, answer, checksum
from drivers.simulators.fiscal_wire import Broken, Request

VECTORS = [
    {**vector, "bytes": bytes.fromhex(vector["bytes_hex"])}
    for vector in json.loads((Path(__file__).parent.parent / "data" / "fiscal-vectors.json").read_text("utf-8"))
]
V1 = [vector["bytes"] for vector in VECTORS if vector["family"] == "datecs-v1"]
OPEN, COFFEE, BOOK, PAY, CLOSE = (
    (48, b"1,0000,1"), (49, b"Coffee\tA2.50*2.000,-10.00"), (49, b"Book\tC9.90;-0.50"), (53, b"\tP20.00"), (56, b""),
)  # fmt: skip
RECEIPT = (OPEN, COFFEE, BOOK, PAY, CLOSE)


def frame(seq: int, command: int, data: bytes = b"") -> bytes:
    """A version 1 request, put together here and nowhere else."""
    part = bytes((0x20 + 4 + len(data), seq, command)) + data + b"\x05"
    return b"\x01" + part + checksum(part) + b"\x03"


class Host:
    """A host that sends frames and looks at what comes back, on a clock of its own."""

    def __init__(self, family: str = "datecs-v1", line_ms: float = 0, baud: int = 0) -> None:
        self.clock = VirtualClock()
        self.device = Device(MODELS[family], now=self.clock.datetime)
        self.endpoint: Endpoint = endpoint(family, self.device, line_ms=line_ms, baud=baud)
        self.line = MemoryLine(self.endpoint, self.clock)
        self.seq = 0x20

    def send(self, command: int, data: bytes = b"", *, again: bool = False) -> None:
        self.seq += not again
        self.line.send(frame(self.seq, command, data))

    def hear(self, wait_s: float = 0.5) -> bytes:
        """All that comes until it has been silent for so long."""
        heard = b""
        while came := self.line.receive(wait_s):
            heard += came
        return heard

    def ask(self, command: int, data: bytes = b"", *, again: bool = False) -> bytes:
        self.send(command, data, again=again)
        return self.hear()

    def do(self, *commands: tuple[int, bytes]) -> None:
        for command, data in commands:
            assert self.ask(command, data)

    def receipts(self) -> int:
        return sum(document.fiscal for document in self.device.documents)


def status(reply: bytes) -> bytes:
    return reply[-12:-6]


def data(reply: bytes) -> bytes:
    return reply[4:-13]


# Frames ------------------------------------------------------------------------------------------------------


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


# Pacing ------------------------------------------------------------------------------------------------------


def test_printing_takes_its_time_and_says_so_every_60_ms() -> None:
    host = Host(line_ms=50)
    host.send(*OPEN)  # four lines
    times = []
    while came := host.line.receive(0.5):
        times.append((round(host.clock.now_s, 3), came[:1]))
    assert times == [(0.06, SYN), (0.12, SYN), (0.18, SYN), (0.2, b"\x01")]


def test_same_frame_again_is_answered_again_and_not_executed() -> None:
    host = Host()
    host.do(OPEN)
    first = host.ask(*COFFEE)
    assert host.ask(*COFFEE, again=True) == first
    assert host.endpoint.executed == [48, 49]


def test_frame_that_comes_while_it_prints_waits() -> None:
    host = Host(line_ms=50)
    host.send(*OPEN)
    host.send(*COFFEE)
    assert host.hear().count(b"\x01") == 2
    assert host.endpoint.executed == [48, 49]


def test_bytes_take_their_time_when_the_line_has_a_speed() -> None:
    host = Host(baud=9600)
    reply = host.ask(74, b"X")
    assert host.clock.now_s >= len(reply) * 10 / 9600


# Faults ------------------------------------------------------------------------------------------------------


def faulty(kind: str, **fields: object) -> Host:
    """A host on a device with an open receipt of two lines, and one fault that hits the next command."""
    host = Host()
    host.do(OPEN, COFFEE, BOOK)
    host.endpoint.fault(kind, **fields)
    return host


def test_lost_request_is_not_executed() -> None:
    host = faulty("drop_request")
    assert host.ask(*PAY) == b""
    assert host.device.stage is Stage.OPEN
    assert data(host.ask(*PAY, again=True)) == b"R0000610"


def test_lost_answer_is_given_again_to_the_same_frame() -> None:
    host = faulty("drop_answer")
    assert host.ask(*PAY) == b""
    assert data(host.ask(*PAY, again=True)) == b"R0000610"
    assert host.endpoint.executed.count(53) == 1


@pytest.mark.parametrize("kind", ["nak", "corrupt_request"])
def test_request_that_comes_broken_is_told_so_many_times_and_not_executed(kind: str) -> None:
    host = faulty(kind, times=2)
    assert [host.ask(*PAY), host.ask(*PAY, again=True)] == [NAK, NAK]
    assert host.device.stage is Stage.OPEN
    assert data(host.ask(*PAY, again=True)) == b"R0000610"


def test_broken_answer_differs_in_its_checksum_alone() -> None:
    host = faulty("corrupt")
    broken = host.ask(*PAY)
    good = host.ask(*PAY, again=True)
    assert [at for at in range(len(good)) if good[at] != broken[at]] == [len(good) - 2]


def test_syn_storm_ends_with_the_answer() -> None:
    host = faulty("syn_storm", ms=6000)
    heard = host.ask(*PAY)
    assert heard.count(SYN) == 99
    assert data(heard.lstrip(SYN)) == b"R0000610"


def test_syn_and_then_silence_has_been_executed() -> None:
    host = faulty("syn_silence", ms=600)
    assert host.ask(*PAY) == SYN * 9
    assert host.device.stage is Stage.PAID
    assert data(host.ask(*PAY, again=True)) == b"R0000610"


def test_late_answer_comes_without_a_sign_before() -> None:
    host = faulty("delay", ms=800)
    host.send(*PAY)
    assert host.line.receive(0.799) == b""
    assert data(host.line.receive(0.002)) == b"R0000610"


def test_answer_comes_twice() -> None:
    heard = faulty("duplicate").ask(*PAY)
    assert heard[: len(heard) // 2] == heard[len(heard) // 2 :]


def test_answer_before_comes_first_once_more() -> None:
    host = faulty("stale")
    heard = host.ask(*PAY)
    assert heard[2:4] == bytes((host.seq - 1, 49))
    assert data(heard[17:]) == b"R0000610"


def test_junk_comes_first() -> None:
    heard = faulty("junk").ask(*PAY)
    assert heard.startswith(JUNK)
    assert data(heard.removeprefix(JUNK)) == b"R0000610"


def test_answer_comes_byte_by_byte() -> None:
    host = faulty("bytewise", ms=20)
    sent_at = host.clock.now_s
    host.send(*PAY)
    pieces = [host.line.receive(0.5)]
    while came := host.line.receive(0.1):
        pieces.append(came)
    assert {len(piece) for piece in pieces} == {1}
    assert data(b"".join(pieces)) == b"R0000610"
    assert round(host.clock.now_s - sent_at, 3) == round((len(pieces) - 1) * 0.02 + 0.1, 3)


@pytest.mark.parametrize(("kind", "bit"), [("paper_out", (2, 0)), ("cover", (0, 6))])
def test_no_paper_and_open_cover_refuse_and_are_shown(kind: str, bit: tuple[int, int]) -> None:
    host = faulty(kind)
    reply = host.ask(*PAY)
    assert status(reply)[bit[0]] >> bit[1] & 1
    assert status(reply)[2] >> 3 & 1
    host.device.has_paper, host.device.cover_open = True, False
    assert data(host.ask(*PAY)) == b"R0000610"


@pytest.mark.parametrize(("executed", "stage"), [(False, Stage.OPEN), (True, Stage.PAID)])
def test_power_cut_keeps_the_receipt_and_forgets_the_last_frame(executed: bool, stage: Stage) -> None:
    host = faulty("power_cut", ms=2000, executed=executed)
    assert host.ask(*PAY) == b""
    assert host.ask(*PAY, again=True) == b""
    host.clock.advance(2)
    host.line.receive(0)
    assert host.device.stage is stage
    reply = host.ask(*PAY, again=True)
    refused = bool(status(reply)[1] >> 1 & 1)
    assert refused is executed
    assert host.endpoint.executed.count(53) == 1 + executed


def test_port_that_vanishes_is_gone_for_whoever_had_it_open() -> None:
    host = faulty("vanish", ms=1000)
    host.send(*PAY)
    with pytest.raises(PortGone):
        host.line.receive(0.5)
    with pytest.raises(PortGone):
        MemoryLine(host.endpoint, host.clock).open()
    host.clock.advance(1)
    with pytest.raises(PortGone):
        host.line.send(b"")
    host.line = MemoryLine(host.endpoint, host.clock)
    host.line.open()
    assert data(host.ask(*PAY, again=True)) == b"R0000610"
    assert host.endpoint.executed.count(53) == 1


def test_silence_ends_when_somebody_ends_it() -> None:
    host = faulty("silence")
    assert host.ask(*PAY) + host.ask(*PAY, again=True) + host.ask(74) == b""
    assert host.endpoint.next_s() == math.inf
    host.endpoint.recover()
    assert host.device.stage is Stage.PAID
    assert status(host.ask(74))[2] >> 3 & 1


def test_refused_command_says_so_and_does_nothing() -> None:
    host = faulty("refuse")
    assert status(host.ask(*PAY))[1] >> 1 & 1
    assert host.device.stage is Stage.OPEN


def test_failed_payment_is_a_letter_under_a_clean_status() -> None:
    host = faulty("fail_payment")
    reply = host.ask(*PAY)
    assert (data(reply)[:1], status(reply)) == (b"F", bytes.fromhex("80 80 88 80 86 9A"))
    assert host.device.stage is Stage.OPEN


def test_subtotal_is_told_a_cent_too_high_once() -> None:
    host = faulty("subtotal_off")
    assert data(host.ask(51, b"00")).startswith(b"000001391,")
    assert data(host.ask(51, b"00")).startswith(b"000001390,")


def test_spontaneous_z_report_comes_when_the_receipt_is_closed() -> None:
    host = faulty("spontaneous_z")
    host.do(PAY, CLOSE)
    assert [document.kind for document in host.device.documents] == ["sale", "z"]
    assert data(host.ask(113)) == b"0000002"


@pytest.mark.parametrize("ms", [3_600_000, -3_600_000])
def test_clock_jumps(ms: int) -> None:
    host = faulty("clock_jump", ms=ms)
    assert data(host.ask(62)) == (b"27-11-26 09:00:01" if ms > 0 else b"27-11-26 07:00:01")


def test_lock_lasts_until_the_power_is_cut() -> None:
    host = Host()
    host.endpoint.fault("lock", on="open")
    assert status(host.ask(*OPEN))[1] >> 1 & 1
    assert status(host.ask(*OPEN))[1] >> 1 & 1
    host.endpoint.cut_power(host.clock.now_s)
    assert data(host.ask(*OPEN)) == b"0001,0001"


def test_fault_waits_for_the_nth_command_of_its_kind() -> None:
    host = Host()
    host.endpoint.fault("drop_answer", on="sell", after=1)
    host.do(OPEN, COFFEE, (51, b"00"))
    assert host.endpoint.faults_waiting == 1
    assert host.ask(*BOOK) == b""
    assert host.endpoint.faults_waiting == 0


def test_fault_waits_for_a_command_by_its_number() -> None:
    host = Host()
    host.endpoint.fault("drop_answer", command=56)
    host.do(*RECEIPT[:-1])
    assert host.ask(*CLOSE) == b""
    assert host.receipts() == 1


@pytest.mark.parametrize("kind", ["no_such_fault", "busy", "error_in_data"])
def test_fault_that_a_family_does_not_know_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="has no fault"):
        Host().endpoint.fault(kind)


def test_recover_forgets_what_waits() -> None:
    host = faulty("nak")
    host.endpoint.recover()
    assert data(host.ask(*PAY)) == b"R0000610"


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_blind_host_with_one_fault_never_doubles_a_receipt(draw: st.DataObject) -> None:
    """A host that sends each frame again until it is answered, and goes on otherwise: what the filter is for. Only a
    power cut, which empties the filter, can make the device take a line twice."""
    host = Host(line_ms=draw.draw(st.sampled_from([0, 30])))
    kind = draw.draw(st.sampled_from(sorted(host.endpoint.faults)))
    host.endpoint.fault(
        kind, after=draw.draw(st.integers(0, 5)), times=draw.draw(st.integers(1, 3)),
        ms=draw.draw(st.sampled_from([0, 100, 700])), executed=draw.draw(st.booleans()),
    )  # fmt: skip
    for command, content in RECEIPT:
        try:
            host.send(command, content)
            for _ in range(4):
                heard = host.hear()
                if bytes((host.seq, command)) in heard:
                    break
                host.send(command, content, again=True)
        except PortGone:
            break
    assert host.receipts() <= 1
    if kind != FaultKind.POWER_CUT:
        assert all(document.total_cents <= 1390 for document in host.device.documents)


def test_line_is_taken_twice_when_the_power_was_cut_before_it_is_sent_again() -> None:
    """Why a line is never sent again over a power cut."""
    host = Host()
    host.do(OPEN)
    host.endpoint.fault("power_cut", on="sell")
    assert host.ask(*BOOK) == b""
    host.do(BOOK, PAY, CLOSE)
    assert host.device.documents[-1].total_cents == 1880


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
