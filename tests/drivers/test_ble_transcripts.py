"""Advertisements as they were recorded in tests/data/ble: who came and went then comes and goes again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from drivers.ble.hearing import Hearing, Sighting
from drivers.ble.options import Options, canonical
from drivers.ble.phones import Phones
from drivers.ble.presence import Limits, Presence
from drivers.ble.upkeep import Upkeep
from drivers.contract.core import DeviceState, Reading
from drivers.contract.reader import Beacon
from drivers.simulators.beacons import Advertised
from tests.support.bluez import bluez
from tests.support.driver_process import DriverProcess

RECORDINGS = sorted((Path(__file__).parents[1] / "data" / "ble").glob("*.txt"))
HEARD = re.compile(r"(\d+) ((?:[0-9A-F]{2}:){5}[0-9A-F]{2}) (random|public) (-?\d+) dBm: (.*)")
MS = 1_000_000

recorded = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: str(path.stem))


class Session(NamedTuple):
    """One recording: whose beacons count, the phones' keys, what was heard, who came and went (event, id)."""

    people: list[str]
    phones: dict[str, str]
    heard: list[Sighting]
    changes: list[tuple[str, str]]


def session(recording: Path) -> Session:
    found = Session([], {}, [], [])
    for line in recording.read_text().splitlines():
        match line.split():
            case ["#", "people", *families]:
                found.people.extend(families)
            case ["#", "phone", name, key]:
                found.phones[name] = key
            case ["#", *_]:
                continue
            case ["=", event, beacon]:
                found.changes.append((event, beacon))
            case _:
                found.heard.append(sighting(line))
    return found


def sighting(line: str) -> Sighting:
    heard = HEARD.fullmatch(line)
    assert heard is not None, line
    manufacturer: dict[int, bytes] = {}
    service: dict[str, bytes] = {}
    for part in filter(None, heard[5].split("; ")):
        kind, key, data = part.split(" ")
        if kind == "manufacturer":
            manufacturer[int(key, 16)] = bytes.fromhex(data)
        else:
            assert kind == "service"
            service[key] = bytes.fromhex(data)
    return Sighting(heard[2], heard[3] == "random", int(heard[4]), manufacturer, service, int(heard[1]) * MS)


def test_there_is_a_recording_and_it_has_people_and_strangers() -> None:
    sessions = [session(recording) for recording in RECORDINGS]
    assert sessions
    assert all(one.people and one.phones and one.changes for one in sessions)
    assert all(len({seen.address for seen in one.heard}) > 4 for one in sessions)


@recorded
def test_who_came_and_went_when_it_was_recorded_comes_and_goes_again(recording: Path) -> None:
    one, defaults = session(recording), Options()
    limits = Limits(
        defaults.enter_dbm,
        defaults.leave_dbm,
        defaults.unseen_s * 1000 * MS,
        defaults.weight_percent,
        defaults.sightings,
    )
    phones = Phones({name: bytes.fromhex(key) for name, key in one.phones.items()})
    upkeep = Upkeep({}, silent_min=30, battery_mv=0, now_ns=0)
    hearing = Hearing([canonical(family) for family in one.people], phones, Presence(limits), upkeep)
    changes = [change for seen in one.heard for change in hearing.take(seen)]
    assert [(str(change.event), change.id) for change in changes] == one.changes


@recorded
def test_the_driver_reports_them_when_the_air_is_as_it_was(tmp_path: Path, recording: Path) -> None:
    """The recorded advertisements once more, through BlueZ, D-Bus and bleak. What was a phone's address then is one of
    its addresses still: it is known by its key, not by its age."""
    one = session(recording)
    keys = tmp_path / "phones.irk"
    keys.write_text("".join(f"{name} = {key}\n" for name, key in one.phones.items()))
    keys.chmod(0o600)
    with bluez() as place:
        options = {"bus": place.address, "people": one.people, "phone_keys": str(keys), "unseen_s": 600}
        with DriverProcess("drivers.ble", options) as driver:
            driver.expect_state(DeviceState.READY)
            for seen in one.heard:
                place.send(seen.address, Advertised(dict(seen.manufacturer), dict(seen.service)), seen.rssi_dbm)
            told = [driver.expect_reading(Beacon) for _ in one.changes]
            assert [(str(change.event), change.id) for change in told] == one.changes
            driver.nothing(Reading, 0.1)
