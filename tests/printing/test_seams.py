"""Two works one after another, and people at the printer: the first one's answers while the second runs, a receipt that
somebody prints, cancels or finishes at the printer's own keys, another printer at the cable. What the gateway then
says is right, or that it does not know; nobody else's receipt is touched."""

from __future__ import annotations

import pytest

from drivers.contract.printer import Result
from tests.printing.__main__ import counted
from tests.printing.cases import Case, Death, Kill
from tests.printing.enumerated import FAMILIES
from tests.printing.hands import HANDS
from tests.printing.prepared import prepared
from tests.printing.run import KEY, run
from tests.printing.seams import seams
from tests.printing.world import World

EVERY = 23
"""Of 60,000 runs: more than 2,500."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", FAMILIES)
def test_two_works_and_people(family: str) -> None:
    tally = counted(case for number, case in enumerate(seams(family)) if number % EVERY == 0)
    assert tally.total >= 500
    assert not tally.failures(), tally.failures()


@pytest.mark.parametrize("family", FAMILIES)
def test_another_printer_is_not_asked_to_finish_what_it_never_began(family: str) -> None:
    before = prepared(family, "three")
    for step in range(3, before.commands):
        case = Case(family, "three", deaths=(Death(step, Kill.SENT),), hand="puts another there")
        world = World(case, *before.fresh())
        row = world.do(before.named(KEY))
        in_doubt = row.point is not None
        HANDS[case.hand](world, row)
        if in_doubt:
            assert {told.code for told in row.told} == {"other_device"}
        world.until_told(row)
        assert row.outcome is not None
        assert row.outcome.outcome is not Result.UNKNOWN


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("hand", ["leaves open", "leaves alike open", "leaves half paid"])
def test_a_receipt_of_somebody_else_stays_open_and_unpaid(family: str, hand: str) -> None:
    """Even one with the same lines: ours was closed before it was opened, and the day's sums say so."""
    for work in ("sale", "three", "given back"):
        for step in range(prepared(family, work).commands):
            found = run(Case(family, work, deaths=(Death(step, Kill.SENT),), hand=hand))
            assert not found.complaints


@pytest.mark.parametrize("family", FAMILIES)
def test_ours_that_somebody_has_finished_is_not_told_as_cancelled(family: str) -> None:
    for work in ("sale", "three", "given back"):
        for step in range(prepared(family, work).commands):
            found = run(Case(family, work, deaths=(Death(step, Kill.SENT),), hand="finishes ours"))
            assert not found.complaints


@pytest.mark.parametrize("family", FAMILIES)
def test_ours_that_somebody_has_cancelled_is_not_told_as_printed(family: str) -> None:
    for work in ("sale", "three", "given back"):
        for step in range(prepared(family, work).commands):
            for when in (Kill.BEFORE, Kill.SENT):
                found = run(Case(family, work, deaths=(Death(step, when),), hand="cancels ours alone"))
                assert not found.complaints


@pytest.mark.parametrize("family", FAMILIES)
def test_cash_of_a_receipt_of_somebody_else_is_not_told_as_ours(family: str) -> None:
    for step in range(prepared(family, "cash in").commands):
        for when in (Kill.BEFORE, Kill.SENT):
            found = run(Case(family, "cash in", deaths=(Death(step, when),), hand="prints as much"))
            assert not found.complaints
