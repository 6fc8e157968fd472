"""What a technician can meet is on the page docs/devices.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.devices.intake import Refused
from gateway.devices.troubles import TEXTS, Trouble
from gateway.model.device import Health

PAGE = (Path(__file__).parents[2] / "docs" / "devices.md").read_text(encoding="utf-8")
CALLS = ("timed_out", "driver_died", "device_lost", "not_stored", "bad_answer")


@pytest.mark.parametrize("code", [*Trouble, *Refused, *Health, *CALLS])
def test_each_code_has_its_line_on_the_page(code: str) -> None:
    assert f"| `{code!s}` |" in PAGE


@pytest.mark.parametrize("trouble", Trouble)
def test_each_trouble_has_an_advice(trouble: Trouble) -> None:
    assert TEXTS[trouble].advice
