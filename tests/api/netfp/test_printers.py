"""Which printers there are, and how they are."""

from __future__ import annotations

import msgspec
import pytest

from tests.api.netfp.conftest import PRINTER, RECEIPT, Shop, code
from tests.api.netfp.described import DESCRIBED, Describes

# Which there are -----------------------------------------------------------------------------------------


async def test_the_list_has_every_printer_by_its_id(shop: Shop) -> None:
    Describes(shop, till_printer=DESCRIBED)
    listed = await shop.get("/printers")
    assert list(listed) == [PRINTER]
    assert listed[PRINTER] == {
        "uri": "datecs-v1-a.smartplace://till-printer",
        "serialNumber": "DT900001",
        "fiscalMemorySerialNumber": "02900001",
        "manufacturer": "Datecs",
        "model": "FP-2000",
        "firmwareVersion": "1.00BG",
        "itemTextMaxLength": 36,
        "commentTextMaxLength": 42,
        "operatorPasswordMaxLength": 0,
        "taxIdentificationNumber": "000000000",
        "supportedPaymentTypes": ["cash", "check", "card"],
        "supportsSubTotalAmountModifiers": True,
        "subTotalAmountModifiersRequireTaxGroup": False,
        "supportsInvoice": False,
        "supportsCreditNote": False,
        "invoiceNumberAssignment": "device-assigned",
        "creditNoteNumberAssignment": "device-assigned",
        "supportPaymentTerminal": False,
        "usePaymentTerminal": False,
    }
    assert await shop.get(f"/printers/{PRINTER}") == listed[PRINTER]


async def test_without_names_a_printer_is_known_by_its_serial_number(shop: Shop) -> None:
    await shop.close()
    await shop.open(printers={})
    assert await shop.get("/printers") == {}
    Describes(shop, till_printer=DESCRIBED, bar_printer=DESCRIBED)
    assert list(await shop.get("/printers")) == ["dt900001", "dt900001_1"]
    assert (await shop.get("/printers/dt900001_1"))["uri"].endswith("bar-printer")


@pytest.mark.parametrize(
    "path", ["/printers/zz1", "/printers/zz1/status", "/printers/dt900001/zeroing", "/", "/printer", "/printers/a/b/c"]
)
async def test_what_is_not_there_is_404_in_the_same_shape(shop: Shop, path: str) -> None:
    answer = await shop.get(path, status=404)
    assert (answer["ok"], code(answer)) == (False, "E402")


async def test_addresses_in_any_case_and_with_a_slash_at_the_end(shop: Shop) -> None:
    assert (await shop.ask("POST", "/Printers/DT900001/Receipt/", RECEIPT))["ok"] is True
    assert PRINTER in await shop.get("/printers/")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/printers"), ("GET", "/printers/dt900001/receipt"), ("PUT", "/printers"), ("DELETE", "/")],
)
async def test_another_method_is_405(shop: Shop, method: str, path: str) -> None:
    assert code(await shop.ask(method, path, status=405)) == "E402"


# How they are --------------------------------------------------------------------------------------------


async def test_a_status_has_the_devices_time_and_true_booleans(shop: Shop) -> None:
    answer = await shop.get(f"/printers/{PRINTER}/status")
    assert answer["ok"] is True
    assert answer["deviceDateTime"] == "2026-11-23T11:00:20"
    assert {"type": "info", "text": "last document: 41"} in answer["messages"]


async def test_what_is_wrong_has_its_code(shop: Shop) -> None:
    shop.outputs.status = msgspec.structs.replace(
        shop.outputs.status, paper=False, open_receipt=True, problems=("paper_out", "paper_low", "something_new")
    )
    answer = await shop.get(f"/printers/{PRINTER}/status")
    assert answer["ok"] is False
    assert [(m["type"], m.get("code"), m["text"]) for m in answer["messages"]][:4] == [
        ("error", "E301", "out of paper"),
        ("warning", "W301", "little paper is left"),
        ("info", None, "something new"),
        ("info", None, "a fiscal receipt is open on the device"),
    ]


async def test_a_clock_that_drifts_is_told(shop: Shop) -> None:
    shop.outputs.status = msgspec.structs.replace(shop.outputs.status, device_time="2026-11-23T11:47:00")
    answer = await shop.get(f"/printers/{PRINTER}/status")
    assert answer["ok"] is True
    assert [m["text"] for m in answer["messages"] if m.get("code") == "W901"] == [
        "the device's clock is 47 min fast: set it when no receipt is open"
    ]


async def test_a_z_report_that_is_due_is_told_before_the_device_sells_nothing(shop: Shop) -> None:
    await shop.printers.look()
    await shop.post("receipt", RECEIPT)
    shop.place.clock.advance(23 * 3600)
    answer = await shop.get(f"/printers/{PRINTER}/status")
    assert answer["ok"] is True
    assert "W502" in [message.get("code") for message in answer["messages"]]
    shop.place.clock.advance(2 * 3600)
    assert code(await shop.post("receipt", RECEIPT)) == "E502"
    assert (await shop.post("zreport"))["ok"] is True
    assert (await shop.post("receipt", RECEIPT))["ok"] is True


async def test_what_is_in_the_drawer(shop: Shop) -> None:
    answer = await shop.get(f"/printers/{PRINTER}/cash?taskId=c1")
    assert (answer["ok"], answer["amount"]) == (True, 50.00)
    assert await shop.finished("c1") == answer
    shop.outputs.status = msgspec.structs.replace(shop.outputs.status, cash_cents=None)
    assert code(await shop.get(f"/printers/{PRINTER}/cash")) == "E412"
