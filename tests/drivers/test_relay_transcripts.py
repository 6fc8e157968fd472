"""Recorded conversations are replayed to the relay driver's own process: it says the same again, byte for byte.

They were recorded with pymodbus as the device, which shares no code with us; no board has been recorded yet.
"""

from __future__ import annotations

import os
import threading
import tty
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import pytest

from drivers.contract.core import DeviceState
from drivers.contract.relay import InputStates, Outputs, Pulse, Pulsed, ReadOutputs
from drivers.relay.errors import Code
from drivers.relay.options import BoardName
from tests.support.driver_process import DriverProcess

RECORDINGS = Path(__file__).parents[1] / "data" / "relay"
READS = (0x01, 0x02)


class Recorded:
    """The device's end of a recording. A read that is asked again meanwhile is answered as before; everything else
    has its one place."""

    def __init__(self, name: str) -> None:
        lines = [line.split(maxsplit=1) for line in (RECORDINGS / f"{name}.txt").read_text().splitlines()]
        frames = [(way, bytes.fromhex(text)) for way, text in lines if way in "<>"]
        self._exchanges = [(frames[at][1], frames[at + 1][1]) for at in range(0, len(frames), 2)]
        assert [way for way, _ in frames] == [">", "<"] * len(self._exchanges)
        self.unexpected: list[bytes] = []
        self._answers: dict[bytes, bytes] = {}

    def __enter__(self) -> Recorded:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._slave)
        self._thread.join(10)
        os.close(self._master)

    @property
    def left(self) -> int:
        """Exchanges that have not come yet."""
        return len(self._exchanges)

    def _run(self) -> None:
        held = b""
        while True:
            try:
                held += os.read(self._master, 4096)
            except OSError:
                return  # nobody has the other end open any more
            if (answer := self._answer(held)) is not None:
                held = b""
                os.write(self._master, answer)

    def _answer(self, request: bytes) -> bytes | None:
        if self._exchanges and self._exchanges[0][0] == request:
            _, self._answers[request] = self._exchanges.pop(0)
            return self._answers[request]
        if request[1:2] and request[1] in READS and request in self._answers:
            return self._answers[request]
        if not (self._exchanges and self._exchanges[0][0].startswith(request)) and len(request) >= 8:
            self.unexpected.append(request)
        return None


def driver(recorded: Recorded, board: BoardName, unit: int, **options: Any) -> DriverProcess:
    given = {"outputs": 4, "inputs": 4, "watch_s": 0, "idle_input_ms": 60_000, "answer_ms": 2000, **options}
    return DriverProcess("drivers.relay", {"port": recorded.path, "board": board, "unit": unit, **given})


def test_a_pulse_is_replayed() -> None:
    with Recorded("pulse") as recorded, driver(recorded, "lctech", 255) as relay:
        assert relay.expect_reading(InputStates) == InputStates((False, False, False, True))
        relay.expect_state(DeviceState.READY)
        pulsed = relay.ask(Pulse(1, 300))
        assert pulsed.body is not None
        assert msgspec.json.decode(pulsed.body, type=Pulsed)
        outputs = relay.ask(ReadOutputs())
        assert outputs.body is not None
        assert msgspec.json.decode(outputs.body, type=Outputs) == Outputs((False,) * 4)
        assert (recorded.left, recorded.unexpected) == (0, [])


def test_a_device_with_fewer_outputs_is_replayed() -> None:
    with Recorded("fewer-outputs") as recorded, driver(recorded, "lctech", 255, outputs=32) as relay:
        lost = relay.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert (lost.problem.code, recorded.left) == (Code.REFUSED, 0)
        assert "outputs" in lost.problem.advice


def test_a_device_that_is_another_kind_of_board_is_replayed() -> None:
    """It has closed the contact for good: the answer says so, and it is no pulse."""
    with Recorded("other-board") as recorded, driver(recorded, "waveshare", 1) as relay:
        relay.expect_state(DeviceState.READY)
        answered = relay.ask(Pulse(1, 300))
        assert answered.problem is not None
        assert answered.problem.code == Code.WRONG_ECHO
        assert recorded.left == 0


def test_a_recording_that_is_not_followed_is_seen() -> None:
    """Of the replay itself: another pulse than the recorded one has no place in it."""
    with Recorded("pulse") as recorded, driver(recorded, "lctech", 255, answer_ms=200) as relay:
        relay.expect_state(DeviceState.READY)
        answered = relay.ask(Pulse(2, 300))
        assert answered.problem is not None
        assert answered.problem.code == Code.NO_ECHO
        assert len(recorded.unexpected) == 1


@pytest.mark.parametrize("recording", sorted(RECORDINGS.glob("*.txt")), ids=lambda path: str(path.stem))
def test_a_recording_says_of_which_end_it_is(recording: Path) -> None:
    said = "".join(line for line in recording.read_text().splitlines() if line.startswith("#"))
    assert "pymodbus" in said
    assert "No board" in said
