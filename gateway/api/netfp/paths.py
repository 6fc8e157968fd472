"""Where in a request the part of a work stands that a device's driver refuses. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.fiscal.checking import item_of
from gateway.model.errors import InputRefused

_FIELDS: Mapping[str, str] = {
    "text": "text",
    "vat": "taxGroup",
    "unit_cents": "unitPrice",
    "quantity": "quantity",
    "discount_cents": "priceModifierValue",
    "surcharge_cents": "priceModifierValue",
    "cents": "amount",
}
_OTHERS: Mapping[str, str] = {
    "cents": "amount",
    "sale_number": "uniqueSaleNumber",
    "reversal.number": "receiptNumber",
    "reversal.device_time": "receiptDateTime",
    "reversal.fiscal_memory": "fiscalMemorySerialNumber",
}


def as_written(refused: InputRefused, items: Sequence[str]) -> InputRefused:
    """The same with the request's own path. `items`: where each item of the work stands, such as `items[3].`"""
    return InputRefused(refused.what, refused.advice, where=_path(refused, items), code=refused.code)


def _path(refused: InputRefused, items: Sequence[str]) -> str:
    where = refused.where
    if (item := item_of(refused)) is not None and item[0] < len(items):
        return f"{items[item[0]]}{_FIELDS.get(item[1], '')}".removesuffix(".")
    if where.startswith("tenders"):
        return "payments"
    return _OTHERS.get(where, where)
