"""What the runner promises for every driver, shown with a driver that has no device."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from drivers.contract.core import DeviceState, Done, Problem, Reopen, Reply, State, Step, Stored
from drivers.runner import Runner
from tests.drivers.echo_driver import Echo, EchoDriver, Fail, Hang, Steps
from tests.drivers.echoes import code, echo, lived, said, until_lived

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
