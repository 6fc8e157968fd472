"""When sync needs a new epoch of the ledger: the centre orders one, or knows more of the present one than we do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from gateway.ledger.ledger import Ledger
from gateway.ledger.source import Source
from gateway.model.bodies import EpochReason
from gateway.model.entry import Stream
from gateway.model.errors import GatewayError

log = logging.getLogger("sync")


class Epochs:
    """Used in the event loop. What it has begun ends before the ledger stops."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._begun: set[asyncio.Task[None]] = set()

    def older(self) -> Sequence[Source]:
        """The epochs that still drain, the oldest first."""
        return self._ledger.older

    async def ordered(self, reason: str) -> None:
        """On the centre's command. Raises `NotReady` or `LedgerError`: the epoch until now goes on."""
        await self._ledger.new_epoch(EpochReason.ORDERED, reason, instead_of=self._ledger.epoch)

    def behind(self, epoch: str, stream: Stream, through: int) -> None:
        """The centre has more of this epoch than our file: the card has lost entries, and their numbers must not be
        given a second time. What fails is tried again with the next connection."""
        detail = f"the centre has {stream} through {through}, the last one here is {self._ledger.last(stream)}"
        task = asyncio.get_running_loop().create_task(self._leave(epoch, detail))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _leave(self, epoch: str, detail: str) -> None:
        log.error("epoch %s: %s", epoch, detail)
        try:
            await self._ledger.new_epoch(EpochReason.LOST, detail, instead_of=epoch)
        except GatewayError as error:
            log.error("no new epoch yet: %s", error)
