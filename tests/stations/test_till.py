"""A till: a tap waits for its receipt, a quote is committed once, a repeated request gets the same answer."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from gateway.config.types import TillStation
from gateway.model.clock import ClockQuality
from gateway.model.entry import EntryKind
from gateway.model.errors import Conflict, GatewayError, InputRefused, LedgerError, NotFound
from gateway.model.receipt import Line, Means, Receipt
from gateway.model.shown import Show
from gateway.stations.answers import KEEP_MS
from gateway.stations.till import Till
from gateway.stations.till_words import CommitAnswer, CommitRequest, QuoteAnswer, QuoteRequest, Tendered
from tests.support.place import Card, Place, SlowDisk

DAY_S = 24 * 3600


def line(id: str = "1", cents: int = 1000, **more: Any) -> Line:
    return Line(id=id, text="A book", category="books", unit_cents=cents, **more)


def asking(*lines: Line) -> QuoteRequest:
    return QuoteRequest(Receipt(lines or (line(),)))


def make_till(place: Place) -> Till:
    return Till(TillStation(id="till-1", readers=("nfc-1",), quote_s=300.0, tap_s=60.0), place.services)


async def quoted(till: Till, key: str = "q1", request: QuoteRequest | None = None) -> QuoteAnswer:
    return msgspec.json.decode(await till.quote(request or asking(), key), type=QuoteAnswer)


def committing(quote: QuoteAnswer, number: str = "0001") -> CommitRequest:
    return CommitRequest(quote.quote, fiscal_number=number)


async def committed(till: Till, request: CommitRequest, key: str = "r1") -> CommitAnswer:
    return msgspec.json.decode(await till.commit(request, key), type=CommitAnswer)


async def refusal(work: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await work
    return caught.value


@pytest.fixture
async def till(place: Place) -> Till:
    station = make_till(place)
    await station.start()
    return station


# Taps and quotes ------------------------------------------------------------------------------------------


async def test_without_a_tap_everything_is_at_list_price(till: Till) -> None:
    quote = await quoted(till)
    assert (quote.identified, quote.list_cents, quote.due_cents) == (False, 1000, 1000)


async def test_a_tap_waits_for_its_receipt(place: Place, till: Till) -> None:
    await till.on_reading(Card("berta").tap(place))
    quote = await quoted(till)
    assert (quote.identified, quote.due_cents, quote.messages) == (True, 500, ("Laipni lūdzam",))
    assert place.kinds() == [EntryKind.IDENTIFICATION]


async def test_a_tap_waits_a_minute(place: Place, till: Till) -> None:
    await till.on_reading(Card("berta").tap(place))
    place.clock.advance(60.1)
    assert not (await quoted(till)).identified


async def test_a_committed_receipt_uses_the_tap_up(place: Place, till: Till) -> None:
    await till.on_reading(Card("berta").tap(place))
    await committed(till, committing(await quoted(till)))
    assert not (await quoted(till, "q2")).identified


async def test_the_next_persons_tap_survives_the_commit_of_the_one_before(place: Place, till: Till) -> None:
    first = await quoted(till)
    await till.on_reading(Card("berta").tap(place))
    await committed(till, committing(first))
    assert (await quoted(till, "q2")).due_cents == 500


async def test_a_quote_is_on_disk_before_it_is_told(place: Place, till: Till) -> None:
    with SlowDisk(place):
        asked = asyncio.create_task(till.quote(asking(), "q1"))
        done, _ = await asyncio.wait([asked], timeout=0.2)
        assert not done
    quote = msgspec.json.decode(await asked, type=QuoteAnswer)
    assert place.ledger.query("SELECT id FROM quote") == [(quote.quote,)]


async def test_a_repeated_question_gets_the_same_quote(place: Place, till: Till) -> None:
    before = await till.quote(asking(), "q1")
    await till.on_reading(Card("anna").tap(place))
    assert await till.quote(asking(), "q1") == before


async def test_another_question_under_the_same_key_is_a_conflict(till: Till) -> None:
    await till.quote(asking(), "q1")
    error = await refusal(till.quote(asking(line(cents=1)), "q1"))
    assert (type(error), error.code) == (Conflict, "key_reused")


async def test_two_questions_at_once_under_one_key_get_one_quote(place: Place, till: Till) -> None:
    answers = await asyncio.gather(till.quote(asking(), "q1"), till.quote(asking(), "q1"), return_exceptions=True)
    (told,) = [answer for answer in answers if isinstance(answer, bytes)]
    (refused,) = [answer for answer in answers if isinstance(answer, Conflict)]
    assert refused.code == "in_progress"
    assert await till.quote(asking(), "q1") == told
    assert len(place.ledger.query("SELECT id FROM quote")) == 1


async def test_a_receipt_with_a_doubled_line_id_is_refused_with_its_path(till: Till) -> None:
    error = await refusal(till.quote(asking(line(), line()), "q1"))
    assert isinstance(error, InputRefused)
    assert "$.receipt.lines[1].id" in str(error)


async def test_a_question_whose_caller_hangs_up_leaves_the_ledger_alive(place: Place, till: Till) -> None:
    with SlowDisk(place):
        asked = asyncio.create_task(till.quote(asking(), "q1"))
        await asyncio.wait([asked], timeout=0.1)
        asked.cancel()
        await asyncio.wait([asked])
    assert await till.quote(asking(), "q2")


# Commits --------------------------------------------------------------------------------------------------


async def test_a_commit_records_the_receipt_with_decision_and_number(place: Place, till: Till) -> None:
    await till.on_reading(Card("berta").tap(place))
    answer = await committed(till, committing(await quoted(till), "EKA-77"))
    (body,) = place.bodies(EntryKind.RECEIPT)
    assert (body["fiscal_number"], body["printed_by"], body["key"]) == ("EKA-77", "pos", "r1")
    assert body["decision"]["discount_cents"] == 500
    assert body["identification"]["holder"] == "h-berta"
    assert "late" not in body
    assert (answer.due_cents, answer.late, answer.fiscal) == (500, False, None)
    assert answer.entry == str(next(e.header.id for e in place.entries() if e.header.kind is EntryKind.RECEIPT))


async def test_the_page_shows_recorded_only_after_the_commit(place: Place, till: Till) -> None:
    quote = await quoted(till)
    with SlowDisk(place):
        work = asyncio.create_task(till.commit(committing(quote), "r1"))
        await asyncio.wait([work], timeout=0.2)
        assert place.board.counts.get(Show.RECORDED) is None
    await work
    assert place.board.counts[Show.RECORDED] == 1


async def test_the_same_commit_again_gets_the_same_answer_and_books_once(place: Place, till: Till) -> None:
    request = committing(await quoted(till))
    before = await till.commit(request, "r1")
    assert await till.commit(request, "r1") == before
    assert place.kinds() == [EntryKind.RECEIPT]


async def test_the_same_commit_after_a_restart_gets_the_same_answer(place: Place, till: Till) -> None:
    request = committing(await quoted(till))
    before = await till.commit(request, "r1")
    after = await place.crash()
    again = make_till(after)
    await again.start()
    assert await again.commit(request, "r1") == before
    assert after.kinds() == [EntryKind.RECEIPT]
    await after.stop()


async def test_a_quote_survives_a_restart(place: Place, till: Till) -> None:
    request = committing(await quoted(till))
    after = await place.crash()
    again = make_till(after)
    await again.start()
    assert (await committed(again, request)).due_cents == 1000
    await after.stop()


async def test_another_commit_under_the_same_key_is_a_conflict(till: Till) -> None:
    quote = await quoted(till)
    await till.commit(committing(quote, "1"), "r1")
    error = await refusal(till.commit(committing(quote, "2"), "r1"))
    assert (type(error), error.code) == (Conflict, "key_reused")


async def test_a_quote_is_committed_once_whatever_the_key(place: Place, till: Till) -> None:
    """Whoever comes while the first one is being stored finds the quote used; who comes a moment later finds none."""
    request = committing(await quoted(till))
    results = await asyncio.gather(*(till.commit(request, f"r{n}") for n in range(3)), return_exceptions=True)
    assert sum(isinstance(result, bytes) for result in results) == 1
    refused = [result for result in results if isinstance(result, GatewayError)]
    assert len(refused) == 2
    assert {result.code for result in refused} <= {"quote_used", "no_such_quote"}
    assert place.kinds() == [EntryKind.RECEIPT]


async def test_a_quote_that_several_commits_have_read_is_committed_once(place: Place, till: Till) -> None:
    request = committing(await quoted(till))
    with SlowDisk(place):
        work = [asyncio.create_task(till.commit(request, f"r{n}")) for n in range(3)]
        done, _ = await asyncio.wait(work, timeout=0.1)
        assert not done, "all three have found the open quote"
    results = await asyncio.gather(*work, return_exceptions=True)
    assert [isinstance(result, bytes) for result in results] == [True, False, False]
    assert [result.code for result in results if isinstance(result, Conflict)] == ["quote_used"] * 2
    assert place.kinds() == [EntryKind.RECEIPT]


async def test_a_quote_that_was_committed_long_ago_is_not_found(till: Till) -> None:
    request = committing(await quoted(till))
    await till.commit(request, "r1")
    error = await refusal(till.commit(request, "r2"))
    assert (type(error), error.code) == (NotFound, "no_such_quote")


async def test_the_same_commit_while_it_is_worked_on_is_told_so(place: Place, till: Till) -> None:
    request = committing(await quoted(till))
    with SlowDisk(place):
        work = asyncio.create_task(till.commit(request, "r1"))
        await asyncio.wait([work], timeout=0.1)
        assert (await refusal(till.commit(request, "r1"))).code == "in_progress"
    told = await work
    assert await till.commit(request, "r1") == told


async def test_a_caller_that_hangs_up_does_not_stop_the_booking(place: Place, till: Till) -> None:
    request = committing(await quoted(till))
    with SlowDisk(place):
        work = asyncio.create_task(till.commit(request, "r1"))
        await asyncio.wait([work], timeout=0.1)
        work.cancel()
        await asyncio.wait([work])
        assert (await refusal(till.commit(request, "r1"))).code == "in_progress"
    await till.stop()
    assert place.kinds() == [EntryKind.RECEIPT]
    assert (await committed(till, request)).due_cents == 1000


async def test_a_late_commit_is_recorded_as_late(place: Place, till: Till) -> None:
    quote = await quoted(till)
    place.clock.advance(300.1)
    assert (await committed(till, committing(quote))).late
    assert place.bodies(EntryKind.RECEIPT)[0]["late"] is True


async def test_an_unknown_quote_is_not_found_and_books_nothing(place: Place, till: Till) -> None:
    error = await refusal(till.commit(CommitRequest("f" * 16, fiscal_number="1"), "r1"))
    assert isinstance(error, NotFound)
    assert place.kinds() == []


async def test_a_quote_of_another_till_is_not_found_here(place: Place, till: Till) -> None:
    other = Till(TillStation(id="till-2"), place.services)
    error = await refusal(other.commit(committing(await quoted(till)), "r1"))
    assert isinstance(error, NotFound)


@pytest.mark.parametrize(
    ("print_here", "number", "paid"),
    [
        (False, "", ()),
        (True, "1", ()),
        (False, "1", (Tendered(Means.CASH, 999),)),
        (False, "1", (Tendered(Means.CARD, 1001),)),
        (False, "1", (Tendered(Means.CARD, 1001), Tendered(Means.CASH, 50))),
    ],
)
async def test_a_commit_that_makes_no_sense_books_nothing(
    place: Place, till: Till, print_here: bool, number: str, paid: tuple[Tendered, ...]
) -> None:
    quote = await quoted(till)
    error = await refusal(till.commit(CommitRequest(quote.quote, number, print_here, paid), "r1"))
    assert (type(error), error.code) == (InputRefused, "bad_commit")
    assert place.kinds() == []
    assert (await committed(till, committing(quote))).due_cents == 1000


async def test_cash_may_be_more_than_what_is_due(till: Till) -> None:
    paid = (Tendered(Means.CARD, 400), Tendered(Means.CASH, 2000))
    request = CommitRequest((await quoted(till)).quote, "1", paid=paid)
    assert (await committed(till, request)).due_cents == 1000


async def test_a_disk_that_refuses_books_nothing_and_says_so(place: Place, till: Till) -> None:
    request = committing(await quoted(till))
    place.ledger._writer.stop()
    assert isinstance(await refusal(till.commit(request, "r1")), LedgerError)
    assert place.board.counts.get(Show.RECORDED) is None


# Old answers ----------------------------------------------------------------------------------------------


async def test_old_answers_and_quotes_are_dropped_so_that_the_card_does_not_fill(place: Place, till: Till) -> None:
    await quoted(till, "q1")
    await till.commit(committing(await quoted(till, "q2")), "r1")
    place.clock.advance(KEEP_MS / 1000 + DAY_S)
    await quoted(till, "q3")
    assert place.ledger.query("SELECT key FROM answer") == [("quote/till-1/q3",)]
    assert len(place.ledger.query("SELECT id FROM quote")) == 1
    assert place.kinds() == [EntryKind.RECEIPT]


async def test_nothing_is_dropped_by_the_word_of_a_guessed_clock(place: Place, till: Till) -> None:
    await quoted(till, "q1")
    place.clock.advance(KEEP_MS / 1000 + DAY_S)
    place.clock.quality = ClockQuality.GUESS
    await quoted(till, "q2")
    assert len(place.ledger.query("SELECT key FROM answer")) == 2


async def test_what_was_quoted_before_the_clock_was_set_is_not_old(place: Place, till: Till) -> None:
    now_ms = place.clock.wall_ms()
    place.clock.set_wall(7000)
    quote = await quoted(till, "q1")
    place.clock.set_wall(now_ms)
    place.clock.advance(DAY_S)
    await quoted(till, "q2")
    assert (await committed(till, committing(quote))).late
