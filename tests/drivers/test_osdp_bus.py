"""The osdp driver's bus and keys without a process: what the library does at our end of the wire, frame by frame."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.driver import DeviceError
from drivers.osdp.bus import Bus, Event, Said
from drivers.osdp.errors import Code, problem
from drivers.osdp.keys import FACTORY, parse_key, read_key
from drivers.osdp.line import BUS, Line
from tests.drivers.osdp_by_hand import reply

pytest.importorskip("osdp")

RECORDINGS = Path(__file__).parents[1] / "data" / "osdp"
KEY = bytes.fromhex("000102030405060708090a0b0c0d0eff")
CHALLENGE = 0x76


class Wire(Line):
    """A line whose other end is a function: frame of the panel in, bytes of the readers out."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self.asked: list[bytes] = []
        self._answer = answer
        self._waiting = b""

    def write(self, data: bytes) -> int:
        frame = bytes(data).lstrip(b"\xff")
        self.asked.append(frame)
        self._waiting += self._answer(frame)
        return len(data)

    def read(self, most: int) -> bytes:
        data, self._waiting = self._waiting[:most], self._waiting[most:]
        if data:
            self.heard_at = time.monotonic()
        return data

    def flush(self) -> None:
        self._waiting = b""


def plain_reader(frame: bytes) -> bytes:
    """A reader that knows who it is and has no secure channel: osdp_PDID, osdp_PDCAP without any capability."""
    match frame[5]:
        case 0x61:
            return reply(frame, bytes([0x45, 0xDE, 0xC0, 0, 7, 2, 1, 0, 0, 0, 1, 2, 3]))
        case 0x62:
            return reply(frame, bytes([0x46, 9, 0, 0]))
        case _:
            return b""


def bus_on(wire: Line, seed: bytes | None = None) -> Bus:
    return Bus(wire, [(0, KEY)], set()) if seed is None else Bus(wire, [(0, KEY)], set(), lambda _count: seed)


def turned(bus: Bus, until: Callable[[list[Event]], bool], seconds: float = 10.0) -> list[Event]:
    """Everything that is said until this holds; fails when it does not come to it."""
    said: list[Event] = []
    end = time.monotonic() + seconds
    while not until(said):
        assert time.monotonic() < end, "not in time"
        said += bus.turn()
        time.sleep(0.002)
    return said


def test_a_reader_without_a_secure_channel_is_never_spoken_to_in_clear() -> None:
    wire = Wire(plain_reader)
    bus = bus_on(wire)
    turned(bus, lambda _: bus.settled())
    assert bus.why_away(0, 0.0) is Code.NOT_SECURE
    assert bus.here == frozenset()
    assert {frame[5] for frame in wire.asked} == {0x61, 0x62}


def first_challenge(seed: bytes | None) -> bytes:
    """The eight random bytes that the panel challenges a reader with first."""
    capable = bytes([0x46, 9, 1, 0])
    wire = Wire(lambda frame: reply(frame, capable) if frame[5] == 0x62 else plain_reader(frame))
    bus = bus_on(wire, seed)
    turned(bus, lambda _: len(wire.asked) >= 3)
    # Behind the header stands the security block (length, type, data), then the command.
    frame = wire.asked[2]
    at = 5 + frame[5]
    assert frame[at] == CHALLENGE
    return frame[at + 1 : at + 9]


def test_challenges_are_random_or_a_recorded_session_could_be_played_back() -> None:
    assert first_challenge(b"\0\0\0\1") == first_challenge(b"\0\0\0\1")
    assert first_challenge(b"\0\0\0\1") != first_challenge(b"\0\0\0\2")
    assert len({first_challenge(None) for _ in range(4)}) == 4


def test_a_line_has_a_number_that_the_library_takes_for_held() -> None:
    """0 is "nobody holds it": readers of one bus would be asked at the same time."""
    assert Line().id == BUS != 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=6), st.booleans())
def test_any_bytes_from_the_wire_are_no_reader_and_no_card(answers: list[bytes], headed: bool) -> None:
    """`headed`: with a frame's own beginning, so that more than its first byte is looked at."""
    left = list(answers)
    wire = Wire(lambda frame: (frame[:1] + b"\x80" if headed else b"") + (left.pop() if left else b""))
    bus = bus_on(wire)
    for _ in range(12):
        assert bus.turn() == []
    assert bus.here == frozenset()


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([0x40, 0x41, 0x45, 0x46, 0x48, 0x50, 0x53, 0x76, 0x78]), st.binary(max_size=140))
def test_any_well_framed_answer_is_no_reader_and_no_card(code: int, body: bytes) -> None:
    wire = Wire(lambda frame: reply(frame, bytes([code]) + body))
    bus = bus_on(wire)
    for _ in range(12):
        assert bus.turn() == []
    assert bus.here == frozenset()


@pytest.mark.parametrize("recording", sorted(RECORDINGS.glob("*.osdp")), ids=lambda path: str(path.stem))
def test_a_recorded_conversation_is_replayed(recording: Path) -> None:
    """Recorded at the panel's end, with the simulator at the other; the seed makes the panel say the same again."""
    asked, answers = conversation(recording)
    assert len(asked) >= 6
    wire = Wire(lambda _frame: answers[len(wire.asked) - 1] if len(wire.asked) <= len(answers) else b"")
    # Asking for the status goes by the clock, and so would not be the same again.
    bus = Bus(wire, [(0, KEY)], {0}, lambda _count: b"\0\0\0\7")
    said = turned(bus, lambda said: any(event.said is Said.CARD for event in said))
    assert bus.here == {0}
    assert wire.asked[: len(asked)] == asked
    cards = [(event.bits, event.data.hex()) for event in said if event.said is Said.CARD]
    assert cards == [(26, "864383c0")]


def conversation(recording: Path) -> tuple[list[bytes], list[bytes]]:
    """What the panel asked, and what was answered to each; nothing where nothing was."""
    asked: list[bytes] = []
    answers: list[bytes] = []
    for line in recording.read_text().splitlines():
        way, _, frame = line.partition(" ")
        if way == ">":
            asked.append(bytes.fromhex(frame))
            answers.append(b"")
        elif way == "<":
            answers[-1] = bytes.fromhex(frame)
    return asked, answers


def test_a_bus_that_was_closed_leaves_nothing_behind() -> None:
    """A device that is away is opened every 5 s: the library's contexts must go, and with them what they hold."""
    assert opened_and_closed()() is None


def opened_and_closed() -> weakref.ref[Watched]:
    """Something that only a bus held, which is closed."""
    held = Watched()
    bus = Bus(Wire(plain_reader), [(0, KEY)], held)
    turned(bus, lambda _: bus.settled())
    bus.close()
    return weakref.ref(held)


class Watched(set[int]):
    """A set that can be watched."""


@pytest.mark.parametrize("code", list(Code))
def test_every_problem_says_what_and_what_to_do(code: Code) -> None:
    seen = dict.fromkeys(("port", "reader", "why", "channel", "ms", "longest", "left"), "THIS")
    told = problem(code, **seen)
    assert told.code == code
    assert told.cause
    assert "{" not in told.cause
    assert told.advice


# Keys ----------------------------------------------------------------------------------------------------


def refused(path: str) -> str:
    with pytest.raises(DeviceError) as error:
        read_key(path, 5)
    assert "reader 5" in error.value.problem.cause
    return error.value.problem.code


def test_a_key_is_a_file_of_32_hex_digits_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert refused(str(path)) == "no_key"
    assert refused(str(tmp_path)) == "no_key"
    path.write_text(KEY.hex() + "\n")
    path.chmod(0o640)
    assert refused(str(path)) == "open_key"
    path.chmod(0o600)
    assert read_key(str(path), 5) == KEY
    path.write_text(KEY.hex()[1:])
    assert refused(str(path)) == "bad_key"
    path.write_text(FACTORY.hex())
    assert refused(str(path)) == "default_key"


@given(st.binary(max_size=200) | st.text("0123456789abcdefABCDEF \n", max_size=70).map(str.encode))
def test_any_file_is_a_key_or_refused_without_being_shown(text: bytes) -> None:
    try:
        key = parse_key(text, 5)
    except DeviceError as error:
        shown = f"{error.problem} {error}"
        assert len(text.strip()) < 8 or text.strip().decode("latin-1") not in shown
    else:
        assert len(key) == 16
        assert key.hex().encode() == text.strip().lower()


def test_a_pipe_in_place_of_a_key_hangs_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)
    assert refused(str(tmp_path / "key")) == "no_key"
