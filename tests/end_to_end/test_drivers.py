"""A driver that dies or a device that is missing: its own station waits, the others never notice."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any

from gateway.cli.demo.acts import DESK, GATE, SHOWN_S, TILL
from gateway.cli.demo.rig import SIMULATORS
from gateway.model.entry import EntryKind
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import House

NOT_THE_GATES = tuple(name for name in SIMULATORS if name != "gate-reader")


def is_back(house: House, device: str, before: int) -> bool:
    return house.rig.pids().get(device) not in (None, before)


def use(house: House, device: str) -> None:
    """A person uses the station that this device belongs to."""
    acts = house.acts
    match device:
        case "desk-reader":
            acts.tap(DESK, "anna", "accepted", "")
        case "desk-camera":
            acts.show_pass("ilze", "accepted", "")
        case "gate-reader" | "gate-relay":
            acts.people_walk_through(True)
            acts.tap(GATE, "anna", "open", "", then="passed")
        case "till-reader":
            acts.tap(TILL, "anna", "accepted", "")
        case "till-printer":
            acts.commit(acts.quote("p", identified=True), "p", printed=True)


def test_kill_9_of_each_driver_in_turn_heals_its_own_device_only(house: House) -> None:
    rig = house.rig
    for device in SIMULATORS:
        before = rig.pids()
        restarts = {name: told.get("restarts", 0) for name, told in rig.devices().items()}
        os.kill(before[device], signal.SIGKILL)
        rig.until(partial(is_back, house, device, before[device]), f"{device} to come back")
        after = rig.devices()
        assert {name: told["pid"] for name, told in after.items() if name != device} == {
            name: pid for name, pid in before.items() if name != device
        }
        # The very same sessions: nobody else was started again, or reopened, meanwhile.
        for name, told in after.items():
            assert told.get("restarts", 0) - restarts[name] == (1 if name == device else 0), name
        use(house, device)
    assert house.verify().clean


def test_other_stations_serve_while_a_driver_hangs(house: House) -> None:
    hung = house.rig.pids()["gate-reader"]
    os.kill(hung, signal.SIGSTOP)
    for device in ("desk-reader", "desk-camera", "till-reader", "till-printer"):
        use(house, device)
    os.kill(hung, signal.SIGCONT)
    use(house, "gate-reader")
    assert house.rig.pids()["gate-reader"] == hung


def test_a_missing_device_leaves_the_rest_working_and_says_what_to_do(new_house: NewHouse) -> None:
    house = new_house()
    house.open(devices=NOT_THE_GATES)
    rig = house.rig
    rig.until(lambda: len(rig.pids()) == len(NOT_THE_GATES) and bundles(house) == 2, "the rest")
    for device in ("desk-reader", "desk-camera", "till-reader", "till-printer"):
        use(house, device)
    told = rig.devices()["gate-reader"]
    assert told["health"] == "lost"
    assert str(house.town.devices / "gate-reader") in told["cause"]
    assert told["advice"]
    status = rig.status()
    assert status["status"] == "degraded"
    [read] = [chain for chain in status["chains"] if chain["chain"] == "read"]
    assert "gate-reader" in read["cause"]
    assert read["advice"] == told["advice"]
    assert {station["id"]: station["ready"] for station in status["stations"]} == {DESK: True, GATE: False, TILL: True}
    shown = next(station["shown"] for station in status["stations"] if station["id"] == GATE)
    assert (shown["show"], shown["reason"]) == ("attention", "device_missing")
    assert shown["advice"]

    rig.start_devices("gate-reader")
    rig.until(lambda: "gate-reader" in rig.pids(), "the reader that has come")
    use(house, "gate-reader")
    assert rig.status()["stations"][1]["ready"]


def test_a_gate_whose_relay_is_gone_refuses_and_grants_nothing(house: House) -> None:
    before = house.watch.mark()
    house.rig.kill("gate-relay")
    house.rig.until(lambda: "gate-relay" not in house.rig.pids(), "the loss of the relay")
    # Once, and heard before the tap: what answers a tap is the next thing that the gate shows.
    said = house.watch.wait(GATE, ("attention",), before, SHOWN_S)
    assert said is not None
    assert said["reason"] == "device_missing"
    house.acts.tap(GATE, "anna", "refused", "", reason="gate_not_ready")
    assert house.bodies(EntryKind.ADMISSION) == []
    house.rig.start_again("gate-relay")
    house.rig.until(lambda: "gate-relay" in house.rig.pids(), "the relay")
    use(house, "gate-relay")


def bundles(house: House) -> int:
    told: dict[str, Any] = house.rig.status()["sync"]["bundles"]
    return len(told)
