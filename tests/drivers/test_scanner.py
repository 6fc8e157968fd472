"""The scanner driver as a process: on a pty, and typed into a pipe where the kernel's event device would be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reading
from drivers.contract.reader import Code
from drivers.simulators.scanner import Scanner, event, typed
from tests.support.driver_process import DriverProcess

EAN = "4750001112223"


@pytest.fixture(params=["serial", "keyboard"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def scanner(tmp_path: Path, mode: str) -> Iterator[Scanner]:
    scanner = Scanner(tmp_path / "scanner", keyboard=mode == "keyboard")
    scanner.plug()
    yield scanner
    scanner.unplug()


@pytest.fixture
def driver(tmp_path: Path, mode: str, scanner: Scanner) -> Iterator[DriverProcess]:
    with spawn(tmp_path, mode) as driver:
        driver.expect_state(DeviceState.READY)
        yield driver


def spawn(tmp_path: Path, mode: str, **options: Any) -> DriverProcess:
    return DriverProcess("drivers.scanner", {"port": str(tmp_path / "scanner"), "mode": mode, **options})


def test_says_hello_then_ready_then_alive(tmp_path: Path, mode: str, scanner: Scanner) -> None:
    with spawn(tmp_path, mode) as driver:
        hello = driver.expect(Hello)
        assert (hello.driver, hello.kind) == ("scanner", Kind.READER)
        assert driver.expect_state(DeviceState.READY).detail == {"mode": mode}
        driver.expect(Alive)
        assert driver.stop() == 0


def test_each_code_is_reported_as_it_was_read(scanner: Scanner, driver: DriverProcess) -> None:
    for text in (EAN, "LIB-00417c", "6BF5+8Q0:PASS$%*./ x", EAN):
        scanner.scan(text)
        assert driver.expect_reading(Code) == Code("unknown", text.encode())


def test_the_same_code_in_sight_is_one_reading(scanner: Scanner, driver: DriverProcess) -> None:
    for _ in range(5):
        scanner.scan(EAN)
    driver.expect_reading(Code)
    driver.nothing(Reading, 0.3)


def test_an_aim_identifier_names_the_symbology(tmp_path: Path, mode: str, scanner: Scanner) -> None:
    with spawn(tmp_path, mode, aim=True) as driver:
        driver.expect_state(DeviceState.READY)
        scanner.scan("]E0" + EAN)
        assert driver.expect_reading(Code) == Code("ean-13", EAN.encode())


def test_a_code_that_was_cut_off_is_not_reported(scanner: Scanner, driver: DriverProcess, mode: str) -> None:
    scanner.send(typed("47500") if mode == "keyboard" else b"47500")
    driver.nothing(Reading, 0.6)
    scanner.scan(EAN)
    assert driver.expect_reading(Code).data == EAN.encode()


def test_a_scanner_without_enter_is_read_by_its_silence(tmp_path: Path, mode: str, scanner: Scanner) -> None:
    with spawn(tmp_path, mode, ends="silence", gap_ms=100) as driver:
        driver.expect_state(DeviceState.READY)
        scanner.scan(EAN, end="")
        assert driver.expect_reading(Code).data == EAN.encode()


def test_unplugged_and_plugged_in_again(tmp_path: Path, scanner: Scanner, driver: DriverProcess) -> None:
    scanner.unplug()
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "unplugged"
    scanner.plug()
    driver.expect_state(DeviceState.READY)
    scanner.scan(EAN)
    assert driver.expect_reading(Code).data == EAN.encode()


def test_a_name_that_stays_is_followed_to_whatever_port_the_scanner_is_at_now(tmp_path: Path, mode: str) -> None:
    """As udev does it with /dev/serial/by-id and /dev/input/by-id: the link goes with the scanner, and comes back with
    it at another port. At the old one another scanner is plugged in meanwhile, which is nobody's."""
    link = tmp_path / "scanner"
    ports = [Scanner(tmp_path / f"port{number}", keyboard=mode == "keyboard") for number in (0, 1)]
    for port in ports:
        port.plug()
    link.symlink_to(tmp_path / "port0")
    try:
        with spawn(tmp_path, mode) as driver:
            driver.expect_state(DeviceState.READY)
            ports[0].scan(EAN)
            assert driver.expect_reading(Code).data == EAN.encode()
            link.unlink()
            ports[0].unplug()
            assert driver.expect_state(DeviceState.LOST).problem is not None
            ports[0].plug()
            link.symlink_to(tmp_path / "port1")
            driver.expect_state(DeviceState.READY)
            ports[0].scan("SOMEBODY-ELSES")
            ports[1].scan("LIB-00417c")
            assert driver.expect_reading(Code).data == b"LIB-00417c"
    finally:
        for port in ports:
            port.unplug()


def test_garbage_is_a_code_that_nobody_knows_and_no_more(scanner: Scanner, driver: DriverProcess, mode: str) -> None:
    noise = event(1, 600, 1) * 50 + event(17, 3, 9) if mode == "keyboard" else bytes(range(256)) * 20 + b"\r"
    scanner.send(noise)
    scanner.scan(EAN)
    while driver.expect_reading(Code).data != EAN.encode():
        pass
    assert driver.process.poll() is None


def test_nothing_there_is_named_with_advice(tmp_path: Path, mode: str) -> None:
    with spawn(tmp_path, mode) as driver:
        lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "no_port"
    assert "/dev/serial/by-id" in lost.problem.advice


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path / "scanner")
    scanner.plug()
    with spawn(tmp_path, "serial") as first:
        first.expect_state(DeviceState.READY)
        with spawn(tmp_path, "serial") as second:
            lost = second.expect_state(DeviceState.LOST)
    scanner.unplug()
    assert lost.problem is not None
    assert lost.problem.code == "busy"


@pytest.mark.parametrize("kind", ["file", "pty"])
def test_what_is_no_keyboard_is_not_taken_for_one(tmp_path: Path, kind: str) -> None:
    """It would not be grabbed: what is scanned would go to the console as well."""
    scanner = Scanner(tmp_path / "scanner")
    if kind == "pty":
        scanner.plug()
    else:
        (tmp_path / "scanner").write_bytes(b"")
    with spawn(tmp_path, "keyboard") as driver:
        lost = driver.expect_state(DeviceState.LOST)
    if kind == "pty":
        scanner.unplug()
    assert lost.problem is not None
    assert lost.problem.code == "bad_port"


def test_what_is_no_serial_port_is_told(tmp_path: Path) -> None:
    (tmp_path / "scanner").write_bytes(b"")
    with spawn(tmp_path, "serial") as driver:
        lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == "bad_port"


def test_nothing_of_a_code_leaves_but_in_a_reading(
    tmp_path: Path, mode: str, scanner: Scanner, capfd: pytest.CaptureFixture[str]
) -> None:
    with spawn(tmp_path, mode) as driver:
        driver.expect_state(DeviceState.READY)
        scanner.scan(EAN)
        reading = driver.expect(Reading)
        scanner.send(typed("12345") if mode == "keyboard" else b"12345")
        driver.nothing(Reading, 0.6)
        driver.stop()
        others = repr([message for message in driver.heard if message != reading])
    assert capfd.readouterr().err.splitlines() == ["a code was not read whole: it stopped before its Enter"]
    assert EAN not in others
