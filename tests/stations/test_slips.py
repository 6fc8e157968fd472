"""Slips at a till and a desk: what is left for the person, in their language, once per key. A sale stands without."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.types import DeskStation, TillStation
from gateway.model.decision import Balance, QuotaUnit
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import Conflict, DeadlineMissed, GatewayError, InputRefused, NotReady
from gateway.model.languages import LANGUAGES
from gateway.model.reading import BeaconReading
from gateway.model.shown import Show
from gateway.model.slip import SlipCode, SlipJob, SlipState, SlipText
from gateway.stations.desk import Desk
from gateway.stations.slip_texts import TEXTS, balance_slip
from gateway.stations.slip_words import SlipAnswer, SlipRequest
from gateway.stations.slips import NOT_PRINTED, PERSON_S
from gateway.stations.till import Till
from gateway.stations.till_words import CommitRequest, QuoteAnswer, QuoteRequest
from tests.rules.builders import percent, rule
from tests.stations.test_quotas import RIDES, Town, rides
from tests.support.place import BEACON, FREE, Card, Place

COUNTED = rule(
    "rides",
    who={"any_of_groups": [FREE]},
    what={"categories": ["fare.bus"]},
    give=percent(10_000),
    quota=[RIDES],
    message={"en": "Have a good ride", "lv": "Labu braucienu"},
)
BALANCE = SlipRequest("balance")
COUPON = SlipRequest("text", (SlipText("Kafija -20 %", bold=True), SlipCode("C-1")))
BALANCES = st.builds(
    Balance,
    st.just("r"),
    st.just("k"),
    st.just("p"),
    st.sampled_from(list(QuotaUnit)),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)
NOW = datetime(2026, 11, 27, 9, 5)  # noqa: DTZ001


class SlipPrinter:
    """The devices' `print_slip`, as a script: each call takes the next of `script`; nothing left is a confirmed slip.
    `on_disk`: how many receipts were when it was asked. `gate`: it waits for it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.script: list[GatewayError | bool] = []
        self.jobs: list[SlipJob] = []
        self.on_disk: list[int] = []
        self.asked = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def __call__(self, device: str, job: SlipJob, deadline_ms: int) -> bool:
        assert device == "slips-1"
        self.jobs.append(job)
        self.on_disk.append(self._place.on_disk(Stream.RECEIPT))
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        said = self.script.pop(0) if self.script else True
        if isinstance(said, GatewayError):
            raise said
        return said

    @property
    def texts(self) -> list[list[str]]:
        return [[part.text for part in job.parts if isinstance(part, SlipText)] for job in self.jobs]


class Counter:
    """A town whose rules count rides, with a till and a desk that share a printer of slips."""

    def __init__(self, folder: Path) -> None:
        self.town = Town(folder, COUNTED)
        self.place = self.town.place

    async def start(self) -> None:
        await self.town.start()
        self.printer = SlipPrinter(self.place)
        services = self.place.services
        till = TillStation(id="till-1", readers=("nfc-1",), printer="fp-1", slips="slips-1")
        self.till = Till(till, services, self.printer)
        desk = DeskStation(id="desk-1", readers=("nfc-1", "cam-1", "ble-1"), slips="slips-1")
        self.desk = Desk(desk, services, print_slip=self.printer)
        await self.till.start()

    async def quoted(self, key: str = "q1", quantity: int = 1000) -> QuoteAnswer:
        return msgspec.json.decode(await self.till.quote(QuoteRequest(rides(quantity)), key), type=QuoteAnswer)

    async def sold(self, key: str = "1", *, card: str = "anna", **more: Any) -> None:
        await self.till.on_reading(Card(card).tap(self.place))
        quote = await self.quoted(f"q{key}")
        how = more or {"fiscal_number": "0001"}
        await self.till.commit(CommitRequest(quote.quote, **how), f"r{key}")

    async def slip_of_sale(self) -> list[str]:
        await asyncio.wait_for(self.printer.asked.wait(), 10)
        return self.printer.texts[-1]

    def shown(self, station: str = "till-1") -> list[tuple[Show, str]]:
        return [(event.show, event.reason) for event in self.place.board.after(0, station)]


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    made = Counter(tmp_path)
    await made.start()
    yield made
    await made.till.stop()
    await made.town.stop()


def answer(encoded: bytes) -> SlipAnswer:
    return msgspec.json.decode(encoded, type=SlipAnswer)


# After a sale --------------------------------------------------------------------------------------------


async def test_after_a_sale_what_is_left_and_the_message_are_printed(counter: Counter) -> None:
    await counter.sold()
    title, message, left, _when = await counter.slip_of_sale()
    assert (title, message) == ("Jūsu atlikums", "Labu braucienu")
    assert left == "Atlicis vismaz 2 līdz 23.11.2026.", "of what is leased here"
    assert counter.printer.on_disk == [1]
    assert counter.shown()[-1] == (Show.RECORDED, "")


async def test_the_slip_names_nobody_and_nothing_that_entitles(counter: Counter) -> None:
    await counter.sold()
    await counter.slip_of_sale()
    said = msgspec.json.encode(counter.printer.jobs[0].parts).decode()
    who = counter.place.bodies(EntryKind.RECEIPT)[0]["identification"]
    for secret in (who["holder"], FREE, who["credential"]["digest"], "rides", "museum", *who["entitlements"]):
        assert secret not in said


async def test_a_stranger_gets_none_and_neither_does_who_has_nothing_counted(counter: Counter) -> None:
    quote = await counter.quoted()
    await counter.till.commit(CommitRequest(quote.quote, fiscal_number="1"), "r1")
    await counter.sold("2", card="berta")
    await counter.till.stop()
    assert counter.printer.jobs == []


async def test_a_till_that_names_no_printer_of_slips_prints_none(counter: Counter) -> None:
    section = TillStation(id="till-1", readers=("nfc-1",))
    counter.till = Till(section, counter.place.services, counter.printer)
    await counter.sold()
    await counter.till.stop()
    assert counter.printer.jobs == []
    with pytest.raises(NotReady) as refused:
        await counter.till.slip(COUPON, "k1")
    assert refused.value.code == "no_slip_printer"


async def test_the_answer_to_the_pos_does_not_wait_for_the_slip(counter: Counter) -> None:
    counter.printer.gate = asyncio.Event()
    await counter.sold()
    await asyncio.wait_for(counter.printer.asked.wait(), 10)
    assert counter.shown()[-1] == (Show.RECORDED, "")
    counter.printer.gate.set()


@pytest.mark.parametrize(
    "error", [NotReady("unplugged"), InputRefused("no paper", code="no_paper"), DeadlineMissed("broken off")]
)
async def test_a_sale_stands_without_its_slip_and_the_page_says_so(counter: Counter, error: GatewayError) -> None:
    counter.printer.script = [error]
    await counter.sold()
    await counter.till.stop()
    assert counter.shown()[-1] == (Show.RECORDED, NOT_PRINTED)
    assert counter.place.board.last("till-1").due_cents == 0  # type: ignore[union-attr]
    assert len(counter.place.bodies(EntryKind.RECEIPT)) == 1
    assert len(counter.printer.jobs) == 1, "never again by itself"


async def test_the_next_person_does_not_see_what_became_of_another_s_slip(counter: Counter) -> None:
    counter.printer.gate, counter.printer.script = asyncio.Event(), [NotReady("unplugged")]
    await counter.sold()
    await asyncio.wait_for(counter.printer.asked.wait(), 10)
    await counter.till.on_reading(Card("berta").tap(counter.place))
    counter.printer.gate.set()
    await counter.till.stop()
    assert counter.shown()[-1] == (Show.ACCEPTED, "")


async def test_a_receipt_of_the_gateways_own_printer_comes_first(counter: Counter) -> None:
    await counter.sold(print=True)
    await counter.slip_of_sale()
    assert len(counter.place.outputs.paper) == 1
    assert counter.printer.on_disk[0] > 1, "after the receipt's end is on disk"


async def test_after_a_receipt_that_was_not_printed_there_is_no_slip(counter: Counter) -> None:
    counter.place.outputs.print_script.append(InputRefused("no paper", code="no_paper"))
    await counter.sold(print=True)
    await counter.till.stop()
    assert counter.printer.jobs == []
    assert counter.shown()[-1][0] is Show.ATTENTION


async def test_on_a_fiscal_printer_in_doubt_no_slip_is_begun(counter: Counter) -> None:
    """How a receipt ended is read back from its counters, and a slip may count in them."""
    services = counter.place.services
    section = TillStation(id="till-1", readers=("nfc-1",), printer="slips-1", slips="slips-1")
    await counter.till.stop()
    counter.till = Till(section, services, counter.printer)
    await counter.till.start()
    counter.place.outputs.print_script.append("closing")
    await counter.sold(print=True)
    assert services.printers.doubts("slips-1")
    told = answer(await counter.till.slip(COUPON, "k1"))
    assert (told.state, told.reason) == (SlipState.NOT_PRINTED, "printer_in_doubt")
    assert counter.printer.jobs == []


# On demand -----------------------------------------------------------------------------------------------


async def test_a_desk_prints_what_is_left_for_whoever_was_presented(counter: Counter) -> None:
    await counter.desk.on_reading(Card("anna").tap(counter.place))
    assert answer(await counter.desk.slip(BALANCE, "k1")) == SlipAnswer(SlipState.PRINTED)
    assert "Atlicis vismaz 3 līdz 23.11.2026." in counter.printer.texts[0]


async def test_a_till_prints_it_for_whose_tap_waits(counter: Counter) -> None:
    with pytest.raises(NotReady) as refused:
        await counter.till.slip(BALANCE, "k1")
    assert refused.value.code == "nobody_there"
    await counter.till.on_reading(Card("anna").tap(counter.place))
    assert answer(await counter.till.slip(BALANCE, "k1")).state is SlipState.PRINTED


async def test_whoever_was_presented_before_has_gone(counter: Counter) -> None:
    await counter.desk.on_reading(Card("anna").tap(counter.place))
    await counter.desk.on_reading(Card("dora").tap(counter.place))
    with pytest.raises(NotReady) as refused:
        await counter.desk.slip(BALANCE, "k1")
    assert refused.value.code == "nobody_there"


async def test_whoever_was_presented_has_a_minute(counter: Counter) -> None:
    await counter.desk.on_reading(Card("anna").tap(counter.place))
    counter.place.clock.advance(PERSON_S + 0.1)
    with pytest.raises(NotReady):
        await counter.desk.slip(BALANCE, "k1")


async def test_who_stands_near_with_a_beacon_has_presented_nothing(counter: Counter) -> None:
    await counter.desk.on_reading(BeaconReading("ble-1", counter.place.clock.mono_ns(), BEACON, True, -60))
    assert counter.shown("desk-1")[-1][0] is Show.ACCEPTED
    with pytest.raises(NotReady):
        await counter.desk.slip(BALANCE, "k1")


async def test_who_has_nothing_counted_is_told_so(counter: Counter) -> None:
    await counter.desk.on_reading(Card("berta").tap(counter.place))
    await counter.desk.slip(BALANCE, "k1")
    assert "Šeit nav nekā, kam būtu atlikums." in counter.printer.texts[0]


async def test_a_coupon_of_the_pos_is_printed_as_it_is(counter: Counter) -> None:
    assert answer(await counter.till.slip(COUPON, "k1")).state is SlipState.PRINTED
    assert counter.printer.jobs[0].parts == COUPON.parts
    assert counter.place.on_disk(Stream.RECEIPT) == 0, "it books nothing"


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ((), "$.parts"),
        ((SlipText("a"), SlipText("b\x1bp")), "$.parts[1].text"),
        ((SlipText("a\x7f"),), "$.parts[0].text"),
        ((SlipText("a\x9b"),), "$.parts[0].text"),
        ((SlipCode("a\nb"),), "$.parts[0].data"),
        (tuple([SlipText("a" * 2000)] * 3), "$.parts"),
    ],
)
async def test_what_is_no_coupon_is_refused_with_its_path(
    counter: Counter, parts: tuple[SlipText | SlipCode, ...], path: str
) -> None:
    with pytest.raises(InputRefused) as refused:
        await counter.till.slip(SlipRequest("text", parts), "k1")
    assert refused.value.code == "bad_slip"
    assert f"at `{path}`" in str(refused.value)
    assert counter.printer.jobs == []
    assert answer(await counter.till.slip(COUPON, "k1")).state is SlipState.PRINTED, "the key is free"


async def test_a_balance_has_no_parts_of_the_callers(counter: Counter) -> None:
    with pytest.raises(InputRefused):
        await counter.till.slip(SlipRequest("balance", COUPON.parts), "k1")


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (True, SlipState.PRINTED),
        (False, SlipState.SENT),
        (InputRefused("no paper", code="no_paper"), SlipState.NOT_PRINTED),
        (NotReady("gone", code="unplugged"), SlipState.NOT_PRINTED),
        (DeadlineMissed("broken off", code="device_lost"), SlipState.UNKNOWN),
    ],
)
async def test_it_is_printed_once_per_key_and_always_answered_alike(
    counter: Counter, said: GatewayError | bool, state: SlipState
) -> None:
    counter.printer.script = [said]
    first = await counter.till.slip(COUPON, "k1")
    assert answer(first).state is state
    assert bool(answer(first).advice) == isinstance(said, GatewayError)
    assert await counter.till.slip(COUPON, "k1") == first
    assert len(counter.printer.jobs) == 1
    with pytest.raises(Conflict) as reused:
        await counter.till.slip(SlipRequest("text", (SlipText("other"),)), "k1")
    assert reused.value.code == "key_reused"


async def test_two_at_once_under_one_key_are_one(counter: Counter) -> None:
    counter.printer.gate = asyncio.Event()
    first = asyncio.create_task(counter.till.slip(COUPON, "k1"))
    await asyncio.wait_for(counter.printer.asked.wait(), 10)
    with pytest.raises(Conflict) as busy:
        await counter.till.slip(COUPON, "k1")
    assert busy.value.code == "in_progress"
    counter.printer.gate.set()
    assert answer(await first).state is SlipState.PRINTED


async def test_a_caller_that_hangs_up_changes_nothing(counter: Counter) -> None:
    counter.printer.gate = asyncio.Event()
    caller = asyncio.create_task(counter.till.slip(COUPON, "k1"))
    await asyncio.wait_for(counter.printer.asked.wait(), 10)
    caller.cancel()
    counter.printer.gate.set()
    await counter.till.stop()
    assert answer(await counter.till.slip(COUPON, "k1")).state is SlipState.PRINTED
    assert len(counter.printer.jobs) == 1


async def test_after_a_power_cut_in_the_middle_nothing_is_printed_again(counter: Counter) -> None:
    counter.printer.gate = asyncio.Event()
    asked = asyncio.create_task(counter.till.slip(COUPON, "k1"))
    await asyncio.wait_for(counter.printer.asked.wait(), 10)
    after = Till(TillStation(id="till-1", slips="slips-1"), counter.place.services, counter.printer)
    told = answer(await after.slip(COUPON, "k1"))
    assert told.state is SlipState.UNKNOWN
    assert told.advice
    assert len(counter.printer.jobs) == 1
    counter.printer.gate.set()
    await asked


async def test_a_printer_that_is_away_leaves_the_key_free(counter: Counter) -> None:
    counter.place.outputs.ready = False
    with pytest.raises(NotReady) as refused:
        await counter.till.slip(COUPON, "k1")
    assert refused.value.code == "printer_not_ready"
    counter.place.outputs.ready = True
    assert answer(await counter.till.slip(COUPON, "k1")).state is SlipState.PRINTED


async def test_what_a_slip_says_is_in_no_log(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    counter.printer.script = [NotReady("unplugged")]
    with caplog.at_level(logging.DEBUG):
        await counter.sold()
        await counter.till.stop()
    assert "a slip after a sale: not_printed" in caplog.text
    assert "Atlicis" not in caplog.text


# What stands on it ---------------------------------------------------------------------------------------


def texts(language: str, *balances: Balance, messages: tuple[str, ...] = ()) -> list[str]:
    return [part.text for part in balance_slip(language, balances, messages, NOW) if isinstance(part, SlipText)]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("lv", ["Jūsu atlikums", "Sveiki", "Atlicis 3 no 10 līdz 30.11.2026.", "27.11.2026. 09:05"]),
        ("lt", ["Jūsų likutis", "Sveiki", "Liko 3 iš 10 iki 2026-11-30", "2026-11-27 09:05"]),
        ("en", ["Your balance", "Sveiki", "3 of 10 left until 30/11/2026", "27/11/2026 09:05"]),
        ("ru", ["Ваш остаток", "Sveiki", "Осталось 3 из 10 до 30.11.2026", "27.11.2026 09:05"]),
    ],
)
def test_it_speaks_the_persons_language(language: str, said: list[str]) -> None:
    left = Balance("r", "k", "2026-11", QuotaUnit.UNITS, 3, 10, "2026-11-30")
    assert texts(language, left, messages=("Sveiki",)) == said


def test_money_is_said_as_money_and_what_has_no_limit_without_one() -> None:
    money = Balance("r", "k", "2026", QuotaUnit.CENTS, 1205, 5000)
    bought = Balance("r", "k", "ever", QuotaUnit.USES, 7, 0, "2027-01-31")
    assert texts("lv", money, bought)[1:3] == ["Atlicis 12,05 EUR no 50,00 EUR", "Atlicis 7 līdz 31.01.2027."]


def test_of_what_only_this_gateway_knows_the_least_is_said_and_no_limit() -> None:
    some, none = (Balance("r", "k", "2026-11", QuotaUnit.UNITS, left, 10, "2026-11-30", here=True) for left in (3, 0))
    assert texts("en", some, none)[1:-1] == ["At least 3 left until 30/11/2026"]
    assert texts("lv", none)[1:-1] == ["Cik daudz atlicis, šeit nav zināms."]


def test_all_languages_have_all_texts() -> None:
    assert set(TEXTS) == set(LANGUAGES)
    assert len({frozenset(words) for words in TEXTS.values()}) == 1


@given(st.text(max_size=5), st.lists(BALANCES, max_size=8))
def test_any_balances_in_any_language_make_a_slip(language: str, balances: list[Balance]) -> None:
    parts = balance_slip(language, balances, (), NOW)
    assert 3 <= len(parts) <= 10
    assert not any("{" in part.text for part in parts if isinstance(part, SlipText))
