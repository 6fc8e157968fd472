"""The simulated relay board, seen by an independent Modbus master (pymodbus) and steered as a program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import ModbusSerialClient

from drivers.simulators.relay import Fault, RelayBoard
from drivers.simulators.relay_frames import Refused, answer, checked, take


@pytest.fixture
def board() -> Iterator[RelayBoard]:
    with RelayBoard(outputs=2, inputs=2) as board:
        yield board


@pytest.fixture
def master(board: RelayBoard) -> Iterator[ModbusSerialClient]:
    with ModbusSerialClient(board.path, baudrate=9600, timeout=5, retries=0) as client:
        yield client


def test_another_master_switches_and_reads_the_outputs(board: RelayBoard, master: ModbusSerialClient) -> None:
    assert not master.write_coil(1, True, device_id=1).isError()
    assert master.read_coils(0, count=2, device_id=1).bits[:2] == [False, True]
    assert board.outputs() == [False, True]


def test_another_master_reads_the_inputs(board: RelayBoard, master: ModbusSerialClient) -> None:
    board.input(0, True)
    assert master.read_discrete_inputs(0, count=2, device_id=1).bits[:2] == [True, False]


def test_an_address_that_is_not_there_is_exception_2(master: ModbusSerialClient) -> None:
    assert master.read_coils(0, count=9, device_id=1).exception_code == 2


def test_another_master_gives_an_lctech_board_its_pulse() -> None:
    with RelayBoard(board="lctech") as board:
        with ModbusSerialClient(board.path, baudrate=9600, timeout=5, retries=0) as client:
            assert not client.write_registers(8, [4, 2], device_id=1).isError()
        assert board.wait("opened")["ms"] == 200
        board.wait("closed")
        assert board.named("opened")[0]["channel"] == 1


@given(st.binary(max_size=64), st.sampled_from(["waveshare", "lctech"]))
def test_any_request_is_answered_or_refused(body: bytes, dialect: str) -> None:
    request, rest = take(checked(body) if len(body) >= 2 else body)
    assert len(rest) <= len(body) + 2
    if request:
        try:
            reply, effect = answer(request, dialect, [False] * 2, [False] * 2)
        except Refused:
            return
        assert checked(reply[:-2]) == reply
        assert effect is None or 0 <= effect.channel < 2


# As a program --------------------------------------------------------------------------------------------


class Program:
    """The simulator run as the demo runs it."""

    def __init__(self, *argv: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "drivers.simulators.relay", *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_exc: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self.ended = self._process.wait(10)
        self._process.stdout.close()

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        heard: dict[str, Any] = json.loads(self._process.stdout.readline())
        return heard

    def do(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send a command and return its answer; events before it go to `events`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
        self._process.stdin.flush()
        while "event" in (heard := self.hear()):
            self.events.append(heard)
        return heard

    def event(self, name: str) -> dict[str, Any]:
        """The next event of this name, whether it has come already or not."""
        while True:
            heard = self.events.pop(0) if self.events else self.hear()
            if heard.get("event") == name:
                return heard


def test_as_a_program_it_tells_where_to_connect_and_ends_with_its_stdin(tmp_path: Path) -> None:
    with Program("--link", str(tmp_path / "relay")) as program:
        assert program.hear() == {"ready": {"port": str(tmp_path / "relay")}}
    assert program.ended == 0


def test_as_a_program_it_is_steered_and_tells_what_happens(tmp_path: Path) -> None:
    with Program("--link", str(tmp_path / "relay"), "--outputs", "2", "--inputs", "2") as program:
        program.hear()
        assert program.do("outputs") == {"ok": [False, False]}
        assert program.do("auto_pass", channel=1, delay_ms=10) == {"ok": None}
        with ModbusSerialClient(str(tmp_path / "relay"), baudrate=9600, timeout=5, retries=0) as client:
            # pymodbus sends no time in function 05, so the board's plain command stands in for the pulse.
            assert not client.write_coil(0, True, device_id=1).isError()
        opened = program.event("opened")
        assert opened["channel"] == 0
        walked = program.event("input")
        assert (walked["channel"], walked["on"]) == (1, True)
        assert walked["mono_ns"] >= opened["mono_ns"]


def test_as_a_program_it_lets_someone_walk_through(tmp_path: Path) -> None:
    with Program("--link", str(tmp_path / "relay")) as program:
        program.hear()
        assert program.do("pass", channel=0, ms=50) == {"ok": None}
        assert [program.event("input")["on"], program.event("input")["on"]] == [True, False]


def test_as_a_program_it_explains_a_wrong_command(tmp_path: Path) -> None:
    with Program("--link", str(tmp_path / "relay")) as program:
        program.hear()
        assert "no input 7" in program.do("input", channel=7, on=True)["error"]
        assert "fault: " in program.do("fault", kind="fire")["error"]
        assert program.do("fly") == {"error": "commands: auto_pass, fault, input, outputs, pass"}


def test_unplugged_takes_the_link_away_and_plugging_in_brings_it_back(tmp_path: Path) -> None:
    link = tmp_path / "relay"
    with RelayBoard(link=link) as board:
        board.fault(Fault.UNPLUGGED)
        assert not link.is_symlink()
        board.fault(Fault.NONE)
        assert link.resolve().is_char_device()
