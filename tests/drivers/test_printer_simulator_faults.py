"""Every fault of the simulated printers as it is seen from the other end of the wire; how they pace their answers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.fiscal.link import PortGone
from drivers.simulators.fiscal_datecs import NAK, SYN
from drivers.simulators.fiscal_endpoint import JUNK
from drivers.simulators.fiscal_faults import FaultKind
from drivers.simulators.fiscal_line import MemoryLine
from drivers.simulators.fiscal_model import Stage
from tests.drivers.printer_host import BOOK, CLOSE, COFFEE, OPEN, PAY, RECEIPT, Host, data, status


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
