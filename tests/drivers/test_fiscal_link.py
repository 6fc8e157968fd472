"""Stop-and-wait: what the host does on a line that loses, repeats, delays and invents."""

from __future__ import annotations

import itertools
import time

import pytest

from drivers.fiscal.datecs_v1 import SEQ_LAST, Command, FramingV1
from drivers.fiscal.link import Link, LinkLost, Loss, Pace
from drivers.fiscal.serial_port import SerialPort
from drivers.simulators.fiscal_datecs import NAK, SYN
from drivers.simulators.fiscal_wire import Request
from drivers.simulators.printer import Simulator
from tests.drivers.scripted_line import OK, Line, link_on, reply


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
