"""The relay driver as the gateway runs it, against the simulated board on a pty."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from drivers.contract.core import Alive, DeviceState, Done, Hello, Kind, Reading, Reopen, Reply
from drivers.contract.relay import InputEdge, InputStates, Outputs, Pulse, Pulsed, ReadOutputs
from drivers.relay.errors import Code, undocumented
from drivers.simulators.relay import RelayBoard
from tests.drivers.relay_rig import problem, result, start
from tests.support.driver_process import DriverProcess


@pytest.fixture
def board(tmp_path: Path) -> Iterator[RelayBoard]:
    with RelayBoard(outputs=2, inputs=2, link=tmp_path / "relay") as board:
        yield board


@pytest.fixture
def driver(board: RelayBoard) -> Iterator[DriverProcess]:
    with start(board) as driver:
        driver.expect_state(DeviceState.READY)
        yield driver


# Life ----------------------------------------------------------------------------------------------------


def test_it_says_hello_then_ready_with_what_it_drives_then_alive(board: RelayBoard) -> None:
    with start(board) as driver:
        assert driver.expect(Hello) == Hello(1, "relay", "1", Kind.RELAY)
        driver.expect_state(DeviceState.OPENING)
        ready = driver.expect_state(DeviceState.READY)
        assert ready.detail["board"] == "waveshare"
        driver.expect(Alive)


def test_it_is_alive_again_and_again_while_nothing_happens(board: RelayBoard) -> None:
    with start(board, inputs=0) as driver:
        first = driver.expect(Alive)
        second = driver.expect(Alive)
        assert second.mono_ns - first.mono_ns < 8e9


def test_it_stops_when_told(driver: DriverProcess) -> None:
    assert driver.stop() == 0


def test_a_misspelt_option_is_refused_with_exit_code_9(board: RelayBoard) -> None:
    with start(board, bord="waveshare") as driver:
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert "bord" in lost.problem.cause
        assert driver.process.wait(10) == 9


def test_reopen_closes_and_opens_the_port(driver: DriverProcess) -> None:
    assert result(driver.ask(Reopen()), Done) == Done()
    driver.expect_state(DeviceState.OPENING)
    driver.expect_state(DeviceState.READY)


# Inputs --------------------------------------------------------------------------------------------------


def test_a_passage_is_two_edges_stamped_when_they_were_seen(board: RelayBoard, driver: DriverProcess) -> None:
    board.walk(1, ms=200)
    edges = [driver.expect(Reading), driver.expect(Reading)]
    assert [msgspec.json.decode(edge.body, type=InputEdge) for edge in edges] == [
        InputEdge(1, True),
        InputEdge(1, False),
    ]
    walked = board.wait("input")["mono_ns"]
    assert walked <= edges[0].mono_ns <= time.monotonic_ns()


def test_someone_walks_through_by_themselves_after_a_pulse(board: RelayBoard, driver: DriverProcess) -> None:
    board.auto_pass(0, delay_ms=50)
    driver.ask(Pulse(0, 300))
    assert driver.expect_reading(InputEdge) == InputEdge(0, True)


def test_what_inputs_are_from_the_start_is_told_once_and_is_no_edge(board: RelayBoard) -> None:
    board.input(0, True)
    with start(board) as driver:
        assert driver.expect_reading(InputStates) == InputStates((True, False))
        driver.expect_state(DeviceState.READY)
        driver.nothing(Reading, 0.5)
        board.input(0, False)
        assert driver.expect_reading(InputEdge) == InputEdge(0, False)


def test_a_board_that_comes_back_tells_what_its_inputs_are_now(board: RelayBoard) -> None:
    with start(board) as driver:
        assert driver.expect_reading(InputStates) == InputStates((False, False))
        driver.expect_state(DeviceState.READY)
        board.fault("silent")
        driver.expect_state(DeviceState.LOST)
        board.input(1, True)
        board.fault("none")
        assert driver.expect_reading(InputStates) == InputStates((False, True))


@pytest.mark.parametrize("name", ["waveshare", "lctech"])
@pytest.mark.parametrize(("choice", "left"), [("leave", (True, False)), ("open", (False, False))])
def test_an_output_that_is_closed_at_the_start_is_left_or_opened_as_configured(
    tmp_path: Path, name: str, choice: str, left: tuple[bool, ...]
) -> None:
    with RelayBoard(outputs=2, inputs=8, board=name, link=tmp_path / "relay") as board:
        board.close_output(0)
        with start(board, board=name, closed_at_start=choice) as driver:
            driver.expect_state(DeviceState.READY)
            assert result(driver.ask(ReadOutputs()), Outputs) == Outputs(left)


def test_an_output_that_cannot_be_opened_at_the_start_keeps_the_board_lost(board: RelayBoard) -> None:
    board.close_output(0)
    board.fault("welded")
    with start(board, closed_at_start="open") as driver:
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == Code.STAYS_CLOSED
        board.fault("none")
        board.power_cycle()
        driver.expect_state(DeviceState.READY)


def test_a_board_without_inputs_is_never_asked_for_them(board: RelayBoard) -> None:
    with start(board, inputs=0) as driver:
        driver.expect_state(DeviceState.READY)
        asked = board.requests
        driver.nothing(Reading, 1.0)
        assert board.requests - asked <= 1


# Faults --------------------------------------------------------------------------------------------------


def test_silence_is_lost_and_an_answer_is_ready_again(board: RelayBoard, driver: DriverProcess) -> None:
    board.fault("silent")
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == Code.SILENT
    assert problem(driver.ask(Pulse(0, 300))).code == Code.SILENT
    board.fault("none")
    driver.expect_state(DeviceState.READY)
    assert result(driver.ask(Pulse(0, 300)), Pulsed)


def test_it_is_not_alive_while_the_board_is_silent(board: RelayBoard, driver: DriverProcess) -> None:
    board.fault("silent")
    driver.expect_state(DeviceState.LOST)
    driver.nothing(Alive, 5.0)


def test_one_lost_answer_is_not_absence(board: RelayBoard) -> None:
    with start(board, inputs=0, answer_ms=1000) as driver:
        driver.expect_state(DeviceState.READY)
        board.fault("silent")
        asked = board.requests
        call = driver.call(ReadOutputs())
        board.wait_requests(asked + 1)
        board.fault("none")
        reply = driver.expect(Reply)
        assert reply.id == call
        assert result(reply, Outputs).closed == (False, False)


def test_garbage_is_survived_and_named(board: RelayBoard, driver: DriverProcess) -> None:
    board.fault("garbage")
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.code == Code.GARBLED
    board.fault("none")
    driver.expect_state(DeviceState.READY)


def test_noise_on_an_idle_line_changes_nothing(board: RelayBoard, driver: DriverProcess) -> None:
    for noise in (b"\x00" * 40, b"\xff" * 3, bytes(range(256))):
        board.noise(noise)
        assert result(driver.ask(Pulse(0, 100)), Pulsed)


def test_an_unplugged_adapter_is_lost_and_back_when_it_is_plugged_in(board: RelayBoard) -> None:
    with start(board, answer_ms=2000) as driver:
        driver.expect_state(DeviceState.READY)
        board.fault("unplugged")
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code in (Code.PORT_LOST, Code.NO_PORT)
        board.fault("none")
        driver.expect_state(DeviceState.READY)
        assert result(driver.ask(Pulse(0, 300)), Pulsed)


def test_it_is_found_again_by_its_name_at_another_port(board: RelayBoard) -> None:
    """As an adapter in another socket: /dev/serial/by-id/… stays, what it points to does not."""
    before = os.readlink(board.path)
    held = os.open(before, os.O_RDWR | os.O_NOCTTY)  # so that its number is not given again
    try:
        with start(board, answer_ms=2000) as driver:
            driver.expect_state(DeviceState.READY)
            board.fault("unplugged")
            driver.expect_state(DeviceState.LOST)
            board.fault("none")
            driver.expect_state(DeviceState.READY)
            assert os.readlink(board.path) != before
            assert result(driver.ask(Pulse(0, 300)), Pulsed)
    finally:
        os.close(held)


def test_a_missing_port_says_so(tmp_path: Path) -> None:
    with DriverProcess("drivers.relay", {"port": str(tmp_path / "nothing")}) as driver:
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == Code.NO_PORT


def test_a_port_that_is_taken_says_so(board: RelayBoard, driver: DriverProcess) -> None:
    with start(board) as second:
        lost = second.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == Code.PORT_BUSY


def test_more_outputs_than_the_board_has_are_refused_with_advice(board: RelayBoard) -> None:
    with start(board, outputs=8) as driver:
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == Code.REFUSED
        assert "outputs" in lost.problem.advice


def test_every_problem_has_a_cause_and_an_advice() -> None:
    assert undocumented() == set()
