"""What is asked of a printer beside its works: clock, copies, single commands, slips, the day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import cast

import pytest

from drivers.contract.printer import (
    Copy,
    DayReport,
    Outcome,
    PrinterStatus,
    Raw,
    RawAnswer,
    Result,
    SetClock,
)
from drivers.contract.slip import Slip, SlipPrinted, SlipText
from drivers.driver import DeviceError
from drivers.simulators.fiscal_model import Act
from drivers.simulators.fiscal_v1 import Handler
from drivers.simulators.fiscal_v1_commands import COMMANDS_A
from drivers.simulators.printer import Simulator
from tests.drivers.fiscal_rig import Rig, handled, receipt, refused


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Simulator() as simulator:
        rig = Rig(simulator)
        yield rig
        rig.close()


def test_copies_and_single_commands_are_off(rig: Rig) -> None:
    rig.ask(receipt())
    assert refused(rig, Copy()) == "switched_off"
    assert refused(rig, Raw(62, b"")) == "switched_off"
    assert len(rig.simulator.device.documents) == 1


def test_copies_and_single_commands_where_they_are_allowed() -> None:
    with Simulator() as simulator:
        rig = Rig(simulator, copies=True, raw=True)
        rig.ask(receipt())
        assert handled(rig, Copy(), PrinterStatus).ready
        assert handled(rig, Raw(113, b""), RawAnswer).data == b"0000002"
        assert refused(rig, Copy()) == "work_refused"
        for command in (38, 46, 48, 49, 51, 53, 54, 56, 60, 61, 69, 70, 108, 109, 117, 118):
            assert refused(rig, Raw(command, b"0")) == "not_supported"
        assert refused(rig, Raw(62, b"x" * 300)) == "not_supported"
        rig.close()
        assert [document.kind for document in simulator.device.documents] == ["sale", "copy"]


def test_clock_is_compared_and_set_only_when_asked(rig: Rig) -> None:
    rig.simulator.clock(3600)
    rig.close()
    off = Rig(rig.simulator)
    off.driver.poll()
    assert [problem.code for problem in off.gateway.concerns] == ["clock_off"]
    assert "1 h 0 min" in off.gateway.concerns[0].cause
    assert "clock_off" in off.status().problems
    ahead = datetime.now().astimezone() + timedelta(hours=2)
    status = handled(off, SetClock(ahead.replace(tzinfo=None).isoformat(timespec="seconds")), PrinterStatus)
    assert status.device_time[:16] == ahead.isoformat()[:16]
    assert refused(off, SetClock("2026-02-31T00:00:00")) == "bad_amount"
    off.close()


def test_clock_that_was_never_set_and_rates_of_another_shape_keep_nobody_from_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands = cast("dict[int, Handler]", COMMANDS_A)
    monkeypatch.setitem(commands, 62, Handler(Act.READ, lambda wire, data: b"00-00-00 00:00:00"))
    monkeypatch.setitem(commands, 97, Handler(Act.READ, lambda wire, data: b"21.00,12.00,5.00"))
    with Simulator() as simulator:
        rig = Rig(simulator)
        rig.driver.poll()
        assert rig.status().device_time == ""
        assert rig.detail["vat_letters"] == "ABCDEFGH"
        assert rig.gateway.concerns == []
        monkeypatch.undo()
        set_to = handled(rig, SetClock("2026-11-27T08:05:09"), PrinterStatus).device_time
        assert set_to[:16] == "2026-11-27T08:05"
        assert rig.ask(receipt()).outcome is Result.PRINTED
        rig.close()


def test_clock_and_copies_wait_for_an_open_receipt() -> None:
    with Simulator() as simulator:
        simulator.device.open(1, "0000", "1")
        rig = Rig(simulator, copies=True)
        assert refused(rig, SetClock("2030-01-01T00:00:00")) == "receipt_open"
        assert refused(rig, Copy()) == "receipt_open"
        assert refused(rig, Slip("s", (SlipText("x"),))) == "receipt_open"
        rig.close()


def test_z_report_that_the_device_makes_by_itself_is_told(rig: Rig, capfd: pytest.CaptureFixture[str]) -> None:
    rig.ask(receipt())
    rig.simulator.z()
    status = rig.status()
    assert "z_by_itself" in status.problems
    rig.driver.poll()
    assert [problem.code for problem in rig.gateway.concerns] == ["z_by_itself"]
    assert rig.gateway.detail["commands"]
    assert handled(rig, DayReport("z", z=True), Outcome).z_number == "0002"
    assert "z_by_itself" not in rig.status().problems


def test_slip_that_cannot_be_printed_says_why(rig: Rig) -> None:
    assert refused(rig, Slip("s", (SlipText("日本"),))) == "bad_text"
    rig.simulator.paper(there=False)
    assert refused(rig, Slip("s", (SlipText("x"),))) == "work_refused"


def test_slip_that_breaks_off_is_closed_and_the_next_receipt_is_printed(rig: Rig) -> None:
    for command in (42, 39):
        rig.simulator.fault("refuse", command=command)
        with pytest.raises(DeviceError) as broken_off:
            rig.driver.handle(Slip("s", (SlipText("x"),)), time.monotonic() + 30)
        assert broken_off.value.problem.code == "slip_broken_off"
    assert handled(rig, Slip("s", (SlipText("y"),)), SlipPrinted).key == "s"
    rig.simulator.device.open_slip()
    assert rig.ask(receipt()).outcome is Result.PRINTED
