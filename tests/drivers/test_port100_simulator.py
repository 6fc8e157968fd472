"""The simulated RC-S380, asked with frames made by hand."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.simulators.cards import Type2Tag
from drivers.simulators.foreign_cards import CommandCard
from drivers.simulators.port100 import Port100, frame, plugged, unframe

ACK = bytes.fromhex("0000FF00FF00")
UID = bytes.fromhex("04A1B2C3D4E5F6")
TYPE_A, PLAIN, CALL = "00 02030F03", "02 0100 0200 0707", "04 2C01 26"
CHECKED = "02 0101 0201 0708"
HEARD, SILENCE, CRASH, BAD_CRC = "05 00000000 08", "05 80000000", "05 08000000", "05 04000000"


class Host:
    """Somebody who has opened the device."""

    def __init__(self, chip: Port100) -> None:
        self._end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._end.settimeout(5)
        self._end.connect(chip.path.removeprefix("usb:"))
        self.descriptors = self._end.recv(1000)

    def send(self, transfer: bytes) -> None:
        self._end.send(transfer)

    def receive(self) -> bytes:
        return self._end.recv(1000)

    def ask(self, command: str) -> bytes:
        """The answer to a command, after its ACK."""
        self.send(frame(b"\xd6" + bytes.fromhex(command)))
        assert self.receive() == ACK
        data = unframe(self.receive())
        assert data is not None
        assert data[0] == 0xD7
        return data[1:]

    def close(self) -> None:
        self._end.close()


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Port100]:
    with plugged(tmp_path / "usb") as chip:
        yield chip


@pytest.fixture
def host(chip: Port100) -> Iterator[Host]:
    host = Host(chip)
    yield host
    host.close()


def called(host: Host) -> bytes:
    for command in (TYPE_A, PLAIN):
        host.ask(command)
    return host.ask(CALL)


def test_a_frame_is_as_the_kernel_makes_it() -> None:
    assert frame(bytes.fromhex("D620")) == bytes.fromhex("0000FFFFFF 0200FE D620 0A 00")
    assert unframe(bytes.fromhex("0000FFFFFF 0200FE D620 0B 00")) is None


def test_it_says_who_it_is_and_which_firmware(host: Host) -> None:
    assert host.descriptors[:2] == b"\x12\x01"
    assert host.descriptors[8:12] == bytes.fromhex("4C05C306")
    assert host.ask("20") == bytes.fromhex("21 1101")


@pytest.mark.parametrize("broken", ["00", "0000FFFFFF 0200FE D620 0B 00", "0000FFFFFF 0200FE D720 09 00"])
def test_a_broken_frame_is_answered_as_one(host: Host, broken: str) -> None:
    host.send(bytes.fromhex(broken))
    assert host.receive() == bytes.fromhex("0000FFFFFF")


def test_an_ack_cancels_and_is_not_answered(host: Host) -> None:
    host.send(ACK)
    assert host.ask("20") == bytes.fromhex("21 1101")


def test_a_card_is_called_and_selected_level_by_level(chip: Port100, host: Host) -> None:
    assert called(host) == bytes.fromhex(SILENCE)
    chip.place(Type2Tag(UID))
    assert called(host) == bytes.fromhex(HEARD + "4400")
    assert host.ask("02 0708")[1:] == b"\x00"
    assert host.ask("04 2C01 9320") == bytes.fromhex(HEARD + "8804A1B2 9F")
    host.ask(CHECKED)
    assert host.ask("04 2C01 9370 8804A1B2 9F") == bytes.fromhex(HEARD + "04")
    assert host.ask("04 2C01 9570 C3D4E5F6 04") == bytes.fromhex(HEARD + "00")
    assert host.ask("04 2C01 3000")[6:9] == UID[:3]
    assert host.ask("04 2C01 FF") == bytes.fromhex(BAD_CRC)  # four bits, and no CRC


def test_a_card_that_sleeps_is_not_called(chip: Port100, host: Host) -> None:
    chip.place(CommandCard(bytes.fromhex("5AB1C2D3")))
    called(host)
    host.ask(CHECKED)
    assert host.ask("04 2C01 9370 5AB1C2D3 FA") == bytes.fromhex(HEARD + "20")
    assert host.ask("04 2C01 5000") == bytes.fromhex(SILENCE)
    assert called(host) == bytes.fromhex(SILENCE)
    host.ask("06 00")
    assert called(host) == bytes.fromhex(HEARD + "4403")


def test_two_cards_collide_where_they_differ(chip: Port100, host: Host) -> None:
    chip.place(Type2Tag(UID), beside=Type2Tag(b"\x04SIMUL1"))
    assert called(host) == bytes.fromhex(HEARD + "4400")
    assert host.ask("02 0708")[1:] == b"\x00"
    assert host.ask("04 2C01 9320") == bytes.fromhex(CRASH)


def test_unplugged_is_the_end_for_who_had_it_open(chip: Port100, host: Host) -> None:
    chip.stop()
    assert host.receive() == b""


def test_as_a_program_it_is_steered_by_lines(tmp_path: Path) -> None:
    cards = tmp_path / "cards.json"
    cards.write_text('{"old": {"type": "type2", "uid": "04A1B2C3D4E5F6"}}')
    argv = [sys.executable, "-m", "drivers.simulators.port100", "--link", str(tmp_path / "u"), "--cards", str(cards)]
    lines = '{"do": "list"}\n{"do": "place", "card": "old"}\n{"do": "fault", "kind": "replug"}\n'
    done = subprocess.run(argv, input=lines, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.splitlines()[1:] == [
        '{"ok": ["old"]}',
        '{"event": "placed", "card": "old"}',
        '{"ok": null}',
        '{"ok": null}',
    ]
