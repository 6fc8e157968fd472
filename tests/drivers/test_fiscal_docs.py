"""What a technician can meet is on the driver's page, and every code has its cause and advice."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from drivers.fiscal.errors import Reason, Trouble, advice, problem
from drivers.fiscal.families import Sign
from drivers.fiscal.options import Options

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "drivers" / "fiscal.md").read_text("utf-8")


@pytest.mark.parametrize("code", [*Trouble, *Reason, *Sign])
def test_code_is_on_the_page(code: str) -> None:
    assert f"`{code}`" in PAGE


@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(Options)])
def test_option_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_example_on_the_page_is_a_valid_configuration() -> None:
    example = tomllib.loads(PAGE.split("```toml\n")[1].split("```")[0])
    (device,) = example["device"]
    assert device["driver"] == "fiscal"
    assert msgspec.convert(device["options"], Options).port.startswith("/dev/serial/by-id/")


@pytest.mark.parametrize("code", Trouble)
def test_trouble_has_cause_and_advice(code: Trouble) -> None:
    told = problem(code, port="/dev/till", what="something")
    assert told.code == code
    assert told.cause
    assert told.advice
    assert "{" not in told.cause + told.advice


@pytest.mark.parametrize("code", Reason)
def test_reason_has_advice(code: Reason) -> None:
    told = advice(code, key="k-1", before="0000006", now="0000007")
    assert told
    assert "{" not in told
