"""Every problem of the nfc driver has a cause, an advice, and a line in its page."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from drivers.nfc.errors import TABLE, USB_TABLE, Code, problem
from drivers.nfc.models import SLOW_UARTS, USB
from drivers.nfc.options import Options

PAGE = Path(__file__).parents[2] / "docs/drivers/nfc.md"


@pytest.mark.parametrize("code", list(Code))
def test_a_problem_says_where_and_what_to_do(code: Code) -> None:
    told = problem(code, "/dev/ttyUSB7")
    assert told.code == code
    assert "/dev/ttyUSB7" in told.cause
    assert told.advice


ON_USB = {**USB_TABLE, Code.SEVERAL: TABLE[Code.SEVERAL]}


@pytest.mark.parametrize("code", list(Code))
def test_the_page_gives_the_same_advice_at_either_kind_of_port(code: Code) -> None:
    at_serial, on_usb = PAGE.read_text().split("At a reader on USB:")
    for page, table in ((at_serial, TABLE), (on_usb, ON_USB)):
        rows = [row for row in page.splitlines() if row.startswith(f"| `{code}` |")]
        there = code in table and not (table is TABLE and code is Code.SEVERAL)
        assert [row.split("|")[3].strip() for row in rows] == ([table[code][1]] if there else [])


@pytest.mark.parametrize("code", list(Code))
def test_a_problem_of_a_reader_on_usb_speaks_of_no_serial_port(code: Code) -> None:
    told = problem(code, "usb:054c:06c3")
    assert "usb:054c:06c3" in told.cause
    assert "serial port" not in told.cause + told.advice


def test_every_model_and_what_is_peculiar_to_it_is_on_the_page() -> None:
    page = PAGE.read_text()
    for (vendor, product), model in USB.items():
        assert f"| {model.name} | `usb:{vendor:04x}:{product:04x}` | {model.quirk} |" in page
    assert all(f"`/dev/{name}*`" in page for name in SLOW_UARTS)


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
