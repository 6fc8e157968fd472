"""The stream of every driver: its first words, that it belongs to the contract alone, and its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from drivers.contract.codec import encode, raw
from drivers.contract.core import MAX_LINE, Alive, Call, DeviceState, Hello, Kind, Options, Reply, State
from drivers.runner import EXIT_BAD_OPTIONS
from tests.drivers.echo_driver import Echo, Hang
from tests.drivers.echo_driver import Options as Settings
from tests.drivers.echoes import MODULE, echo, lived, logged, said, until_lived
from tests.support.driver_process import DriverProcess

# The first words -----------------------------------------------------------------------------------------


def test_hello_comes_first_then_opening_ready_alive() -> None:
    with echo() as driver:
        driver.expect(Alive)
        assert driver.heard[:3] == [
            Hello(1, "echo", "1", Kind.READER),
            State(DeviceState.OPENING),
            State(DeviceState.READY, detail={"model": "echo"}),
        ]


@pytest.mark.parametrize("options", [{"recrod": "x"}, {"times": "many"}])
def test_bad_options_are_told_and_end_with_exit_code_9(options: dict[str, Any]) -> None:
    with echo(**options) as driver:
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == "bad_options"
        assert next(iter(options)) in lost.problem.cause
        assert lost.problem.advice
        assert driver.process.wait(10) == EXIT_BAD_OPTIONS


# The stream belongs to the contract ----------------------------------------------------------------------


@pytest.mark.parametrize("by", ["print", "write", "child"])
def test_what_a_library_prints_never_reaches_the_stream(tmp_path: Path, by: str) -> None:
    log = tmp_path / "log"
    with logged(log) as driver:
        assert said(driver.ask(Echo("a library was here", by))) == "a library was here"
        driver.stop()
    assert driver.garbage == []
    assert "a library was here" in log.read_text()


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b'{"t":"dance"}\n',
        b'{"t":"call"}\n',
        b"[" * 5000 + b"\n",
        b"\xff\xfe\n",
        b'{"t":"stored","step":' + b"9" * 6000 + b"}\n",
        b"\n",
    ],
)
def test_a_line_that_is_no_message_is_logged_and_nothing_else_happens(tmp_path: Path, line: bytes) -> None:
    log = tmp_path / "log"
    with logged(log) as driver:
        driver.expect_state(DeviceState.READY)
        driver.send_line(line)
        assert said(driver.ask(Echo("still here"))) == "still here"
        driver.stop()
    assert ("not a message" in log.read_text()) == bool(line.strip())


def test_a_line_that_is_too_long_is_skipped_and_logged(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with logged(log) as driver:
        driver.expect_state(DeviceState.READY)
        driver.send_line(b"x" * (3 * MAX_LINE) + b"\n")
        assert said(driver.ask(Echo("still here"))) == "still here"
        driver.stop()
    assert "longer than" in log.read_text()


def test_a_log_that_nobody_reads_does_not_keep_the_driver_from_hearing() -> None:
    deaf = "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 2); os.execv(sys.argv[1], sys.argv[1:])"
    argv = [sys.executable, "-c", deaf, sys.executable, "-m", MODULE]
    with DriverProcess(MODULE, {}, argv=argv) as driver:
        driver.expect_state(DeviceState.READY)
        driver.send_line(b"no message\n")
        assert said(driver.ask(Echo("still here"))) == "still here"
        driver.close_stream()
        assert driver.process.wait(5) == 0


def test_a_message_in_pieces_is_one_message() -> None:
    with echo() as driver:
        driver.expect_state(DeviceState.READY)
        line = encode(Call(77, 5000, raw(Echo("in pieces"))))
        for byte in line:
            driver.send_line(bytes((byte,)))
        assert driver.expect(Reply).id == 77


# The end -------------------------------------------------------------------------------------------------


def test_stop_closes_the_device_and_ends_with_exit_code_0(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        driver.expect_state(DeviceState.READY)
        assert driver.stop() == 0
    assert lived(record)[-1] == "close"


def test_the_end_of_the_stream_closes_the_device_and_ends(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        driver.expect_state(DeviceState.READY)
        driver.close_stream()
        assert driver.process.wait(5) == 0
    assert lived(record)[-1] == "close"


def test_sigterm_closes_the_device_and_ends(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        driver.expect_state(DeviceState.READY)
        driver.process.send_signal(signal.SIGTERM)
        assert driver.process.wait(5) == 0
    assert lived(record)[-1] == "close"


def test_the_end_of_the_stream_ends_a_driver_that_hangs_in_a_call(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        driver.call(Hang(60))
        until_lived(record, "hang")
        driver.close_stream()
        began = time.monotonic()
        driver.process.wait(10)
        assert time.monotonic() - began < 2.0


def test_the_end_of_the_stream_ends_a_driver_that_hangs_in_open(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record), hangs_in_open_s=60) as driver:
        until_lived(record, "open")
        driver.close_stream()
        began = time.monotonic()
        driver.process.wait(10)
        assert time.monotonic() - began < 2.0


def test_stop_ends_a_driver_that_hangs(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        driver.call(Hang(60))
        until_lived(record, "hang")
        began = time.monotonic()
        driver.stop(10)
        assert time.monotonic() - began < 2.0


def test_a_gateway_that_no_longer_reads_does_not_keep_the_driver(tmp_path: Path) -> None:
    record = tmp_path / "record"
    argv = [sys.executable, "-m", MODULE]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(encode(Options("test", raw(Settings(record=str(record))))))
        for number in range(4):  # more than a pipe holds: the driver blocks in the midst of an answer
            process.stdin.write(encode(Call(number, 5000, raw(Echo(f"{number}" * 40000)))))
        process.stdin.flush()
        until_lived(record, "echo " + "1" * 40000)
        process.stdin.close()
        began = time.monotonic()
        process.wait(10)
        assert time.monotonic() - began < 2.0


def test_the_end_before_the_options_is_an_ordinary_end(tmp_path: Path) -> None:
    class Silent(DriverProcess):
        def send(self, message: Any) -> None:
            if not isinstance(message, Options):
                super().send(message)

    with Silent(MODULE, {}) as driver:
        driver.expect(Hello)
        driver.close_stream()
        assert driver.process.wait(5) == 0
