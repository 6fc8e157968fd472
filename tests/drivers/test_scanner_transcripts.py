"""What scanners sent, as it was recorded in tests/data/scanner, is read as it was read then. Each recording says what
was recorded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from drivers.contract.core import DeviceState, Hello, Reading
from drivers.contract.reader import Code
from drivers.scanner.codes import Codes, Found, named
from drivers.scanner.keys import Keyboard
from drivers.simulators.scanner import Scanner
from tests.support.driver_process import DriverProcess

RECORDINGS = sorted((Path(__file__).parents[1] / "data" / "scanner").glob("*.txt"))
SETTINGS = re.compile(r"^# mode (serial|keyboard), aim (yes|no), ends (enter|silence)$", re.MULTILINE)
GAP_MS, MS = 300, 1_000_000

recorded = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: str(path.stem))


class Session(NamedTuple):
    """One recording: how the scanner was set, what it sent and when (ms), what was read."""

    mode: str
    aim: bool
    ends: str
    sent: list[tuple[int, bytes]]
    readings: list[Code]


def session(recording: Path) -> Session:
    text = recording.read_text()
    settings = SETTINGS.search(text)
    assert settings is not None
    sent, readings = [], []
    for line in text.splitlines():
        first, _, rest = line.partition(" ")
        if first.isdigit():
            assert rest.startswith("< ")
            data = json.loads(rest[2:]).encode() if rest[2:3] == '"' else bytes.fromhex(rest[2:])
            sent.append((int(first), data))
        elif first == "=":
            symbology, _, data = rest.partition(" ")
            readings.append(Code(symbology, json.loads(data).encode()))
        else:
            assert first == "#", line
    return Session(settings[1], settings[2] == "yes", settings[3], sent, readings)


def test_there_are_recordings_of_each_way_to_be_set() -> None:
    sessions = [session(recording) for recording in RECORDINGS]
    assert {one.mode for one in sessions} == {"serial", "keyboard"}
    assert {one.ends for one in sessions} == {"enter", "silence"}
    assert {one.aim for one in sessions} == {True, False}


@recorded
def test_the_codes_of_a_recording_are_cut_at_its_own_pace(recording: Path) -> None:
    """With its pauses: one that is longer than `gap_ms` tears a code, or ends one."""
    one = session(recording)
    codes, keyboard = Codes(GAP_MS * MS, by_silence=one.ends == "silence"), Keyboard()
    found: list[Found] = []
    for ms, data in one.sent:
        typed = keyboard.feed(data) if one.mode == "keyboard" else data
        found += codes.feed(typed, ms * MS) if typed else codes.look(ms * MS)
    found += codes.look((one.sent[-1][0] + GAP_MS) * MS)
    assert [Code(*named(code.data, aim=one.aim)) for code in found if code.data is not None] == one.readings


@recorded
def test_the_driver_reports_what_was_read_when_it_was_recorded(tmp_path: Path, recording: Path) -> None:
    one = session(recording)
    scanner = Scanner(tmp_path / "scanner", keyboard=one.mode == "keyboard")
    scanner.plug()
    options = {"port": str(tmp_path / "scanner"), "mode": one.mode, "aim": one.aim, "ends": one.ends, "gap_ms": 50}
    try:
        with DriverProcess("drivers.scanner", options) as driver:
            driver.expect_state(DeviceState.READY)
            for at, (ms, data) in enumerate(one.sent):
                if at and ms - one.sent[at - 1][0] > GAP_MS:
                    driver.nothing(Hello, 0.15)  # A pause of the recording, in short.
                scanner.send(data)
            while len(heard(driver)) < len(one.readings):
                driver.expect(Reading)
            driver.nothing(Hello, 0.1)
            assert heard(driver) == one.readings
    finally:
        scanner.unplug()


def heard(driver: DriverProcess) -> list[Code]:
    return [msgspec.json.decode(told.body, type=Code) for told in driver.heard if isinstance(told, Reading)]
