"""Every problem of the nfc driver has a cause, an advice, and a line in its page."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from drivers.nfc.errors import TABLE, Code, problem
from drivers.nfc.options import Options

PAGE = Path(__file__).parents[2] / "docs/drivers/nfc.md"


@pytest.mark.parametrize("code", list(Code))
def test_a_problem_says_where_and_what_to_do(code: Code) -> None:
    told = problem(code, "/dev/ttyUSB7")
    assert told.code == code
    assert "/dev/ttyUSB7" in told.cause
    assert told.advice


@pytest.mark.parametrize("code", list(Code))
def test_the_page_gives_the_same_advice(code: Code) -> None:
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith(f"| `{code}` |")]
    assert [row.split("|")[3].strip() for row in rows] == [TABLE[code][1]]


def test_the_pages_example_is_valid() -> None:
    example = PAGE.read_text().split("```toml\n")[1].split("```")[0]
    (device,) = tomllib.loads(example)["device"]
    options = msgspec.convert(device["options"], Options)
    assert options.poll_ms == Options(port="/dev/x").poll_ms
    assert options.baud == Options(port="/dev/x").baud


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"port": "ttyUSB0"},
        {"port": "/dev/x; reboot"},
        {"port": "/dev/x", "poll_ms": 5},
        {"port": "/dev/x", "baud": 9600},
    ],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Options)
