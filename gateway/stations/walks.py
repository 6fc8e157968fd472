"""Passages without a grant: out, and in after the staff's button or while the fire alarm has freed the gate."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config.types import GateStation
from gateway.ledger.effects import Effect
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from gateway.model.gate_bodies import WalkCause, WalkedBody, Way
from gateway.model.shown import Show
from gateway.stations.inside import Moved
from gateway.stations.services import Services, new_entry
from gateway.stations.tally import Tally

Walk = tuple[Way, WalkCause]


class Walks:
    """Counted at one gate, stored within a second, the number inside with them."""

    def __init__(self, section: GateStation, services: Services) -> None:
        self._section = section
        self._board = services.board
        self._tally: Tally[Walk] = Tally(services.ledger, self._entry_of, self._refused)

    def walked(self, way: Way, cause: WalkCause) -> None:
        """Somebody passed."""
        self._tally.add((way, cause))

    async def settled(self) -> None:
        """Until all of them are stored."""
        await self._tally.settled()

    def _entry_of(self, walk: Walk, count: int) -> tuple[NewEntry, Sequence[Effect]]:
        way, cause = walk
        body = WalkedBody(station=self._section.id, way=way, cause=cause, count=count)
        return new_entry(Stream.RECEIPT, EntryKind.WALKED, body), [Moved(self._section.area, way, count)]

    def _refused(self, error: LedgerError) -> None:
        self._board.tell(self._section.id, Show.ATTENTION, reason=error.code, advice=error.advice)
