"""Relays on lines of a GPIO chip. The double stands at the seam, `Lines`: no chip has been on the other end.

What is said to the chip's library is looked at with the library itself, on files that are no chip.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract.core import DeviceState, Problem
from drivers.contract.relay import InputEdge, InputStates, Outputs, Pulse, Pulsed, ReadOutputs
from drivers.driver import CallRefused, DeviceError
from drivers.relay.driver import RelayDriver
from drivers.relay.errors import Code
from drivers.relay.options import Options
from tests.support.driver_process import DriverProcess

GATE, SIDE, SENSOR = 17, 27, 22
BASE = {"port": "/dev/gpiochip0", "board": "gpio", "lines": [GATE, SIDE], "input_lines": [SENSOR], "inputs": 1}
PATIENCE_S = 15.0


class Chip:
    """Lines, and what has become of them. `broken`: the chip is gone."""

    def __init__(self) -> None:
        self.on = {GATE: False, SIDE: False, SENSOR: False}
        self.driven: list[tuple[int, bool]] = []
        self.released = False
        self.broken = False
        self.changed = threading.Condition()

    def drive(self, line: int, on: bool) -> None:
        with self.changed:
            if self.broken:
                raise OSError(19, "No such device")
            self.on[line] = on
            self.driven.append((line, on))
            self.changed.notify_all()

    def read(self, lines: tuple[int, ...]) -> tuple[bool, ...]:
        if self.broken:
            raise OSError(19, "No such device")
        return tuple(self.on[line] for line in lines)

    def release(self) -> None:
        self.released = True

    def until(self, right: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(right, PATIENCE_S), self.driven


class Said:
    def __init__(self) -> None:
        self.readings: list[msgspec.Struct] = []

    def reading(self, body: msgspec.Struct, mono_ns: int) -> None:
        self.readings.append(body)

    def alive(self) -> None: ...
    def concern(self, problem: Problem | None, detail: Any = None) -> None: ...
    def step(self, body: msgspec.Struct) -> None: ...


class Rig:
    def __init__(self, **options: Any) -> None:
        self.chip, self.said = Chip(), Said()
        self.driver = RelayDriver(self.said)
        with mock.patch("drivers.relay.driver.open_lines", return_value=self.chip):
            self.driver.open(msgspec.convert({**BASE, **options}, Options))

    def ask(self, call: msgspec.Struct) -> Any:
        return self.driver.handle(call, time.monotonic() + 5)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.driver.close()


def test_a_pulse_goes_on_and_is_at_rest_again_after_its_time(rig: Rig) -> None:
    began = time.monotonic()
    assert isinstance(rig.ask(Pulse(0, 150)), Pulsed)
    assert rig.chip.on[GATE]
    assert rig.ask(ReadOutputs()) == Outputs((True, False))
    rig.chip.until(lambda: not rig.chip.on[GATE])
    assert time.monotonic() - began >= 0.15
    assert rig.chip.driven == [(GATE, True), (GATE, False)]


def test_a_newer_pulse_takes_the_place_of_an_older_ones_end(rig: Rig) -> None:
    began = time.monotonic()
    rig.ask(Pulse(0, 100))
    rig.ask(Pulse(0, 400))
    rig.chip.until(lambda: not rig.chip.on[GATE])
    assert time.monotonic() - began >= 0.4
    assert rig.chip.driven == [(GATE, True), (GATE, True), (GATE, False)]


@pytest.mark.parametrize(("call", "code"), [(Pulse(2, 100), Code.NO_SUCH_OUTPUT), (Pulse(0, 10_001), Code.BAD_PULSE)])
def test_a_pulse_that_cannot_be_is_refused_and_nothing_is_driven(rig: Rig, call: Pulse, code: Code) -> None:
    with pytest.raises(CallRefused) as refused:
        rig.ask(call)
    assert refused.value.problem.code == code
    assert rig.chip.driven == []


@pytest.mark.parametrize(("stopped", "on"), [("rest", False), ("pulsed", True)])
def test_at_its_end_a_gate_is_left_shut_or_free_as_configured(stopped: str, on: bool) -> None:
    rig = Rig(stopped=stopped)
    rig.ask(Pulse(0, 5000))
    rig.driver.close()
    assert (rig.chip.on[GATE], rig.chip.on[SIDE], rig.chip.released) == (on, on, True)
    assert rig.chip.driven == [(GATE, True), (GATE, on), (SIDE, on)], "and nothing after it was let go"


def test_inputs_are_told_as_they_are_and_then_their_edges(rig: Rig) -> None:
    rig.chip.on[SENSOR] = True
    rig.driver.poll()
    rig.driver.poll()
    rig.chip.on[SENSOR] = False
    rig.driver.poll()
    assert rig.said.readings == [InputStates((False,)), InputEdge(0, True), InputEdge(0, False)]


def test_a_chip_that_is_gone_is_told_when_it_is_asked(rig: Rig) -> None:
    rig.chip.broken = True
    for use in (lambda: rig.ask(Pulse(0, 100)), rig.driver.poll, lambda: rig.ask(ReadOutputs())):
        with pytest.raises(DeviceError) as lost:
            use()
        assert lost.value.problem.code == Code.PORT_LOST
    rig.driver.close()  # must not fail


def test_a_pulse_that_could_not_be_ended_is_told_though_the_chip_is_back(rig: Rig) -> None:
    rig.ask(Pulse(0, 50))
    rig.chip.broken = True
    timer = next(iter(rig.driver._gpio._timers.values()))  # type: ignore[union-attr]
    timer.join(PATIENCE_S)
    rig.chip.broken = False
    with pytest.raises(DeviceError) as lost:
        rig.ask(ReadOutputs())
    assert lost.value.problem.code == Code.PORT_LOST


@pytest.mark.parametrize(
    "given",
    [
        {"lines": [GATE]},
        {"input_lines": []},
        {"lines": [GATE, GATE]},
        {"lines": [GATE, SENSOR]},
        {"closed_at_start": "open"},
        {"board": "waveshare"},
        {"board": "waveshare", "lines": [], "input_lines": [], "stopped": "pulsed"},
    ],
)
def test_options_that_cannot_be_meant_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**BASE, **given}, Options)


@pytest.mark.parametrize(("name", "code"), [("nothing", Code.NO_PORT), ("file", Code.BAD_LINES)])
def test_what_is_no_chip_is_named_with_advice(tmp_path: Path, name: str, code: Code) -> None:
    """Through the real process and the real library."""
    pytest.importorskip("gpiod")
    (tmp_path / "file").touch()
    with DriverProcess("drivers.relay", {**BASE, "port": str(tmp_path / name)}) as driver:
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert (lost.problem.code, bool(lost.problem.advice)) == (code, True)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 40)), max_size=12))
def test_whatever_was_pulsed_all_is_at_rest_at_the_end(pulses: list[tuple[int, int]]) -> None:
    rig = Rig()
    for channel, ms in pulses:
        rig.ask(Pulse(channel, ms))
    rig.driver.close()
    assert (rig.chip.on[GATE], rig.chip.on[SIDE]) == (False, False)
    waiting = [one for one in threading.enumerate() if isinstance(one, threading.Timer) and not one.finished.is_set()]
    assert waiting == [], "nothing that would drive a line later"
