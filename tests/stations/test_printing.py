"""A till prints once per quote: each durable point is an entry; after any doubt the outcome is told, not guessed."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.config.types import OnPaper, TillStation
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import EntryKind
from gateway.model.errors import Conflict, DeadlineMissed, GatewayError, InputRefused, LedgerError, NotReady
from gateway.model.fiscal import NoteLine, Payment, PrintOutcome, PrintResult, ReceiptWork, SaleLine, Tender
from gateway.model.identification import CredentialKind
from gateway.model.receipt import Line, Means, Receipt
from gateway.model.shown import Show
from gateway.stations.till import Till
from gateway.stations.till_words import CommitAnswer, CommitRequest, QuoteAnswer, QuoteRequest, Tendered
from tests.support.outputs import POINTS, Silence
from tests.support.place import UIDS, Card, Place, digest

RECEIPT, STEP, OUTCOME = EntryKind.RECEIPT, EntryKind.FISCAL_STEP, EntryKind.FISCAL_OUTCOME
BOOK = Line(id="1", text="A book", category="books", unit_cents=1000)
PENS = Line(id="2", text="Pens", category="office", unit_cents=150, quantity=3000)


def make_till(place: Place) -> Till:
    return Till(TillStation(id="till-1", readers=("nfc-1",), printer="fiscal-1"), place.services)


@pytest.fixture
async def till(place: Place) -> Till:
    station = make_till(place)
    await station.start()
    return station


async def to_print(till: Till, *paid: Tendered, key: str = "q1") -> CommitRequest:
    quote = msgspec.json.decode(await till.quote(QuoteRequest(Receipt((BOOK, PENS))), key), type=QuoteAnswer)
    return CommitRequest(quote.quote, print=True, paid=paid)


async def committed(till: Till, request: CommitRequest, key: str = "r1") -> CommitAnswer:
    return msgspec.json.decode(await till.commit(request, key), type=CommitAnswer)


def printed(place: Place) -> ReceiptWork:
    """The only receipt that the printer was asked for."""
    (job,) = place.outputs.jobs
    assert isinstance(job, ReceiptWork)
    return job


def state(answer: CommitAnswer) -> str:
    assert answer.fiscal is not None
    return answer.fiscal.state


async def test_the_points_become_entries_in_their_order(place: Place, till: Till) -> None:
    request = await to_print(till)
    assert state(await committed(till, request)) == "printed"
    assert place.kinds() == [RECEIPT, *[STEP] * 5, OUTCOME]
    assert [body["point"] for body in place.bodies(STEP)] == list(POINTS)
    (outcome,) = place.bodies(OUTCOME)
    assert (outcome["outcome"], outcome["number"], outcome["key"]) == ("printed", "42", request.quote)


async def test_the_job_says_what_is_due_line_by_line(place: Place, till: Till) -> None:
    await till.on_reading(Card("berta").tap(place))
    await till.commit(await to_print(till, Tendered(Means.CASH, 1000)), "r1")
    job = printed(place)
    assert job.items == (SaleLine("A book", "A", 1000, 1000, 500), SaleLine("Pens", "A", 150, 3000, 225))
    assert (job.total_cents, job.tenders) == (725, (Tender(Payment.CASH, 1000),))


async def test_without_tenders_what_is_due_is_paid_exactly(place: Place, till: Till) -> None:
    await till.commit(await to_print(till), "r1")
    assert printed(place).tenders == (Tender(Payment.CASH, 1450),)


async def test_each_point_is_on_disk_before_the_printer_goes_on(place: Place, till: Till) -> None:
    seen: list[int] = []
    place.outputs.on_print = lambda: seen.append(place.on_disk())
    await till.commit(await to_print(till), "r1")
    assert seen == [5]  # the receipt and four points, "closing" included


async def test_the_outcome_is_stored_with_the_answer(place: Place, till: Till) -> None:
    request = await to_print(till, Tendered(Means.CASH, 2000))
    told = await till.commit(request, "r1")
    answer = msgspec.json.decode(told, type=CommitAnswer)
    assert answer.fiscal is not None
    assert (answer.fiscal.number, answer.fiscal.change_cents) == ("42", 550)
    after = await place.crash()
    again = make_till(after)
    await again.start()
    assert await again.commit(request, "r1") == told
    assert len(after.outputs.jobs) == 1
    await after.stop()


async def test_what_the_printer_refuses_is_named(place: Place, till: Till) -> None:
    refused = PrintOutcome("", PrintResult.REFUSED, reason="no such letter", code="bad_text", where="items[0].text")
    place.outputs.print_script.append(refused)
    answer = await committed(till, await to_print(till))
    assert answer.fiscal is not None
    assert (answer.fiscal.state, answer.fiscal.reason, answer.fiscal.where) == ("refused", "bad_text", "items[0].text")


TOO_LONG = PrintOutcome("", PrintResult.REFUSED, reason="it is long", advice="Shorten it", code="bad_text")


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("items[1].text", "$.receipt.lines[1].text"),
        ("items[0].discount_cents", "$.receipt.lines[0]"),
        ("items", "$.receipt.lines"),
        ("tenders[0].cents", "$.paid"),
        ("rounding_cents", "$.receipt"),
        ("", "$.receipt"),
    ],
)
async def test_what_the_driver_would_refuse_is_refused_before_it_is_recorded(
    place: Place, till: Till, where: str, path: str
) -> None:
    request = await to_print(till)
    place.outputs.refuses.append(msgspec.structs.replace(TOO_LONG, where=where))
    with pytest.raises(InputRefused) as refused:
        await till.commit(request, "r1")
    told = refused.value
    assert (told.code, told.what, told.advice) == ("bad_text", f"it is long - at `{path}`", "Shorten it")
    assert (place.kinds(), place.outputs.jobs) == ([], [])
    assert state(await committed(till, request)) == "printed"  # the same key, the same quote
    assert place.outputs.checked[-1] == printed(place)


async def test_a_quote_says_what_the_driver_would_refuse(place: Place, till: Till) -> None:
    place.outputs.refuses.append(msgspec.structs.replace(TOO_LONG, where="items[0].text"))
    told = msgspec.json.decode(await till.quote(QuoteRequest(Receipt((BOOK,))), "q1"), type=QuoteAnswer)
    assert told.cannot_print is not None
    assert (told.cannot_print.code, told.cannot_print.advice) == ("bad_text", "Shorten it")
    assert told.cannot_print.detail == "it is long - at `$.receipt.lines[0].text`"


@pytest.mark.parametrize("said", [DeadlineMissed("no answer"), NotReady("16 calls are under way"), None])
async def test_a_driver_that_does_not_say_before_refuses_when_it_is_to_print(
    place: Place, till: Till, said: GatewayError | None
) -> None:
    request = await to_print(till)
    if said is not None:
        place.outputs.refuses.append(said)
    place.outputs.print_script.append(TOO_LONG)
    answer = await committed(till, request)
    assert answer.fiscal is not None
    assert (answer.fiscal.state, answer.fiscal.reason) == ("refused", "bad_text")


async def test_a_driver_that_cannot_say_before_is_not_asked(place: Place) -> None:
    place.outputs.description = msgspec.structs.replace(place.outputs.description, checks=False)
    till = make_till(place)
    await till.start()
    place.services.printers.on_change(DeviceHealth("fiscal-1", "fiscal", Health.READY))
    await asyncio.wait(place.services.printers._settling._tasks.values())
    assert state(await committed(till, await to_print(till))) == "printed"
    assert place.outputs.checked == []


async def test_a_printer_that_went_while_it_was_asked_records_nothing(place: Place, till: Till) -> None:
    request = await to_print(till)

    def gone() -> None:
        place.outputs.ready = False

    place.outputs.on_check = gone
    with pytest.raises(NotReady):
        await till.commit(request, "r1")
    assert place.kinds() == []


async def test_a_line_at_the_foot_that_cannot_be_printed_is_left_out(place: Place) -> None:
    section = TillStation(
        id="till-1", readers=("nfc-1",), printer="fiscal-1", on_paper=(OnPaper.MARK, OnPaper.BENEFITS)
    )
    till = Till(section, place.services)
    await till.start()
    await till.on_reading(Card("berta").tap(place))
    request = await to_print(till)
    place.outputs.refuses.append(msgspec.structs.replace(TOO_LONG, where="items[2].text"))
    assert state(await committed(till, request)) == "printed"
    assert printed(place).items[2:] == (NoteLine("half", footer=True),)


async def test_lines_at_the_foot_take_no_room_from_what_is_sold(place: Place) -> None:
    section = TillStation(id="till-1", readers=("nfc-1",), printer="fiscal-1", on_paper=(OnPaper.BENEFITS,))
    till = Till(section, place.services)
    await till.start()
    await till.on_reading(Card("berta").tap(place))
    lines = tuple(msgspec.structs.replace(BOOK, id=str(number)) for number in range(512))
    told = msgspec.json.decode(await till.quote(QuoteRequest(Receipt(lines)), "q1"), type=QuoteAnswer)
    assert state(await committed(till, CommitRequest(told.quote, print=True))) == "printed"
    assert len(printed(place).items) == 512


async def test_a_means_that_the_printer_lacks_is_told_with_the_quote_and_books_nothing(place: Place) -> None:
    place.outputs.description = msgspec.structs.replace(place.outputs.description, payments=(Payment.CASH,))
    till = make_till(place)
    await till.start()
    place.services.printers.on_change(DeviceHealth("fiscal-1", "fiscal", Health.READY))
    while place.services.printers.description("fiscal-1") is None:
        await place.settle()
    quote = QuoteRequest(Receipt((BOOK,), Means.CARD))
    told = msgspec.json.decode(await till.quote(quote, "q1"), type=QuoteAnswer)
    assert told.cannot_print is not None
    assert told.cannot_print.code == "means_not_taken"
    with pytest.raises(InputRefused, match="means"):
        await till.commit(CommitRequest(told.quote, print=True), "r1")
    assert place.kinds() == []
    cash = CommitRequest(told.quote, print=True, paid=(Tendered(Means.CASH, 1000),))
    assert state(await committed(till, cash, "r2")) == "printed"


async def test_a_printer_that_is_away_books_nothing(place: Place, till: Till) -> None:
    request = await to_print(till)
    place.outputs.ready = False
    with pytest.raises(NotReady):
        await till.commit(request, "r1")
    assert place.kinds() == []
    place.outputs.ready = True
    assert state(await committed(till, request)) == "printed"


async def test_a_till_without_a_printer_says_so(place: Place) -> None:
    till = Till(TillStation(id="till-1"), place.services)
    with pytest.raises(NotReady) as caught:
        await till.commit(await to_print(till), "r1")
    assert caught.value.code == "no_printer"


@pytest.mark.parametrize(
    ("said", "result"),
    [
        (InputRefused("no such tax group"), "refused"),
        (NotReady("too late"), "refused"),
        (DeadlineMissed("no answer"), "refused"),
        ("intent", "unknown"),
        ("paying", "unknown"),
    ],
)
async def test_what_the_printer_did_not_finish_is_told_honestly(
    place: Place, till: Till, said: GatewayError | str, result: str
) -> None:
    place.outputs.print_script.append(said)
    request = await to_print(till)
    answer = await committed(till, request)
    assert state(answer) == result
    assert place.bodies(OUTCOME)[0]["outcome"] == result
    assert place.board.counts[Show.ATTENTION] == 1
    assert await committed(till, request) == answer
    assert len(place.outputs.jobs) == 1


async def test_the_printers_own_outcome_is_passed_on(place: Place, till: Till) -> None:
    request = await to_print(till)
    said = PrintOutcome(request.quote, PrintResult.CANCELLED, reason="no_paper", advice="Put in a new roll")
    place.outputs.print_script.append(said)
    answer = await committed(till, request)
    assert answer.fiscal is not None
    assert (answer.fiscal.state, answer.fiscal.reason, answer.fiscal.advice) == (
        "cancelled",
        "no_paper",
        "Put in a new roll",
    )


async def test_while_it_prints_a_repeated_request_is_in_progress(place: Place, till: Till) -> None:
    silence = Silence()
    place.outputs.print_script.append(silence)
    request = await to_print(till)
    work = asyncio.create_task(till.commit(request, "r1"))
    await silence.asked.wait()
    with pytest.raises(Conflict) as caught:
        await till.commit(request, "r1")
    assert caught.value.code == "in_progress"
    work.cancel()
    await asyncio.wait([work])
    with pytest.raises(Conflict):
        await till.commit(request, "r1")
    assert len(place.outputs.jobs) == 1
    await _abandon(till)


async def test_a_crash_before_the_intent_is_cancelled_and_told(place: Place, till: Till) -> None:
    silence = Silence()
    place.outputs.print_script.append(silence)
    request = await to_print(till)
    work = asyncio.create_task(till.commit(request, "r1"))
    await silence.asked.wait()
    after = await place.crash()
    again = make_till(after)
    await again.start()
    assert state(await committed(again, request)) == "cancelled"
    assert after.kinds() == [RECEIPT, OUTCOME]
    assert len(after.outputs.jobs) == 1
    work.cancel()
    await _abandon(till)
    await after.stop()


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_after_a_point_is_unknown_and_prints_nothing_again(place: Place, till: Till, point: str) -> None:
    silence = Silence(after=point)
    place.outputs.print_script.append(silence)
    request = await to_print(till)
    work = asyncio.create_task(till.commit(request, "r1"))
    await silence.asked.wait()
    after = await place.crash()
    again = make_till(after)
    await again.start()
    answer = await committed(again, request)
    assert state(answer) == "unknown"
    assert answer.fiscal is not None
    assert answer.fiscal.advice
    assert after.bodies(OUTCOME)[0]["reason"] == f"restart_at_{point}"
    assert len(after.outputs.jobs) == 1
    work.cancel()
    await _abandon(till)
    await after.stop()


async def test_a_disk_that_fails_in_the_middle_leaves_unknown_behind(place: Place, till: Till) -> None:
    request = await to_print(till)
    place.outputs.on_print = place.ledger._writer.stop
    with pytest.raises(LedgerError):
        await till.commit(request, "r1")
    after = await place.crash()
    again = make_till(after)
    await again.start()
    assert state(await committed(again, request)) == "unknown"
    assert after.outputs.paper == [request.quote]
    await after.stop()


def lost_and_back(place: Place) -> None:
    """The printer went, and is there again."""
    for health in (Health.LOST, Health.READY):
        place.services.printers.on_change(DeviceHealth("fiscal-1", "fiscal", health))


@pytest.mark.parametrize(("point", "result"), [("paying", "cancelled"), ("closing", "printed")])
async def test_whoever_asks_again_hears_what_was_read_back(place: Place, till: Till, point: str, result: str) -> None:
    place.outputs.print_script.append(point)
    request = await to_print(till)
    first = await committed(till, request)
    assert state(first) == "unknown"
    assert first.fiscal is not None
    assert "read back" in first.fiscal.advice
    lost_and_back(place)
    await place.services.printers.settle("fiscal-1")
    last = await committed(till, request)
    assert state(last) == result
    assert (last.entry, last.due_cents) == (first.entry, first.due_cents)
    after = await place.crash()
    again = make_till(after)
    await again.start()
    assert await committed(again, request) == last
    await after.stop()


async def test_whoever_asks_again_hears_what_a_person_has_seen(place: Place, till: Till) -> None:
    place.outputs.print_script.append("closing")
    request = await to_print(till)
    await committed(till, request)
    await place.services.printers.settle_by_hand(request.quote, "0000042", "Ilze")
    answer = await committed(till, request)
    assert answer.fiscal is not None
    assert (answer.fiscal.state, answer.fiscal.number) == ("printed", "0000042")


async def test_in_doubt_nothing_is_recorded_and_the_quote_can_be_committed_when_it_is_over(
    place: Place, till: Till
) -> None:
    place.outputs.print_script.append("paying")
    await committed(till, await to_print(till, key="q1"), "r1")
    second = await to_print(till, key="q2")
    with pytest.raises(NotReady) as refused:
        await till.commit(second, "r2")
    assert refused.value.code == "printer_in_doubt"
    assert place.kinds().count(RECEIPT) == 1
    lost_and_back(place)
    await place.services.printers.settle("fiscal-1")
    assert state(await committed(till, second, "r2")) == "printed"


async def test_a_doubt_that_ends_while_somebody_else_is_served_is_not_shown_to_them(place: Place, till: Till) -> None:
    place.outputs.print_script.append("closing")
    await committed(till, await to_print(till, key="q1"), "r1")
    await till.quote(QuoteRequest(Receipt((BOOK,))), "q2")
    lost_and_back(place)
    await place.services.printers.settle("fiscal-1")
    last = place.board.last("till-1")
    assert last is not None
    assert last.show is Show.QUOTE


async def quoted(till: Till, key: str) -> QuoteAnswer:
    return msgspec.json.decode(await till.quote(QuoteRequest(Receipt((BOOK,))), key), type=QuoteAnswer)


async def test_a_quote_says_why_it_could_not_be_printed_here(place: Place, till: Till) -> None:
    assert (await quoted(till, "q1")).cannot_print is None
    place.outputs.description = msgspec.structs.replace(place.outputs.description, rates={"B": 1200})
    lost_and_back(place)
    await asyncio.wait(place.services.printers._settling._tasks.values())
    hindrance = (await quoted(till, "q2")).cannot_print
    assert hindrance is not None
    assert (hindrance.code, "`$.receipt.lines[0].vat`" in hindrance.detail) == ("vat_letter_missing", True)
    with pytest.raises(InputRefused) as refused:
        await till.commit(CommitRequest((await quoted(till, "q3")).quote, print=True), "r3")
    assert refused.value.code == "vat_letter_missing"
    assert place.kinds() == []


async def test_lines_at_the_foot_are_those_that_the_configuration_asks_for(place: Place) -> None:
    section = TillStation(
        id="till-1", readers=("nfc-1",), printer="fiscal-1", on_paper=(OnPaper.MARK, OnPaper.BENEFITS)
    )
    till = Till(section, place.services)
    await till.start()
    card = Card("berta")
    await till.on_reading(card.tap(place))
    await till.commit(await to_print(till), "r1")
    mark = digest(CredentialKind.SUN_CARD, UIDS["berta"])[:6]
    assert printed(place).items[2:] == (NoteLine(f"sun_card {mark}", footer=True), NoteLine("half", footer=True))


async def _abandon(till: Till) -> None:
    """End what a dead daemon would not have had time to end."""
    for work in list(till._once.busy.values()):
        work.cancel()
        await asyncio.wait([work])
