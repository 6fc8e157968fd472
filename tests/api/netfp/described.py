"""A printer that says what it is and how, for the tests of the netfp interface."""

from __future__ import annotations

from gateway.model.fiscal import Payment, PrinterDescription
from tests.api.netfp.conftest import Shop

DESCRIBED = PrinterDescription(
    family="datecs-v1-a",
    manufacturer="Datecs",
    model="FP-2000",
    firmware="1.00BG",
    serial="DT900001",
    fiscal_memory="02900001",
    tax_number="000000000",
    item_text_bytes=36,
    note_text_bytes=42,
    payments=(Payment.CARD, Payment.CASH, Payment.CHEQUE),
    adjusts=True,
)


class Describes:
    """Printers of which it is known what they are."""

    def __init__(self, shop: Shop, **descriptions: PrinterDescription) -> None:
        known = {name.replace("_", "-"): one for name, one in descriptions.items()}
        shop.face._shelf._describe = known.get
