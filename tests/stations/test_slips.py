"""Slips on demand: of a desk, of a till, of a POS; printed once per key."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.config.types import TillStation
from gateway.model.entry import Stream
from gateway.model.errors import Conflict, DeadlineMissed, GatewayError, InputRefused, NotReady
from gateway.model.reading import BeaconReading
from gateway.model.shown import Show
from gateway.model.slip import SlipCode, SlipState, SlipText
from gateway.stations.slip_words import SlipAnswer, SlipRequest
from gateway.stations.slips import PERSON_S
from gateway.stations.till import Till
from tests.stations.slip_counter import BALANCE, COUPON, Counter, answer
from tests.support.place import BEACON, Card


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
