"""What the runner promises for every driver, shown with a driver that has no device."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.contract.codec import encode, raw
from drivers.contract.core import (
    MAX_LINE,
    Alive,
    Call,
    DeviceState,
    Done,
    Hello,
    Kind,
    Options,
    Problem,
    Reopen,
    Reply,
    State,
    Step,
    Stored,
)
from drivers.runner import EXIT_BAD_OPTIONS, Runner
from tests.drivers.echo_driver import Echo, EchoDriver, Echoed, Fail, Hang, Peek, Steps
from tests.drivers.echo_driver import Options as Settings
from tests.support.driver_process import DriverProcess

MODULE = "tests.drivers.echo_driver"


def echo(**options: Any) -> DriverProcess:
    return DriverProcess(MODULE, options)


def logged(log: Path, **options: Any) -> DriverProcess:
    """The same, with its stderr in a file."""
    shell = f'exec "{sys.executable}" -m {MODULE} 2>"{log}"'
    return DriverProcess(MODULE, options, argv=["/bin/sh", "-c", shell])


def lived(record: Path) -> list[str]:
    """What the driver wrote down, without the times."""
    return [line.split(" ", 1)[1] for line in record.read_text().splitlines()] if record.exists() else []


def until_lived(record: Path, word: str, times: int = 1, timeout: float = 15.0) -> None:
    until = time.monotonic() + timeout
    while lived(record).count(word) < times:
        assert time.monotonic() < until, f"no {times} x {word} in {lived(record)}"


def said(reply: Reply) -> str:
    assert reply.body is not None, reply
    return msgspec.json.decode(reply.body, type=Echoed).text


def code(reply: Reply) -> str:
    assert reply.problem is not None, reply
    return reply.problem.code


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


# Calls ---------------------------------------------------------------------------------------------------


def test_calls_are_answered_in_their_order_with_their_ids() -> None:
    with echo() as driver:
        ids = [driver.call(Echo(text)) for text in ("one", "two", "three")]
        replies = [driver.expect(Reply) for _ in ids]
        assert [(reply.id, said(reply)) for reply in replies] == [
            (ids[0], "one"),
            (ids[1], "two"),
            (ids[2], "three"),
        ]


def test_a_call_that_waits_past_its_deadline_is_refused_and_not_begun(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        driver.call(Hang(0.5))
        late = driver.call(Echo("too late"), deadline_ms=100)
        replies = {reply.id: reply for reply in (driver.expect(Reply), driver.expect(Reply))}
        assert code(replies[late]) == "too_late"
        assert "echo too late" not in lived(record)


@pytest.mark.parametrize("deadline_ms", ["0", "-1", "1" + "0" * 18, "1" + "0" * 400, "-1" + "0" * 400])
def test_any_deadline_is_survived(deadline_ms: str) -> None:
    with echo() as driver:
        driver.send_line(
            f'{{"t":"call","id":99,"deadline_ms":{deadline_ms},"body":{{"call":"echo","text":"hi"}}}}\n'.encode()
        )
        assert said(driver.ask(Echo("next"))) == "next"
        for reply in (message for message in driver.heard if isinstance(message, Reply) and message.id == 99):
            assert (reply.problem is None) == (deadline_ms.startswith("10"))


def test_a_call_that_this_driver_does_not_know_is_refused() -> None:
    class Dance(msgspec.Struct, tag="dance", tag_field="call"):
        pass

    with echo() as driver:
        assert code(driver.ask(Dance())) == "bad_call"
        assert said(driver.ask(Echo("next"))) == "next"


def test_a_refused_call_leaves_the_device_ready(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        assert code(driver.ask(Fail("refused"))) == "told_refused"
        assert said(driver.ask(Echo("next"))) == "next"
        assert lived(record).count("open") == 1


def test_a_call_that_loses_the_device_is_answered_then_told_then_opened_again() -> None:
    with echo() as driver:
        assert code(driver.ask(Fail("lost"))) == "told_lost"
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == "told_lost"
        driver.expect_state(DeviceState.READY)


def test_lost_follows_the_reply_at_once_however_long_closing_takes(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record), hangs_in_close_s=20) as driver:
        driver.ask(Fail("lost"))
        driver.expect_state(DeviceState.LOST)
        assert lived(record) == ["open"]


def test_calls_while_the_device_is_away_are_answered_at_once_with_the_reason() -> None:
    with echo(fails="open") as driver:
        driver.expect_state(DeviceState.LOST)
        assert code(driver.ask(Echo("hi"), timeout=6)) == "broken"


def test_reopen_is_answered_and_opens_again(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        reply = driver.ask(Reopen())
        assert reply.body is not None
        assert msgspec.json.decode(reply.body, type=Done) == Done()
        until_lived(record, "open", 2)
        assert lived(record)[:3] == ["open", "close", "open"]


# Steps ---------------------------------------------------------------------------------------------------


def test_a_step_waits_until_it_is_stored(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        call = driver.call(Steps(2))
        first = driver.expect(Step)
        assert first.call == call
        driver.nothing(Step, 0.3)
        assert "stored 0" not in lived(record)
        driver.send(Stored(first.id))
        second = driver.expect(Step)
        assert "stored 0" in lived(record)
        driver.send(Stored(second.id))
        assert said(driver.expect(Reply)) == "stored"


def test_another_steps_stored_does_not_count(tmp_path: Path) -> None:
    with echo() as driver:
        driver.call(Steps(1))
        step = driver.expect(Step)
        driver.send(Stored(step.id + 1))
        driver.send(Stored(step.id - 1))
        driver.nothing(Reply, 0.3)
        driver.send(Stored(step.id))
        assert said(driver.expect(Reply)) == "stored"


def test_a_step_whose_gateway_is_gone_ends_the_call_there(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record)) as driver:
        driver.call(Steps(2))
        driver.expect(Step)
        driver.close_stream()
        assert driver.process.wait(5) == 0
    assert "stored 0" not in lived(record)
    assert lived(record)[-1] == "close"


# States and attempts -------------------------------------------------------------------------------------


def test_a_lost_device_is_told_once_however_often_it_is_tried(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record), fails="open", times=4) as driver:
        driver.expect_state(DeviceState.READY)
        states = [message.state for message in driver.heard if isinstance(message, State)]
        assert states == [DeviceState.OPENING, DeviceState.LOST, DeviceState.READY]
    assert lived(record).count("open") == 5


def test_attempts_to_open_back_off(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record), fails="open", times=4) as driver:
        driver.expect_state(DeviceState.READY)
    tried = [float(line.split()[0]) for line in record.read_text().splitlines() if line.endswith(" open")]
    pauses = [after - before for before, after in pairwise(tried)]
    assert all(pause >= least for pause, least in zip(pauses, (0.24, 0.49, 0.99, 1.99), strict=True)), pauses


def test_the_pause_between_attempts_is_capped() -> None:
    runner = Runner(EchoDriver, BytesIO(), BytesIO())
    runner._ended.set()  # so that no attempt really waits
    pauses = []
    for _ in range(9):
        pauses.append(runner._pause)
        runner._away(Problem("broken", "", ""))
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]


def test_a_device_that_opens_and_then_fails_is_not_tried_without_a_pause(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with echo(record=str(record), fails="poll") as driver:
        driver.expect_state(DeviceState.LOST)
        driver.nothing(Reply, 2.0)
        told = [message for message in driver.heard if isinstance(message, State)]
    assert lived(record).count("open") <= 5
    assert len(told) <= 12


# Asides --------------------------------------------------------------------------------------------------


def test_an_aside_is_answered_while_another_call_blocks() -> None:
    with echo() as driver:
        driver.expect_state(DeviceState.READY)
        hanging = driver.call(Hang(3.0))
        assert said(driver.ask(Peek("now"))) == "now"
        last = driver.expect(Reply)
        assert (last.id, said(last)) == (hanging, "woke")


def test_an_aside_is_answered_between_a_step_and_its_stored() -> None:
    with echo() as driver:
        driver.expect_state(DeviceState.READY)
        driver.call(Steps(1))
        step = driver.expect(Step)
        assert said(driver.ask(Peek("now"))) == "now"
        driver.send(Stored(step.id))
        assert said(driver.expect(Reply)) == "stored"


@pytest.mark.parametrize("options", [{"fails": "open"}, {"hangs_in_open_s": 3.0}])
def test_an_aside_needs_no_device(options: dict[str, Any]) -> None:
    with echo(**options) as driver:
        driver.expect_state(DeviceState.OPENING)
        assert said(driver.ask(Peek("now"))) == "now"


def test_an_aside_that_is_refused_or_malformed_is_told_so() -> None:
    with echo() as driver:
        driver.expect_state(DeviceState.READY)
        assert code(driver.ask(Peek(""))) == "no_such_call"
        driver.send_line(b'{"t":"call","id":99,"deadline_ms":5000,"body":{"call":"peek","text":5}}\n')
        assert code(driver.expect(Reply)) == "bad_call"
