"""From the daemon's parts to answers. Pure but for asking the parts."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from gateway.api import chains
from gateway.api.answers import (
    ChainState,
    Devices,
    HealthAnswer,
    Level,
    Overall,
    PlaceState,
    Stations,
    StationView,
    Status,
)
from gateway.api.parts import ApiParts
from gateway.fiscal.words import in_doubt
from gateway.model.device import DeviceHealth, Health
from gateway.model.errors import NotFound
from gateway.stations.gate import Gate
from gateway.stations.services import Station
from gateway.sync.bundles_expiry import Counts


class Views:
    """Answers of now. `full` is for the unix socket: with names, versions, serial numbers."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts

    def station(self, station_id: str) -> Station:
        """Raises `NotFound`."""
        station = self._parts.stations.get(station_id)
        if station is None:
            there = ", ".join(self._parts.stations) or "none"
            raise NotFound(f"no station {station_id[:32]!r}", f"Stations here: {there}", code="no_such_station")
        return station

    def station_view(self, station_id: str) -> StationView:
        return self._view(self.station(station_id), self._not_ready(), self._parts.sync_status().connected)

    def stations(self) -> Stations:
        return Stations(stations=self._all())

    def _all(self) -> tuple[StationView, ...]:
        bad, online = self._not_ready(), self._parts.sync_status().connected
        return tuple(self._view(station, bad, online) for station in self._parts.stations.values())

    def _view(self, station: Station, not_ready: frozenset[str], online: bool) -> StationView:
        board = self._parts.board
        shown = board.last(station.id)
        return StationView(
            id=station.id,
            kind=station.kind,
            devices=station.devices(),
            ready=not_ready.isdisjoint(station.devices()),
            online=online,
            languages=self._parts.languages,
            number=board.last_number,
            benefits_end_ms=self._benefits_end_ms(),
            benefits_until_ms=self._benefits_until_ms(),
            shown=shown or UNSET,
            age_ms=max(0, self._parts.clock.wall_ms() - shown.at_ms) if shown else 0,
            inside=(station.inside() or UNSET) if isinstance(station, Gate) else UNSET,
        )

    def _benefits_end_ms(self) -> int:
        states = self._parts.sync_status().content.in_force
        expired = (s for s in states if s.kind == "rules" and s.counts is not Counts.YES)
        return next((state.ends_ms for state in expired), 0)

    def _benefits_until_ms(self) -> int:
        states = self._parts.sync_status().content.in_force
        return next((state.ends_ms for state in states if state.kind == "rules"), 0)

    def _not_ready(self) -> frozenset[str]:
        return frozenset(d.device for d in self._parts.device_health() if d.health is not Health.READY)

    def place(self, station_id: str | None) -> PlaceState:
        """What the badge of a page says."""
        bad = self._not_ready()
        if station_id is not None:
            bad &= frozenset(self.station(station_id).devices())
        online = self._parts.sync_status().connected
        end_ms, until_ms = self._benefits_end_ms(), self._benefits_until_ms()
        return PlaceState(online=online, ready=not bad, benefits_end_ms=end_ms, benefits_until_ms=until_ms)

    def devices(self, *, full: bool) -> Devices:
        found = tuple(map(self._with_doubt, self._parts.device_health()))
        return Devices(devices=tuple(found if full else map(_public, found)))

    def _with_doubt(self, health: DeviceHealth) -> DeviceHealth:
        """A printer that is well takes nothing while it is not known how a work ended: said where people look."""
        printers = self._parts.printers
        if printers is None or health.cause or not (doubts := printers.doubts(health.device)):
            return health
        error = in_doubt(doubts[0])
        return msgspec.structs.replace(health, code=error.code, cause=error.what, advice=error.advice)

    def health(self, *, full: bool) -> HealthAnswer:
        found = chains.of(self._parts)
        return HealthAnswer(status=_overall(found), chains=found if full else UNSET)

    def status(self, *, full: bool) -> Status:
        parts = self._parts
        found = chains.of(parts)
        return Status(
            status=_overall(found),
            gateway=parts.gateway if full else UNSET,
            uptime_s=(parts.clock.mono_ns() - parts.started_ns) // 1_000_000_000,
            now_ms=parts.clock.wall_ms(),
            chains=found,
            stations=self._all(),
            devices=self.devices(full=full).devices,
            sync=parts.sync_status(),
            ledger=parts.ledger_status(),
            counts=dict(parts.board.counts),
        )


def _overall(found: tuple[ChainState, ...]) -> Overall:
    return Overall.OK if all(chain.level is Level.OK for chain in found) else Overall.DEGRADED


def _public(health: DeviceHealth) -> DeviceHealth:
    return msgspec.structs.replace(health, pid=None, detail={})
