"""A desk: a person presents a credential, the desk says who may be served, once it is recorded."""

from __future__ import annotations

from gateway.config.types import DeskStation
from gateway.model.reading import BeaconReading, InputReading, Reading
from gateway.model.shown import Show, shown_left
from gateway.stations.services import Services


class Desk:
    """Identifies people; shows `accepted` only for what is on disk."""

    kind = "desk"

    def __init__(self, section: DeskStation, services: Services) -> None:
        self.id = section.id
        self._readers = section.readers
        self._services = services

    def devices(self) -> tuple[str, ...]:
        return self._readers

    async def start(self) -> None:
        self._services.board.tell(self.id, Show.IDLE)

    async def stop(self) -> None:
        """Nothing to undo."""

    async def on_reading(self, reading: Reading) -> None:
        if isinstance(reading, InputReading):
            return
        if isinstance(reading, BeaconReading) and not reading.enter:
            self._left(reading)
            return
        identified = self._services.identify(self.id, reading)
        if identified is None:
            return
        who, entry = await self._services.store_identification(self.id, identified)
        show = Show.ACCEPTED if who.accepted else Show.REFUSED
        left = await self._services.deciding.balances(self.id, who)
        self._services.show_identification(self.id, show, who, entry, left=shown_left(left))

    def _left(self, reading: BeaconReading) -> None:
        """Somebody went away: a page that still shows them is cleared. Nothing is recorded."""
        services = self._services
        who = services.identity.identify(reading, services.clock.wall_ms()).identification.credential
        last = services.board.last(self.id)
        if who is not None and last is not None and (last.kind, last.mark) == (who.kind, who.digest[:6]):
            services.board.tell(self.id, Show.IDLE)
