"""What the API is given by the daemon. Callables, so that every answer is of now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from gateway.fiscal.printers import Printers
from gateway.model.clock import Clock
from gateway.model.device import DeviceHealth
from gateway.model.errors import NotReady
from gateway.stations.board import Board
from gateway.stations.services import Station
from gateway.sync.bundles import Bundles
from gateway.sync.status import SyncStatus

if TYPE_CHECKING:
    from gateway.ledger.forget import Forgotten


class GatewayNames(msgspec.Struct, frozen=True):
    """Who and where this gateway is. Told on the unix socket only."""

    id: str
    city: str
    place: str
    version: str


class LedgerStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """The durable record: numbers per stream (`last` stored, `acked` by the centre), room left on the card.

    `problem` is empty while entries can be stored. `older`: epochs before this one, with how many of their entries wait
    for the centre. `repaired`: what the last start had to put right.
    """

    epoch: str
    last: dict[str, int]
    acked: dict[str, int]
    older: dict[str, int] = {}
    repaired: tuple[str, ...] = ()
    commits: int = 0
    bytes: int = 0
    free_bytes: int | None = None
    problem: str = ""
    advice: str = ""


def unheard(what: str, source: str, count: int) -> None:
    """Nobody wants to know."""


def never() -> bool:
    """No quotas are held here."""
    return False


async def cannot_forget(holder: str) -> Forgotten:
    """Nobody here can."""
    raise NotReady("nothing can be forgotten here", "Ask the daemon itself")


async def cannot_hand_over() -> bytes:
    """Nobody here can."""
    raise NotReady("no quotas are held here", "Ask the daemon itself")


async def cannot_bring(word: bytes) -> int:
    """Nobody here can."""
    raise NotReady("no quotas are held here", "Ask the daemon itself")


async def cannot_set_inside(area: str, persons: int) -> int:
    """Nobody here counts."""
    raise NotReady("nobody is counted here", "Ask the daemon itself")


class ApiParts(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon's parts as the API sees them. `started_ns` is on the clock's monotonic scale.

    `on_security(what, source, count)` hears of refused callers, at most once per source and minute.
    """

    gateway: GatewayNames
    languages: tuple[str, ...]
    board: Board
    stations: Mapping[str, Station]
    device_health: Callable[[], list[DeviceHealth]]
    sync_status: Callable[[], SyncStatus]
    ledger_status: Callable[[], LedgerStatus]
    kill_device: Callable[[str], None]
    bundles: Bundles
    clock: Clock
    started_ns: int
    on_security: Callable[[str, str, int], None] = unheard
    forget: Callable[[str], Awaitable[Forgotten]] = cannot_forget
    handed_over: Callable[[], bool] = never
    hand_over: Callable[[], Awaitable[bytes]] = cannot_hand_over
    bring: Callable[[bytes], Awaitable[int]] = cannot_bring
    set_inside: Callable[[str, int], Awaitable[int]] = cannot_set_inside
    printers: Printers | None = None
