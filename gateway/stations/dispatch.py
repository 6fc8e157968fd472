"""Readings to the station that owns the device, one at a time per station; devices' health to its page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from gateway.model.device import DeviceHealth, Health
from gateway.model.errors import GatewayError
from gateway.model.reading import InputReading, InputStates, Reading
from gateway.model.shown import Show
from gateway.stations.gate import Gate
from gateway.stations.services import Services, Station

log = logging.getLogger("stations")

WAITING = 8
"""Readings that wait for one station at most: a reading is worthless after 2 s, so a longer queue is useless."""
WAITS_FOR_HAND = "waits_for_hand"
"""What a printer's driver tells while a receipt stands still for a person (paper, cover)."""


class Dispatch:
    """Runs the stations. An error of ours at a station is shown there; any other ends the daemon (`on_fault`)."""

    def __init__(
        self, stations: Sequence[Station], services: Services, on_fault: Callable[[BaseException], None]
    ) -> None:
        self._stations = stations
        self._services = services
        self._on_fault = on_fault
        self._owner = {device: station for station in stations for device in station.devices()}
        # Who wants out does not wait for whoever wants in.
        self._exits = {
            device: station
            for station in stations
            if isinstance(station, Gate)
            for device in station.section.exit_readers
        }
        self._queues = {station.id: asyncio.Queue[Reading](WAITING) for station in stations}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._serving: set[str] = set()
        self._stopping = False

    async def start(self) -> None:
        for station in self._stations:
            await station.start()
            worker = asyncio.create_task(self._work(station), name=f"station {station.id}")
            worker.add_done_callback(self._ended)
            self._workers[station.id] = worker

    async def stop(self) -> None:
        """A person who is being served is served to the end: devices answer or fail within their deadlines."""
        self._stopping = True
        for station, worker in self._workers.items():
            if station not in self._serving:
                worker.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        for each in self._stations:
            await each.stop()
        await self._services.inside.stop()
        self._services.flush_floods(all_of_them=True)

    def on_reading(self, reading: Reading) -> None:
        """From the devices. A reading of a device that no station owns means nothing."""
        station = self._owner.get(reading.device)
        if station is None:
            return
        if isinstance(reading, InputReading | InputStates):
            station.on_input(reading)
            return
        if (gate := self._exits.get(reading.device)) is not None:
            gate.at_once(reading)
            return
        try:
            self._queues[station.id].put_nowait(reading)
        except asyncio.QueueFull:
            self._services.count_unidentified(station.id, "busy")

    def on_change(self, health: DeviceHealth) -> None:
        """A device went or came back, or a receipt stands still in it: its station's page says so."""
        self._services.board.stir()
        station = self._owner.get(health.device)
        if station is None:
            return
        if station.kind == "gate" and self._services.fire_alarm.on:
            return  # Its page says "free passage"; what is missing stands in the status.
        if health.health in (Health.LOST, Health.FAILED):
            self._services.board.tell(station.id, Show.ATTENTION, reason="device_missing", advice=health.advice)
        elif health.health is Health.READY:
            last = self._services.board.last(station.id)
            if health.code == WAITS_FOR_HAND:
                self._services.board.tell(station.id, Show.ATTENTION, reason=WAITS_FOR_HAND, advice=health.advice)
            elif last is not None and last.reason in ("device_missing", WAITS_FOR_HAND):
                self._services.board.tell(station.id, Show.IDLE)

    async def _work(self, station: Station) -> None:
        queue = self._queues[station.id]
        while not self._stopping:
            reading = await queue.get()
            self._serving.add(station.id)
            try:
                await station.on_reading(reading)
            except GatewayError as error:
                log.error("%s: %s", station.id, error)
                self._services.board.tell(station.id, Show.ATTENTION, reason=error.code, advice=error.advice)
            finally:
                self._serving.discard(station.id)

    def _ended(self, worker: asyncio.Task[None]) -> None:
        if not worker.cancelled() and (fault := worker.exception()) is not None:
            self._on_fault(fault)
