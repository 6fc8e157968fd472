"""A pulse of the relay driver: given once or not at all, and ended by the board itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.contract.core import DeviceState
from drivers.contract.relay import Outputs, Pulse, Pulsed, ReadOutputs
from drivers.relay.errors import Code
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


@pytest.mark.parametrize("dialect", ["waveshare", "lctech"])
def test_a_pulse_opens_and_ends_by_itself(tmp_path: Path, dialect: str) -> None:
    with (
        RelayBoard(board=dialect, link=tmp_path / "relay") as board,
        start(board, board=dialect) as driver,
    ):
        driver.expect_state(DeviceState.READY)
        pulsed = result(driver.ask(Pulse(1, 300)), Pulsed)
        opened, closed = board.wait("opened"), board.wait("closed")
    assert (opened["channel"], opened["ms"], closed["channel"]) == (1, 300, 1)
    assert opened["mono_ns"] <= pulsed.mono_ns
    assert 0.29e9 <= closed["mono_ns"] - opened["mono_ns"] <= 1.0e9


def test_a_pulse_ends_though_the_driver_is_killed_right_after(board: RelayBoard, driver: DriverProcess) -> None:
    driver.ask(Pulse(0, 500))
    driver.process.kill()
    driver.process.wait()
    assert board.outputs() == [True, False]
    board.wait("closed")
    assert board.outputs() == [False, False]


def test_the_outputs_are_read_back(driver: DriverProcess) -> None:
    driver.ask(Pulse(1, 1500))
    assert result(driver.ask(ReadOutputs()), Outputs).closed == (False, True)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (Pulse(2, 300), Code.NO_SUCH_OUTPUT),
        (Pulse(-1, 300), Code.NO_SUCH_OUTPUT),
        (Pulse(0, 0), Code.BAD_PULSE),
        (Pulse(0, 10001), Code.BAD_PULSE),
    ],
)
def test_a_pulse_that_cannot_be_is_refused_before_anything_is_sent(
    board: RelayBoard, driver: DriverProcess, call: Pulse, code: Code
) -> None:
    assert problem(driver.ask(call)).code == code
    assert board.named("opened") == []
    assert problem(driver.ask(call)).advice


def test_a_pulse_that_waits_past_its_deadline_is_never_sent(board: RelayBoard, driver: DriverProcess) -> None:
    board.fault("slow", ms=80)  # the driver is always waiting for an answer, so the call has to wait too
    refused = problem(driver.ask(Pulse(0, 300), deadline_ms=5))
    assert refused.code == Code.TOO_LATE
    board.fault("none")
    assert result(driver.ask(ReadOutputs()), Outputs).closed == (False, False)
    assert board.named("opened") == []


def test_a_pulse_that_the_board_refuses_is_a_refused_call_and_the_board_stays_ready(
    board: RelayBoard,
) -> None:
    with start(board, inputs=0) as driver:
        driver.expect_state(DeviceState.READY)
        board.fault("exception", code=6)
        refused = problem(driver.ask(Pulse(0, 300)))
        board.fault("none")
        assert refused.code == Code.REFUSED
        assert "busy" in refused.cause
        assert result(driver.ask(Pulse(0, 300)), Pulsed)


def test_without_an_echo_the_pulse_may_have_happened_and_is_not_repeated(board: RelayBoard) -> None:
    with start(board, inputs=0) as driver:
        driver.expect_state(DeviceState.READY)
        board.fault("mute")
        reply = problem(driver.ask(Pulse(0, 300)))
        assert reply.code == Code.NO_ECHO
        assert "may have happened" in reply.cause
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem == reply
        board.wait("closed")
        board.fault("none")
        driver.expect_state(DeviceState.READY)
        assert len(board.named("opened")) == 1


def test_garbage_instead_of_the_echo_is_no_echo(board: RelayBoard) -> None:
    with start(board, inputs=0) as driver:
        driver.expect_state(DeviceState.READY)
        board.fault("garbage")
        reply = problem(driver.ask(Pulse(0, 300)))
        assert reply.code == Code.NO_ECHO
        assert "garbled" in reply.cause


def test_a_wrong_echo_is_told_and_the_board_is_opened_again(board: RelayBoard, driver: DriverProcess) -> None:
    board.fault("wrong_echo")
    assert problem(driver.ask(Pulse(0, 300))).code == Code.WRONG_ECHO
    driver.expect_state(DeviceState.LOST)
    board.fault("none")
    driver.expect_state(DeviceState.READY)


def test_an_output_that_stays_closed_keeps_the_board_lost_until_it_opens(board: RelayBoard) -> None:
    with start(board, inputs=0) as driver:
        driver.expect_state(DeviceState.READY)
        board.fault("stuck")
        driver.ask(Pulse(0, 100))
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == Code.STAYS_CLOSED
        assert problem(driver.ask(Pulse(1, 100))).code == Code.STAYS_CLOSED
        board.power_cycle()
        driver.expect_state(DeviceState.READY)
