"""What the printer's driver would refuse of a client's receipt is told by its path in what the client wrote."""

from __future__ import annotations

import msgspec
import pytest

from gateway.api.netfp.paths import as_written
from gateway.api.netfp.receipts import Refused
from gateway.model.errors import InputRefused
from tests.api.netfp.receipts import DEVICE, checked, item


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("items[0].text", "items[0].text"),
        ("items[1].vat", "items[2].taxGroup"),
        ("items[1].unit_cents", "items[2].unitPrice"),
        ("items[1]", "items[2]"),
        ("items[7].text", "items[7].text"),
        ("items", "items"),
        ("tenders[1].means", "payments"),
        ("cents", "amount"),
        ("sale_number", "uniqueSaleNumber"),
        ("reversal.number", "receiptNumber"),
        ("total_cents", "total_cents"),
    ],
)
def test_a_part_of_the_work_is_told_by_its_path_in_the_request(where: str, path: str) -> None:
    refused = InputRefused("why", "do", where=where, code="bad_text")
    told = as_written(refused, ("items[0].", "items[2]."))
    assert (told.where, told.what, told.advice, told.code) == (path, "why", "do", "bad_text")


def test_a_discount_that_becomes_part_of_lines_moves_no_path() -> None:
    device = msgspec.structs.replace(DEVICE, adjust_needs_vat=True)
    off = {"type": "discount-amount", "amount": 1, "taxGroup": 3}
    made = checked({"items": [item(), item(taxGroup=1), off, {"type": "comment", "text": "Bye"}]}, device)
    assert made.items == ("items[0].", "items[1].", "items[3].")
    assert len(made.work.items) == 3


@pytest.mark.parametrize("name", ["receiptNumber", "fiscalMemorySerialNumber"])
def test_a_number_that_no_device_has_is_refused(name: str) -> None:
    body = {"items": [item()], "receiptNumber": "1", "fiscalMemorySerialNumber": "02000600", name: "1" * 33}
    with pytest.raises(Refused) as refused:
        checked(body, reversal=True)
    assert (refused.value.code, refused.value.where) == ("E405", name)
