"""The wiegand driver as a process, fed with edges where the kernel's would come in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.contract.codec import raw
from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reading, Reopen, Reply, State
from drivers.contract.reader import AccessCard, Card
from drivers.simulators.wiegand import WiegandReader, h10301
from drivers.wiegand.options import Options
from tests.support.driver_process import DriverProcess

RECORDINGS = Path(__file__).parents[1] / "data" / "wiegand"
CARD = AccessCard(24, bytes([12]) + (34567).to_bytes(2, "big"))
"""Facility 12, number 34567."""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[WiegandReader]:
    reader = WiegandReader(tmp_path / "edges")
    reader.plug()
    yield reader
    reader.unplug()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WiegandReader, DriverProcess]]:
    folder = tmp_path_factory.mktemp("wiegand")
    reader = WiegandReader(folder / "edges")
    reader.plug()
    with spawn(folder, repeat_ms=0) as driver:
        driver.expect_state(DeviceState.READY)
        yield reader, driver
    reader.unplug()


@pytest.fixture
def driver(running: tuple[WiegandReader, DriverProcess]) -> DriverProcess:
    """One process for most tests: each leaves it ready."""
    running[1].forget()
    return running[1]


@pytest.fixture
def wires(running: tuple[WiegandReader, DriverProcess]) -> WiegandReader:
    return running[0]


def spawn(tmp_path: Path, **options: Any) -> DriverProcess:
    return DriverProcess("drivers.wiegand", {"edges": str(tmp_path / "edges"), **options})


def code_of(driver: DriverProcess) -> str:
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert lost.problem.advice
    return lost.problem.code


def test_says_hello_then_ready_then_alive(tmp_path: Path, reader: WiegandReader) -> None:
    with spawn(tmp_path) as driver:
        hello = driver.expect(Hello)
        assert (hello.driver, hello.kind, hello.also) == ("wiegand", Kind.READER, ())
        assert driver.expect_state(DeviceState.READY).detail == {"edges": str(tmp_path / "edges")}
        driver.expect(Alive)
        assert driver.stop() == 0


def test_a_card_is_its_facility_and_number_stamped_at_its_last_pulse(
    wires: WiegandReader, driver: DriverProcess
) -> None:
    before = time.monotonic_ns()
    wires.card(12, 34567)
    reading = driver.expect(Reading)
    assert msgspec.json.decode(reading.body, type=AccessCard) == CARD
    # The last pulse was now; the reading itself comes 25 ms later, when the card is known to be over.
    assert before - 50_000_000 <= reading.mono_ns <= before + 50_000_000


def test_a_card_that_stays_is_one_presentation_and_another_is_another(tmp_path: Path, reader: WiegandReader) -> None:
    with spawn(tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        for number in (34567, 34567, 34567, 1):
            reader.card(12, number)
            # Cards come apart: without the pause between them they would be one long frame.
            driver.nothing(Reply, 0.06)
        readings = [message for message in driver.heard if isinstance(message, Reading)]
        if len(readings) < 2:
            driver.expect(Reading)
    assert [message.body for message in driver.heard if isinstance(message, Reading)] == [
        raw(CARD),
        raw(AccessCard(24, bytes([12, 0, 1]))),
    ]


def test_a_wrong_parity_is_counted_and_never_a_reading(
    tmp_path: Path, reader: WiegandReader, capfd: pytest.CaptureFixture[str]
) -> None:
    bits, flipped = h10301(12, 34567), 5
    with spawn(tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        reader.bits(bits[:flipped] + str(1 - int(bits[flipped])) + bits[flipped + 1 :])
        driver.nothing(Reading, 0.2)
        reader.card(12, 34567)
        assert driver.expect_reading(AccessCard) == CARD
    assert capfd.readouterr().err.splitlines() == ["no card (26 bits: their parity is wrong), 1 so far"]


def test_a_card_that_was_cut_off_a_key_and_a_noise_are_no_cards(wires: WiegandReader, driver: DriverProcess) -> None:
    for bits in (h10301(12, 34567)[:17], "0101", "1"):
        wires.bits(bits)
        driver.nothing(Reading, 0.06)
    wires.card(12, 34567)
    assert driver.expect_reading(AccessCard) == CARD


def test_a_pulse_that_rings_is_one_bit_and_both_wires_at_once_are_none(
    wires: WiegandReader, driver: DriverProcess
) -> None:
    wires.bits(h10301(12, 34567), both=7)
    driver.nothing(Reading, 0.06)
    wires.bits(h10301(12, 34567), ring=7)
    assert driver.expect_reading(AccessCard) == CARD


@pytest.mark.parametrize(("cards", "uid"), [("uid", "04a1b2c3"), ("uid_backwards", "c3b2a104")])
def test_a_reader_that_sends_uids_gives_cards(tmp_path: Path, reader: WiegandReader, cards: str, uid: str) -> None:
    with spawn(tmp_path, cards=cards) as driver:
        driver.expect_state(DeviceState.READY)
        reader.bits(f"{0x04A1B2C3:032b}")
        assert driver.expect_reading(Card) == Card(bytes.fromhex(uid))
        driver.nothing(Reading, 0.05)
        reader.card(12, 34567)
        driver.nothing(Reading, 0.1)


def test_unplugged_and_plugged_in_again(wires: WiegandReader, driver: DriverProcess) -> None:
    wires.unplug()
    assert code_of(driver) == "unplugged"
    wires.plug()
    driver.expect_state(DeviceState.READY)
    wires.card(12, 34567)
    assert driver.expect_reading(AccessCard) == CARD


def test_a_wire_that_stays_low_is_named_and_stays_lost_until_it_is_high(
    wires: WiegandReader, driver: DriverProcess
) -> None:
    """A broken wire, or a reader without power: the one thing that can be seen of it."""
    wires.low("1")
    lost = driver.expect_state(DeviceState.LOST)
    assert lost.problem is not None
    assert (lost.problem.code, lost.problem.cause) == ("line_low", "DATA1 is low all the time")
    driver.nothing(Reading, 1.0)
    wires.low("")
    driver.expect_state(DeviceState.READY)
    states = [message.state for message in driver.heard if isinstance(message, State)]
    assert states.count(DeviceState.LOST) == 1
    wires.card(12, 34567)
    assert driver.expect_reading(AccessCard) == CARD


def test_garbage_in_the_pipe_is_told_and_survived(wires: WiegandReader, driver: DriverProcess) -> None:
    wires.send("9 9\n\n0 \n0 99999999999999999999\n0 9223372036854775807\n1 -5\nlow 7\n")
    wires.card(12, 34567)
    assert driver.expect_reading(AccessCard) == CARD
    wires.send("nonsense without end " * 2000)
    assert code_of(driver) == "garbled"
    wires.unplug()
    wires.plug()
    driver.expect_state(DeviceState.READY)
    wires.card(200, 1)
    assert driver.expect_reading(AccessCard) == AccessCard(24, bytes([200, 0, 1]))


def test_reopened_killed_and_started_again_it_reads_on(tmp_path: Path, reader: WiegandReader) -> None:
    with spawn(tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        assert driver.ask(Reopen()).problem is None
        driver.expect_state(DeviceState.READY)
        reader.card(12, 34567)
        assert driver.expect_reading(AccessCard) == CARD
        driver.process.kill()
    with spawn(tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        reader.card(12, 34567)
        assert driver.expect_reading(AccessCard) == CARD


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"edges": "/no-such-pipe"}, "no_chip"),
        ({"chip": "/dev/gpiochip511", "d0": 17, "d1": 27}, "no_chip"),
        ({"chip": "/dev/fd", "d0": 17, "d1": 27}, "bad_lines"),
        ({"chip": "no-such-label", "d0": 17, "d1": 27}, "no_chip"),
        ({"edges": "/etc"}, "garbled"),
    ],
)
def test_what_is_not_there_is_named_with_advice(options: dict[str, Any], code: str) -> None:
    pytest.importorskip("gpiod")
    with DriverProcess("drivers.wiegand", options) as driver:
        assert code_of(driver) == code


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"d0": 1},
        {"d0": 1, "d1": 1},
        {"edges": "/x", "d0": 1, "d1": 2},
        {"edges": "x"},
        {"edges": "/x", "gap_ms": 5},
    ],
)
def test_options_that_cannot_be_meant_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Options)


def test_nothing_of_a_card_leaves_but_in_a_reading(
    tmp_path: Path, reader: WiegandReader, capfd: pytest.CaptureFixture[str]
) -> None:
    with spawn(tmp_path) as driver:
        driver.expect_state(DeviceState.READY)
        reader.card(12, 34567)
        reading = driver.expect(Reading)
        reader.bits(h10301(12, 34567)[:17])
        driver.nothing(Reading, 0.2)
    others = repr([message for message in driver.heard if message != reading]) + capfd.readouterr().err
    assert driver.garbage == []
    for clear in ("34567", h10301(12, 34567), CARD.number.hex()):
        assert clear not in others


@pytest.mark.parametrize("recording", sorted(RECORDINGS.glob("*.edges")), ids=lambda path: str(path.stem))
def test_a_recording_is_replayed(tmp_path: Path, wires: WiegandReader, driver: DriverProcess, recording: Path) -> None:
    """Each says of what it was recorded. The cards in it are beside it."""
    wanted = [line.split() for line in recording.with_suffix(".cards").read_text().splitlines()]
    edges = [line for line in recording.read_text().splitlines(keepends=True) if not line.startswith("#")]
    wires.send("".join(edges))
    for bits, number in wanted:
        assert driver.expect_reading(AccessCard) == AccessCard(int(bits), bytes.fromhex(number))
    driver.nothing(Reading, 0.2)
