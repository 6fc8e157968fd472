"""Which printers the face has: by the ids of the configuration, or by their serial numbers as ErpNet.FP names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gateway.api.netfp.requests import PAYMENTS
from gateway.api.netfp.words import DeviceInfo
from gateway.model.fiscal import PrinterDescription

Describe = Callable[[str], PrinterDescription | None]


class Shelf:
    """`configured`: id → device. Without any, `devices` are the fiscal ones of the place, each known by its serial
    number in lower case from when it was reached first; a second way to one device gets `_1`, as in ErpNet.FP."""

    def __init__(self, configured: Mapping[str, str], devices: Sequence[str], describe: Describe) -> None:
        self._configured = dict(configured)
        self._devices = tuple(devices)
        self._describe = describe

    def all(self) -> dict[str, str]:
        """Id → device."""
        if self._configured:
            return self._configured
        found: dict[str, str] = {}
        for device in self._devices:
            known = self._describe(device)
            if known is not None and known.serial:
                found[_free(known.serial.lower(), found)] = device
        return found

    def device(self, printer: str) -> str | None:
        """The device of this id, in any case; None when there is none."""
        return next((device for name, device in self.all().items() if name.lower() == printer.lower()), None)

    def name(self, printer: str) -> str:
        """The id as it is written here, of one that there is."""
        return next(name for name in self.all() if name.lower() == printer.lower())

    def info(self, device: str) -> DeviceInfo:
        """What is known of a device; of one that was never reached, only its place."""
        known = self._describe(device) or PrinterDescription(family="unknown", manufacturer="", model="")
        return DeviceInfo(
            # Where it is plugged in is nobody's business here: an address of ours, which no client takes apart.
            uri=f"{known.family}.smartplace://{device}",
            serial_number=known.serial,
            fiscal_memory_serial_number=known.fiscal_memory,
            manufacturer=known.manufacturer,
            model=known.model,
            firmware_version=known.firmware,
            item_text_max_length=known.item_text_bytes,
            comment_text_max_length=known.note_text_bytes,
            tax_identification_number=known.tax_number,
            supported_payment_types=tuple(word for word, means in PAYMENTS.items() if means in known.payments),
            supports_sub_total_amount_modifiers=known.adjusts,
            sub_total_amount_modifiers_require_tax_group=known.adjust_needs_vat,
        )


def _free(name: str, taken: Mapping[str, str]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
