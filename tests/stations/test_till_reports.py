"""X and Z reports and movements of cash at a till: once per key, a Z report only by order or at the configured hour."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.config.types import TillStation
from gateway.model.clock import ClockQuality
from gateway.model.entry import EntryKind
from gateway.model.errors import Conflict, InputRefused, NotReady
from gateway.model.fiscal import CashWork, PrintOutcome, PrintResult, ReportWork
from gateway.model.shown import Show
from gateway.stations.report_words import CashRequest, ReportKind, ReportRequest, WorkAnswer
from gateway.stations.till import Till
from tests.support.outputs import Silence
from tests.support.place import Place

WORK, STEP, OUTCOME = EntryKind.FISCAL_WORK, EntryKind.FISCAL_STEP, EntryKind.FISCAL_OUTCOME
X, Z = ReportRequest(ReportKind.X), ReportRequest(ReportKind.Z)
NINE_UTC_MS = 1_795_424_400_000
"""Where the clock stands: 2026-11-23, 11:00 in Riga."""
SPRING_UTC_MS = 1_806_195_600_000
"""2027-03-28: in Riga 03:00 becomes 04:00."""
AUTUMN_UTC_MS = 1_824_944_400_000
"""2027-10-31: in Riga 04:00 becomes 03:00."""


async def make_till(place: Place, z_at: str | None = None) -> Till:
    till = Till(TillStation(id="till-1", printer="fiscal-1", z_at=z_at), place.services)
    await till.start()
    return till


@pytest.fixture
async def till(place: Place) -> Till:
    return await make_till(place)


def told(answer: bytes) -> WorkAnswer:
    return msgspec.json.decode(answer, type=WorkAnswer)


async def minute(place: Place) -> None:
    for work in place.services.each_minute:
        await work()


async def test_a_report_is_recorded_then_printed_and_its_number_told(place: Place, till: Till) -> None:
    answer = told(await till.report(X, "x-1"))
    assert (answer.fiscal.state, answer.fiscal.number) == ("printed", "42")
    assert place.outputs.jobs == [ReportWork(answer.work)]
    (order,) = place.bodies(WORK)
    assert (order["station"], order["device"], order["work"]) == (
        "till-1",
        "fiscal-1",
        {"work": "report", "key": answer.work},
    )


async def test_it_is_on_disk_before_the_printer_hears_of_it(place: Place, till: Till) -> None:
    seen: list[list[EntryKind]] = []
    place.outputs.on_print = lambda: seen.append(place.kinds())
    await till.report(Z, "z-1")
    assert seen == [[WORK, STEP]]
    assert place.kinds() == [WORK, STEP, STEP, OUTCOME]


async def test_the_same_key_prints_once_and_another_question_under_it_is_refused(place: Place, till: Till) -> None:
    first = await till.report(Z, "z-1")
    assert await till.report(Z, "z-1") == first
    with pytest.raises(Conflict):
        await till.report(X, "z-1")
    assert len(place.outputs.jobs) == 1
    after = await place.crash()
    again = await make_till(after)
    assert await again.report(Z, "z-1") == first
    assert len(after.outputs.jobs) == 1
    await after.stop()


async def test_while_it_prints_it_is_in_progress(place: Place, till: Till) -> None:
    silence = Silence()
    place.outputs.print_script.append(silence)
    first = asyncio.create_task(till.report(Z, "z-1"))
    await silence.asked.wait()
    with pytest.raises(Conflict) as refused:
        await till.report(Z, "z-1")
    assert refused.value.code == "in_progress"
    for task in list(place.services.printers._running):
        task.cancel()
    await asyncio.wait([first])


async def test_a_report_in_doubt_is_read_back_and_its_answer_amended(place: Place, till: Till) -> None:
    place.outputs.print_script.append("intent")
    answer = told(await till.report(Z, "z-1"))
    assert answer.fiscal.state == "unknown"
    place.outputs.settle_script.append(PrintOutcome(answer.work, PrintResult.PRINTED, "43", z_number="8"))
    await place.services.printers.settle("fiscal-1")
    again = told(await till.report(Z, "z-1"))
    assert (again.fiscal.state, again.fiscal.z_number, again.work) == ("printed", "8", answer.work)
    assert len(place.outputs.jobs) == 1


async def test_cash_goes_in_and_out(place: Place, till: Till) -> None:
    first = told(await till.cash(CashRequest(2000), "c-1"))
    second = told(await till.cash(CashRequest(-500), "c-2"))
    assert place.outputs.jobs == [CashWork(first.work, 2000), CashWork(second.work, -500)]
    with pytest.raises(InputRefused):
        await till.cash(CashRequest(0), "c-3")


async def test_a_printer_that_is_away_records_nothing(place: Place, till: Till) -> None:
    place.outputs.ready = False
    with pytest.raises(NotReady):
        await till.report(Z, "z-1")
    assert place.kinds() == []


# By the hour ----------------------------------------------------------------------------------------------


async def test_without_an_hour_no_report_is_ever_printed_by_itself(place: Place, till: Till) -> None:
    for _ in range(49):
        place.clock.advance(1800)
        await minute(place)
    assert place.outputs.jobs == []


@pytest.mark.parametrize("z_at", ["03:00", "03:30", "03:59"])
async def test_an_hour_that_the_clocks_leave_out_is_not_left_out(place: Place, z_at: str) -> None:
    await make_till(place, z_at)
    place.clock.set_wall(SPRING_UTC_MS - 20 * 60_000)
    for _ in range(150):
        place.clock.advance(60)
        await minute(place)
    assert len(place.outputs.jobs) == 1


@pytest.mark.parametrize("z_at", ["03:00", "03:30", "03:59"])
async def test_an_hour_that_comes_twice_is_one(place: Place, z_at: str) -> None:
    await make_till(place, z_at)
    place.clock.set_wall(AUTUMN_UTC_MS - 80 * 60_000)
    for _ in range(200):
        place.clock.advance(60)
        await minute(place)
    assert len(place.outputs.jobs) == 1


async def test_at_its_hour_it_is_printed_once_a_day(place: Place) -> None:
    await make_till(place, "23:50")
    place.clock.set_wall(NINE_UTC_MS + (12 * 60 + 49) * 60_000)  # 23:49 in Riga
    await minute(place)
    assert place.outputs.jobs == []
    for _ in range(40):
        place.clock.advance(60)
        await minute(place)
    assert [job for job in place.outputs.jobs if isinstance(job, ReportWork) and job.z] == place.outputs.jobs
    assert len(place.outputs.jobs) == 1
    assert place.bodies(WORK)[0]["scheduled"] is True
    place.clock.advance(24 * 3600 - 41 * 60)
    await minute(place)
    assert len(place.outputs.jobs) == 1
    for _ in range(5):
        place.clock.advance(60)
        await minute(place)
    assert len(place.outputs.jobs) == 2


async def test_a_printer_that_is_away_at_the_hour_is_tried_each_minute_and_not_in_the_night(place: Place) -> None:
    await make_till(place, "23:50")
    place.clock.set_wall(NINE_UTC_MS + (12 * 60 + 50) * 60_000)
    place.outputs.ready = False
    await minute(place)
    assert place.board.last("till-1") is not None
    assert place.board.counts[Show.ATTENTION] == 1
    place.outputs.ready = True
    place.clock.advance(60)
    await minute(place)
    assert len(place.outputs.jobs) == 1
    late = await place.crash()
    await make_till(late, "22:00")
    late.clock.advance(60)
    await minute(late)
    assert len(late.outputs.jobs) == 1  # two hours late is another day's business
    await late.stop()


async def test_a_printer_that_refuses_at_the_hour_is_asked_again_until_it_prints(place: Place) -> None:
    await make_till(place, "23:50")
    place.clock.set_wall(NINE_UTC_MS + (12 * 60 + 50) * 60_000)
    place.outputs.print_script += [PrintOutcome("?", PrintResult.REFUSED, code="no_paper")] * 2
    for _ in range(6):
        await minute(place)
        place.clock.advance(60)
    assert [body["outcome"] for body in place.bodies(OUTCOME)] == ["refused", "refused", "printed"]
    assert len({job.key for job in place.outputs.jobs}) == 3


async def test_a_report_in_doubt_at_the_hour_is_not_ordered_again(place: Place) -> None:
    await make_till(place, "23:50")
    place.clock.set_wall(NINE_UTC_MS + (12 * 60 + 50) * 60_000)
    place.outputs.print_script.append("intent")
    for _ in range(6):
        await minute(place)
        place.clock.advance(60)
    assert len(place.outputs.jobs) == 1


async def test_a_report_is_nobodys_receipt_on_the_page(place: Place, till: Till) -> None:
    await till.report(X, "x-1")
    assert place.board.counts.get(Show.PRINTED) is None
    place.outputs.print_script.append(PrintOutcome("?", PrintResult.REFUSED, code="no_paper"))
    await till.report(X, "x-2")
    assert place.board.counts[Show.ATTENTION] == 1


async def test_while_nobody_vouches_for_the_clock_there_is_no_hour(place: Place) -> None:
    await make_till(place, "11:00")
    place.clock.quality = ClockQuality.GUESS
    await minute(place)
    assert place.outputs.jobs == []


async def test_cash_that_the_driver_would_refuse_is_not_recorded(place: Place, till: Till) -> None:
    said = PrintOutcome("", PrintResult.REFUSED, reason="too much", code="bad_amount", where="cents")
    place.outputs.refuses.append(said)
    with pytest.raises(InputRefused) as refused:
        await till.cash(CashRequest(99_999_999), "c-1")
    assert (refused.value.code, refused.value.what) == ("bad_amount", "too much - at `$.cents`")
    assert (place.kinds(), place.outputs.jobs) == ([], [])
    assert told(await till.cash(CashRequest(1000), "c-1")).fiscal.state == "printed"


async def test_a_report_that_is_found_printed_is_not_called_in_doubt_any_more(place: Place, till: Till) -> None:
    place.outputs.print_script.append("intent")
    answer = told(await till.report(Z, "z-1"))
    shown = place.board.last("till-1")
    assert shown is not None
    assert (answer.fiscal.state, shown.show) == ("unknown", Show.ATTENTION)
    await place.services.printers.settle_by_hand(answer.work, "42", "Ilze")
    shown = place.board.last("till-1")
    assert shown is not None
    assert shown.show is Show.IDLE


async def test_a_report_that_is_found_printed_disturbs_nobody_who_is_served(place: Place, till: Till) -> None:
    place.outputs.print_script.append("intent")
    answer = told(await till.report(Z, "z-1"))
    place.board.tell("till-1", Show.QUOTE, due_cents=100)
    await place.services.printers.settle_by_hand(answer.work, "42", "Ilze")
    shown = place.board.last("till-1")
    assert shown is not None
    assert shown.show is Show.QUOTE
