"""A holder's own counter on their card: read with its proof, debited before anything is stored; what was debited and
not given is credited at the card's next tap.

The order is: the debit is written down, the card is debited, the entry is committed with it, the gate opens. Wherever
that is cut, `card_counter` says of the card either that nothing is open, or which debit is; and the card's own names
say at its next tap whether it happened.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

import msgspec

from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import SecurityBody
from gateway.model.counter import NAME_BYTES, CardCounter, CardDebit, CardDebited, DebitEnd
from gateway.model.decision import Decision
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import DeadlineMissed, InputRefused, NotReady
from gateway.model.identification import Identification
from gateway.model.reading import CardReading, Presented, Proved
from gateway.quota.cards import Counter, CounterUsed, DebitOpened, DebitSettled, account

DEBIT_DEADLINE_MS = 1000
CREDITED, UNSETTLED = "card_debit_credited", "card_debit_unsettled"
"""What the record says of a debit that was open: its units are owed to the card; nobody can know any more."""


class CardDebits(Protocol):
    """What a reader does."""

    async def debit_card(
        self, device: str, uid: bytes, quota: str, units: int, name: bytes, deadline_ms: int = 1500
    ) -> CardDebited: ...


class Purse(msgspec.Struct, frozen=True):
    """The counter of the card that lies at a reader. `owed`: what this gateway owes it. `repr` hides the UID."""

    device: str
    uid: bytes
    counter: Counter
    told: CardCounter
    owed: int = 0

    @property
    def left(self) -> int:
        """What may be taken now."""
        return self.told.value + self.owed

    def __repr__(self) -> str:
        return f"Purse({self.told.quota!r}, {self.told.value} and {self.owed})"


class Paid(msgspec.Struct, frozen=True):
    """What a decision takes of the counter has been taken: `effects` go into the commit of the entry that gives it."""

    debit: CardDebit | None = None
    purse: Purse | None = None
    effects: tuple[Effect, ...] = ()


class Counters:
    """One for all stations of a place."""

    def __init__(self, ledger: Ledger, readers: CardDebits, random: Callable[[int], bytes] = os.urandom) -> None:
        self._ledger = ledger
        self._readers = readers
        self._random = random
        self._being_debited: set[bytes] = set()

    def is_being_debited(self, who: Identification) -> bool:
        """Whether this very card is being debited at another station: until that is over, it is not asked again."""
        return who.credential is not None and bytes.fromhex(who.credential.digest) in self._being_debited

    async def purse(self, station: str, reading: Presented, who: Identification) -> Purse | None:
        """The counter that was read with this card's proof; None where there is none. A debit that was open is settled
        by what the card says now, on record. Raises `LedgerError`."""
        match reading:
            case CardReading(device=device, proof=Proved(uid=uid, counter=CardCounter() as told)) if (
                who.accepted and who.credential
            ):
                counter = Counter(bytes.fromhex(who.credential.digest), told.quota)
            case _:
                return None
        known = account(self._ledger.query, counter.digest, counter.quota)
        if known.name:
            happened = known.happened(told)
            entries = []
            if happened is not False:
                what = CREDITED if happened else UNSETTLED
                body = SecurityBody(what=what, source=station, count=known.units)
                entries = [NewEntry(Stream.AUDIT, EntryKind.SECURITY, msgspec.json.encode(body))]
            await self._ledger.commit(entries, [DebitSettled(counter, known.name, bool(happened))])
        return self._now(Purse(device, uid, counter, told))

    async def pay(self, purse: Purse | None, decision: Decision) -> Paid | None:
        """Take what this decision takes of the card's counter: first what is owed to it, the rest off the card. None
        when it was not taken, or nobody knows: then nothing may be given, and the card has to be presented again.
        Raises `LedgerError`."""
        units = sum(use.units for use in decision.uses if use.card)
        if not units:
            return Paid()
        if purse is None:
            raise ValueError("a decision takes of a counter that was not read")
        credited = min(units, purse.owed)
        rest = units - credited
        if not rest:
            debit = CardDebit(purse.told.quota, 0, purse.told.value, credited)
            return Paid(debit, purse, (CounterUsed(purse.counter, credited),))
        name = self._random(NAME_BYTES)
        debited = await self._written_down_and_debited(purse, rest, name)
        if debited.end is not DebitEnd.DONE:
            return None
        debit = CardDebit(purse.told.quota, rest, debited.value, credited, name.hex())
        return Paid(debit, purse, (CounterUsed(purse.counter, credited, name),))

    async def not_given(self, paid: Paid) -> Purse | None:
        """The entry was refused: what was taken off the card is owed to it. Returns its counter as it is now."""
        debit, purse = paid.debit, paid.purse
        if debit is None or purse is None:
            return purse
        if debit.name:
            name = bytes.fromhex(debit.name)
            await self._ledger.commit([], [DebitSettled(purse.counter, name, happened=True)])
            names = (name + purse.told.names)[: len(purse.told.names)]
            purse = msgspec.structs.replace(purse, told=CardCounter(debit.quota, debit.left, names))
        return self._now(purse)

    async def _written_down_and_debited(self, purse: Purse, units: int, name: bytes) -> CardDebited:
        self._being_debited.add(purse.counter.digest)
        try:
            opened = DebitOpened(purse.counter, name, purse.told.names[:NAME_BYTES], units)
            await self._ledger.commit([], [opened])
            debited = await self._debited(purse, units, name)
            if debited.end is DebitEnd.NOTHING:
                await self._ledger.commit([], [DebitSettled(purse.counter, name, happened=False)])
            return debited
        finally:
            self._being_debited.discard(purse.counter.digest)

    async def _debited(self, purse: Purse, units: int, name: bytes) -> CardDebited:
        quota = purse.told.quota
        try:
            return await self._readers.debit_card(purse.device, purse.uid, quota, units, name, DEBIT_DEADLINE_MS)
        except (NotReady, InputRefused):
            return CardDebited(DebitEnd.NOTHING)  # Both say that nothing was done.
        except DeadlineMissed:
            return CardDebited(DebitEnd.IN_DOUBT)

    def _now(self, purse: Purse) -> Purse:
        known = account(self._ledger.query, purse.counter.digest, purse.counter.quota)
        return msgspec.structs.replace(purse, owed=known.owed)
