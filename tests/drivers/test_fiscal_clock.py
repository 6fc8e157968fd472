"""Driver and printer as programs in one place or in two: whose clock is wrong."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drivers.contract.core import DeviceState, State
from drivers.contract.printer import Describe, Description, PrinterStatus, SetClock, Status
from drivers.simulators.fiscal_families import FAMILIES
from drivers.simulators.printer import Simulator
from gateway.devices.environment import environment
from tests.drivers.fiscal_rig import Rig, handled
from tests.support.driver_process import DriverProcess
from tests.support.zone import local_time

RIGA = ZoneInfo("Europe/Riga")


def concern(driver: DriverProcess) -> str:
    """What a person is told once the driver is ready and has looked."""
    driver.expect_state(DeviceState.READY)
    driver.ask(Status())
    driver.nothing(State, 0.6)
    return next((told.problem.code for told in driver.heard if isinstance(told, State) and told.problem), "")


@pytest.mark.parametrize("family", FAMILIES)
def test_machine_in_utc_and_printer_in_the_places_time_agree(family: str, tmp_path: Path) -> None:
    with Simulator(tmp_path / "printer", family=family, zone="Europe/Riga") as simulator:
        theirs = environment({**os.environ, "TZ": "UTC"}, "Europe/Riga")
        options = {"port": simulator.port, "family": family, "poll_s": 0.1}
        with DriverProcess("drivers.fiscal", options, environment=theirs) as driver:
            assert concern(driver) == ""


def test_printer_that_is_an_hour_off_is_told_and_heals_when_it_is_set_at_its_keys(tmp_path: Path) -> None:
    with Simulator(tmp_path / "printer", zone="Europe/Riga") as simulator:
        simulator.clock(-3600)
        options = {"port": simulator.port, "poll_s": 0.1}
        with DriverProcess("drivers.fiscal", options, environment=environment(os.environ, "Europe/Riga")) as driver:
            driver.expect_state(DeviceState.READY)
            told = driver.expect_state(DeviceState.READY)
            assert told.problem is not None
            assert (told.problem.code, "-1 h 0 min" in told.problem.cause) == ("clock_off", True)
            assert "time_zone" in told.problem.advice
            simulator.clock(3600)
            driver.ask(Status())
            assert driver.expect_state(DeviceState.READY).problem is None


@pytest.mark.parametrize("family", FAMILIES)
def test_clock_that_is_set_to_the_places_time_is_right(family: str, tmp_path: Path) -> None:
    with local_time("Europe/Riga"), Simulator(tmp_path / "printer", family=family) as simulator:
        simulator.clock(7200)
        rig = Rig(simulator, family=family)
        assert "clock_off" in rig.status().problems
        now = datetime.now(RIGA).replace(tzinfo=None).isoformat(timespec="seconds")
        assert "clock_off" not in handled(rig, SetClock(now), PrinterStatus).problems
        rig.close()


@pytest.mark.parametrize(("device_time", "summer"), [("2040-07-01T10:00:00", True), ("2040-12-01T10:00:00", False)])
def test_summer_time_is_written_to_a_family_that_wants_it(tmp_path: Path, device_time: str, summer: bool) -> None:
    with local_time("Europe/Riga"), Simulator(tmp_path / "printer", family="datecs-v2") as simulator:
        rig = Rig(simulator, family="datecs-v2")
        assert handled(rig, SetClock(device_time), PrinterStatus).device_time[:13] == device_time[:13]
        frames = handled(rig, Describe(), Description).frames
        assert any(b" DST".hex(" ").upper() in frame.upper() for frame in frames) is summer
        rig.close()
