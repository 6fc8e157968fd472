"""What a client orders of a printer beside sales: cash, reports, the clock, copies, raw commands, a reset."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest

from gateway.fiscal.rows import FiscalBegun
from gateway.model.errors import DeadlineMissed, NotReady
from gateway.model.fiscal import CashWork, Payment, PrintOutcome, PrintResult, ReceiptWork, ReportWork, SaleLine, Tender
from tests.api.netfp.conftest import PRINTER, RECEIPT, Shop, code

# Cash and reports ----------------------------------------------------------------------------------------


async def test_cash_goes_in_and_out_as_works_with_their_entries(shop: Shop) -> None:
    assert (await shop.post("deposit?taskId=d1", {"amount": 50.00}))["ok"] is True
    assert (await shop.post("withdraw", {"amount": 12.34, "operator": "1"}))["ok"] is True
    await shop.post("deposit?taskId=d1", {"amount": 50.00})
    assert [(type(work), getattr(work, "cents", 0)) for work in shop.outputs.jobs] == [
        (CashWork, 5000),
        (CashWork, -1234),
    ]
    assert code(await shop.post("deposit", {"amount": 0})) == "E403"


async def test_reports_are_works_and_a_repeated_z_prints_once(shop: Shop) -> None:
    for _ in range(3):
        assert (await shop.post("zreport?taskId=z-2026-11-27"))["ok"] is True
    assert (await shop.post("xreport", "{}"))["ok"] is True
    assert [work.z for work in shop.outputs.jobs if isinstance(work, ReportWork)] == [True, False]


async def test_a_reversal_names_its_original(shop: Shop) -> None:
    original = {"receiptNumber": "41", "receiptDateTime": "2023-11-15T00:00:00", "fiscalMemorySerialNumber": "02900001"}
    answer = await shop.post(
        "reversalreceipt", {**original, **RECEIPT, "reason": "refund", "payments": [{"amount": 12.4}]}
    )
    assert answer["ok"] is True
    assert [m["code"] for m in answer["messages"] if m["type"] == "warning"] == ["W302"]
    assert code(await shop.post("reversalreceipt", RECEIPT)) == "E405"


@pytest.mark.parametrize(
    ("owner", "memory", "prints"), [("till-1", "", 0), ("netfp", "", 1), ("till-1", "01234567", 1)]
)
async def test_what_a_till_has_sold_comes_back_at_that_till(shop: Shop, owner: str, memory: str, prints: int) -> None:
    sold = ReceiptWork("k1", (SaleLine("Tea", "A", 100),), (Tender(Payment.CASH, 100),), 100)
    begun = FiscalBegun(sold, "till-printer", owner)
    await shop.place.ledger.commit([], [begun])
    shop.outputs.print_script.append(PrintOutcome("", PrintResult.PRINTED, "0000042", fiscal_memory=memory))
    await shop.printers.run(begun)
    shop.outputs.jobs.clear()
    original = {"receiptNumber": "42", "receiptDateTime": "2023-11-15T00:00:00", "fiscalMemorySerialNumber": "02900001"}
    answer = await shop.post("reversalreceipt", {**original, **RECEIPT, "reason": "refund"})
    assert len(shop.outputs.jobs) == prints
    assert answer["ok"] is bool(prints)
    if not prints:
        assert code(answer) == "E405"
        assert owner in answer["messages"][0]["text"]


@pytest.mark.parametrize("document", ["invoice", "creditnote"])
async def test_invoices_are_not_done_here(shop: Shop, document: str) -> None:
    answer = await shop.post(document, {**RECEIPT, "recipient": {"name": "AD"}})
    assert (answer["ok"], code(answer)) == (False, "E413")
    assert not shop.outputs.jobs


async def test_a_body_that_is_no_json_is_400_and_nothing_happens(shop: Shop) -> None:
    for body in ("", "{", "[]", '{"items": {}}'):
        answer = await shop.post("receipt?taskId=t1", body, status=400)
        assert (answer["ok"], code(answer)) == (False, "E401")
    assert await shop.get("/printers/taskinfo?id=t1") == {"taskStatus": "unknown"}
    assert code(await shop.post("receipt?asyncTimeout=soon", RECEIPT, status=400)) == "E401"
    assert not shop.outputs.jobs


async def test_credentials_and_departments_are_passed_over_and_told(shop: Shop) -> None:
    sold = {**RECEIPT["items"][0], "department": 2}
    answer = await shop.post("receipt", {"items": [sold], "operator": "1", "operatorPassword": "1"})
    assert answer["ok"] is True
    text = "passed over: operator, operatorPassword, items[0].department"
    assert {"type": "info", "text": text} in answer["messages"]


# Clock, copies, raw commands -----------------------------------------------------------------------------


async def test_the_clock_is_set_to_what_is_said_or_to_ours(shop: Shop) -> None:
    assert (await shop.post("datetime", {"deviceDateTime": "2026-05-31T18:06:00Z"}))["ok"] is True
    assert shop.outputs.device_time == "2026-05-31T21:06:00"
    assert (await shop.post("datetime", "{}"))["ok"] is True
    assert shop.outputs.device_time == "2026-11-23T11:00:00"


async def test_what_may_have_been_done_is_told_as_such(shop: Shop) -> None:
    shop.outputs.silent = True
    assert code(await shop.post("datetime", {"deviceDateTime": "2026-05-31T18:06:00"})) == "E901"


async def test_copies_and_raw_commands_are_off_unless_configured(shop: Shop) -> None:
    for action, body in (("duplicate", None), ("rawrequest", {"rawRequest": "VT"})):
        answer = await shop.post(action, body)
        assert (answer["ok"], code(answer)) == (False, "E404")
        assert "in [netfp]" in answer["messages"][0]["text"]
    assert (shop.outputs.copies, shop.outputs.raws) == (0, [])


async def test_copies_and_raw_commands_where_they_are_on(shop: Shop) -> None:
    await shop.close()
    await shop.open(duplicate=True, raw=True)
    for _ in range(2):
        assert (await shop.post("duplicate?taskId=copy"))["ok"] is True
    assert shop.outputs.copies == 1
    answer = await shop.post("rawrequest", {"rawRequest": "VT"})
    assert (answer["ok"], answer["rawResponse"]) == (True, "25-06-2019 11:15:26")
    assert shop.outputs.raws == [(0x56, b"T")]
    sells = await shop.post("rawrequest", {"rawRequest": "1Tea"})
    assert (sells["ok"], code(sells)) == (False, "E404")
    assert code(await shop.post("rawrequest", {"rawRequest": "V€"})) == "E401"


async def test_a_device_in_doubt_is_left_alone(shop: Shop) -> None:
    await shop.close()
    await shop.open(duplicate=True, raw=True)
    shop.outputs.print_script.append("closing")
    await shop.post("receipt?taskId=t1&asyncTimeout=0", RECEIPT)
    assert code(await shop.finished("t1")) == "E901"
    for action, body in (("duplicate", None), ("rawrequest", {"rawRequest": "VT"}), ("datetime", "{}")):
        answer = await shop.post(action, body)
        assert (answer["ok"], code(answer)) == (False, "E902")
    assert (shop.outputs.copies, shop.outputs.raws, shop.outputs.device_time) == (0, [], "")


@pytest.mark.parametrize("said", ["27.11.2026 10:02", "2026-13-01T00:00:00", "2026-11-23T11:00:20+02:00", "T"])
async def test_a_clock_that_cannot_be_read_is_told(shop: Shop, said: str) -> None:
    shop.outputs.status = msgspec.structs.replace(shop.outputs.status, device_time=said)
    answer = await shop.get(f"/printers/{PRINTER}/status")
    assert "W901" in [message.get("code") for message in answer["messages"]]


@pytest.mark.parametrize(
    ("now", "said", "fast"),
    [
        ("2026-10-25T01:00:30+00:00", "2026-10-25T03:59:50", []),
        ("2026-10-25T00:59:50+00:00", "2026-10-25T03:00:20", []),
        ("2026-10-25T02:30:00+00:00", "2026-10-25T05:30:00", ["60 min fast"]),
        ("2026-03-29T01:00:30+00:00", "2026-03-29T02:59:50", []),
        ("2026-03-29T02:30:00+00:00", "2026-03-29T04:30:00", ["60 min slow"]),
    ],
)
async def test_a_device_that_changes_to_winter_or_summer_time_a_bit_later_does_not_drift(
    shop: Shop, now: str, said: str, fast: list[str]
) -> None:
    shop.place.clock.set_wall(round(datetime.fromisoformat(now).timestamp() * 1000))
    shop.outputs.status = msgspec.structs.replace(shop.outputs.status, device_time=said)
    answer = await shop.get(f"/printers/{PRINTER}/status")
    told = [m["text"] for m in answer["messages"] if m.get("code") == "W901"]
    assert told == [f"the device's clock is {words}: set it when no receipt is open" for words in fast]


# Being freed ---------------------------------------------------------------------------------------------


async def test_a_reset_with_nothing_to_do_says_so(shop: Shop) -> None:
    answer = await shop.post("reset")
    assert answer["ok"] is True
    assert "there was nothing to do" in answer["messages"][0]["text"]


async def test_a_reset_never_completes_what_this_gateway_did_not_begin(shop: Shop) -> None:
    shop.outputs.status = msgspec.structs.replace(shop.outputs.status, open_receipt=True)
    answer = await shop.post("reset")
    assert (answer["ok"], code(answer)) == (False, "E404")
    assert not shop.outputs.jobs
    assert not shop.outputs.settled


async def test_a_reset_brings_what_was_begun_here_to_its_end_and_says_which(shop: Shop) -> None:
    shop.outputs.print_script.append("opened")
    await shop.post("receipt?taskId=t1&asyncTimeout=0", RECEIPT)
    answer = await shop.post("reset")
    assert answer["ok"] is True
    assert "nothing was sold" in answer["messages"][0]["text"]
    assert code(await shop.finished("t1")) == "E904"
    assert (await shop.post("receipt", RECEIPT))["ok"] is True


async def test_a_reset_that_finds_nothing_out_says_what_to_look_at(shop: Shop) -> None:
    shop.outputs.print_script.append("closing")
    await shop.post("receipt?taskId=t1&asyncTimeout=0", RECEIPT)
    shop.outputs.settle_script.append(PrintOutcome("", PrintResult.UNKNOWN))
    answer = await shop.post("reset")
    assert (answer["ok"], code(answer)) == (False, "E901")
    assert "Look at the printer's paper" in answer["messages"][0]["text"]


async def test_a_device_that_is_away_is_told(shop: Shop) -> None:
    for fault in (NotReady("unplugged", "Plug it in"), DeadlineMissed("no answer", "Look")):

        async def away(device: str, deadline_ms: int = 3000, fault: Exception = fault) -> object:
            raise fault

        shop.outputs.printer_status = away  # type: ignore[assignment,method-assign]
        answer = await shop.get(f"/printers/{PRINTER}/status")
        assert (answer["ok"], code(answer)) == (False, "E101")
