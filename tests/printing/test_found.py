"""Runs that have shown a defect once. Each stands here with what it showed."""

from __future__ import annotations

import pytest

from tests.printing.cases import Case, Cut, Death, Hit, Kill
from tests.printing.enumerated import FAMILIES, MANY
from tests.printing.prepared import prepared
from tests.printing.run import run

family = pytest.mark.parametrize("family", FAMILIES)


@family
@pytest.mark.parametrize("work", ["many", "three"])
def test_a_payment_that_a_power_cut_could_double_is_not_sent_again(family: str, work: str) -> None:
    """500 by coupon, sent again over a power cut, settled the 500 that were to be paid in cash."""
    for step in range(prepared(family, work).commands):
        for off_ms in (30, 700):
            found = run(Case(family, work, (Hit(step, "drop_answer"),), cuts=(Cut(step, off_ms),)))
            assert not found.complaints
            assert not found.ended.startswith("unknown")


@family
def test_the_number_of_a_report_that_came_by_itself_is_not_told_for_the_receipts(family: str) -> None:
    """A device that ends its day as soon as the receipt is closed tells the report's number when it is asked."""
    for step in range(prepared(family, "sale").commands):
        found = run(Case(family, "sale", (Hit(step, "spontaneous_z"),), (Death(step - 1, Kill.SENT),)))
        assert not found.complaints


@family
@pytest.mark.parametrize(
    "fault", [Hit(0, "drop_answer", times=MANY), Hit(0, "vanish", ms=300), Hit(0, "delay", ms=5000)]
)
def test_the_number_is_asked_for_once_more_when_its_answer_is_lost(family: str, fault: Hit) -> None:
    for step in range(prepared(family, "sale").commands):
        found = run(Case(family, "sale", (Hit(step, fault.kind, fault.times, fault.ms),)))
        assert found.numbered
        assert not found.complaints


@family
def test_the_number_of_another_z_report_is_not_told_for_ours(family: str) -> None:
    """The device made one more by itself before ours was read."""
    for step in range(prepared(family, "z").commands + 1):
        found = run(Case(family, "z", (Hit(step, "spontaneous_z"),)))
        assert not found.complaints


@family
def test_a_day_that_ends_by_itself_beside_a_z_report_leaves_a_doubt_at_two_moments_only(family: str) -> None:
    """Three counters were read between the report's number and the report, and two before it was read again."""
    commands = prepared(family, "z").commands
    ends = {
        (step, later): run(Case(family, "z", (Hit(step, "spontaneous_z"),), (Death(step + later, Kill.SENT),)))
        for step in range(commands)
        for later in (0, 1)
        if step + later < commands
    }
    assert not any(found.complaints for found in ends.values())
    ordered, looked_at = commands - 2, commands - 1
    unknown = {step for (step, _), found in ends.items() if found.ended.startswith("unknown")}
    assert unknown == {ordered, looked_at}
