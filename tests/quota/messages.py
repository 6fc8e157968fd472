"""What the tests of single messages share: one gateway that holds a lease, and short ways to let it say and hear."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.wire import quota as wire
from gateway.wire.quota import (
    Cell,
    LeaseId,
    QuotaSaid,
    QuotaTold,
)
from tests.quota.world import RIDES, Box, World

ANNA = "holder-anna"
ENTRY = "a1" * 8 + "/receipt/1"


def cell(box: Box, quota: dict[str, Any] = RIDES, holder: str = ANNA) -> Cell:
    return Cell(*box.cell(quota, holder))


def said(world: World, *messages: wire.Said, gateway: str = "museum-1") -> list[wire.Told]:
    """What the centre answers to these."""
    world.to_centre(gateway, msgspec.json.encode(QuotaSaid(gateway, messages)))
    answers = [one for _, payload in world.down for one in msgspec.json.decode(payload, type=QuotaTold).told]
    world.down.clear()
    return answers


def told(box: Box, *messages: wire.Told) -> None:
    box.take(msgspec.json.encode(QuotaTold(box.name, messages)))


FIRST = LeaseId(1, 1)
SECOND = LeaseId(1, 2)
