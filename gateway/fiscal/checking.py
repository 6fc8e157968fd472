"""What a device's driver would refuse of a work, found out before anything is recorded, and told in the words of who
asked for it.

Only the driver knows its family: the code page, lengths, digits, how many lines. It is asked the very question that it
asks itself when it is to print; the device is not asked (docs/decisions/0036-printing-on-fiscal-devices.md).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Sequence

from gateway.fiscal.port import FiscalDevices
from gateway.model.errors import DeadlineMissed, InputRefused, NotReady
from gateway.model.fiscal import PrinterDescription, Work

log = logging.getLogger("fiscal")

_ITEM = re.compile(r"items\[(\d+)\](?:\.([a-z_]+))?")
_OF_A_LINE = frozenset({"text", "vat", "unit_cents", "quantity"})
"""Fields of an item that a POS has written itself; what lowers or raises a line is the decision's."""


class Checking:
    """Asks the drivers of all devices."""

    def __init__(self, devices: FiscalDevices) -> None:
        self._devices = devices
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One question at a time: a driver takes only some calls at once, and who asks first is answered first."""

    async def check(self, device: str, work: Work, described: PrinterDescription | None) -> None:
        """Raises `InputRefused` with the driver's code; `where` is a part of the work, such as `items[2].text`. A
        driver that cannot tell, or does not answer, has nothing against it: it will refuse when it is to print."""
        if described is not None and not described.checks:
            return
        async with self._asking[device]:
            try:
                refused = await self._devices.check_work(device, work)
            except (NotReady, DeadlineMissed) as error:
                log.info("%s was not checked before: %s", work.key, error)
                return
        if refused is not None:
            raise InputRefused(refused.reason, refused.advice, where=refused.where, code=refused.code)


def item_of(refused: InputRefused) -> tuple[int, str] | None:
    """Which item of the work is refused and which of its fields (empty: all of it); None when it is no item."""
    found = _ITEM.fullmatch(refused.where)
    return None if found is None else (int(found[1]), found[2] or "")


def on_receipt(refused: InputRefused, lines: Sequence[int]) -> InputRefused:
    """The same for a POS, which knows its receipt and not our work. `lines`: which line of the receipt each of the
    work's items is."""
    if (item := item_of(refused)) is not None and item[0] < len(lines):
        field = f".{item[1]}" if item[1] in _OF_A_LINE else ""
        return at(refused, f"$.receipt.lines[{lines[item[0]]}]{field}")
    if refused.where == "items":
        return at(refused, "$.receipt.lines")
    return at(refused, "$.paid" if refused.where.startswith("tenders") else "$.receipt")


def at(refused: InputRefused, path: str) -> InputRefused:
    """The same with the path of the field that it is about. What was not the driver's refusal keeps its own."""
    if refused.code == InputRefused.code:
        return refused
    return InputRefused(f"{refused.what} - at `{path}`", refused.advice, code=refused.code)
