"""Stop-and-wait: what the host does on a line that loses, repeats, delays and invents."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import pytest

from drivers.fiscal.datecs_v1 import SEQ_LAST, Command, FramingV1
from drivers.fiscal.frame_log import FrameLog
from drivers.fiscal.link import Link, LinkLost, Loss, Pace, PortGone
from drivers.fiscal.serial_port import SerialPort
from drivers.fiscal.zfp import ZfpFraming, checksum
from drivers.simulators.fiscal_datecs import NAK, SYN
from drivers.simulators.fiscal_v1 import RequestReader, answer
from drivers.simulators.fiscal_wire import Request
from drivers.simulators.printer import Simulator

OK = bytes.fromhex("80 80 80 80 86 9A")


class Line:
    """A transport whose time passes only while somebody waits. `device` says what comes for a request, as
    (seconds later, bytes)."""

    def __init__(self, device: Callable[[Request, int], list[tuple[float, bytes]]]) -> None:
        self.now = 0.0
        self.sent: list[Request] = []
        self._device = device
        self._coming: list[tuple[float, bytes]] = []
        self.unplugged = False

    def send(self, data: bytes) -> None:
        if self.unplugged:
            raise PortGone("unplugged")
        (request,) = RequestReader().feed(data)
        assert isinstance(request, Request)
        self.sent.append(request)
        self._coming += [(self.now + later, what) for later, what in self._device(request, len(self.sent))]
        self._coming.sort(key=lambda item: item[0])

    def receive(self, timeout_s: float) -> bytes:
        until = self.now + timeout_s
        if self._coming and self._coming[0][0] <= until:
            at, what = self._coming.pop(0)
            self.now = max(self.now, at)
            return what
        self.now = until
        return b""

    def clock(self) -> float:
        return self.now

    def close(self) -> None:
        self.unplugged = True


def link_on(line: Line, first_seq: int = 0x30) -> Link:
    return Link(line, FramingV1(), first_seq=first_seq, pace=Pace(0.5, 3, 15.0), clock=line.clock)


def reply(request: Request, data: bytes = b"") -> bytes:
    return answer(request, data, OK)


def test_answer_to_the_first_send() -> None:
    line = Line(lambda request, _: [(0.06, reply(request, b"0000007"))])
    exchange = link_on(line).ask(Command.LAST_NUMBER)
    assert (exchange.answer.data, exchange.answer.status, exchange.sends, exchange.unsure) == (b"0000007", OK, 1, False)


def test_silence_sends_the_same_seq_again() -> None:
    line = Line(lambda request, sends: [(0.01, reply(request))] if sends == 3 else [])
    exchange = link_on(line).ask(Command.SALE, b"x\tA1.00")
    assert (exchange.sends, exchange.unsure) == (3, True)
    assert len({(request.seq, request.data) for request in line.sent}) == 1
    assert line.now == pytest.approx(1.01)


def test_nak_sends_the_same_seq_again_at_once_and_leaves_no_doubt() -> None:
    line = Line(lambda request, sends: [(0.01, reply(request) if sends == 3 else NAK)])
    exchange = link_on(line).ask(Command.SALE, b"x\tA1.00")
    assert (exchange.sends, exchange.unsure) == (3, False)
    assert len({request.seq for request in line.sent}) == 1


def test_silence_to_the_end_is_a_lost_link() -> None:
    line = Line(lambda request, _: [])
    with pytest.raises(LinkLost) as lost:
        link_on(line).ask(Command.PAY)
    assert lost.value.loss is Loss.SILENT
    assert len(line.sent) == 4
    assert line.now == pytest.approx(2.0)


def test_nak_to_the_end_is_a_lost_link() -> None:
    line = Line(lambda request, _: [(0.01, NAK)])
    with pytest.raises(LinkLost) as lost:
        link_on(line).ask(Command.PAY)
    assert lost.value.loss is Loss.NOT_UNDERSTOOD
    assert len(line.sent) == 4


def test_busy_for_ten_seconds_is_waited_for() -> None:
    busy = [(0.06 * n, SYN) for n in range(1, 167)]
    line = Line(lambda request, _: [*busy, (10.1, reply(request, b"0001,0001"))])
    assert link_on(line).ask(Command.CLOSE).sends == 1


def test_busy_for_ever_ends_at_the_overall_deadline() -> None:
    line = Line(lambda request, _: [(0.06 * n, SYN) for n in range(1, 1000)])
    with pytest.raises(LinkLost) as lost:
        link_on(line).ask(Command.CLOSE)
    assert lost.value.loss is Loss.BUSY_TOO_LONG
    assert line.now == pytest.approx(15.0)
    assert len(line.sent) == 1


def test_busy_and_then_silence_sends_again() -> None:
    line = Line(lambda request, sends: [(0.01, reply(request) if sends == 2 else SYN * 3)])
    exchange = link_on(line).ask(Command.CLOSE)
    assert (exchange.sends, exchange.unsure) == (2, True)


def test_frames_that_are_not_awaited_are_passed_over() -> None:
    def device(request: Request, _: int) -> list[tuple[float, bytes]]:
        other_seq = reply(Request(request.seq - 1, request.command, b""), b"0000001")
        other_command = reply(Request(request.seq, 74, b""), OK)
        return [(0.01, other_seq + other_command), (0.02, reply(request, b"0000002"))]

    line = Line(device)
    link = link_on(line)
    assert link.ask(Command.LAST_NUMBER).answer.data == b"0000002"
    assert link.counters.stale == 2


def test_stale_frames_do_not_make_the_wait_longer() -> None:
    stale = Request(0x21, 74, b"")
    line = Line(lambda request, _: [(0.1 * n, reply(stale)) for n in range(1, 100)])
    with pytest.raises(LinkLost):
        link_on(line).ask(Command.LAST_NUMBER)
    assert line.now < 2.6


def test_answer_that_comes_after_the_resend_is_taken_and_its_copy_passed_over() -> None:
    line = Line(lambda request, sends: [(0.6, reply(request, b"%07d" % sends))])
    link = link_on(line)
    assert link.ask(Command.LAST_NUMBER).answer.data == b"0000001"
    assert link.ask(Command.LAST_NUMBER).answer.data == b"0000003"


def test_every_command_has_a_new_seq_through_the_wrap() -> None:
    line = Line(lambda request, _: [(0.01, reply(request))])
    link = link_on(line, first_seq=SEQ_LAST - 1)
    for _ in range(200):
        link.ask(Command.STATUS)
    seqs = [request.seq for request in line.sent]
    assert seqs[:2] == [0x7F, 0x20]
    assert all(a != b for a, b in itertools.pairwise(seqs))
    assert min(seqs) == 0x20
    assert max(seqs) == 0x7F


def test_first_command_swallowed_by_the_filter_is_noticed_and_stepped_over() -> None:
    last: list[int] = [0x31]

    def device(request: Request, _: int) -> list[tuple[float, bytes]]:
        if request.seq == last[0]:
            return [(0.01, reply(Request(request.seq, 56, b""), b"0001,0001"))]
        last[0] = request.seq
        return [(0.01, reply(request, b"FP-2000"))]

    line = Line(device)
    exchange = link_on(line, first_seq=0x30).synchronise(Command.IDENTIFY, b"1")
    assert exchange.answer.data == b"FP-2000"
    assert [request.seq for request in line.sent] == [0x31, 0x32]


def test_port_that_goes_away_is_told_as_that() -> None:
    line = Line(lambda request, _: [])
    line.unplugged = True
    with pytest.raises(LinkLost) as lost:
        link_on(line).ask(Command.STATUS)
    assert lost.value.loss is Loss.PORT_GONE


# Families whose devices execute a repeated frame -------------------------------------------------------------


def zfp(line: Line, answer_s: float = 15.0) -> Link:
    return Link(line, ZfpFraming(), first_seq=0x20, pace=Pace(0.5, 3, answer_s), clock=line.clock)


class Plain(Line):
    """A line whose requests are not looked into. `answers`: for each send, as (seconds later, bytes)."""

    def __init__(self, *answers: list[tuple[float, bytes]]) -> None:
        super().__init__(lambda request, sends: [])
        self._answers = list(answers)
        self.frames: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.frames.append(data)
        coming = self._answers.pop(0) if self._answers else []
        self._coming += [(self.now + later, what) for later, what in coming]
        self._coming.sort(key=lambda item: item[0])


def acknowledged(nbl: int) -> bytes:
    body = bytes((nbl, 0x30, 0x30))
    return b"\x06" + body + checksum(body) + b"\x0a"


def test_silence_is_never_answered_with_the_same_frame() -> None:
    line = Plain()
    with pytest.raises(LinkLost) as lost:
        zfp(line).ask(0x38)
    assert lost.value.loss is Loss.SILENT
    assert len(line.frames) == 1
    assert line.now == pytest.approx(15.0)


def test_late_answer_is_waited_for() -> None:
    exchange = zfp(Plain([(14.0, acknowledged(0x21))])).ask(0x38)
    assert (exchange.answer.command, exchange.sends, exchange.unsure) == (None, 1, False)


def test_frame_that_came_broken_or_was_not_taken_is_sent_again_as_it_was() -> None:
    line = Plain([(0.01, b"\x15")], [(0.01, b"\x0e")], [(0.01, acknowledged(0x21))])
    link = zfp(line)
    exchange = link.ask(0x31, b"Tea;A;1.00")
    assert (exchange.sends, exchange.unsure) == (3, False)
    assert len(set(line.frames)) == 1
    assert (link.counters.naks, link.counters.retries, link.counters.resends) == (1, 1, 2)


def test_device_that_never_takes_it_is_too_busy() -> None:
    line = Plain(*[[(0.01, b"\x0e")]] * 200)
    with pytest.raises(LinkLost) as lost:
        zfp(line, 5.0).ask(0x31)
    assert lost.value.loss is Loss.BUSY_TOO_LONG
    assert line.now == pytest.approx(5.0, abs=0.2)


def test_answer_of_another_number_is_passed_over() -> None:
    link = zfp(Plain([(0.01, acknowledged(0x30)), (0.02, acknowledged(0x21))]))
    assert link.ask(0x38).answer.seq == 0x21
    assert link.counters.stale == 1


def test_command_that_goes_out_once_is_not_sent_again_where_it_could_be() -> None:
    line = Line(lambda request, _: [])
    with pytest.raises(LinkLost):
        link_on(line).ask(Command.REPORT, b"0", once=True)
    assert len(line.sent) == 1
    assert line.now == pytest.approx(0.5)


def test_out_of_step_device_is_told_after_three_numbers() -> None:
    line = Line(lambda request, _: [(0.01, reply(Request(request.seq, 56, b"")))])
    with pytest.raises(LinkLost) as lost:
        link_on(line).synchronise(Command.IDENTIFY, b"1")
    assert lost.value.loss is Loss.OUT_OF_STEP
    assert len(line.sent) == 3


def test_time_that_the_device_is_busy_is_counted() -> None:
    line = Line(lambda request, _: [(0.06, SYN), (0.12, SYN), (0.5, reply(request))])
    link = link_on(line)
    link.ask(Command.CLOSE)
    assert link.counters.busy_s == pytest.approx(0.44)


def test_secret_frame_and_a_run_of_busy_signs_in_the_log() -> None:
    line = Line(lambda request, _: [(0.06 * n, SYN) for n in range(1, 9)] + [(0.5, reply(request))])
    frames = FrameLog(line.clock)
    link = Link(line, FramingV1(), first_seq=0x30, pace=Pace(), clock=line.clock, frames=frames)
    link.ask(Command.OPEN, b"1,7391,1", secret=True)
    sent, busy, answered = frames.lines()
    assert sent.startswith("-500 > 01")
    assert b"********".hex(" ") in sent
    assert busy == "-440 < 16 x8"
    assert answered.startswith("0 < 01")


# On a pty, against the simulated printer: how often it executes -----------------------------------------


def on_pty(simulator: Simulator, first_seq: int = 0x40, silence_s: float = 0.06) -> tuple[Link, SerialPort]:
    port = SerialPort(simulator.port, 115200)
    port.open()
    return Link(port, FramingV1(), first_seq=first_seq, pace=Pace(silence_s, 3, 3.0)), port


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("drop_answer", {"times": 2}),
        ("drop_request", {"times": 2}),
        ("corrupt", {"times": 2}),
        ("nak", {"times": 3}),
        ("syn_storm", {"ms": 30}),
        ("junk", {}),
        ("duplicate", {}),
        ("stale", {}),
        ("silence", {"ms": 100}),
        ("silence", {"ms": 100, "executed": False}),
    ],
)
def test_whatever_the_line_does_a_command_is_executed_once(kind: str, fields: dict[str, int]) -> None:
    with Simulator(syn_ms=5) as simulator:
        link, port = on_pty(simulator)
        link.ask(Command.OPEN, b"1,0000,1")
        simulator.fault(kind, **fields)
        assert link.ask(Command.SALE, b"Tea\tA1.00*1.000").answer.status == bytes.fromhex("80 80 88 80 86 9A")
        assert link.ask(Command.SUBTOTAL, b"00").answer.data.startswith(b"000000100,")
        assert simulator.executed == [48, 49, 51]
        port.close()


def test_restarted_host_with_the_seq_of_the_frame_before_is_not_fooled() -> None:
    with Simulator() as simulator:
        link, port = on_pty(simulator, first_seq=0x40)
        link.ask(Command.OPEN, b"1,0000,1")
        port.close()
        link, port = on_pty(simulator, first_seq=0x40)
        assert link.synchronise(Command.IDENTIFY, b"1").answer.data.startswith(b"FP-2000,")
        assert simulator.executed == [48, 90]
        port.close()


def test_busy_printer_sends_syn_and_is_waited_for() -> None:
    # Busy for longer than the silence that makes the link send again; room between SYNs for a loaded machine.
    with Simulator(line_ms=300, syn_ms=50) as simulator:
        link, port = on_pty(simulator, silence_s=0.5)
        began = time.monotonic()
        assert link.ask(Command.OPEN, b"1,0000,1").sends == 1
        assert time.monotonic() - began > 0.5
        port.close()
