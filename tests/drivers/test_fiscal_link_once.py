"""Stop-and-wait with families whose devices execute a repeated frame: what is sent again, and what never is."""

from __future__ import annotations

import pytest

from drivers.fiscal.datecs_v1 import Command, FramingV1
from drivers.fiscal.frame_log import FrameLog
from drivers.fiscal.link import Link, LinkLost, Loss, Pace
from drivers.fiscal.zfp import ZfpFraming, checksum
from drivers.simulators.fiscal_datecs import SYN
from drivers.simulators.fiscal_wire import Request
from tests.drivers.scripted_line import Line, link_on, reply


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
