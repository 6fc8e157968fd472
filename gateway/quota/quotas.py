"""The gateway's side of quotas: what may be used here, and what the stations commit with their entries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from gateway.ledger.checkpoint import Signer
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import SecurityBody
from gateway.model.circumstances import Left
from gateway.model.clock import Clock, Stamp
from gateway.model.decision import Use
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream, entry_name
from gateway.model.errors import Conflict
from gateway.quota import owed
from gateway.quota.handover import Brought, LastWord
from gateway.quota.keeping import Asking, Born, Fenced, effect_of
from gateway.quota.leases import denial, held, life_of, pending, room, trusted_given, usable
from gateway.quota.spending import GRACE, Charge, GiveBack, Hold, Release, Spend, SpendLate
from gateway.quota.tending import Keeping, duties
from gateway.rules.purse import Asked
from gateway.wire.quota import (
    Denial,
    Denied,
    Fence,
    Grant,
    HandOver,
    Key,
    Recall,
    Said,
    Want,
    decode_told,
    hand_over_bytes,
)

RECALL_PAUSE_S = 0.5
"""While the authority calls leases back from elsewhere: between two requests of somebody who waits."""
AGAIN_S = 2.0
"""After the authority had nothing left of a holder's own cell: before it is asked again because they stand there once
more. They may have bought some at the counter meanwhile; a card that is held to the reader all day is two requests in
four seconds, not in a tenth of one."""
AGAIN_LATER_S = 30.0
"""The same where nobody can have bought any: of everybody's cell, for which each of a queue would ask, at every gate of
the city; and where the rules have no such quota."""
BY_HAND = "a technician"


class Taken(msgspec.Struct, frozen=True):
    """What a group of messages was about. `greeted`: it says which life this is; `recalled`: a lease is wanted back."""

    greeted: bool
    recalled: bool


class Quotas:
    """One gateway's. Used in the event loop; everything that counts is in the ledger."""

    def __init__(self, ledger: Ledger, clock: Clock, gateway: str, keeping: Keeping = Keeping()) -> None:  # noqa: B008
        self._ledger = ledger
        self._clock = clock
        self._gateway = gateway
        self._keeping = keeping
        self._poke: Callable[[], None] | None = None
        self._waiting: dict[Key, set[asyncio.Future[None]]] = {}
        self._silent: set[Key] = set()
        self._denied_ns: dict[Key, int] = {}

    async def start(self) -> None:
        """Begin a life, where this file has none. Raises `LedgerError`."""
        self._loop = asyncio.get_running_loop()
        await self._live()
        self._ledger.on_epoch(self._epoch_began)

    def _epoch_began(self) -> None:
        self._living = self._loop.create_task(self._live())

    async def _live(self) -> None:
        if life_of(self._ledger.query) is None:
            await self._ledger.commit([], [Born()])
            if self._poke is not None:
                self._poke()

    # What stations ask ------------------------------------------------------------------------------------

    def left(
        self, holder: str | None, asks: Sequence[Asked], now: Stamp, without: frozenset[str] = frozenset()
    ) -> tuple[Left, ...]:
        """What may be used here of each of these quotas, from the ledger alone: what is leased, less what open quotes
        hold (but for those `without`, which are being replaced). Without a lease: nothing, where the authority has said
        so; and where it does not answer, not known, with what may still be given on trust."""
        return tuple(self._left(ask, cell, now, without) for ask in asks if (cell := cell_of(ask, holder)) is not None)

    def _left(self, ask: Asked, cell: Key, now: Stamp, without: frozenset[str]) -> Left:
        query = self._ledger.query
        leases = usable(query, cell, now)
        if leases:
            rooms = [room(query, lease, now, without) for lease in leases]
            next_one = next((at for at, some in enumerate(rooms) if some), len(leases) - 1)
            lease = leases[next_one]
            used = lease.base + lease.net + held(query, lease.number, now, without)
            here = any(lease.elsewhere for lease in leases)
            return Left(ask.key, ask.period.name, sum(rooms), used, ask.holder, here=here)
        if now.quality.trusted and (said := denial(query, cell)) is not None:
            return Left(ask.key, ask.period.name, holder=ask.holder, here=said[0] == Denial.ELSEWHERE)
        grace = 0
        if now.quality.trusted and not self.reaches(cell):
            grace = max(0, ask.grace - trusted_given(query, cell))
        return Left(ask.key, ask.period.name, holder=ask.holder, known=False, grace=grace)

    def reaches(self, cell: Key) -> bool:
        """Whether the authority would answer about this cell, as far as one can know."""
        return self._poke is not None and cell not in self._silent

    async def prepare(
        self,
        holder: str | None,
        asks: Sequence[Asked],
        within_s: float,
        wants: Mapping[str, int] | None = None,
        without: frozenset[str] = frozenset(),
    ) -> None:
        """Ask the authority for what is missing here, when the line is up, and wait so long at most. `wants`: quota key
        → units that are needed (1); `without`: quotes that are being replaced. Afterwards `left` says what there is; a
        cell for which no answer came counts as out of reach until one comes. Raises `LedgerError`."""
        cells = {cell: (wants or {}).get(ask.key, 1) for ask in asks if (cell := cell_of(ask, holder)) is not None}
        asking = [self._loop.create_task(self._ask(cell, want, without)) for cell, want in cells.items()]
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*asking)
        except TimeoutError:
            self._silent |= {cell for cell in cells if pending(self._ledger.query, cell)}
        finally:
            for task in asking:
                task.cancel()

    async def _ask(self, cell: Key, want: int, without: frozenset[str]) -> None:
        while (missing := self._missing(cell, want, without)) and self._poke is not None:
            answer = self._loop.create_future()
            self._waiting.setdefault(cell, set()).add(answer)
            try:
                await self._ledger.commit([], [Asking(cell, missing, Want.NEED)])
                self._poke()
                await answer
            except Conflict:
                return  # The authority does not know this life of ours yet.
            finally:
                self._waiting.get(cell, set()).discard(answer)
            said = denial(self._ledger.query, cell)
            if said is None or said[0] != Denial.ELSEWHERE:
                return
            await asyncio.sleep(RECALL_PAUSE_S)

    def _missing(self, cell: Key, want: int, without: frozenset[str]) -> int:
        now, query = self._clock.stamp(), self._ledger.query
        if not now.quality.trusted:
            return 0
        said, at_ns = denial(query, cell), self._denied_ns.get(cell)
        again_s = AGAIN_S if cell.subject and said is not None and said[0] == Denial.NOTHING_LEFT else AGAIN_LATER_S
        recent = at_ns is not None and now.mono_ns - at_ns < again_s * 1e9
        if said is not None and said[0] != Denial.ELSEWHERE and recent:
            return 0
        return max(0, want - sum(room(query, lease, now, without) for lease in usable(query, cell, now)))

    # What stations commit -----------------------------------------------------------------------------------

    def spend(
        self, holder: str | None, uses: Sequence[Use], asks: Sequence[Asked] = (), *, quote: str = "", entry: int = 0
    ) -> Effect:
        """Effect of an entry whose decision takes these: looks again in the commit, and raises `Conflict`
        (`quota_changed`) when leases or grace do not cover it any more. `quote`: the one that held them; `entry`: which
        of the commit's entries it is."""
        return Spend(self._charges(holder, uses, asks), quote, entry)

    def spend_late(
        self, holder: str | None, uses: Sequence[Use], asks: Sequence[Asked] = (), *, quote: str = "", entry: int = 0
    ) -> SpendLate:
        """The same for what has happened already (a quote committed after its end): never refused; what is not covered
        is overspend, in `over` after the commit."""
        return SpendLate(self._charges(holder, uses, asks), quote, entry)

    def hold(self, quote: str, holder: str | None, uses: Sequence[Use], for_s: float) -> Effect:
        """Effect of an open quote: holds what it takes. Raises `Conflict` in the commit when that is not left."""
        return Hold(quote, self._charges(holder, uses, ()), for_s)

    def release(self, quote: str) -> Effect:
        """Effect: the quote was withdrawn."""
        return Release(quote)

    def give_back(self, entry: EntryId | str, units: Mapping[str, int] | None = None) -> Effect:
        """Effect of a void or a refund of this entry: what it used, or so much of it, is free again, each unit once."""
        return GiveBack(entry if isinstance(entry, str) else entry_name(entry), units)

    def part_of(self, entry: str, part: int, whole: int) -> tuple[Use, ...]:
        """Of what this entry still uses, so much as `part` of `whole` is: whole units, of each quota."""
        sql = "SELECT key, period, max(subject), max(kind=?), sum(units) FROM quota_spend WHERE entry=?"
        rows = self._ledger.query(f"{sql} GROUP BY key, period", (GRACE, entry))
        parts = ((key, period, units * part // whole, subject, grace) for key, period, subject, grace, units in rows)
        return tuple(
            Use(key, period, units, bool(subject), bool(grace)) for key, period, units, subject, grace in parts if units
        )

    def _charges(self, holder: str | None, uses: Sequence[Use], asks: Sequence[Asked]) -> tuple[Charge, ...]:
        allowed = {(ask.key, ask.period.name, ask.holder): ask.grace for ask in asks}
        found = []
        for use in uses:
            if use.holder and not holder:
                raise ValueError(f"quota {use.key!r} is a holder's, and there is none")
            cell = Key(use.key, use.period, (holder or "") if use.holder else "")
            found.append(Charge(cell, use.units, use.grace, allowed.get((use.key, use.period, use.holder), 0)))
        return tuple(found)

    # The line to the authority ------------------------------------------------------------------------------

    def line(self, poke: Callable[[], None] | None) -> None:
        """The line is up, and `poke` has what is owed sent; or (None) it is down."""
        self._poke = poke
        self._silent.clear()
        if poke is None:
            self._wake(list(self._waiting))

    def owed(self, *, greet: bool = False) -> dict[owed.Id, Said]:
        """What the authority is to be told, until it has answered."""
        return owed.owed(self._ledger.query, greet=greet)

    async def take(self, payload: bytes) -> Taken:
        """What the authority says, in one commit. Raises `InputRefused` for
        what is no such message or another gateway's, `LedgerError` when the disk refuses: nothing has changed then."""
        told = decode_told(payload, self._gateway).told
        effects = [effect_of(one) for one in told]
        await self._ledger.commit([], effects)
        ended = [one for one in effects if one.went_back or (isinstance(one, Fenced) and one.ended)]
        if ended:
            what = "quota_went_back" if any(one.went_back for one in ended) else "quota_fenced"
            self._ledger.ride(_security(what, f"{len(told)} messages of the quota authority", len(ended)))
            if self._poke is not None:
                self._poke()  # The new life wants a number.
        for one in told:
            match one:
                case Grant(cell=cell):
                    self._denied_ns.pop(cell.by, None)
                    self._answered(cell.by)
                case Denied(cell=cell):
                    self._denied_ns[cell.by] = self._clock.mono_ns()
                    self._answered(cell.by)
                case _:
                    pass
        return Taken(any(isinstance(one, Fence) for one in told), any(isinstance(one, Recall) for one in told))

    def _answered(self, cell: Key) -> None:
        self._silent.discard(cell)
        self._wake([cell])

    def _wake(self, cells: Sequence[Key]) -> None:
        for cell in cells:
            for answer in self._waiting.pop(cell, ()):
                if not answer.done():
                    answer.set_result(None)

    async def tend(self) -> None:
        """Close what is over, ask for those who come often, tidy. Raises `LedgerError`."""
        due = list(duties(self._ledger.query, self._keeping, self._clock.stamp()))
        done = await asyncio.gather(*(self._ledger.commit([], [effect]) for effect in due), return_exceptions=True)
        for fault in done:
            if isinstance(fault, BaseException) and not isinstance(fault, Conflict):  # which has changed meanwhile
                raise fault
        if self._poke is not None and self.owed():
            self._poke()

    # A box that is replaced ---------------------------------------------------------------------------------

    async def hand_over(self, signer: Signer) -> bytes:
        """Close every lease here for good, on record, and return the signed last word of this life, for the box that
        takes this one's place: JSON of a `HandOver`. Afterwards nothing that needs a quota is given here. Asked again,
        it is the same word, as long as this life lasts. Raises `Conflict` (the centre knows of no life here) or
        `LedgerError`; nothing is closed then."""
        word = LastWord()
        self._ledger.checkpoint()  # By it the centre knows the key.
        await self._ledger.commit([_security("quota_handed_over", BY_HAND)], [word])
        if self._poke is not None:
            self._poke()
        signature = signer.sign(hand_over_bytes(self._gateway, word.incarnation, word.closed))
        return msgspec.json.encode(HandOver(word.incarnation, word.closed, signer.public, signature))

    @property
    def handed_over(self) -> bool:
        """Whether this life has said its last word: nothing that needs a quota is given here until the next one."""
        life = life_of(self._ledger.query)
        return life is not None and life.handed

    async def bring(self, message: bytes) -> int:
        """Take the last word of the box that this one replaces, on record, to be sent on until the authority has it.
        Returns how many leases it speaks of. Raises `InputRefused` (`bad_hand_over`) or `LedgerError`."""
        from gateway.wire.handover import read_word  # Once in a box's life.

        word = read_word(message, self._gateway)
        effect = Brought(word.incarnation, msgspec.json.encode(word))
        await self._ledger.commit([_security("quota_brought", BY_HAND, max(1, len(word.closed)))], [effect])
        if self._poke is not None:
            self._poke()
        return len(word.closed)


def _security(what: str, source: str, count: int = 1) -> NewEntry:
    body = SecurityBody(what=what, source=source, count=count)
    return NewEntry(Stream.AUDIT, EntryKind.SECURITY, msgspec.json.encode(body))


def cell_of(ask: Asked, holder: str | None) -> Key | None:
    """The cell that is asked about; None for a holder's own without a holder."""
    if ask.holder and not holder:
        return None
    return Key(ask.key, ask.period.name, (holder or "") if ask.holder else "")
