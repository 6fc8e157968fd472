"""The wedge driver as the gateway runs it, typing into a pipe that a simulated program reads."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reply, State
from drivers.contract.keyboard import Type, Typed
from drivers.scanner.keys import Keyboard as Scanned
from drivers.simulators.scanner import SHIFTED, UNSHIFTED
from drivers.simulators.wedge import FocusedProgram
from drivers.us_keys import KEYS
from drivers.wedge.strokes import ENDS, strokes
from tests.support.driver_process import DriverProcess

CARD = "LIB-00417c"
RECORDINGS = sorted((Path(__file__).parents[1] / "data" / "wedge").glob("*.txt"))
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))

Start = Callable[..., DriverProcess]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[FocusedProgram]:
    made = FocusedProgram(tmp_path / "focus")
    made.plug()
    yield made
    made.unplug()


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return lambda **more: DriverProcess("drivers.wedge", {"port": str(tmp_path / "focus"), "key_ms": 1, **more})


def code(told: Reply | State) -> str:
    assert told.problem is not None, told
    return told.problem.code


def test_says_hello_then_ready_then_alive(start: Start, program: FocusedProgram) -> None:
    with start() as driver:
        assert driver.expect(Hello) == Hello(1, "wedge", "1", Kind.KEYBOARD)
        assert driver.expect_state(DeviceState.READY).detail["kind"] == "pipe"
        driver.expect(Alive)
        assert driver.stop() == 0


def test_a_number_is_typed_as_a_scanner_would_and_nothing_of_it_is_told(start: Start, program: FocusedProgram) -> None:
    with start() as driver:
        driver.expect_state(DeviceState.READY)
        for number in (CARD, "2900001234567"):
            reply = driver.ask(Type(number))
            assert reply.body is not None, reply
            assert msgspec.json.decode(reply.body, type=Typed) == Typed()
        assert program.wait(lambda: program.lines == [CARD, "2900001234567"])
        assert (program.down, program.standing, program.torn) == (set(), "", 0)
        assert CARD not in repr(driver.heard)
    assert CARD not in repr(Type(CARD))


def test_all_that_a_us_keyboard_prints_arrives_as_it_is(start: Start, program: FocusedProgram) -> None:
    with start(allowed="printable", end="tab") as driver:
        driver.expect_state(DeviceState.READY)
        driver.ask(Type(PRINTABLE))
        assert program.wait(lambda: program.lines == [PRINTABLE])


@pytest.mark.parametrize("text", ["L 1", "rm -rf /", "a;b", "L" * 33, "=cmd|1"])
def test_a_code_that_is_no_number_is_typed_nowhere(start: Start, program: FocusedProgram, text: str) -> None:
    with start() as driver:
        driver.expect_state(DeviceState.READY)
        reply = driver.ask(Type(text))
        assert code(reply) == "not_allowed"
        assert text not in repr(reply)
        driver.ask(Type("1"))
        assert program.wait(lambda: program.lines == ["1"])


@pytest.mark.parametrize("text", ["", "a\n", "\x1b", "ž", "a" * 129])
def test_what_no_key_of_a_card_is_does_not_even_get_there(start: Start, program: FocusedProgram, text: str) -> None:
    with start() as driver:
        driver.expect_state(DeviceState.READY)
        assert code(driver.ask(Type(text))) == "bad_call"


def test_what_cannot_end_in_time_is_not_begun(start: Start, program: FocusedProgram) -> None:
    with start(key_ms=100) as driver:
        driver.expect_state(DeviceState.READY)
        assert code(driver.ask(Type(CARD), deadline_ms=1000)) == "too_late"
        driver.ask(Type("1"))
        assert program.wait(lambda: program.lines == ["1"])


def test_a_program_that_went_away_is_told_and_found_again(start: Start, program: FocusedProgram) -> None:
    with start() as driver:
        driver.expect_state(DeviceState.READY)
        program.unplug()
        assert code(driver.ask(Type(CARD))) == "broken_off"
        assert code(driver.expect_state(DeviceState.LOST)) in ("broken_off", "no_port")
        program.plug()
        driver.expect_state(DeviceState.READY)
        driver.ask(Type(CARD))
        assert program.wait(lambda: program.lines == [CARD])


def test_a_name_that_stays_is_followed_to_whatever_stands_behind_it_now(start: Start, tmp_path: Path) -> None:
    """`/dev/uinput` makes a new keyboard at each opening; a pipe behind a link may be another one tomorrow."""
    programs = [FocusedProgram(tmp_path / f"program{number}") for number in (0, 1)]
    for one in programs:
        one.plug()
    (tmp_path / "focus").symlink_to(tmp_path / "program0")
    try:
        with start() as driver:
            driver.expect_state(DeviceState.READY)
            driver.ask(Type(CARD))
            assert programs[0].wait(lambda: programs[0].lines == [CARD])
            (tmp_path / "focus").unlink()
            programs[0].unplug()
            assert code(driver.expect_state(DeviceState.LOST)) == "no_port"
            (tmp_path / "focus").symlink_to(tmp_path / "program1")
            driver.expect_state(DeviceState.READY)
            driver.ask(Type("2900001234567"))
            assert programs[1].wait(lambda: programs[1].lines == ["2900001234567"])
    finally:
        for one in programs:
            one.unplug()


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: str(path.stem))
def test_what_was_typed_when_it_was_recorded_is_typed_again(
    start: Start, program: FocusedProgram, recording: Path
) -> None:
    """Key by key, as a line each: what a program on the machine would see."""
    lines = [line for line in recording.read_text().splitlines() if not line.startswith("#")]
    (asked,) = (json.loads(line.removeprefix("> ")) for line in lines if line.startswith("> "))
    with start(allowed=asked["allowed"], end=asked["end"]) as driver:
        driver.expect_state(DeviceState.READY)
        assert driver.ask(Type(asked["text"])).body is not None
        assert program.wait(lambda: len(program.strokes) >= len(lines) - 1)
        assert program.strokes == [line.removeprefix("< ") for line in lines if line.startswith("< ")]


def test_a_program_that_reads_no_more_gets_no_enter(start: Start, tmp_path: Path) -> None:
    """A pipe that is full takes no stroke: typing ends there, and its end was not sent."""
    import fcntl
    import os

    path = tmp_path / "focus"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    with start(allowed="printable") as driver:
        driver.expect_state(DeviceState.READY)
        reply = driver.ask(Type("1" * 128))
        assert code(reply) == "broken_off"
        assert Scanned().feed(os.read(reader, 65536)).strip(b"1") == b""
    os.close(reader)


@pytest.mark.parametrize("what", ["nothing", "file", "null"])
def test_what_makes_no_keyboard_is_refused(start: Start, tmp_path: Path, what: str) -> None:
    (tmp_path / "file").touch()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    port = "/dev/null" if what == "null" else str(tmp_path / what)
    with start(port=port) as driver:
        expected = "no_port" if what == "nothing" else "bad_port"
        assert code(driver.expect_state(DeviceState.LOST)) == expected


# Strokes -------------------------------------------------------------------------------------------------


def test_the_table_has_every_printable_character_and_is_the_simulated_keyboards() -> None:
    assert "".join(sorted(KEYS)) == PRINTABLE
    for character, (number, shift) in KEYS.items():
        assert (SHIFTED if shift else UNSHIFTED)[number] == character


@given(st.text(st.sampled_from(PRINTABLE), max_size=40), st.sampled_from(sorted(ENDS)))
def test_what_is_typed_is_what_the_scanners_driver_reads(text: str, end: str) -> None:
    typed = b"".join(strokes(text, end))
    assert Scanned().feed(typed) == text.encode() + {"enter": b"\r", "tab": b"\t", "none": b""}[end]


@given(st.text(max_size=20))
def test_any_text_is_typed_whole_or_refused(text: str) -> None:
    try:
        assert strokes(text, "none") is not None
    except ValueError:
        assert any(character not in PRINTABLE for character in text)


def test_what_may_be_configured() -> None:
    from drivers.wedge.options import Options

    wrong: list[dict[str, Any]] = [{"port": "uinput"}, {"end": "escape"}, {"key_ms": 0}, {"layout": "lv"}]
    for options in wrong:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(options, Options)
