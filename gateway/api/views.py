"""From the daemon's parts to answers. Pure but for asking the parts."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from gateway.api import chains, concerns
from gateway.api.answers import (
    ChainState,
    Concern,
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
        health = self._parts.device_health()
        station, online = self.station(station_id), self._parts.sync_status().connected
        return self._view(station, _not_ready(health), online, concerns.of(self._parts, health))

    def stations(self) -> Stations:
        health = self._parts.device_health()
        return Stations(stations=self._all(health, concerns.of(self._parts, health)))

    def _all(self, health: list[DeviceHealth], told: tuple[Concern, ...]) -> tuple[StationView, ...]:
        bad, online = _not_ready(health), self._parts.sync_status().connected
        return tuple(self._view(station, bad, online, told) for station in self._parts.stations.values())

    def _view(
        self, station: Station, not_ready: frozenset[str], online: bool, told: tuple[Concern, ...]
    ) -> StationView:
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
            concerns=_at(station.id, told),
        )

    def _benefits_end_ms(self) -> int:
        states = self._parts.sync_status().content.in_force
        expired = (s for s in states if s.kind == "rules" and s.counts is not Counts.YES)
        return next((state.ends_ms for state in expired), 0)

    def _benefits_until_ms(self) -> int:
        states = self._parts.sync_status().content.in_force
        return next((state.ends_ms for state in states if state.kind == "rules"), 0)

    def place(self, station_id: str | None) -> PlaceState:
        """What the badge of a page says."""
        health = self._parts.device_health()
        bad, told = _not_ready(health), concerns.of(self._parts, health)
        if station_id is not None:
            bad, told = bad & frozenset(self.station(station_id).devices()), _at(station_id, told)
        online = self._parts.sync_status().connected
        end_ms, until_ms = self._benefits_end_ms(), self._benefits_until_ms()
        return PlaceState(
            online=online, ready=not bad, benefits_end_ms=end_ms, benefits_until_ms=until_ms, concerns=told
        )

    def devices(self, *, full: bool) -> Devices:
        return Devices(devices=self._devices(self._parts.device_health(), full=full))

    def _devices(self, health: list[DeviceHealth], *, full: bool) -> tuple[DeviceHealth, ...]:
        found = tuple(map(self._with_doubt, health))
        return found if full else tuple(map(_public, found))

    def _with_doubt(self, health: DeviceHealth) -> DeviceHealth:
        """A printer that is there takes nothing while it is not known how a work ended: said where people look, before
        what the printer itself tells."""
        printers = self._parts.printers
        if printers is None or health.health is not Health.READY or not (doubts := printers.doubts(health.device)):
            return health
        error = in_doubt(doubts[0])
        cause = f"{error.what}; and {health.cause}" if health.cause else error.what
        advice = f"{health.advice}. {error.advice}" if health.advice else error.advice
        return msgspec.structs.replace(health, code=error.code, cause=cause, advice=advice)

    def health(self, *, full: bool) -> HealthAnswer:
        found = chains.of(self._parts, concerns.of(self._parts, self._parts.device_health()))
        return HealthAnswer(status=_overall(found), chains=found if full else UNSET)

    def status(self, *, full: bool) -> Status:
        parts = self._parts
        health = parts.device_health()
        told = concerns.of(parts, health)
        found = chains.of(parts, told)
        return Status(
            status=_overall(found),
            gateway=parts.gateway if full else UNSET,
            uptime_s=(parts.clock.mono_ns() - parts.started_ns) // 1_000_000_000,
            now_ms=parts.clock.wall_ms(),
            chains=found,
            stations=self._all(health, told),
            devices=self._devices(health, full=full),
            sync=parts.sync_status(),
            ledger=parts.ledger_status(),
            counts=dict(parts.board.counts),
            concerns=told,
            doubts=tuple(map(concerns.in_doubt, parts.printers.doubts())) if parts.printers is not None else (),
        )


def _overall(found: tuple[ChainState, ...]) -> Overall:
    return Overall.OK if all(chain.level is Level.OK for chain in found) else Overall.DEGRADED


def _not_ready(health: list[DeviceHealth]) -> frozenset[str]:
    return frozenset(device.device for device in health if device.health is not Health.READY)


def _at(station: str, told: tuple[Concern, ...]) -> tuple[Concern, ...]:
    return tuple(concern for concern in told if concern.station == station)


def _public(health: DeviceHealth) -> DeviceHealth:
    return msgspec.structs.replace(health, pid=None, detail={})
