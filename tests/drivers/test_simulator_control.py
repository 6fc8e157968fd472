"""How a simulator is steered: JSON lines on its stdin and stdout, whatever is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.simulators import control

PROGRAM = """
import threading
from drivers.simulators.control import emit, serve

def place(card, times=1):
    if times < 1:
        raise ValueError("times is 1 or more")
    emit("placed", card=card)
    return times

def gone():
    raise OSError("the wire is cut")

def odd():
    return object()

serve({"port": "/dev/x"}, {"place": place, "gone": gone, "odd": odd})
"""


def steer(*lines: bytes) -> list[dict[str, Any]]:
    """Run a small simulator over these lines; what it said."""
    stdin = b"".join(line + b"\n" for line in lines)
    done = subprocess.run([sys.executable, "-c", PROGRAM], input=stdin, stdout=subprocess.PIPE, timeout=30)
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_tells_where_to_connect_first_and_ends_with_its_stdin() -> None:
    assert steer() == [{"ready": {"port": "/dev/x"}}]


def test_a_command_is_carried_out_and_answered_and_events_come_between() -> None:
    assert steer(b'{"do":"place","card":"alice","times":2}')[1:] == [
        {"event": "placed", "card": "alice"},
        {"ok": 2},
    ]


def test_an_empty_line_is_nothing() -> None:
    assert steer(b"", b"   ")[1:] == []


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"[]",
        b"7",
        b'"place"',
        b'{"card":"alice"}',
        b'{"do":"fly"}',
        b'{"do":["place"]}',
        b'{"do":null}',
        b'{"do":"place"}',
        b'{"do":"place","card":"alice","times":0}',
        b'{"do":"place","card":"alice","speed":1}',
        b'{"do":"gone"}',
        b'{"do":"odd"}',
        b"[" * 100000,
        b"\xff\xfe",
    ],
)
def test_a_wrong_command_is_explained_and_the_next_one_works(line: bytes) -> None:
    answers = steer(line, b'{"do":"place","card":"bob"}')[1:]
    assert list(answers[0]) == ["error"]
    assert answers[0]["error"]
    assert answers[-1] == {"ok": 1}


def test_an_unknown_command_is_answered_with_those_that_are_there() -> None:
    assert steer(b'{"do":"help"}')[1:] == [{"error": "commands: gone, odd, place"}]


def test_a_link_is_made_and_moved(tmp_path: Path) -> None:
    name = tmp_path / "by-id" / "relay"
    control.link("/dev/null", name)
    assert name.readlink() == Path("/dev/null")
    control.link("/dev/zero", name)
    assert name.readlink() == Path("/dev/zero")
    assert list(name.parent.iterdir()) == [name]
