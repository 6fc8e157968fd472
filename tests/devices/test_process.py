"""One process: bytes that arrive are lines, writing never waits, its end is told once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.core import MAX_LINE
from gateway.devices import pipe
from gateway.devices.process import Process, how_it_ended
from tests.devices.conftest import descriptors


class Heard:
    """A process and what it said."""

    def __init__(self, *argv: str) -> None:
        self.lines: list[bytes] = []
        self.log: list[bytes] = []
        self.garbage = 0
        self.stuck = asyncio.Event()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.process = Process(
            argv,
            os.environ,
            on_line=self.lines.append,
            on_garbage=self._count,
            on_log=self.log.append,
            on_stuck=self.stuck.set,
            on_end=self.ended.set_result,
        )
        self.process.start()

    def _count(self, number: int) -> None:
        self.garbage += number

    async def all_read(self) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if not self.process.unread():
                return
            await asyncio.sleep(0.002)
        raise AssertionError(f"{self.process.unread()} bytes unread")

    async def end(self) -> int:
        return await asyncio.wait_for(self.ended, 20)


async def echoed(pieces: list[bytes]) -> Heard:
    heard = Heard("/bin/cat")
    for piece in pieces:
        heard.process.send(piece)
    await heard.all_read()
    heard.process.close_input()
    assert await heard.end() == 0
    return heard


async def test_what_was_written_before_the_end_is_still_heard() -> None:
    heard = Heard("/bin/sh", "-c", "echo one; echo two; echo trouble >&2; exit 3")
    assert await heard.end() == 3
    assert (heard.lines, heard.log) == ([b"one", b"two"], [b"trouble"])


async def test_a_line_as_long_as_allowed_passes_and_a_longer_one_is_skipped() -> None:
    longest = b"x" * (MAX_LINE - 1) + b"\n"
    heard = await echoed([longest, b"y" + longest, b"after\n"])
    assert heard.lines == [longest[:-1], b"after"]
    assert heard.garbage == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=10))
def test_any_bytes_come_as_their_lines(pieces: list[bytes]) -> None:
    heard = asyncio.run(echoed(pieces))
    *lines, _ = b"".join(pieces).split(b"\n")
    assert heard.lines == [line for line in lines if line]


async def test_writing_to_a_program_that_does_not_read_never_waits_and_is_told() -> None:
    heard = Heard("/bin/sleep", "60")
    began = time.monotonic()
    while time.monotonic() - began < 5 and heard.process.unread() < pipe.HELD_MAX:
        heard.process.send(b"x" * MAX_LINE)
    heard.process.send(b"x" * MAX_LINE)
    heard.process.send(b"x" * MAX_LINE)
    assert time.monotonic() - began < 1
    await asyncio.wait_for(heard.stuck.wait(), 20)
    heard.process.kill()
    assert await heard.end() == -signal.SIGKILL


async def test_a_line_that_stays_unread_is_told_in_time() -> None:
    heard = Heard("/bin/sleep", "60")
    heard.process.send(b"x" * MAX_LINE)
    heard.process.send(b"x" * MAX_LINE)
    await asyncio.wait_for(heard.stuck.wait(), pipe.STUCK_S + 15)
    heard.process.kill()
    await heard.end()


async def test_a_slow_reader_gets_everything_in_order() -> None:
    heard = Heard(sys.executable, "-c", "import sys,time; time.sleep(0.5); print(len(sys.stdin.read()))")
    for _ in range(3):
        heard.process.send(b"x" * (MAX_LINE - 1) + b"\n")
    await heard.all_read()
    heard.process.close_input()
    assert await heard.end() == 0
    assert heard.lines == [str(3 * MAX_LINE).encode()]


async def test_a_program_that_cannot_be_started_leaves_no_descriptor_behind() -> None:

    before = descriptors(os.getpid())
    process = Process(
        ["/no/such/program"],
        {},
        on_line=lambda _: None,
        on_garbage=lambda _: None,
        on_log=lambda _: None,
        on_stuck=lambda: None,
        on_end=lambda _: None,
    )
    with pytest.raises(FileNotFoundError):
        process.start()
    assert descriptors(os.getpid()) == before


def test_the_end_is_told_in_words() -> None:
    ends = [how_it_ended(code) for code in (0, 3, -9, -200)]
    assert ends == [
        "ended with exit code 0",
        "ended with exit code 3",
        "was ended by SIGKILL",
        "was ended by signal 200",
    ]
