"""The ble driver as a process, with real bleak on a real D-Bus; only bluetoothd is simulated."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.contract.core import Alive, DeviceState, Hello, Kind, Problem, Reading, State
from drivers.contract.reader import Beacon, BeaconEvent
from drivers.simulators.beacons import Advertised
from drivers.simulators.ble import CROWD, Ble
from gateway.devices.environment import environment
from tests.support.bluez import bluez
from tests.support.driver_process import DriverProcess

UUID = "f7826da6-4fa2-4e98-8024-bc5b71e0893e"
PEOPLE = f"ibeacon:{UUID}"
ANNA, BERTA = f"{PEOPLE}:1:7", "eddystone:00112233445566778899:aabbccddeeff"
ANNAS_ID = ANNA.replace("-", "")
HALL = f"{PEOPLE}:9:1"
IRK = "ec0234a357c8ad05341010a60a397d9b"
ONE, TWO = "C0:00:00:00:00:01", "C0:00:00:00:00:02"


@pytest.fixture(scope="module")
def place() -> Iterator[Ble]:
    """For tests that leave BlueZ as they found it."""
    with bluez() as place:
        yield place


def spawn(place: Ble, **options: Any) -> DriverProcess:
    people = [PEOPLE, "eddystone:00112233445566778899"]
    return DriverProcess("drivers.ble", {"bus": place.address, "people": people, **options})


def near(place: Ble, address: str, beacon: str, times: int = 3) -> None:
    for _ in range(times):
        place.beacon(address, beacon, -60)


def lost(driver: DriverProcess) -> Problem:
    told = driver.expect_state(DeviceState.LOST)
    assert told.problem is not None
    return told.problem


def test_says_hello_then_ready_with_the_adapter_then_alive(place: Ble) -> None:
    with spawn(place) as driver:
        hello = driver.expect(Hello)
        assert (hello.driver, hello.kind) == ("ble", Kind.READER)
        detail = driver.expect_state(DeviceState.READY).detail
        assert detail == {"adapter": "hci0", "address": "00:1A:7D:DA:71:13", "mode": "active"}
        driver.expect(Alive)
        assert driver.stop() == 0


def test_it_works_with_no_more_of_the_environment_than_the_gateway_hands_on(place: Ble) -> None:
    """No DBUS_SYSTEM_BUS_ADDRESS among it: the bus is the system's own, or an option."""
    handed = [f"{name}={value}" for name, value in environment(os.environ).items()]
    argv = ["env", "-i", *handed, sys.executable, "-m", "drivers.ble"]
    with DriverProcess("", {"bus": place.address}, argv) as driver:
        driver.expect_state(DeviceState.READY)
        assert driver.stop() == 0


def test_who_comes_enters_and_who_is_not_heard_leaves(place: Ble) -> None:
    with spawn(place, unseen_s=1) as driver:
        driver.expect_state(DeviceState.READY)
        near(place, ONE, ANNA)
        near(place, TWO, BERTA)
        told = [driver.expect_reading(Beacon) for _ in range(4)]
    assert {(one.id, one.event) for one in told[:2]} == {(ANNAS_ID, BeaconEvent.ENTER), (BERTA, BeaconEvent.ENTER)}
    assert {(one.id, one.event) for one in told[2:]} == {(ANNAS_ID, BeaconEvent.LEAVE), (BERTA, BeaconEvent.LEAVE)}
    assert {one.rssi_dbm for one in told} == {-60}


def test_advertisements_that_are_all_alike_still_count(place: Ble) -> None:
    """BlueZ tells a device that sends the same all the time only to who asks for duplicates."""
    with spawn(place, unseen_s=2, sightings=10) as driver:
        driver.expect_state(DeviceState.READY)
        near(place, ONE, ANNA, 10)
        assert driver.expect_reading(Beacon).event is BeaconEvent.ENTER


def test_a_phone_is_known_by_its_key_whatever_its_address(place: Ble, tmp_path: Path) -> None:
    keys = tmp_path / "phones.irk"
    keys.write_text(f"anna-1 = {IRK}\n")
    keys.chmod(0o600)
    with spawn(place, phone_keys=str(keys), sightings=3) as driver:
        driver.expect_state(DeviceState.READY)
        used = {place.phone(IRK) for _ in range(3)}
        assert driver.expect_reading(Beacon) == Beacon("phone:anna-1", BeaconEvent.ENTER, -60)
    assert len(used) == 3


def test_a_key_file_that_others_may_read_is_named(place: Ble, tmp_path: Path) -> None:
    keys = tmp_path / "phones.irk"
    keys.write_text(f"anna-1 = {IRK}\n")
    keys.chmod(0o644)
    with spawn(place, phone_keys=str(keys)) as driver:
        problem = lost(driver)
    assert (problem.code, "others may read it" in problem.cause) == ("keys", True)


def test_a_passive_scan_hears_the_same() -> None:
    with bluez() as place, spawn(place, mode="passive") as driver:
        driver.expect_state(DeviceState.READY)
        place.wait(lambda state: state["monitors"] == [3])
        assert not place.state()["scanning"]
        assert not place.send(TWO, Advertised({76: b"\x10\x05"}, {}))
        near(place, ONE, ANNA)
        assert driver.expect_reading(Beacon).id == ANNAS_ID
        near(place, TWO, BERTA)
        assert driver.expect_reading(Beacon).id == BERTA


def test_bluetoothd_that_dies_is_told_and_found_again_and_nobody_enters_twice() -> None:
    with bluez() as place, spawn(place) as driver:
        driver.expect_state(DeviceState.READY)
        near(place, ONE, ANNA)
        driver.expect_reading(Beacon)
        handles = len(os.listdir(f"/proc/{driver.process.pid}/fd"))
        for _ in range(2):
            place.die()
            problem = lost(driver)
            assert (problem.code, "systemctl enable --now bluetooth" in problem.advice) == ("no_service", True)
            place.back()
            driver.expect_state(DeviceState.READY)
        near(place, ONE, ANNA)
        near(place, TWO, BERTA)
        assert driver.expect_reading(Beacon).id == BERTA
        assert (
            len(os.listdir(f"/proc/{driver.process.pid}/fd")) <= handles + 2
        )  # at most one line that bleak lets go late


def test_a_bus_that_ends_is_told_and_found_again() -> None:
    with bluez() as place, spawn(place) as driver:
        driver.expect_state(DeviceState.READY)
        place.end_bus()
        assert lost(driver).code == "no_bus"
        place.bus.start()
        place.back()
        driver.expect_state(DeviceState.READY)
        near(place, ONE, ANNA)
        driver.expect_reading(Beacon)


def test_an_adapter_that_is_pulled_is_told_and_found_again_under_another_name() -> None:
    with bluez() as place, spawn(place, adapter="00:1A:7D:DA:71:13") as driver:
        assert driver.expect_state(DeviceState.READY).detail["adapter"] == "hci0"
        place.plug(there=False)
        assert lost(driver).code == "unplugged"
        assert lost(driver).code == "no_adapter"
        place.plug(there=True, name="hci1")
        assert driver.expect_state(DeviceState.READY).detail["adapter"] == "hci1"
        near(place, ONE, ANNA)
        driver.expect_reading(Beacon)


def test_an_adapter_that_is_switched_off_is_told_with_advice() -> None:
    with bluez() as place, spawn(place) as driver:
        driver.expect_state(DeviceState.READY)
        place.power(on=False)
        problem = lost(driver)
        assert (problem.code, "rfkill" in problem.advice) == ("powered_off", True)
        place.power(on=True)
        driver.expect_state(DeviceState.READY)


def test_silence_is_scanned_again_and_told_until_something_is_heard() -> None:
    with bluez() as place, spawn(place, watchdog_s=1) as driver:
        driver.expect_state(DeviceState.READY)
        place.wait_scans(4)
        told = driver.expect(State)
        assert told.state is DeviceState.READY
        assert told.problem is not None
        assert told.problem.code == "nothing_heard"
        near(place, ONE, ANNA)
        driver.expect_reading(Beacon)
        assert driver.expect(State).problem is None


def test_a_bluetoothd_that_hangs_is_told_and_found_again() -> None:
    with bluez() as place, spawn(place) as driver:
        driver.expect_state(DeviceState.READY)
        place.freeze(True)
        assert lost(driver).code == "hung"
        place.freeze(False)
        driver.expect_state(DeviceState.READY)


def test_garbage_on_the_air_changes_nothing(place: Ble) -> None:
    with spawn(place) as driver:
        driver.expect_state(DeviceState.READY)
        for number in range(60):
            noise = os.urandom(number % 30)
            feaa = "0000feaa-0000-1000-8000-00805f9b34fb"
            place.send(TWO, Advertised({76: b"\x02\x15" + noise, number: noise}, {feaa: b"\x20" + noise}), -40)
        near(place, ONE, ANNA)
        assert driver.expect_reading(Beacon).id == ANNAS_ID


def test_own_beacons_are_looked_after_and_are_no_people(place: Ble) -> None:
    with spawn(place, own=[{"id": HALL, "name": "hall"}]) as driver:
        assert driver.expect_state(DeviceState.READY).detail["beacon hall"] == "not heard yet"
        near(place, ONE, HALL)
        place.telemetry(ONE, 2100)
        told = driver.expect(State)
        assert (told.state, told.problem) == (
            DeviceState.READY,
            Problem("battery_low", "battery low: hall (2.10 V)", "Change its battery within the next weeks"),
        )
        assert told.detail["beacon hall"] == "-60 dBm, 2.10 V, 21.5 °C, up 1 days"
        place.telemetry(ONE, 3000)
        assert driver.expect(State).problem is None
        assert not any(isinstance(message, Reading) for message in driver.heard)


def test_the_place_is_a_beacon_itself_until_the_driver_ends(place: Ble) -> None:
    with spawn(place, advertise={"id": f"{PEOPLE}:5:6", "power_dbm": -65}) as driver:
        assert driver.expect_state(DeviceState.READY).detail["advertises"] == "yes"
        sent = "0215" + UUID.replace("-", "") + "00050006" + "bf"
        assert place.state()["advertises"] == [{"type": "broadcast", "76": sent}]
        driver.process.kill()
        place.wait(lambda state: state["advertises"] == [])


def test_an_adapter_that_cannot_advertise_is_named() -> None:
    with bluez() as place:
        place.refuse_advertising()
        with spawn(place, advertise={"url": "https://jelgava.lv/m"}) as driver:
            problem = lost(driver)
    assert (problem.code, "NotPermitted" in problem.cause) == ("no_advertising", True)


def test_a_bluez_without_monitors_cannot_scan_passively_and_says_so() -> None:
    with bluez(monitors=False) as place, spawn(place, mode="passive") as driver:
        problem = lost(driver)
    assert (problem.code, "active" in problem.advice) == ("no_passive", True)


def test_a_user_whom_bluez_refuses_is_told_the_group() -> None:
    with bluez(shut=True) as place, spawn(place) as driver:
        problem = lost(driver)
    assert (problem.code, "group bluetooth" in problem.advice) == ("denied", True)


def test_no_bus_at_all_is_named(tmp_path: Path) -> None:
    with DriverProcess("drivers.ble", {"bus": f"unix:path={tmp_path}/none"}) as driver:
        problem = lost(driver)
    assert problem.code == "no_bus"
    assert f"{tmp_path}/none" in problem.cause


def test_a_wrong_adapter_is_named_with_those_that_are_there(place: Ble) -> None:
    with spawn(place, adapter="hci7") as driver:
        problem = lost(driver)
    assert (problem.code, "hci0 (00:1A:7D:DA:71:13)" in problem.cause) == ("no_adapter", True)


def test_a_crowd_of_strangers_hides_nobody(place: Ble) -> None:
    with spawn(place) as driver:
        driver.expect_state(DeviceState.READY)
        assert place.flood(1500, devices=300) == 1500
        near(place, ONE, ANNA)
        assert driver.expect_reading(Beacon).id == ANNAS_ID
        assert sum(isinstance(message, Reading) for message in driver.heard) == 1
    assert not CROWD.startswith(PEOPLE)


def test_no_id_leaves_but_in_a_reading(place: Ble, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "phones.irk"
    keys.write_text(f"anna-1 = {IRK}\n")
    keys.chmod(0o600)
    with spawn(place, phone_keys=str(keys), own=[{"id": HALL, "name": "hall"}]) as driver:
        driver.expect_state(DeviceState.READY)
        near(place, ONE, ANNA)
        near(place, TWO, HALL)
        driver.expect_reading(Beacon)
        assert driver.stop() == 0
        others = repr([message for message in driver.heard if not isinstance(message, Reading)])
    log = capfd.readouterr().err
    for secret in (UUID, UUID.replace("-", ""), IRK, "anna"):
        assert secret not in others
        assert secret not in log
