"""The simulated PN532: its frames, its box of cards, and the program that a person or the demo steers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import reader
from drivers.contract.core import DeviceState
from drivers.desfire.authenticate import Wanted, prove
from drivers.desfire.keys import FileKeys
from drivers.desfire.outcome import Failed, Proved, Why
from drivers.nfc.reader import Reader
from drivers.simulators.card_box import CardBox
from drivers.simulators.cards import Card, Ntag424, Type2Tag
from drivers.simulators.desfire import Desfire
from drivers.simulators.pn532_frames import crc_a, frame, take_frame
from tests.support.driver_process import DriverProcess

CARDS = {
    "anna": {"type": "ntag424", "uid": "04DE5F1EACC040", "meta_key": "00" * 16, "master_key": "11" * 16},
    "old": {"type": "type2", "uid": "04A1B2C3D4E5F6", "ndef_uri": "example.org/x"},
    "thief": {"type": "replay", "of": "anna"},
}
DESFIRE = {
    "berta": {"type": "desfire", "uid": "04C1A2B3C4D5E6", "application": "3042F5", "master_key": "22" * 16},
    "copy": {"type": "desfire_clone", "of": "berta"},
}


# Frames ---------------------------------------------------------------------------------------------------


def test_a_frame_is_the_one_of_the_manual() -> None:
    """GetFirmwareVersion and its answer, UM0701-02 section 7.2.2."""
    assert frame(bytes.fromhex("D402")).hex().upper() == "0000FF02FED4022A00"
    assert frame(bytes.fromhex("D50332010607")).hex().upper() == "0000FF06FAD50332010607E800"


def test_crc_a_is_the_one_of_the_standard() -> None:
    """ISO/IEC 14443-3 annex B: 00 00 and 12 34."""
    assert (crc_a(b"\x00\x00").hex(), crc_a(b"\x12\x34").hex()) == ("a01e", "26cf")


@given(data=st.binary(min_size=1, max_size=600), noise=st.binary(max_size=20).filter(lambda n: b"\x00" not in n))
def test_a_frame_comes_out_of_noise_as_it_went_in(data: bytes, noise: bytes) -> None:
    line = bytearray(noise + frame(data))
    assert take_frame(line) == data
    assert take_frame(line) is None


@given(pieces=st.lists(st.binary(max_size=30) | st.just(bytes.fromhex("0000FF00FF00")), max_size=10))
def test_any_line_is_taken_to_its_end(pieces: list[bytes]) -> None:
    line = bytearray()
    for piece in pieces:
        line += piece
        while take_frame(line) is not None:
            pass


def test_a_frame_with_a_wrong_checksum_is_passed_over() -> None:
    broken = bytearray(frame(b"\xd4\x02"))
    broken[-2] ^= 1
    line = broken + frame(b"\xd4\x14")
    assert take_frame(line) == b"\xd4\x14"


# Box of cards ---------------------------------------------------------------------------------------------


def test_cards_come_out_of_the_file_and_stay_the_same(box: Path) -> None:
    cards = CardBox(box)
    assert cards.names() == ["anna", "old", "thief"]
    assert isinstance(cards.card("anna"), Ntag424)
    assert isinstance(cards.card("old"), Type2Tag)
    assert cards.card("thief") is cards.card("thief")
    assert cards.card("thief").uid == cards.card("anna").uid


def test_a_desfire_of_the_box_proves_itself_and_its_copy_does_not(box: Path) -> None:
    box.write_text(json.dumps(DESFIRE))
    cards = CardBox(box)
    wanted, keys = Wanted(bytes.fromhex("3042F5"), 0, True, b""), FileKeys({0: bytes.fromhex("22" * 16)}, os.urandom)
    outcomes = []
    for name in ("berta", "copy"):
        card = cards.card(name)
        assert isinstance(card, Desfire)
        outcomes.append(prove(card.apdu, wanted, keys, card.uid))
    assert outcomes == [Proved(cards.card("berta").uid, 0), Failed(Why.REFUSED)]


def test_counters_go_on_after_a_restart(box: Path) -> None:
    kept = box.with_name("counters.json")
    first = CardBox(box, kept)
    _genuine(first.card("anna")).message()
    first.keep_counters()
    assert _genuine(CardBox(box, kept).card("anna")).counter == 1


@pytest.mark.parametrize(
    "described",
    [
        {"x": {"type": "type2", "uid": "04"}},
        {"x": {"type": "type9"}},
        {"x": {"type": "type2", "uid": "04A1B2C3D4E5F6", "colour": "red"}},
    ],
)
def test_what_is_no_card_is_refused(box: Path, described: dict[str, Any]) -> None:
    box.write_text(json.dumps(described))
    with pytest.raises(ValueError, match=r"\$"):
        CardBox(box)


@pytest.mark.parametrize("of", ["copy", "berto"])
def test_only_a_genuine_desfire_can_be_copied(box: Path, of: str) -> None:
    box.write_text(json.dumps(DESFIRE | {"copy": {"type": "desfire_clone", "of": of}}))
    with pytest.raises(ValueError, match=r"no (desfire|card)"):
        CardBox(box).card("copy")


@pytest.mark.parametrize("of", ["thief", "old", "nobody"])
def test_only_a_genuine_card_can_be_replayed(box: Path, of: str) -> None:
    box.write_text(json.dumps(CARDS | {"thief": {"type": "replay", "of": of}}))
    with pytest.raises(ValueError, match=r"no (ntag424|card)"):
        CardBox(box).card("thief")


# Program --------------------------------------------------------------------------------------------------


class Program:
    """The simulator as a process, steered by lines."""

    def __init__(self, link: Path, box: Path) -> None:
        argv = [sys.executable, "-m", "drivers.simulators.pn532", "--link", str(link), "--cards", str(box)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.events: list[dict[str, Any]] = []
        self.ready = self._next("ready")

    def do(self, name: str, **arguments: Any) -> Any:
        """What the command answers; events that come before the answer are kept."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": name, **arguments}) + "\n")
        self.process.stdin.flush()
        return self._next("ok", "error")

    def end(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        code = self.process.wait(10)
        self.process.stdout.close()
        return code

    def _next(self, *wanted: str) -> Any:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            for key in wanted:
                if key in message:
                    return message[key]
            self.events.append(message)
        raise AssertionError(f"the simulator ended; events {self.events}")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    path = tmp_path / "cards.json"
    path.write_text(json.dumps(CARDS))
    return path


@pytest.fixture
def program(tmp_path: Path, box: Path) -> Iterator[Program]:
    program = Program(tmp_path / "reader", box)
    yield program
    assert program.end() == 0


def test_the_program_presents_cards_to_a_driver(tmp_path: Path, program: Program) -> None:
    link = tmp_path / "reader"
    assert program.ready == {"path": str(link)}
    assert program.do("list") == ["anna", "old", "thief"]
    with DriverProcess("drivers.nfc", {"port": str(link), "poll_ms": 20}) as driver:
        driver.expect_state(DeviceState.READY)
        assert program.do("present", card="anna", ms=5000) == {"reads": 1}
        assert program.do("present", card="thief", ms=5000) == {"reads": 1}
        first, replayed = (driver.expect_reading(reader.Card) for _ in range(2))
    assert first == replayed
    assert program.events == [
        {"event": "placed", "card": "anna"},
        {"event": "read", "card": "anna", "counter": 1},
        {"event": "removed", "card": "anna"},
        {"event": "placed", "card": "thief"},
        {"event": "read", "card": "thief"},
        {"event": "removed", "card": "thief"},
    ]


def test_without_a_reader_nobody_reads_the_card(program: Program) -> None:
    assert program.do("present", card="old", ms=50) == {"reads": 0}


def test_unplug_takes_the_link_away_and_replug_brings_another_port(tmp_path: Path, program: Program) -> None:
    link = tmp_path / "reader"
    opened = Reader()
    opened.open(str(link))
    program.do("fault", kind="unplug")
    assert not link.is_symlink()
    opened.close()
    program.do("fault", kind="replug")
    assert os.path.exists(link.resolve())
    opened.open(str(link))
    opened.close()


def test_what_it_does_not_know_it_says(program: Program) -> None:
    assert program.do("place", card="nobody") == "place: no card nobody; there are anna, old, thief"
    assert program.do("fault", kind="fire").startswith("fault: kinds: silent")


def test_a_file_that_holds_no_cards_is_refused(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "drivers.simulators.pn532", "--link", str(tmp_path / "reader")]
    run = subprocess.run([*argv, "--cards", "/nonexistent"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "/nonexistent" in run.stderr


def _genuine(card: Card) -> Ntag424:
    assert isinstance(card, Ntag424)
    return card
