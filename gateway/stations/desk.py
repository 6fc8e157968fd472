"""A desk: a person presents a credential, the desk says who may be served, once it is recorded."""

from __future__ import annotations

from gateway.config.types import DeskStation
from gateway.model.reading import Input, InputReading, InputStates, Reading
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

    def on_input(self, reading: Input) -> None:
        """It has none."""

    async def on_reading(self, reading: Reading) -> None:
        if isinstance(reading, InputReading | InputStates):
            return
        identified = self._services.identify(self.id, reading)
        if identified is None:
            return
        who, entry = await self._services.store_identification(self.id, identified)
        show = Show.ACCEPTED if who.accepted else Show.REFUSED
        left = await self._services.deciding.balances(self.id, who)
        self._services.show_identification(self.id, show, who, entry, left=shown_left(left))
