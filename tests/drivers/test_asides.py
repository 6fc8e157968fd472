"""Calls that a driver answers out of turn, whatever its device does."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.contract.core import DeviceState, Reply, Step, Stored
from tests.drivers.echo_driver import Hang, Peek, Steps
from tests.drivers.echoes import code, echo, said


def test_an_aside_is_answered_while_another_call_blocks() -> None:
    with echo() as driver:
        driver.expect_state(DeviceState.READY)
        hanging = driver.call(Hang(3.0))
        assert said(driver.ask(Peek("now"))) == "now"
        last = driver.expect(Reply)
        assert (last.id, said(last)) == (hanging, "woke")


def test_an_aside_is_answered_between_a_step_and_its_stored() -> None:
    with echo() as driver:
        driver.expect_state(DeviceState.READY)
        driver.call(Steps(1))
        step = driver.expect(Step)
        assert said(driver.ask(Peek("now"))) == "now"
        driver.send(Stored(step.id))
        assert said(driver.expect(Reply)) == "stored"


@pytest.mark.parametrize("options", [{"fails": "open"}, {"hangs_in_open_s": 3.0}])
def test_an_aside_needs_no_device(options: dict[str, Any]) -> None:
    with echo(**options) as driver:
        driver.expect_state(DeviceState.OPENING)
        assert said(driver.ask(Peek("now"))) == "now"


def test_an_aside_that_is_refused_or_malformed_is_told_so() -> None:
    with echo() as driver:
        driver.expect_state(DeviceState.READY)
        assert code(driver.ask(Peek(""))) == "no_such_call"
        driver.send_line(b'{"t":"call","id":99,"deadline_ms":5000,"body":{"call":"peek","text":5}}\n')
        assert code(driver.expect(Reply)) == "bad_call"
