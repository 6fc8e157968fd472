"""The pcsc driver as a process against a real pcscd with virtual readers."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reading, State
from drivers.contract.reader import Card
from drivers.simulators.card_crypto import diversify
from drivers.simulators.cards import Card as SimulatedCard
from drivers.simulators.cards import Ntag424, Type2Tag, uri_message
from drivers.simulators.vpcd import Slot
from tests.drivers.proofs import MASTER_KEY, META_KEY, UID, proved_counter
from tests.support.driver_process import DriverProcess
from tests.support.pcscd import Pcscd, pcscd

WEAK_UID = bytes.fromhex("04A1B2C3D4E5F6")
SEEN_S = 10.0
"""pcscd looks into this kind of reader every 400 ms; machines are shared."""


@pytest.fixture
def daemon() -> Iterator[Pcscd]:
    with pcscd() as running:
        yield running


@pytest.fixture
def slot(daemon: Pcscd) -> Slot:
    return daemon.slots[0]


@pytest.fixture
def driver(daemon: Pcscd) -> Iterator[DriverProcess]:
    with spawn(daemon) as driver:
        driver.expect_state(DeviceState.READY)
        yield driver


def spawn(daemon: Pcscd, **options: object) -> DriverProcess:
    env = [f"{name}={value}" for name, value in daemon.env.items()]
    argv = ["env", *env, sys.executable, "-m", "drivers.pcsc"]
    return DriverProcess("drivers.pcsc", {"reader": "00 00", **options}, argv)


def genuine() -> Ntag424:
    return Ntag424(UID, META_KEY, diversify(MASTER_KEY, UID))


def told(driver: DriverProcess, slot: Slot, card: SimulatedCard) -> Card:
    """What is reported of a card that is presented and, when it was read, taken away; until that has been noticed."""
    slot.place(card)
    read = driver.expect_reading(Card)
    slot.remove()
    time.sleep(1.0)  # Two of pcscd's looks: nothing tells from outside that it has had them.
    return read


def lost(driver: DriverProcess, timeout: float = 15.0) -> str:
    problem = driver.expect_state(DeviceState.LOST, timeout).problem
    assert problem is not None
    assert problem.advice
    return problem.code


def test_says_hello_then_ready_with_the_reader_then_alive(daemon: Pcscd) -> None:
    with spawn(daemon) as driver:
        hello = driver.expect(Hello)
        assert (hello.driver, hello.kind) == ("pcsc", Kind.READER)
        assert driver.expect_state(DeviceState.READY).detail == {"reader": daemon.names[0]}
        driver.expect(Alive)
        assert driver.stop() == 0


def test_each_card_is_reported_once_per_presentation(driver: DriverProcess, slot: Slot) -> None:
    message = uri_message("example.org/library/42")
    assert told(driver, slot, Type2Tag(WEAK_UID)) == Card(WEAK_UID)
    assert told(driver, slot, Type2Tag(WEAK_UID, message)) == Card(WEAK_UID, message)
    slot.place(Type2Tag(WEAK_UID, message))
    driver.expect_reading(Card)
    driver.nothing(Reading, 1.5)


def test_a_genuine_card_proves_itself_anew_at_each_tap(driver: DriverProcess, slot: Slot) -> None:
    card = genuine()
    counters = [proved_counter(told(driver, slot, card).ndef) for _ in range(2)]
    assert counters == [1, 2]


@pytest.mark.parametrize("apdus", [0, 2, 5])
def test_a_genuine_card_pulled_in_mid_read_is_not_reported(driver: DriverProcess, slot: Slot, apdus: int) -> None:
    """Not even its UID: that would make a genuine card look weak. Presented again, it is read whole."""
    card = genuine()
    slot.pull_after = apdus
    slot.place(card)
    slot.wait_gone()
    driver.nothing(Reading, 1.0)
    slot.place(card)
    assert proved_counter(driver.expect_reading(Card).ndef) == card.counter


def test_what_is_on_other_cards_is_never_asked_for(driver: DriverProcess, slot: Slot) -> None:
    """Transcript: a card that has nothing of ours and is nothing foreign is asked by name what it might be; since it is
    none of that, whether it is still there. Of what bank cards are asked see `test_foreign_cards.py`."""

    class Other(Ntag424):
        def apdu(self, command: bytes) -> bytes:
            return b"\x6a\x82"

    slot.place(Other(UID, META_KEY, MASTER_KEY))
    assert driver.expect_reading(Card) == Card(UID)
    uid, access = bytes.fromhex("FFCA000000"), bytes.fromhex("00A4020C02011C")
    first, *asked, last = slot.commands
    assert (first, asked[-1], last) == (uid, access, uid)
    assert {command[:4] for command in asked[:-1]} == {b"\x00\xa4\x04\x00"}


def test_pcscd_that_dies_is_told_with_advice_and_the_reader_is_found_again(
    daemon: Pcscd, driver: DriverProcess, slot: Slot
) -> None:
    daemon.kill()
    assert lost(driver) == "no_service"
    daemon.start()
    driver.expect_state(DeviceState.READY)
    slot.place(genuine())
    assert proved_counter(driver.expect_reading(Card).ndef) == 1


def test_a_reader_is_found_again_by_its_name_at_another_port(daemon: Pcscd, driver: DriverProcess, slot: Slot) -> None:
    daemon.kill()
    assert lost(driver) == "no_service"
    daemon.move()
    daemon.start()
    assert driver.expect_state(DeviceState.READY).detail == {"reader": daemon.names[0]}
    slot.place(Type2Tag(WEAK_UID))
    assert driver.expect_reading(Card) == Card(WEAK_UID)


def test_a_card_that_lay_there_while_pcscd_was_away_is_not_reported_again(
    daemon: Pcscd, driver: DriverProcess, slot: Slot
) -> None:
    card = Type2Tag(WEAK_UID)
    slot.place(card)
    driver.expect_reading(Card)
    daemon.kill()
    lost(driver)
    daemon.start()
    slot.place(card)
    driver.expect_state(DeviceState.READY)
    driver.nothing(Reading, 1.5)
    slot.remove()
    time.sleep(1.0)
    slot.place(card)
    assert driver.expect_reading(Card) == Card(WEAK_UID)


def test_a_pcscd_that_hangs_is_silence_and_ends_no_stop(daemon: Pcscd, driver: DriverProcess) -> None:
    """Nothing more is heard of the reader, so that the gateway sees it; and the driver still stops in time."""
    driver.expect(Alive)
    daemon.freeze()
    time.sleep(1.0)
    driver.nothing(Alive, 5.0)
    assert driver.stop() == 0


def test_a_card_that_takes_a_command_and_says_nothing_is_let_go(driver: DriverProcess, slot: Slot) -> None:
    slot.stall = True
    slot.place(Type2Tag(WEAK_UID))
    driver.nothing(Reading, 2.0)
    slot.stall = False
    slot.remove()
    time.sleep(1.0)
    slot.place(Type2Tag(UID))
    assert driver.expect_reading(Card, SEEN_S) == Card(UID)


def test_without_pcscd_it_says_what_to_install(daemon: Pcscd) -> None:
    daemon.stop()
    with spawn(daemon) as driver:
        assert lost(driver) == "no_service"
        daemon.start()
        driver.expect_state(DeviceState.READY)


@pytest.mark.parametrize(
    ("reader", "code", "cause"),
    [
        ("ACR122U", "no_reader", "no reader with 'ACR122U' in the name; it knows Virtual PCD 00 00, Virtual PCD 00 01"),
        ("Virtual", "several", "several readers with 'Virtual' in the name: Virtual PCD 00 00, Virtual PCD 00 01"),
        ("", "several", "several readers: Virtual PCD 00 00, Virtual PCD 00 01"),
    ],
)
def test_a_reader_that_is_not_the_one_is_named(daemon: Pcscd, reader: str, code: str, cause: str) -> None:
    with spawn(daemon, reader=reader) as driver:
        problem = driver.expect_state(DeviceState.LOST).problem
    assert problem is not None
    assert (problem.code, cause in problem.cause) == (code, True)


def test_two_readers_are_two_devices(daemon: Pcscd) -> None:
    with spawn(daemon) as one, spawn(daemon, reader="00 01") as other:
        for driver in (one, other):
            driver.expect_state(DeviceState.READY)
        daemon.slots[1].place(Type2Tag(WEAK_UID))
        assert other.expect_reading(Card) == Card(WEAK_UID)
        one.nothing(Reading, 1.0)


def test_no_card_id_leaves_but_in_a_reading(daemon: Pcscd, slot: Slot, capfd: pytest.CaptureFixture[str]) -> None:
    with spawn(daemon) as driver:
        driver.expect_state(DeviceState.READY)
        slot.place(genuine())
        reading = driver.expect(Reading)
        slot.remove()
        time.sleep(1.0)
        slot.pull_after = 1
        slot.place(Type2Tag(WEAK_UID))
        slot.wait_gone()
        time.sleep(1.0)
        daemon.kill()
        driver.expect_state(DeviceState.LOST)
        driver.stop()
        others = repr([message for message in driver.heard if message != reading])
    assert capfd.readouterr().err.splitlines() == [
        "torn read: a card left before it was read whole (1 since the start)"
    ]
    for uid in (UID, WEAK_UID):
        assert uid.hex() not in others.lower()


def test_the_successor_of_a_killed_driver_reads_on(daemon: Pcscd, slot: Slot) -> None:
    with spawn(daemon) as killed:
        killed.expect_state(DeviceState.READY)
        os.kill(killed.process.pid, signal.SIGKILL)
    with spawn(daemon) as driver:
        driver.expect_state(DeviceState.READY)
        slot.place(Type2Tag(WEAK_UID))
        assert driver.expect_reading(Card) == Card(WEAK_UID)


def test_options_of_another_shape_end_the_driver(daemon: Pcscd) -> None:
    with spawn(daemon, reader="x\n") as driver:
        problem = driver.expect_state(DeviceState.LOST).problem
        assert problem is not None
        assert problem.code == "bad_options"
        assert driver.process.wait(10) == 9


def test_states_are_told_on_change_only(daemon: Pcscd, driver: DriverProcess, slot: Slot) -> None:
    told(driver, slot, Type2Tag(WEAK_UID))
    assert [message.state for message in driver.heard if isinstance(message, State)][-1] is DeviceState.READY
    driver.nothing(State, 0.5)
