"""A gate with the real driver of its relay board, on a simulated one: what its wires say comes through, whole."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from drivers.simulators.relay import RelayBoard
from gateway.config.types import DeviceSection
from gateway.devices import Devices
from gateway.model.clock import Stamp
from gateway.model.device import Health
from gateway.model.entry import EntryKind
from gateway.model.shown import Show
from gateway.stations.dispatch import Dispatch
from tests.support.clock import FakeClock
from tests.support.gates import ALARM, EXIT, EXIT_BUTTON, PASSAGE, STAFF, AtGate, until
from tests.support.place import Card, Place


class RunningClock(FakeClock):
    """The machine's monotonic time: drivers stamp their readings by it."""

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def stamp(self) -> Stamp:
        return Stamp(self.wall_ms(), self.mono_ns(), self.boot, self.quality)


@pytest.fixture
async def wired(tmp_path: Path) -> AsyncIterator[tuple[AtGate, RelayBoard]]:
    """The alarm's contact is closed; the board becomes ready while the station is there."""
    (tmp_path / "state").mkdir()
    place = Place(tmp_path / "state", RunningClock()).start()
    at = AtGate(place, exit_output=1, pulse_ms=100, group_pause_ms=50)
    dispatch = Dispatch([at.gate], place.services, never)
    with RelayBoard(outputs=2, inputs=5, link=tmp_path / "relay") as board:
        options = {"port": board.path, "inputs": 5, "idle_input_ms": 20, "input_ms": 20}
        devices = Devices(
            [DeviceSection(id="relay-1", driver="relay", options=options)],
            place.clock,
            "Europe/Riga",
            on_reading=dispatch.on_reading,
            on_change=dispatch.on_change,
            on_flood=lambda *_: None,
        )
        place.services.outputs = devices
        board.input(ALARM, True)
        await dispatch.start()
        await devices.start()
        await until(lambda: devices.health()[0].health is Health.READY)
        yield at, board
        await devices.stop()
        await dispatch.stop()
        await place.stop()


def never(fault: BaseException) -> None:
    raise AssertionError("no defect was expected") from fault


def press(board: RelayBoard, channel: int) -> None:
    board.input(channel, True)


def shows(at: AtGate, show: Show, times: int = 1) -> Callable[[], bool]:
    return lambda: at.place.board.counts.get(show, 0) >= times


async def looked_at_again(at: AtGate, board: RelayBoard) -> None:
    """Until the driver has seen what the inputs are now."""
    asked = board.requests + 4
    await until(lambda: board.requests >= asked)


async def test_a_group_the_buttons_and_the_alarm_on_the_wire(wired: tuple[AtGate, RelayBoard]) -> None:
    at, board = wired
    assert not at.place.services.fire_alarm.on, "its contact is closed, as the board has told"

    await at.group(2, Card("anna").tap(at.place))
    for persons in (1, 2):
        await until(lambda persons=persons: len(board.named("opened")) == persons)  # type: ignore[misc]
        board.walk(PASSAGE, ms=100)
        await until(lambda persons=persons: passed(at) >= persons)  # type: ignore[misc]
        await until(lambda: board.named("input")[-1]["on"] is False)
        await looked_at_again(at, board)
    await until(lambda: at.inside == 2)

    press(board, EXIT_BUTTON)
    await until(lambda: [one["channel"] for one in board.named("opened")] == [0, 0, 1])
    board.walk(EXIT, ms=100)
    await until(lambda: at.inside == 1)

    press(board, STAFF)
    await until(lambda: len(board.named("opened")) == 4)

    board.input(ALARM, False)
    await until(shows(at, Show.FREE))
    board.input(ALARM, True)
    await until(lambda: not at.place.services.fire_alarm.on)
    await at.over()
    kinds = at.place.kinds()
    assert (kinds.count(EntryKind.OPENED), kinds.count(EntryKind.PASSED), kinds.count(EntryKind.WALKED)) == (2, 2, 1)
    assert [body["what"] for body in at.place.bodies(EntryKind.OVERRIDE)] == ["exit_button", "staff_button"]
    assert len(board.named("opened")) == 4, "the alarm has opened nothing"


async def test_an_alarm_that_begins_while_the_board_is_away_is_seen_when_it_is_back(
    wired: tuple[AtGate, RelayBoard],
) -> None:
    at, board = wired
    board.fault("unplugged")
    await until(lambda: not at.place.services.outputs.is_ready("relay-1"))
    board.input(ALARM, False)
    board.fault("none")
    await until(shows(at, Show.FREE))
    assert at.place.services.fire_alarm.on


def passed(at: AtGate) -> int:
    """How many the page has said to have passed."""
    last = at.place.board.last("gate-1")
    assert last is not None
    return 2 if last.show is Show.PASSED else last.passed
