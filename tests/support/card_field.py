"""Readers at which simulated DESFire cards lie: the drivers' own conversation with them, torn where a test says so.

`CardField` obeys `Outputs` with the promises of `gateway.devices`, from the contract's own messages. What a card has
really committed is in `committed`, by the debits' names: the truth that gateways are held against.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum

from drivers.contract.codec import raw
from drivers.contract.core import Kind
from drivers.contract.counter import Debit, Debited
from drivers.contract.desfire import CounterOptions
from drivers.contract.reader import Card
from drivers.desfire.prover import Prover
from drivers.simulators.desfire import Desfire
from gateway.devices import convert
from gateway.model.counter import CardDebited
from gateway.model.errors import DeadlineMissed, NotReady
from gateway.model.reading import CardReading
from tests.drivers.desfire_cards import DIVERSIFIED, NAMES_FILE, QUOTA, VALUE_FILE, keys
from tests.support.clock import FakeClock
from tests.support.outputs import ScriptedOutputs

COMMIT = 0xC7


class Tear(StrEnum):
    """What happens to a debit."""

    NONE = "none"
    TAKEN_AWAY = "taken_away"
    """Before anything was said to it."""
    BEFORE_COMMIT = "before_commit"
    COMMIT_LOST = "commit_lost"
    """The card was told to commit, and did not hear it."""
    ANSWER_LOST = "answer_lost"
    """The card has committed, and nobody heard it."""
    READER_AWAY = "reader_away"
    SILENT_BEFORE = "silent_before"
    """The reader's process does not answer in time, and has done nothing."""
    SILENT_AFTER = "silent_after"
    """It does not, and has debited the card."""
    KILLED_BEFORE = "killed_before"
    """The power goes, and nothing was done."""
    KILLED_AFTER = "killed_after"
    """The power goes when the card has been debited."""


class _Gone(Exception):
    """What a reader raises when the card has left."""


class CardField(ScriptedOutputs):
    """All readers of one gateway."""

    def __init__(self, clock: FakeClock, committed: dict[bytes, int]) -> None:
        super().__init__(clock.mono_ns)
        self._clock = clock
        self._prover = Prover(
            DIVERSIFIED, keys(), CounterOptions(quota=QUOTA, value_file=VALUE_FILE, names_file=NAMES_FILE)
        )
        self._card: Desfire | None = None
        self.committed = committed
        self.tear = Tear.NONE
        self.asked: list[int] = []
        """Units of each debit that a reader was asked for."""
        self.killed = asyncio.Event()
        self.on_debited: Callable[[], Awaitable[object]] | None = None
        """Called when the card has been debited, before the gateway hears of it."""

    def tap(self, card: Desfire, device: str = "nfc-1") -> CardReading:
        """The card is laid onto the reader, which asks for its proof."""
        card.activate()
        self._card = card
        proof = self._prover.report(self._prover(card.apdu, card.uid), lambda _: None)
        reading = convert.reading(device, (Kind.READER,), self._clock.mono_ns(), raw(Card(card.uid, b"", proof)))
        assert isinstance(reading, CardReading)
        return reading

    async def debit_card(
        self, device: str, uid: bytes, quota: str, units: int, name: bytes, deadline_ms: int = 1500
    ) -> CardDebited:
        self.asked.append(units)
        tear, self.tear = self.tear, Tear.NONE
        if tear is Tear.READER_AWAY:
            raise NotReady("it is lost", "Look at the cable", where=device)
        if tear is Tear.KILLED_BEFORE:
            await self._dies()
        if tear is Tear.SILENT_BEFORE:
            raise DeadlineMissed("it does not answer", "Look", where=device)
        debited = self._debit(convert.debit_call(uid, quota, units, name), tear)
        if self.on_debited is not None:
            await self.on_debited()
        if tear is Tear.KILLED_AFTER:
            await self._dies()
        if tear is Tear.SILENT_AFTER:
            raise DeadlineMissed("it does not answer", "Look", where=device)
        return convert.debited(raw(debited))

    def _debit(self, call: Debit, tear: Tear) -> Debited:
        card = self._card
        debiting = self._prover.debiting(call)
        assert card is not None
        assert debiting is not None

        def transmit(command: bytes) -> bytes:
            lost = tear is Tear.BEFORE_COMMIT and command[1] == 0x3D
            if tear is Tear.TAKEN_AWAY or lost or (tear is Tear.COMMIT_LOST and command[1] == COMMIT):
                raise _Gone
            before = card.values[VALUE_FILE]
            said = card.apdu(command)
            if (taken := before - card.values[VALUE_FILE]) > 0:
                self.committed[card.data[NAMES_FILE][:8]] = taken
            if tear is Tear.ANSWER_LOST and command[1] == COMMIT:
                raise _Gone
            return said

        card.activate()
        try:
            debiting.run(transmit, card.uid)
        except _Gone:
            self._card = None
        return debiting.so_far

    async def _dies(self) -> None:
        self.killed.set()
        await asyncio.Event().wait()
