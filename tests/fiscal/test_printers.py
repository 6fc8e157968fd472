"""Works on fiscal devices: each once, every point on disk first, one queue a device."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from gateway.model.clock import Stamp
from gateway.model.entry import EntryId
from gateway.model.errors import Conflict, DeadlineMissed, InputRefused, NotReady
from gateway.model.fiscal import Baseline, CashWork, PrintOutcome, PrintResult, ReportWork, VatSum, WorkPoint
from tests.fiscal.conftest import OUTCOME, STEP, House, in_doubt, receipt
from tests.support.outputs import POINTS, Silence

# One work -------------------------------------------------------------------------------------------------


async def test_every_point_is_an_entry_and_a_row_before_the_printer_goes_on(house: House) -> None:
    seen: list[tuple[WorkPoint, list[str]]] = []
    house.outputs.on_print = lambda: seen.append((house.row().point, house.points()))
    outcome = await house.do(receipt())
    assert seen == [(WorkPoint.CLOSING, ["intent", "opened", "paying", "closing"])]
    assert (outcome.result, outcome.number) == (PrintResult.PRINTED, "42")
    assert (house.points(), house.outcomes()) == (list(POINTS), ["printed"])
    assert house.asker.heard == [outcome]


async def test_the_counters_before_the_work_are_kept_with_it(house: House) -> None:
    await in_doubt(house)
    row = house.row()
    assert (row.baseline, row.work) == (Baseline("41"), receipt())
    (intent,) = [body for body in house.place.bodies(STEP) if body["point"] == "intent"]
    assert (intent["baseline"], intent["counters"]) == ("41", {"number": "41"})


async def test_a_work_that_has_ended_for_good_is_kept_no_longer(house: House) -> None:
    await house.do(receipt())
    assert house.row().work is None
    assert house.place.ledger.query("SELECT key FROM fiscal_work") == []


async def test_reports_and_movements_of_cash_pass_two_points(house: House) -> None:
    await house.do(ReportWork("x-1"))
    await house.do(CashWork("c-1", -500))
    assert (house.points("x-1"), house.points("c-1")) == (["intent", "closed"], ["intent", "closed"])
    assert [body["kind"] for body in house.place.bodies(OUTCOME)] == ["x", "cash"]


async def test_a_key_is_used_once_for_ever(house: House) -> None:
    await house.do(receipt())
    with pytest.raises(Conflict) as refused:
        await house.begin(receipt(cents=999))
    assert refused.value.code == "key_reused"
    assert len(house.outputs.jobs) == 1


@pytest.mark.parametrize("error", [InputRefused("no tax group", code="bad_vat"), NotReady("x"), DeadlineMissed("x")])
async def test_before_the_intent_is_stored_nothing_was_begun(house: House, error: InputRefused) -> None:
    house.outputs.print_script.append(error)
    outcome = await house.do(receipt())
    assert (outcome.result, outcome.code) == (PrintResult.REFUSED, error.code)
    assert house.printers.doubts() == []


async def test_the_owners_answer_is_in_the_commit_of_the_outcome(house: House) -> None:
    class Refuses:
        def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
            raise Conflict("no")

    house.asker.effects = [Refuses()]
    with pytest.raises(Conflict):
        await house.do(receipt())
    assert (house.outcomes(), house.row().result) == ([], None)


async def test_a_caller_that_goes_away_changes_nothing(house: House) -> None:
    silence = Silence(after="opened")
    house.outputs.print_script.append(silence)
    begun = await house.begin(receipt())
    caller = asyncio.create_task(house.printers.run(begun))
    await silence.asked.wait()
    caller.cancel()
    await asyncio.wait([caller])
    assert house.printers.doubts() == []  # it is still under way
    [work] = house.printers._running
    work.cancel()
    await asyncio.wait([work])


# Queues ---------------------------------------------------------------------------------------------------


async def test_a_device_does_one_work_after_the_other(house: House) -> None:
    first = Silence(after="opened")
    house.outputs.print_script.append(first)
    one = asyncio.create_task(house.do(receipt("k1")))
    await first.asked.wait()
    two = asyncio.create_task(house.do(receipt("k2")))
    await house.place.settle()
    assert [job.key for job in house.outputs.jobs] == ["k1"]
    assert not two.done()
    for task in list(house.printers._running):
        task.cancel()
    await asyncio.wait([one, two])


async def test_a_slow_printer_delays_nobody_else(house: House) -> None:
    await house.own("p-1", "p-2")
    slow = Silence()
    house.outputs.print_script.append(slow)
    one = asyncio.create_task(house.do(receipt("k1"), "p-1"))
    await slow.asked.wait()
    assert (await house.do(receipt("k2"), "p-2")).result is PrintResult.PRINTED
    assert not one.done()
    for task in list(house.printers._running):
        task.cancel()
    await asyncio.wait([one])


async def test_what_waited_behind_a_work_in_doubt_is_refused_and_was_not_begun(house: House) -> None:
    one, two = await house.begin(receipt("k1")), await house.begin(receipt("k2"))
    house.outputs.print_script.append("paying")
    outcomes = await asyncio.gather(house.printers.run(one), house.printers.run(two))
    assert [(outcome.result, outcome.code) for outcome in outcomes] == [
        (PrintResult.UNKNOWN, "timed_out"),
        (PrintResult.REFUSED, "printer_in_doubt"),
    ]
    assert [job.key for job in house.outputs.jobs] == ["k1"]


async def test_what_is_not_wanted_when_its_turn_comes_is_not_begun(house: House) -> None:
    outcome = await house.printers.run(await house.begin(receipt()), lambda: False)
    assert (outcome.result, outcome.code, house.outputs.jobs) == (PrintResult.REFUSED, "not_wanted", [])


async def test_the_devices_vat_is_kept_with_the_outcome(house: House) -> None:
    vat = (VatSum("A", 1000, 2100, 174),)
    house.outputs.print_script.append(PrintOutcome("?", PrintResult.PRINTED, "42", 1000, vat=vat))
    await house.do(receipt())
    (body,) = house.place.bodies(OUTCOME)
    assert body["vat"] == [{"letter": "A", "gross_cents": 1000, "basis_points": 2100, "tax_cents": 174}]
