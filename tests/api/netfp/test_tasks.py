"""A task is done once, whatever happens, and told as often as it is asked."""

from __future__ import annotations

import asyncio

import pytest

from gateway.api.netfp.tasks import WAITING_MAX
from gateway.fiscal.printers import Printers
from gateway.fiscal.rows import FiscalBegun
from gateway.model.entry import EntryKind
from gateway.model.errors import DeadlineMissed, NotReady
from gateway.model.fiscal import ReportWork
from tests.api.netfp.conftest import CATALOGUE, PRINTER, RECEIPT, Shop, code
from tests.support.outputs import Silence
from tests.support.place import SlowDisk

WORK, STEP, OUTCOME = EntryKind.FISCAL_WORK, EntryKind.FISCAL_STEP, EntryKind.FISCAL_OUTCOME
OTHER = {"items": [{**CATALOGUE, "quantity": 2}]}


async def test_a_receipt_is_printed_and_its_number_told(shop: Shop) -> None:
    answer = await shop.post("receipt", RECEIPT)
    assert answer["ok"] is True
    assert (answer["receiptNumber"], answer["receiptAmount"]) == ("42", 12.40)
    assert len(shop.outputs.paper) == 1


async def test_the_city_sees_what_was_printed_without_a_decision(shop: Shop) -> None:
    await shop.post("receipt?taskId=lib7-000123", RECEIPT)
    assert shop.place.kinds() == [WORK, *[STEP] * 5, OUTCOME]
    (body,) = shop.place.bodies(WORK)
    assert (body["station"], body["printer"], body["task"], body["device"]) == (
        "netfp", PRINTER, "lib7-000123", "till-printer",
    )  # fmt: skip
    assert body["work"]["total_cents"] == 1240
    assert body["work"]["key"] == shop.place.bodies(OUTCOME)[0]["key"]


async def test_the_entry_is_on_disk_before_the_printer_moves(shop: Shop) -> None:
    seen: list[int] = []
    shop.outputs.on_print = lambda: seen.append(shop.place.on_disk())
    await shop.post("receipt", RECEIPT)
    assert seen == [5], "the work and four points, `closing` included"


async def test_the_same_id_and_document_get_the_stored_answer_and_print_nothing(shop: Shop) -> None:
    first = await shop.post("receipt?taskId=t1", RECEIPT)
    again = await shop.post("receipt?taskId=t1", '{"items" : [{"taxGroup":3,"text":"Catalogue", "unitPrice": 12.4}]}')
    assert len(shop.outputs.jobs) == 1
    assert [message.get("code") for message in again["messages"]][-1] == "I901"
    assert {**again, "messages": []} == {**first, "messages": []}


async def test_the_same_id_for_another_document_is_refused(shop: Shop) -> None:
    first = await shop.post("receipt?taskId=t1", RECEIPT)
    for action, body in (("receipt", OTHER), ("deposit", {"amount": 5}), ("xreport", None)):
        answer = await shop.post(f"{action}?taskId=t1", body)
        assert (answer["ok"], code(answer)) == (False, "E109")
    assert len(shop.outputs.jobs) == 1
    assert await shop.finished("t1") == first


@pytest.mark.parametrize("task", ["x" * 61, "a\x01b", "tab\there", "\x7f"])
async def test_an_id_that_cannot_be_used(shop: Shop, task: str) -> None:
    answer = await shop.post("receipt", RECEIPT, params={"taskId": task})
    assert (answer["ok"], code(answer)) == (False, "E110")
    assert not shop.outputs.jobs


@pytest.mark.parametrize("task", ["x" * 60, "QHC_H_7u8EaAjTB7WPEP3g==", "бон 17", "/"])
async def test_an_id_that_can(shop: Shop, task: str) -> None:
    assert (await shop.post("receipt", RECEIPT, params={"taskId": task}))["ok"] is True
    info = await shop.get("/printers/taskinfo", params={"id": task})
    assert (info["taskStatus"], info["result"]["receiptNumber"]) == ("finished", "42")


async def test_with_async_timeout_0_the_id_comes_at_once_and_the_result_is_asked_for(shop: Shop) -> None:
    assert await shop.post("receipt?taskId=lib7-000123&asyncTimeout=0", RECEIPT) == {"taskId": "lib7-000123"}
    assert (await shop.finished("lib7-000123"))["receiptNumber"] == "42"
    made = await shop.post("receipt?asyncTimeout=0", RECEIPT)
    assert len(made["taskId"]) == 32
    assert (await shop.finished(made["taskId"]))["ok"] is True


async def test_a_task_that_waits_is_enqueued_then_running_then_finished(shop: Shop) -> None:
    slow = Silence(after="opened")
    shop.outputs.print_script.append(slow)
    await shop.post("receipt?taskId=first&asyncTimeout=0", RECEIPT)
    await slow.asked.wait()
    await shop.post("receipt?taskId=second&asyncTimeout=0", RECEIPT)
    assert await shop.get("/printers/taskinfo?id=first") == {"taskStatus": "running"}
    assert await shop.get("/printers/taskinfo?id=second") == {"taskStatus": "enqueued"}
    assert await shop.get("/printers/taskinfo?id=third") == {"taskStatus": "unknown"}


async def test_a_caller_who_waits_long_enough_is_told_to_ask_later(shop: Shop) -> None:
    shop.outputs.print_script.append(Silence(after="opened"))
    assert await shop.post("receipt?taskId=slow&asyncTimeout=50", RECEIPT) == {"taskId": "slow"}


async def test_a_slow_printer_delays_nobody_else(shop: Shop) -> None:
    await shop.close()
    await shop.open(printers={PRINTER: "till-printer", "dt900002": "bar-printer"})
    slow = Silence(after="opened")
    shop.outputs.print_script.append(slow)
    await shop.post("receipt?asyncTimeout=0", RECEIPT)
    await slow.asked.wait()
    answer = await shop.ask("POST", "/printers/dt900002/receipt", RECEIPT)
    assert answer["ok"] is True


async def test_two_at_once_under_one_id_print_once(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.post("receipt?taskId=t1", RECEIPT) for _ in range(4)))
    assert {answer["receiptNumber"] for answer in answers} == {"42"}
    assert len(shop.outputs.jobs) == 1


async def test_a_timeout_guards_the_wait_for_the_turn(shop: Shop) -> None:
    shop.outputs.held = asyncio.Event()
    await shop.post("receipt?taskId=first&asyncTimeout=0", RECEIPT)
    await shop.outputs.took.wait()
    await shop.post("receipt?taskId=second&asyncTimeout=0&timeout=1", RECEIPT)
    for _ in range(3):
        assert await shop.get("/printers/taskinfo?id=second") == {"taskStatus": "enqueued"}
    shop.outputs.held.set()
    assert (await shop.finished("first"))["ok"] is True
    late = await shop.finished("second")
    assert (late["ok"], code(late)) == (False, "E999")
    assert len(shop.outputs.jobs) == 1


async def test_whether_it_is_still_wanted_is_asked_once_before_anything_is_sent(shop: Shop) -> None:
    asked: list[int] = []
    work = ReportWork("k1")
    begun = FiscalBegun(work, "till-printer", "netfp")
    await shop.place.ledger.commit([], [begun])

    def wanted() -> bool:
        asked.append(len(shop.outputs.jobs))
        return True

    await shop.printers.run(begun, wanted)
    assert asked == [0]
    assert len(shop.outputs.jobs) == 1


async def test_what_is_not_known_has_a_code_of_its_own_and_says_what_to_look_at(shop: Shop) -> None:
    shop.outputs.print_script.append("closing")
    await shop.post("receipt?taskId=t1&asyncTimeout=0", RECEIPT)
    answer = await shop.finished("t1")
    assert (answer["ok"], code(answer)) == (False, "E901")
    assert "Do not sell it again yet" in answer["messages"][0]["text"]
    assert "smartplace till settle" in answer["messages"][0]["text"]
    assert "receiptNumber" not in answer
    next_one = await shop.post("receipt?taskId=t2", OTHER)
    assert (next_one["ok"], code(next_one)) == (False, "E902")
    assert len(shop.outputs.jobs) == 1


async def test_what_was_not_known_is_told_when_it_is(shop: Shop) -> None:
    shop.outputs.print_script.append("closing")
    await shop.post("receipt?taskId=t1&asyncTimeout=0", RECEIPT)
    assert code(await shop.finished("t1")) == "E901"
    said = await shop.post("reset")
    assert said["ok"] is True
    assert "was printed: number 42" in said["messages"][0]["text"]
    answer = await shop.post("receipt?taskId=t1", RECEIPT)
    assert (answer["ok"], answer["receiptNumber"]) == (True, "42")
    assert len(shop.outputs.jobs) == 1


async def test_a_caller_who_still_waits_is_told_when_it_was_read_back(shop: Shop) -> None:
    shop.outputs.print_script.append("closing")
    waiting = asyncio.create_task(shop.post("receipt?taskId=t1", RECEIPT))
    while (await shop.get("/printers/taskinfo?id=t1"))["taskStatus"] != "finished":
        assert not waiting.done()
    await shop.printers.settle("till-printer")
    answer = await waiting
    assert (answer["ok"], answer["receiptNumber"]) == (True, "42")
    assert len(shop.outputs.jobs) == 1


@pytest.mark.parametrize(("number", "code_now"), [("0000042", ""), (None, "E904")])
async def test_a_persons_word_about_the_paper_is_the_answer_from_then_on(
    shop: Shop, number: str | None, code_now: str
) -> None:
    shop.outputs.print_script.append("closing")
    await shop.post("receipt?taskId=t1&asyncTimeout=0", RECEIPT)
    await shop.finished("t1")
    await shop.printers.settle_by_hand(shop.outputs.jobs[0].key, number, "Anna")
    answer = await shop.post("receipt?taskId=t1", RECEIPT)
    assert (answer["ok"], code(answer)) == (number is not None, code_now)
    assert answer.get("receiptNumber") == number
    assert (await shop.post("receipt?taskId=t2", RECEIPT))["ok"] is True


@pytest.mark.parametrize(("number", "code_now"), [("0000042", ""), (None, "E904")])
async def test_what_was_settled_while_the_face_was_switched_off_is_told_when_it_is_back(
    shop: Shop, number: str | None, code_now: str
) -> None:
    shop.outputs.print_script.append("closing")
    await shop.post("receipt?taskId=t1&asyncTimeout=0", RECEIPT)
    await shop.finished("t1")
    place = await shop.place.crash()
    off = Printers(place.ledger, shop.outputs, place.clock)
    await off.start()
    await off.settle_by_hand(shop.outputs.jobs[0].key, number, "Anna")
    await shop.close()
    after = Shop(place, shop.outputs)
    await after.open()
    try:
        answer = await after.finished("t1")
        assert (answer["ok"], code(answer)) == (number is not None, code_now)
        assert answer.get("receiptNumber") == number
        assert (await after.post("receipt?taskId=t1", RECEIPT)).get("receiptNumber") == number
        assert len(shop.outputs.jobs) == 1
    finally:
        await after.close()
        await after.place.stop()


async def test_a_reset_waits_for_what_is_under_way(shop: Shop) -> None:
    shop.outputs.held = asyncio.Event()
    shop.outputs.print_script.append("closing")
    await shop.post("receipt?taskId=t1&asyncTimeout=0", RECEIPT)
    await shop.outputs.took.wait()
    freed = asyncio.create_task(shop.post("reset"))
    assert await shop.get("/printers/taskinfo?id=t1") == {"taskStatus": "enqueued"}
    shop.outputs.held.set()
    assert "was printed: number 42" in (await freed)["messages"][0]["text"]


async def test_a_restart_forgets_no_id(shop: Shop) -> None:
    first = await shop.post("receipt?taskId=t1", RECEIPT)
    refused = await shop.post("receipt?taskId=t2", {"items": []})
    after = await shop.crash()
    try:
        again = await after.post("receipt?taskId=t1", RECEIPT)
        assert {**again, "messages": []} == {**first, "messages": []}
        assert await after.finished("t1") == first
        assert await after.finished("t2") == refused
        assert code(await after.post("receipt?taskId=t1", OTHER)) == "E109"
        assert len(after.outputs.jobs) == 1
    finally:
        await after.close()
        await after.place.stop()


async def test_a_crash_in_the_middle_is_told_as_what_it_is(shop: Shop) -> None:
    slow = Silence(after="paying")
    shop.outputs.print_script.append(slow)
    await shop.post("receipt?taskId=begun&asyncTimeout=0", RECEIPT)
    await slow.asked.wait()
    await shop.post("receipt?taskId=waits&asyncTimeout=0", RECEIPT)
    after = await shop.crash()
    try:
        assert code(await after.finished("begun")) == "E901"
        assert code(await after.finished("waits")) == "E905"
        assert code(await after.post("receipt?taskId=begun&asyncTimeout=50", RECEIPT)) == "E901"
        assert code(await after.post("receipt?taskId=new", RECEIPT)) == "E902"
        assert len(after.outputs.jobs) == 1, "nothing prints by itself"
    finally:
        await after.close()
        await after.place.stop()


async def test_a_printer_that_is_away_is_told_and_nothing_recorded(shop: Shop) -> None:
    shop.outputs.ready = False
    answer = await shop.post("receipt?taskId=t1", RECEIPT)
    assert (answer["ok"], code(answer)) == (False, "E101")
    assert await shop.finished("t1") == answer
    assert shop.place.kinds() == []


async def test_what_the_device_refuses_is_told_with_the_code_of_the_reason(shop: Shop) -> None:
    shop.outputs.print_script.append(NotReady("out of paper", "Change the roll", code="printer_not_ready"))
    answer = await shop.post("receipt", RECEIPT)
    assert (answer["ok"], code(answer)) == (False, "E101")
    assert "nothing was printed" in answer["messages"][0]["text"]


async def test_what_is_refused_prints_nothing_and_its_id_says_so(shop: Shop) -> None:
    bad = {"items": [{**CATALOGUE, "unitPrice": 0.005}]}
    assert await shop.post("receipt?taskId=bad&asyncTimeout=0", bad) == {"taskId": "bad"}
    result = await shop.finished("bad")
    assert (result["ok"], code(result)) == (False, "E403")
    assert result["messages"][0]["text"].startswith("items[0].unitPrice: 0.005")
    assert not shop.outputs.jobs
    assert shop.place.kinds() == []


async def test_nothing_prints_while_the_record_cannot_be_written(shop: Shop) -> None:
    with SlowDisk(shop.place):
        assert await shop.post("receipt?taskId=t1&asyncTimeout=20", RECEIPT) == {"taskId": "t1"}
        assert not shop.outputs.jobs
    assert (await shop.finished("t1"))["ok"] is True


async def test_a_device_that_never_answered_has_printed_nothing(shop: Shop) -> None:
    shop.outputs.print_script.append(DeadlineMissed("no answer", "Look"))
    answer = await shop.post("receipt", RECEIPT)
    assert (answer["ok"], code(answer)) == (False, "E101")
    assert "nothing was printed" in answer["messages"][0]["text"]


async def test_a_client_that_has_gone_wild_is_told_to_wait(shop: Shop) -> None:
    shop.outputs.held = asyncio.Event()
    await asyncio.gather(*(shop.post("deposit?asyncTimeout=0", {"amount": 1}) for _ in range(WAITING_MAX)))
    assert code(await shop.post("receipt", RECEIPT)) == "E108"
    shop.outputs.held.set()


async def test_answers_are_kept_for_14_days_without_a_till(shop: Shop) -> None:
    await shop.post("receipt?taskId=old", RECEIPT)
    shop.place.clock.advance(13 * 24 * 3600)
    await shop.post("receipt?taskId=newer", RECEIPT)
    assert (await shop.get("/printers/taskinfo?id=old"))["taskStatus"] == "finished"
    shop.place.clock.advance(2 * 24 * 3600)
    await shop.post("receipt?taskId=newest", RECEIPT)
    assert await shop.get("/printers/taskinfo?id=old") == {"taskStatus": "unknown"}
    assert (await shop.get("/printers/taskinfo?id=newer"))["taskStatus"] == "finished"
