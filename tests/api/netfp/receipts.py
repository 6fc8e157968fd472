"""Receipts as clients of the netfp interface write them, for its tests: made, checked, refused."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.api.netfp import tree
from gateway.api.netfp.receipts import Checked, Refused, check
from gateway.api.netfp.requests import read_receipt
from gateway.model.fiscal import Payment, PrinterDescription, ReceiptWork, Reversal, SaleLine

RIGA = ZoneInfo("Europe/Riga")
DEVICE = PrinterDescription(
    family="datecs-v1",
    manufacturer="Datecs",
    model="FP-2000",
    payments=(Payment.CASH, Payment.CARD, Payment.CHEQUE),
    adjusts=True,
    reversals=True,
)


def item(**fields: Any) -> dict[str, Any]:
    return {"text": "Catalogue", "unitPrice": 12.40, "taxGroup": 3, **fields}


def checked(
    text: str | dict[str, Any], device: PrinterDescription | None = DEVICE, *, reversal: bool = False
) -> Checked:
    body = text if isinstance(text, str) else json.dumps(text)
    return check(read_receipt(tree.parse(body.encode()), RIGA, reversal=reversal), "k", device)


def work(*items: dict[str, Any], **fields: Any) -> ReceiptWork:
    return checked({"items": list(items), **fields}).work


def line(*items: dict[str, Any]) -> SaleLine:
    """The first line of the work."""
    made = work(*items).items[0]
    assert isinstance(made, SaleLine)
    return made


def original(made: Checked) -> Reversal:
    assert made.work.reversal is not None
    return made.work.reversal


def priced(written: str) -> str:
    return '{"items": [{"text": "Water", "taxGroup": 2, "unitPrice": ' + written + "}]}"


def refusal(*items: dict[str, Any], device: PrinterDescription = DEVICE, **fields: Any) -> tuple[str, str]:
    """Code and path of why this receipt is not printed."""
    with pytest.raises(Refused) as caught:
        checked({"items": list(items), **fields}, device)
    assert caught.value.advice
    return caught.value.code, caught.value.where
