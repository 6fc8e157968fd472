"""Doubt on a fiscal device: read back before anything else is begun, after a crash too, or told by a person."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from drivers.fiscal.errors import Reason
from gateway.fiscal.rows import FiscalBegun
from gateway.fiscal.words import advice_on
from gateway.model.clock import Stamp
from gateway.model.device import Health
from gateway.model.entry import EntryId
from gateway.model.errors import Conflict, DeadlineMissed, InputRefused, LedgerError, NotFound, NotReady
from gateway.model.fiscal import CashWork, PrintOutcome, PrintResult, ReportWork, Work, WorkPoint
from tests.fiscal.conftest import OUTCOME, House, health, in_doubt, receipt
from tests.support.outputs import POINTS, Silence

# Doubt ----------------------------------------------------------------------------------------------------


async def test_in_doubt_the_device_takes_nothing_and_the_refusal_says_what_to_look_at(house: House) -> None:
    outcome = await in_doubt(house)
    assert "read back" in outcome.advice
    with pytest.raises(NotReady) as refused:
        house.printers.check("p-1")
    assert refused.value.code == "printer_in_doubt"
    told = str(refused.value)
    assert "k1" in told
    assert "41" in told
    assert "smartplace till settle k1 --printed NUMBER" in told


@pytest.mark.parametrize(
    ("work", "mark"),
    [
        (receipt("k1"), "receipt k1: its key stands there as `Nr. k1`"),
        (ReportWork("k1", z=True), "Z report k1. Is it there"),
        (CashWork("k1", -500), "slip of a movement of cash k1 of -5.00. Is it there"),
    ],
)
async def test_what_to_look_at_is_told_by_what_stands_on_paper(house: House, work: Work, mark: str) -> None:
    house.outputs.print_script.append("intent")
    await house.do(work)
    with pytest.raises(NotReady) as refused:
        house.printers.check("p-1")
    assert mark in str(refused.value)


async def test_a_doubt_that_the_driver_tells_is_read_back_too(house: House) -> None:
    house.outputs.print_script.append(PrintOutcome("?", PrintResult.UNKNOWN, reason="silence", advice="Look at it"))
    outcome = await house.do(receipt())
    assert outcome.advice.startswith("Look at it. Do not sell it again yet: it is read back")
    assert "smartplace till settle k1 --not-printed" in outcome.advice  # before the device could be asked
    assert [row.key for row in house.printers.doubts()] == ["k1"]


async def test_an_x_report_whose_answer_was_lost_holds_nothing_up(house: House) -> None:
    """It books nothing, and no reading will ever tell."""
    lost = PrintOutcome("?", PrintResult.UNKNOWN, reason="silence", code=Reason.X_HAS_NO_TRACE, advice="Look for it")
    house.outputs.print_script.append(lost)
    outcome = await house.do(ReportWork("k1"))
    assert (outcome.result, outcome.advice) == (PrintResult.UNKNOWN, "Look for it")
    assert house.printers.doubts() == []
    house.printers.check("p-1")
    assert (await house.do(ReportWork("k2"))).result is PrintResult.PRINTED


async def test_a_printer_that_is_away_is_not_ready_and_one_that_is_there_is_asked(house: House) -> None:
    house.printers.check("p-1")
    house.outputs.ready = False
    with pytest.raises(NotReady) as refused:
        house.printers.check("p-1")
    assert refused.value.code == "printer_not_ready"


@pytest.mark.parametrize("point", POINTS)
async def test_when_the_device_is_ready_again_the_doubt_is_read_back(house: House, point: WorkPoint) -> None:
    await in_doubt(house, point=point)
    house.printers.on_change(health("p-1", Health.LOST))
    house.printers.on_change(health("p-1"))
    outcome = await house.until_heard(2)
    printed = point in (WorkPoint.CLOSING, WorkPoint.CLOSED)
    assert outcome.result is (PrintResult.PRINTED if printed else PrintResult.CANCELLED)
    assert house.outcomes() == ["unknown", outcome.result]
    assert house.outputs.settled == [("k1", point)]
    assert house.row().work is None
    house.printers.check("p-1")
    assert len(house.outputs.jobs) == 1


async def test_a_doubt_on_a_device_that_stayed_there_is_read_back_at_once(house: House) -> None:
    house.printers.on_change(health("p-1"))
    assert (await in_doubt(house)).result is PrintResult.UNKNOWN
    assert (await house.until_heard(2)).result is PrintResult.CANCELLED


async def test_a_device_that_cannot_be_asked_is_asked_again(house: House) -> None:
    house.printers.on_change(health("p-1"))
    house.outputs.settle_script += [DeadlineMissed("x"), NotReady("x"), DeadlineMissed("x")]
    await in_doubt(house)
    assert (await house.until_heard(2)).result is PrintResult.CANCELLED
    assert len(house.outputs.settled) == 4


async def test_a_device_that_goes_is_left_alone_until_it_is_back(house: House) -> None:
    await in_doubt(house)
    house.printers.on_change(health("p-1"))
    house.printers.on_change(health("p-1", Health.LOST))
    await house.place.settle()
    assert house.outputs.settled == []
    house.printers.on_change(health("p-1"))
    assert (await house.until_heard(2)).result is PrintResult.CANCELLED


async def test_what_the_device_cannot_tell_stays_unknown_with_both_numbers_and_is_not_asked_on_and_on(
    house: House,
) -> None:
    await in_doubt(house)
    house.outputs.paper.append("another")  # its last number is 42 now
    house.outputs.settle_script += [PrintOutcome("k1", PrintResult.UNKNOWN, reason="neither fits")] * 2
    house.printers.on_change(health("p-1"))
    outcome = await house.until_heard(2)
    assert (outcome.result, outcome.code) == (PrintResult.UNKNOWN, "not_read_back")
    assert "after number 41" in outcome.advice
    assert "42 now" in outcome.advice
    with pytest.raises(NotReady) as refused:
        house.printers.check("p-1")
    assert "42 now" in str(refused.value)
    # Asked again when it comes again; the same word is no news.
    house.printers.on_change(health("p-1", Health.LOST))
    house.printers.on_change(health("p-1"))
    await house.printers.settle("p-1")
    assert house.outcomes() == ["unknown", "unknown"]
    assert 2 <= len(house.outputs.settled) <= 3


async def test_another_printer_behind_the_same_name_is_not_believed_and_the_right_one_is_asked_for(
    house: House,
) -> None:
    await in_doubt(house)
    house.outputs.settle_script.append(PrintOutcome("k1", PrintResult.UNKNOWN, code=Reason.OTHER_DEVICE))
    house.printers.on_change(health("p-1"))
    outcome = await house.until_heard(2)
    assert outcome.code == "other_device"
    assert outcome.advice.startswith("Connect the printer")
    assert "last number is" not in outcome.advice, "it is that of another printer"
    with pytest.raises(NotReady):
        house.printers.check("p-1")
    house.printers.on_change(health("p-1", Health.LOST))
    house.printers.on_change(health("p-1"))
    assert (await house.until_heard(3)).result is PrintResult.CANCELLED


async def test_a_driver_that_cannot_read_back_leaves_it_to_a_person(house: House) -> None:
    await in_doubt(house)
    house.outputs.settle_script.append(InputRefused("no such call", code="no_such_call"))
    house.printers.on_change(health("p-1"))
    outcome = await house.until_heard(2)
    assert (outcome.result, outcome.code) == (PrintResult.UNKNOWN, "no_such_call")
    assert "smartplace till settle k1" in outcome.advice


async def test_what_to_type_is_told_before_the_device_could_be_asked(house: House) -> None:
    house.outputs.print_script.append(PrintOutcome("?", PrintResult.UNKNOWN, advice="Look at the paper for `Nr. k1`"))
    await house.do(receipt("k1"))
    (row,) = house.printers.doubts()
    assert "smartplace till settle k1 --not-printed" in advice_on(row)


async def test_what_a_description_says_is_known_once_the_device_is_there(house: House) -> None:
    assert house.printers.description("p-1") is None
    house.printers.on_change(health("p-1"))
    await in_doubt(house)
    await house.until_heard(2)
    await house.printers.look()
    assert house.printers.description("p-1") == house.outputs.description


# A crash --------------------------------------------------------------------------------------------------


async def crashed(house: House, silence: Silence) -> House:
    house.outputs.print_script.append(silence)
    begun = await house.begin(receipt())
    running = asyncio.create_task(house.printers.run(begun))
    await silence.asked.wait()
    after = await house.crash()
    for task in list(house.printers._running):
        task.cancel()
    await asyncio.wait([running])
    return after


async def test_a_crash_before_anything_was_sent_cancels(house: House) -> None:
    after = await (await crashed(house, Silence())).own()
    assert [(one.result, one.code) for one in after.asker.heard] == [(PrintResult.CANCELLED, "restart_before_printing")]
    after.printers.check("p-1")
    await after.stop()


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_after_a_point_is_unknown_then_read_back_before_anything_else(
    house: House, point: WorkPoint
) -> None:
    after = await (await crashed(house, Silence(after=point))).own()
    assert [(one.result, one.code) for one in after.asker.heard] == [(PrintResult.UNKNOWN, f"restart_at_{point}")]
    with pytest.raises(NotReady):
        after.printers.check("p-1")
    after.printers.on_change(health("p-1"))
    outcome = await after.until_heard(2)
    assert outcome.result is (PrintResult.PRINTED if "k1" in after.outputs.paper else PrintResult.CANCELLED)
    assert len(after.outputs.jobs) == 1
    after.printers.check("p-1")
    await after.stop()


async def test_works_of_an_owner_that_is_gone_are_settled_all_the_same(house: House) -> None:
    after = await crashed(house, Silence(after="closing"))
    await after.printers.start()
    assert after.outcomes() == ["unknown"]
    after.printers.on_change(health("p-1"))
    await after.printers.settle("p-1")
    assert after.outcomes() == ["unknown", "printed"]
    await after.stop()


async def test_an_outcome_that_the_card_refuses_is_read_back_later(house: House) -> None:
    house.outputs.on_print = house.place.ledger._writer.stop
    with pytest.raises(LedgerError):
        await house.do(receipt())
    after = await (await house.crash()).own()
    assert after.outcomes() == ["unknown"]
    after.printers.on_change(health("p-1"))
    assert (await after.until_heard(2)).result is PrintResult.PRINTED
    await after.stop()


# By hand --------------------------------------------------------------------------------------------------


async def test_a_person_says_that_it_is_printed(house: House) -> None:
    await in_doubt(house)
    outcome = await house.printers.settle_by_hand("k1", "0000042", "Ilze")
    assert (outcome.result, outcome.number, outcome.total_cents) == (PrintResult.PRINTED, "0000042", 1000)
    last = house.place.bodies(OUTCOME)[-1]
    assert (last["outcome"], last["number"], last["by"], last["reason"]) == ("printed", "0000042", "Ilze", "by_hand")
    assert house.asker.heard[-1] == outcome
    house.printers.check("p-1")


async def test_a_person_says_that_it_is_not(house: House) -> None:
    await in_doubt(house)
    outcome = await house.printers.settle_by_hand("k1", None, "Ilze")
    assert (outcome.result, outcome.number, outcome.total_cents) == (PrintResult.CANCELLED, "", 0)
    house.printers.check("p-1")


async def test_what_is_known_is_not_settled_by_hand(house: House) -> None:
    await house.do(receipt())
    with pytest.raises(Conflict) as refused:
        await house.printers.settle_by_hand("k1", None, "Ilze")
    assert refused.value.code == "settled"
    assert "42" in str(refused.value)
    with pytest.raises(NotFound):
        await house.printers.settle_by_hand("k9", None, "Ilze")


async def test_while_it_is_read_back_or_printed_nobody_settles_it(house: House) -> None:
    await in_doubt(house)
    silence = Silence()
    house.outputs.settle_script.append(silence)
    house.printers.on_change(health("p-1"))
    await silence.asked.wait()
    with pytest.raises(Conflict) as refused:
        await house.printers.settle_by_hand("k1", "42", "Ilze")
    assert refused.value.code == "in_progress"
    printing = Silence()
    house.outputs.print_script.append(printing)
    begun = FiscalBegun(receipt("k2"), "p-2", "till-1")
    await house.place.ledger.commit([], [begun])
    work = asyncio.create_task(house.printers.run(begun))
    await printing.asked.wait()
    with pytest.raises(Conflict):
        await house.printers.settle_by_hand("k2", None, "Ilze")
    for task in list(house.printers._running):
        task.cancel()
    await asyncio.wait([work])


async def test_an_answer_that_cannot_be_amended_is_tried_again_and_the_doubt_stays_until_then(house: House) -> None:
    """The outcome and the owner's answer are one commit: what refuses it leaves the doubt as it was."""
    await in_doubt(house)
    tries: list[int] = []

    class RefusesTwice:
        def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
            tries.append(len(tries))
            if len(tries) < 3:
                raise Conflict("not now")

    house.asker.effects = [RefusesTwice()]
    house.printers.on_change(health("p-1"))
    assert (await house.until_heard(2)).result is PrintResult.CANCELLED
    assert (len(tries), house.outcomes()) == (3, ["unknown", "cancelled"])


async def test_who_follows_hears_when_something_comes_into_doubt_and_when_it_is_settled(house: House) -> None:
    heard: list[int] = []
    house.printers.on_news.append(lambda: heard.append(len(house.printers.doubts())))
    await in_doubt(house)
    assert heard[-1] == 1
    await house.printers.settle_by_hand("k1", None, "Ilze")
    assert heard[-1] == 0
