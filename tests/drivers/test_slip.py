"""The slip driver as a process of its own, at a simulated printer on a serial line, as a USB printer's file, on TCP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reply, State
from drivers.contract.slip import Slip, SlipCode, SlipPart, SlipPrinted, SlipText
from drivers.simulators.escpos import EscPosPrinter
from tests.support.driver_process import DriverProcess

WORDS = "Vēl 3 no 10"


@pytest.fixture(params=["serial", "usb", "tcp"])
def line(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def printer(tmp_path: Path, line: str) -> Iterator[EscPosPrinter]:
    printer = EscPosPrinter(None if line == "tcp" else tmp_path / "printer")
    printer.plug()
    yield printer
    printer.unplug()


def spawn(printer: EscPosPrinter, tmp_path: Path, line: str = "serial", **options: Any) -> DriverProcess:
    port = f"tcp://127.0.0.1:{printer.port}" if line == "tcp" else str(tmp_path / "printer")
    kind = {} if line == "tcp" else {"line": line, "flow": "none"}
    return DriverProcess("drivers.slip", {"port": port, "poll_s": 0.2, **kind, **options})


@pytest.fixture
def driver(tmp_path: Path, line: str, printer: EscPosPrinter) -> Iterator[DriverProcess]:
    with spawn(printer, tmp_path, line) as driver:
        driver.expect_state(DeviceState.READY)
        yield driver


@pytest.fixture
def serial(tmp_path: Path) -> Iterator[EscPosPrinter]:
    """A printer on a serial line, where the line makes no difference."""
    printer = EscPosPrinter(tmp_path / "printer")
    printer.plug()
    yield printer
    printer.unplug()


def a_slip(key: str = "k1", *parts: SlipPart) -> Slip:
    return Slip(key, parts or (SlipText(WORDS),))


def prints(driver: DriverProcess, slip: Slip, deadline_ms: int = 5000) -> SlipPrinted:
    reply = driver.ask(slip, deadline_ms, deadline_ms / 1000 + 10)
    assert reply.body is not None, reply.problem
    return msgspec.json.decode(reply.body, type=SlipPrinted)


def refusal(driver: DriverProcess, slip: Slip, deadline_ms: int = 5000) -> str:
    problem = driver.ask(slip, deadline_ms).problem
    assert problem is not None
    assert problem.advice
    assert WORDS not in repr(problem)
    return problem.code


def concern(driver: DriverProcess) -> str:
    """The next thing that a person should see to at a printer that answers."""
    state = driver.expect(State)
    assert state.state is DeviceState.READY
    return state.problem.code if state.problem is not None else ""


def texts(printer: EscPosPrinter) -> list[str]:
    return [slip.text for slip in printer.paper.slips]


def fill(port: Path) -> None:
    """What the kernel holds for a port whose other end takes nothing."""
    fd = os.open(port, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    with suppress(BlockingIOError):
        while True:
            os.write(fd, b"x" * 1024)
    os.close(fd)


def test_says_hello_then_ready_then_alive(tmp_path: Path, line: str, printer: EscPosPrinter) -> None:
    with spawn(printer, tmp_path, line) as driver:
        hello = driver.expect(Hello)
        assert (hello.driver, hello.kind) == ("slip", Kind.SLIP)
        detail = driver.expect_state(DeviceState.READY).detail
        assert detail["columns"] == "42"
        driver.expect(Alive)
        assert driver.stop() == 0


def test_a_slip_is_printed_once_and_confirmed(printer: EscPosPrinter, driver: DriverProcess) -> None:
    assert prints(driver, a_slip("k1", SlipText(WORDS, bold=True), SlipCode("C-1"))) == SlipPrinted("k1", sure=True)
    assert texts(printer) == [f"{WORDS}\n[QR C-1]"]
    assert prints(driver, a_slip("k2")).key == "k2"
    assert texts(printer) == [f"{WORDS}\n[QR C-1]", WORDS]


def test_what_the_printer_cannot_confirm_is_not_called_sure(tmp_path: Path, line: str) -> None:
    """It has no GS r: it prints a letter for it, once."""
    printer = EscPosPrinter(None if line == "tcp" else tmp_path / "printer", knows_gs_r=False)
    printer.plug()
    with spawn(printer, tmp_path, line, confirm_ms=300) as driver:
        driver.expect_state(DeviceState.READY)
        assert [prints(driver, a_slip(key)).sure for key in ("k1", "k2", "k3")] == [False, False, False]
    assert printer.wait(lambda: len(printer.paper.slips) == 3)
    assert printer.taken.count(b"\x1dr") == 1
    printer.unplug()


def test_a_printer_that_cannot_answer_is_asked_nothing(tmp_path: Path, line: str, printer: EscPosPrinter) -> None:
    printer.silent = True
    with spawn(printer, tmp_path, line, status=False) as driver:
        assert driver.expect_state(DeviceState.READY).detail["status"] == "never known"
        driver.expect(Alive)
        assert prints(driver, a_slip()) == SlipPrinted("k1", sure=False)
        assert printer.wait(lambda: texts(printer) == [WORDS])
        assert printer.asked == 0
        assert driver.stop() == 0


@pytest.mark.parametrize(
    ("what", "code"),
    [("paper_end", "no_paper"), ("cover", "cover_open"), ("cutter", "printer_error"), ("hot", "printer_error")],
)
def test_what_stops_a_printer_is_told_and_nothing_is_sent(
    printer: EscPosPrinter, driver: DriverProcess, what: str, code: str
) -> None:
    printer.set(what)
    assert concern(driver) == code
    assert refusal(driver, a_slip()) == code
    assert b"\x1b@" not in printer.taken
    printer.set(what, on=False)
    assert concern(driver) == ""
    assert prints(driver, a_slip("k2")).sure
    assert texts(printer) == [WORDS]


def test_a_roll_near_its_end_is_told_and_prints(printer: EscPosPrinter, driver: DriverProcess) -> None:
    printer.set("near_end")
    assert concern(driver) == "little_paper"
    assert prints(driver, a_slip()).sure
    printer.set("near_end", on=False)
    assert concern(driver) == ""


def test_a_roll_that_ends_within_a_slip_is_told_and_the_slip_is_not_sent_again(
    printer: EscPosPrinter, driver: DriverProcess
) -> None:
    printer.lines_left = 2
    assert refusal(driver, a_slip("k1", SlipText("a\nb\nc\nd"))) == "broken_off"
    driver.expect_state(DeviceState.LOST)
    driver.expect_state(DeviceState.READY)
    assert concern(driver) == "no_paper"
    printer.set("paper_end", on=False)
    assert concern(driver) == ""
    assert prints(driver, a_slip("k2")).sure
    assert printer.taken.count(b"\x1b@") == 2


def test_a_printer_that_goes_away_within_a_slip_is_told(printer: EscPosPrinter, driver: DriverProcess) -> None:
    printer.line_s = 0.3
    number = driver.call(a_slip("k1", SlipText("a\n" * 40)), 15_000)
    assert printer.wait(lambda: len(printer.paper.lines) >= 2)
    printer.unplug()
    state = driver.expect_state(DeviceState.LOST)
    assert state.problem is not None
    assert state.problem.code == "broken_off"
    assert number == 1


def test_one_that_takes_no_more_is_told_in_time(tmp_path: Path, serial: EscPosPrinter) -> None:
    with spawn(serial, tmp_path, status=False) as driver:
        driver.expect_state(DeviceState.READY)
        serial.deaf = True
        fill(tmp_path / "printer")
        assert refusal(driver, a_slip(), 1500) == "broken_off"
        serial.deaf = False
        driver.expect_state(DeviceState.READY)


def test_a_printer_slower_than_its_answers_is_waited_for(tmp_path: Path, line: str, printer: EscPosPrinter) -> None:
    printer.line_s = 0.05
    with spawn(printer, tmp_path, line) as driver:
        driver.expect_state(DeviceState.READY)
        assert prints(driver, a_slip("k1", SlipText("a\n" * 30))).sure
        assert len(printer.paper.slips) == 1


def test_a_long_slip_is_no_silence(tmp_path: Path, serial: EscPosPrinter) -> None:
    """A driver that says nothing for 12 s may be restarted, in the middle of what it prints."""
    serial.line_s = 0.25
    with spawn(serial, tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        driver.expect(Alive)
        assert prints(driver, a_slip("k1", SlipText("a\n" * 24)), 20_000).sure
        heard = [type(message) for message in driver.heard]
    assert Alive in heard[heard.index(Alive) + 1 : heard.index(Reply)]


def test_a_printer_that_went_away_before_the_slip_is_refused_and_nothing_sent(
    tmp_path: Path, line: str, printer: EscPosPrinter
) -> None:
    with spawn(printer, tmp_path, line, poll_s=4.0) as driver:
        driver.expect_state(DeviceState.READY)
        printer.unplug()
        assert refusal(driver, a_slip()) in ("unplugged", "silent")
    assert b"\x1b@" not in printer.taken


def test_a_slip_that_cannot_end_in_time_is_not_begun(tmp_path: Path, serial: EscPosPrinter) -> None:
    with spawn(serial, tmp_path, status=False) as driver:
        driver.expect_state(DeviceState.READY)
        # 7 kB at 9600 baud take 7 s.
        assert refusal(driver, a_slip("k1", *[SlipText("x" * 1750)] * 4), 3000) == "too_late"
        assert serial.taken == b""


def test_text_that_is_no_text_is_refused_before_a_byte(printer: EscPosPrinter, driver: DriverProcess) -> None:
    assert refusal(driver, a_slip("k1", SlipText(WORDS), SlipText("\x1bp0AA"))) == "bad_text"
    assert refusal(driver, a_slip("k1", SlipCode("\x1dV0"))) == "bad_code"
    assert refusal(driver, a_slip("k1", SlipText("\n" * 1999))) == "too_long"
    assert b"\x1b@" not in printer.taken
    assert driver.process.poll() is None


def test_unplugged_and_plugged_in_again(printer: EscPosPrinter, driver: DriverProcess, line: str) -> None:
    printer.unplug()
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "unplugged"
    printer.plug()
    driver.expect_state(DeviceState.READY)
    assert prints(driver, a_slip()).sure
    assert texts(printer) == [WORDS]


def test_a_silent_printer_is_told_once_and_found_again(printer: EscPosPrinter, driver: DriverProcess) -> None:
    printer.silent = True
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "silent"
    driver.nothing(State, 1.5)
    printer.silent = False
    driver.expect_state(DeviceState.READY)
    assert prints(driver, a_slip()).sure


def test_words_that_come_unasked_answer_nothing(printer: EscPosPrinter, driver: DriverProcess) -> None:
    """A text of its own, noise with the high bit on, and an automatic status (GS a), before each answer."""
    printer.chatter = b"LABELOK\xff\x80\x11\x13" + b"\x14\x00\x00\x0f"
    assert prints(driver, a_slip()).sure
    assert texts(printer) == [WORDS]


def test_noise_alone_is_silence(printer: EscPosPrinter, driver: DriverProcess) -> None:
    printer.answers = {1: 0xFF, 2: 0x80, 3: 0x41, 4: 0x91}
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "silent"
    printer.answers = {}
    driver.expect_state(DeviceState.READY)


def test_a_name_that_stays_is_followed_to_whatever_port_the_printer_is_at_now(tmp_path: Path) -> None:
    """As udev does it: the link goes with the printer. At its old port another one is plugged in meanwhile."""
    printers = [EscPosPrinter(tmp_path / f"port{number}") for number in (0, 1)]
    for printer in printers:
        printer.plug()
    link = tmp_path / "printer"
    link.symlink_to(tmp_path / "port0")
    try:
        with spawn(printers[0], tmp_path) as driver:
            driver.expect_state(DeviceState.READY)
            assert prints(driver, a_slip("k1")).sure
            link.unlink()
            printers[0].unplug()
            driver.expect_state(DeviceState.LOST)
            printers[0].plug()
            link.symlink_to(tmp_path / "port1")
            driver.expect_state(DeviceState.READY)
            assert prints(driver, a_slip("k2")).sure
    finally:
        for printer in printers:
            printer.unplug()
    assert [len(printer.paper.slips) for printer in printers] == [1, 1]


def test_a_printer_that_hangs_up_is_called_again_where_nobody_asks_it(tmp_path: Path) -> None:
    printer = EscPosPrinter()
    printer.plug()
    try:
        with spawn(printer, tmp_path, "tcp", status=False) as driver:
            driver.expect_state(DeviceState.READY)
            printer.hang_up()
            driver.nothing(State, 1.0)
            assert prints(driver, a_slip()) == SlipPrinted("k1", sure=False)
            assert printer.wait(lambda: texts(printer) == [WORDS])
    finally:
        printer.unplug()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"port": "/dev/no/such"}, "no_port"),
        ({"port": "/dev/no/such", "line": "usb"}, "no_port"),
        ({"port": "tcp://127.0.0.1:1"}, "no_printer"),
        ({"port": "/dev/null"}, "bad_port"),
        ({"port": "/dev/no/such", "profile": "TM-T99"}, "bad_profile"),
    ],
)
def test_what_is_not_there_is_named_with_advice(options: dict[str, Any], code: str) -> None:
    with DriverProcess("drivers.slip", options) as driver:
        lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == code
    assert lost.problem.advice


def test_a_port_in_use_is_named(tmp_path: Path, serial: EscPosPrinter) -> None:
    with spawn(serial, tmp_path) as first:
        first.expect_state(DeviceState.READY)
        with spawn(serial, tmp_path) as second:
            lost = second.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "busy"


def test_nothing_of_a_slip_is_in_the_log_or_in_a_state(
    tmp_path: Path, serial: EscPosPrinter, capfd: pytest.CaptureFixture[str]
) -> None:
    with spawn(serial, tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        prints(driver, a_slip())
        refusal(driver, a_slip("k2", SlipText(f"{WORDS}\x1b")))
        driver.stop()
        assert WORDS not in repr(driver.heard)
    assert WORDS not in capfd.readouterr().err
