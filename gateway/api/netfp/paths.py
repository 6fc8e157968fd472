"""Where in a request the part of a work stands that a device's driver refuses. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gateway.model.errors import InputRefused

_ITEM = re.compile(r"items\[(\d+)\](?:\.([a-z_]+))?")
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
    return InputRefused(refused.what, refused.advice, where=_path(refused.where, items), code=refused.code)


def _path(where: str, items: Sequence[str]) -> str:
    if (found := _ITEM.fullmatch(where)) is not None and int(found[1]) < len(items):
        return f"{items[int(found[1])]}{_FIELDS.get(found[2] or '', '')}".removesuffix(".")
    if where.startswith("tenders"):
        return "payments"
    return _OTHERS.get(where, where)
