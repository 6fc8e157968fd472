"""The osdp driver as a process: libosdp as control panel against libosdp as readers, on a pty."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reading, Reopen, Reply, State
from drivers.contract.reader import AccessCard, Card
from drivers.contract.relay import InputEdge, Pulse, Pulsed, ReadOutputs
from drivers.simulators.osdp import OsdpReaders
from drivers.simulators.wiegand import h10301
from tests.support.driver_process import DriverProcess

pytest.importorskip("osdp")

KEY = bytes.fromhex("000102030405060708090a0b0c0d0eff")
CARD = AccessCard(24, bytes([12]) + (34567).to_bytes(2, "big"))
"""Facility 12, number 34567: the very reading that the wiegand driver gives for that card."""


def key_file(folder: Path, key: bytes = KEY, mode: int = 0o600) -> str:
    path = folder / "osdp.key"
    path.write_text(key.hex() + "\n")
    path.chmod(mode)
    return str(path)


def options(tmp_path: Path, *addresses: int, **more: Any) -> dict[str, Any]:
    readers = [{"address": address, "key": str(tmp_path / "osdp.key")} for address in addresses or (0,)]
    return {"port": str(tmp_path / "bus"), "readers": readers, **more}


def readers(folder: Path) -> Iterator[OsdpReaders]:
    """Two readers, 0 and 5, with two outputs and one input each."""
    key_file(folder)
    bus = OsdpReaders(folder / "bus", [(0, KEY), (5, KEY)], outputs=2, inputs=1)
    bus.start()
    yield bus
    bus.stop()


@pytest.fixture
def own_bus(tmp_path: Path) -> Iterator[OsdpReaders]:
    """For tests that start the driver themselves."""
    yield from readers(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("osdp")


@pytest.fixture(scope="module")
def bus(folder: Path) -> Iterator[OsdpReaders]:
    yield from readers(folder)


@pytest.fixture(scope="module")
def running(folder: Path, bus: OsdpReaders) -> Iterator[DriverProcess]:
    with DriverProcess("drivers.osdp", options(folder, 0, 5, outputs=2, inputs=1, repeat_ms=60_000)) as driver:
        driver.expect_state(DeviceState.READY)
        yield driver


@pytest.fixture
def driver(bus: OsdpReaders, running: DriverProcess) -> DriverProcess:
    """One process for most tests: each leaves it ready, and takes another card so that it is no repetition."""
    running.forget()
    bus.forget_pulses()
    return running


NUMBERS = itertools.count(1)


def card_is_read(bus: OsdpReaders, driver: DriverProcess, address: int) -> None:
    number = next(NUMBERS)
    bus.card(address, 12, number)
    assert driver.expect_reading(AccessCard) == AccessCard(24, bytes([12]) + number.to_bytes(2, "big"))


def code_of(driver: DriverProcess, state: DeviceState = DeviceState.LOST) -> str:
    """The problem that comes next with this state; a `ready` without one is passed over."""
    while True:
        told = driver.expect_state(state)
        if told.problem is not None:
            assert told.problem.advice
            return told.problem.code


def problem_of(reply: Reply) -> str:
    assert reply.problem is not None
    return reply.problem.code


def test_says_hello_as_reader_and_relay_then_ready_then_alive(tmp_path: Path, own_bus: OsdpReaders) -> None:
    with DriverProcess("drivers.osdp", options(tmp_path, 0, 5)) as driver:
        hello = driver.expect(Hello)
        assert (hello.driver, hello.kind, hello.also) == ("osdp", Kind.READER, (Kind.RELAY,))
        detail = driver.expect_state(DeviceState.READY).detail
        assert detail["readers"] == "2 of 2"
        assert detail["reader 5"] == "maker dec000, model 7.2, firmware 1.2.3"
        driver.expect(Alive)
        assert driver.stop() == 0
        assert driver.garbage == []


def test_the_cards_of_every_reader_are_those_that_a_wiegand_reader_gives(
    bus: OsdpReaders, driver: DriverProcess
) -> None:
    for address in (0, 5):  # each reader has its own memory of what it has seen
        before = time.monotonic_ns()
        bus.card(address, 12, 34567)
        reading = driver.expect(Reading)
        assert msgspec.json.decode(reading.body, type=AccessCard) == CARD
        assert reading.mono_ns >= before
    bus.bits(0, f"{0x0C8708:024b}", wiegand=False)
    assert driver.expect_reading(AccessCard) == AccessCard(24, bytes.fromhex("0c8708"))


def test_a_card_that_stays_is_reported_once_and_a_wrong_parity_or_a_key_never(
    bus: OsdpReaders, driver: DriverProcess
) -> None:
    for _ in range(3):
        bus.card(0, 99, 1)
    bus.bits(0, h10301(99, 2)[:-1] + str(1 - int(h10301(99, 2)[-1])))
    bus.keys(0, "1234#")
    bus.card(0, 99, 3)
    assert driver.expect_reading(AccessCard) == AccessCard(24, bytes([99, 0, 1]))
    assert driver.expect_reading(AccessCard) == AccessCard(24, bytes([99, 0, 3]))


def test_a_reader_that_hands_on_uids_gives_cards_and_has_the_outputs_that_it_says(
    tmp_path: Path, own_bus: OsdpReaders
) -> None:
    with DriverProcess("drivers.osdp", options(tmp_path, cards="uid", outputs=3)) as driver:
        driver.expect_state(DeviceState.READY)
        assert problem_of(driver.ask(Pulse(2, 500))) == "no_such_output"
        own_bus.bits(0, f"{0x04A1B2C3D4E501:056b}", wiegand=False)
        assert driver.expect_reading(Card) == Card(bytes.fromhex("04a1b2c3d4e501"))


def test_an_output_is_pulsed_once_by_the_reader_itself(bus: OsdpReaders, driver: DriverProcess) -> None:
    reply = driver.ask(Pulse(3, 450))
    assert reply.body is not None
    assert msgspec.json.decode(reply.body, type=Pulsed).mono_ns <= time.monotonic_ns()
    # Output 3 is the second reader's second one; times are in steps of 100 ms, never less than was asked for.
    assert bus.pulses(5) == [(1, 500)]
    assert bus.pulses(0) == []
    # The light comes after the door; the card that is read next comes after both.
    card_is_read(bus, driver, 5)
    assert (bus.greens(0), bus.greens(5)) == (0, 1)


def test_a_pulse_that_cannot_be_meant_is_refused(bus: OsdpReaders, driver: DriverProcess) -> None:
    for asked in (Pulse(4, 500), Pulse(-1, 500), Pulse(0, 0), Pulse(0, 10_001)):
        assert problem_of(driver.ask(asked)) == ("no_such_output" if asked.channel else "bad_pulse")
    assert problem_of(driver.ask(Pulse(0, 500), deadline_ms=50)) == "too_late"
    assert problem_of(driver.ask(ReadOutputs())) == "not_told"
    assert bus.pulses(0) == bus.pulses(5) == []


def test_a_pulse_without_an_answer_may_have_happened_and_never_happens_later(
    bus: OsdpReaders, driver: DriverProcess
) -> None:
    """The library would ask again for 9 s: nobody stands at the gate any more."""
    bus.cable(False)
    assert problem_of(driver.ask(Pulse(0, 500), deadline_ms=400)) == "no_answer"
    assert code_of(driver) == "no_answer"
    bus.cable(True)
    driver.expect_state(DeviceState.READY)
    card_is_read(bus, driver, 0)
    assert bus.pulses(0) == []


def test_an_input_is_an_edge_of_its_reader(bus: OsdpReaders, driver: DriverProcess) -> None:
    bus.inputs(5, [True])
    assert driver.expect_reading(InputEdge) == InputEdge(1, True)
    bus.inputs(5, [True])
    bus.inputs(5, [False])
    assert driver.expect_reading(InputEdge) == InputEdge(1, False)


@pytest.mark.parametrize("what", ["tamper", "power"])
def test_an_opened_housing_and_a_failing_supply_are_told_while_they_last(
    bus: OsdpReaders, driver: DriverProcess, what: str
) -> None:
    (bus.tamper if what == "tamper" else bus.power)(5, what == "tamper")
    told = driver.expect(State)
    assert told.state is DeviceState.READY
    assert told.problem is not None
    assert told.problem.code == what
    assert "reader 5" in told.problem.cause
    (bus.tamper if what == "tamper" else bus.power)(5, what != "tamper")
    assert driver.expect(State).problem is None


def test_a_reader_with_another_key_is_named_and_the_others_work_on(bus: OsdpReaders, driver: DriverProcess) -> None:
    """Somebody has hung another reader there; then it gets its key."""
    bus.rekey(5, os.urandom(16))
    while code_of(driver, DeviceState.READY) != "wrong_key":
        pass
    card_is_read(bus, driver, 0)
    assert problem_of(driver.ask(Pulse(2, 500))) == "reader_away"
    bus.rekey(5, KEY)
    assert driver.expect_state(DeviceState.READY).problem is None
    card_is_read(bus, driver, 5)


def test_a_pulled_cable_is_lost_within_seconds_and_back_as_soon_as_it_is_back(
    bus: OsdpReaders, driver: DriverProcess
) -> None:
    """By itself the library notices after 8 s, and asks again after 300."""
    bus.cable(False)
    assert code_of(driver) == "silent"
    bus.cable(True)
    assert driver.expect_state(DeviceState.READY, 10.0)
    card_is_read(bus, driver, 5)
    assert [told.state for told in driver.heard if isinstance(told, State)].count(DeviceState.LOST) == 1


def test_an_unplugged_adapter_is_lost_and_back_when_it_is_plugged_in(bus: OsdpReaders, driver: DriverProcess) -> None:
    bus.unplug()
    assert code_of(driver) == "unplugged"
    bus.plug()
    driver.expect_state(DeviceState.READY)
    card_is_read(bus, driver, 0)


def test_noise_on_the_bus_is_survived(bus: OsdpReaders, driver: DriverProcess) -> None:
    bus.noise(True)
    assert code_of(driver) in {"silent", "garbled"}
    bus.noise(False)
    driver.expect_state(DeviceState.READY)
    card_is_read(bus, driver, 0)


def test_reopened_killed_and_started_again_it_reads_on(tmp_path: Path, own_bus: OsdpReaders) -> None:
    with DriverProcess("drivers.osdp", options(tmp_path, 0, 5)) as driver:
        driver.expect_state(DeviceState.READY)
        assert driver.ask(Reopen()).problem is None
        driver.expect_state(DeviceState.READY)
        own_bus.card(5, 12, 34567)
        assert driver.expect_reading(AccessCard) == CARD
    with DriverProcess("drivers.osdp", options(tmp_path, 0, 5)) as driver:
        driver.expect_state(DeviceState.READY)
        own_bus.card(5, 12, 34567)
        assert driver.expect_reading(AccessCard) == CARD


@pytest.mark.parametrize("key", [os.urandom(16), None], ids=["another", "factory"])
def test_no_reader_under_this_key_is_named_and_none_is_given_one(tmp_path: Path, key: bytes | None) -> None:
    """A reader fresh from the factory would take any key from anybody: that is for a person to do."""
    key_file(tmp_path)
    bus = OsdpReaders(tmp_path / "bus", [(0, key)])
    bus.start()
    try:
        with DriverProcess("drivers.osdp", options(tmp_path)) as driver:
            assert code_of(driver) == "wrong_key"
            bus.card(0, 12, 34567)
            driver.nothing(Reading, 0.3)
    finally:
        bus.stop()


def test_nothing_of_a_card_or_a_key_leaves_but_in_a_reading(
    tmp_path: Path, own_bus: OsdpReaders, capfd: pytest.CaptureFixture[str]
) -> None:
    with DriverProcess("drivers.osdp", options(tmp_path, 0, 5)) as driver:
        driver.expect_state(DeviceState.READY)
        own_bus.card(0, 12, 34567)
        reading = driver.expect(Reading)
        own_bus.bits(0, h10301(12, 34567)[:-1] + "1")
        own_bus.card(0, 200, 1)
        driver.expect(Reading)
        own_bus.rekey(0, os.urandom(16))
        code_of(driver, DeviceState.READY)
        assert driver.stop() == 0
        said = capfd.readouterr().err
        others = repr([message for message in driver.heard if not isinstance(message, Reading)]) + said
        assert reading in driver.heard
        assert driver.garbage == []
        for clear in ("34567", h10301(12, 34567), CARD.number.hex(), KEY.hex()):
            assert clear not in others
