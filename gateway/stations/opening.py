"""A grant carried out: opened once for each passage, each passage counted, and what was not used given back.

`opened` and `passed` ride with the next commit, at most a second later: a crash in between errs in the persons' favour.
"""

from __future__ import annotations

import asyncio
import logging

from gateway.config.types import GateStation, GroupOpening
from gateway.ledger.effects import Effect
from gateway.model.decision import Decision
from gateway.model.entry import EntryId, EntryKind, Stream
from gateway.model.errors import DeadlineMissed, InputRefused, LedgerError, NotReady
from gateway.model.gate_bodies import OpenedBody, PassedBody, VoidBody, VoidReason, Way
from gateway.model.identification import Identification
from gateway.model.shown import Show, shown_left
from gateway.stations.grants import Grant, GrantOpened, GrantPassed, GrantSettled
from gateway.stations.inside import Moved
from gateway.stations.services import Services, new_entry

log = logging.getLogger("stations")

PULSE_DEADLINE_MS = 1000


class Passages:
    """One gate's grants, one at a time. Only a driver that did not answer leaves open whether the gate opened."""

    def __init__(self, section: GateStation, services: Services) -> None:
        self._section = section
        self._services = services
        self._edges: asyncio.Queue[int | None] = asyncio.Queue()
        self._opening_ns = 0
        self._opening = False
        self._stopping = False
        self._watch: asyncio.Task[None] | None = None

    @property
    def awaited(self) -> bool:
        """Whether somebody may pass now."""
        return self._watch is not None and not self._watch.done()

    async def settle_what_was_left(self) -> None:
        """After a crash: void what is still open. Nobody stands there any more, and nothing opens by itself."""
        rows = self._services.ledger.query(
            "SELECT epoch, admission, persons, passed, opened FROM grant_open WHERE station=?"
            " ORDER BY epoch, admission",
            (self._section.id,),
        )
        for epoch, admission, persons, passed, opened in rows:
            grant = Grant(epoch, admission, persons)
            await self.void(grant, VoidReason.RESTART, passed, opening_unknown=opened <= passed)

    async def stop(self) -> None:
        """A passage that is still awaited stays open in the ledger; the next start voids it."""
        self._stopping = True
        if self._watch is not None:
            if self._edges.empty():
                self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    def edge(self, mono_ns: int) -> bool:
        """The passage sensor saw somebody. False when nobody is awaited: it is not a grant's."""
        if not self._opening and not self.awaited:
            return False
        self._edges.put_nowait(mono_ns)
        return True

    def abandon(self) -> None:
        """The fire alarm has freed the gate: what is left of the grant is given back."""
        if self.awaited:
            self._edges.put_nowait(None)

    async def carry_out(self, grant: Grant, granted: EntryId, who: Identification, decision: Decision) -> None:
        """Open, and from then on await whoever passes. Raises `LedgerError`."""
        section, board = self._section, self._services.board
        self._edges, self._opening = asyncio.Queue(), True
        try:
            error = await self._open(grant, 1)
        finally:
            self._opening = False
        if error is not None:
            await self._not_opened(grant, 0, error)
            return
        group = {"persons": grant.persons} if grant.persons > 1 else {}
        self._services.show_identification(
            section.id,
            Show.OPEN,
            who,
            granted,
            list_cents=decision.list_cents,
            due_cents=decision.due_cents,
            left=shown_left(decision.balances),
            **group,
        )
        if section.passage_input is not None:
            self._watch = asyncio.create_task(self._watched(grant))
            if self._services.fire_alarm.on:
                self.abandon()
        elif self._services.fire_alarm.on:
            board.tell(section.id, Show.FREE)

    async def void(self, grant: Grant, reason: VoidReason, passed: int = 0, *, opening_unknown: bool = False) -> None:
        """Take back what was not used of a grant, with its quota units, in one commit. Raises `LedgerError`."""
        deciding = self._services.deciding
        entry_name = f"{grant.epoch}/{Stream.RECEIPT}/{grant.admission}"
        rest = grant.persons - passed
        returned, undone = deciding.partly_undone(entry_name, rest, grant.persons)
        body = VoidBody(
            station=self._section.id,
            admission=grant.admission,
            reason=reason,
            opening_unknown=opening_unknown,
            epoch=grant.epoch,
            passages=rest,
            passed=passed,
            returned=returned,
        )
        entry = new_entry(Stream.RECEIPT, EntryKind.VOID, body)
        await self._services.ledger.commit([entry], [GrantSettled(grant.epoch, grant.admission), *undone])

    # One grant ---------------------------------------------------------------------------------------------

    async def _watched(self, grant: Grant) -> None:
        try:
            await self._await_passages(grant)
        except LedgerError as error:
            log.error("%s: a grant stays open until the next start: %s", self._section.id, error)
            self._services.board.tell(self._section.id, Show.ATTENTION, reason=error.code, advice=error.advice)

    async def _await_passages(self, grant: Grant) -> None:
        passed = 0
        while passed < grant.persons:
            if self._stopping and self._edges.empty():
                return  # The next start voids what is left.
            if passed and self._section.group is GroupOpening.PULSES:
                await asyncio.sleep(self._section.group_pause_ms / 1000)
                if self._services.fire_alarm.on:
                    break
                error = await self._open(grant, passed + 1)
                if error is not None:
                    await self._not_opened(grant, passed, error)
                    return
            try:
                seen = await self._next(grant)
            except TimeoutError:
                await self.void(grant, VoidReason.NO_PASSAGE, passed)
                self._services.board.tell(self._section.id, Show.VOID, reason="no_passage", **_so_far(grant, passed))
                return
            except (NotReady, InputRefused, DeadlineMissed) as error:
                await self._not_opened(grant, passed, error)
                return
            if not seen:
                break
            passed += 1
            self._passed(grant, passed)
        if passed < grant.persons:
            await self.void(grant, VoidReason.FREE_PASSAGE, passed)

    async def _next(self, grant: Grant) -> bool:
        """Until somebody passes; false when the fire alarm has freed the gate. Raises `TimeoutError`, or why a gate
        that is held open could not be held any longer."""
        async with asyncio.timeout(self._section.passage_s):
            while True:
                holding = grant.persons > 1 and self._section.group is GroupOpening.HELD
                try:
                    # Again before the pulse is over; after the last one the board itself closes the gate.
                    async with asyncio.timeout(self._section.pulse_ms / 2000 if holding else None):
                        seen_ns = await self._edges.get()
                except TimeoutError:
                    await self._pulse()
                    continue
                # An edge from before the opening waited while the grant was stored: someone leant on the bar.
                if seen_ns is None or seen_ns >= self._opening_ns:
                    return seen_ns is not None

    def _passed(self, grant: Grant, passed: int) -> None:
        section = self._section
        body = PassedBody(station=section.id, admission=grant.admission, epoch=grant.epoch, passage=passed)
        last = passed == grant.persons
        settled = GrantSettled(grant.epoch, grant.admission)
        effects: list[Effect] = [settled if last else GrantPassed(grant.epoch, grant.admission, passed)]
        self._services.ledger.ride(
            new_entry(Stream.RECEIPT, EntryKind.PASSED, body), [*effects, Moved(section.area, Way.IN)]
        )
        show = Show.PASSED if last else Show.OPEN
        self._services.board.tell(section.id, show, **_so_far(grant, passed))

    async def _open(self, grant: Grant, passage: int) -> NotReady | InputRefused | DeadlineMissed | None:
        """Open for this passage; or why not."""
        section = self._section
        self._opening_ns = self._services.clock.mono_ns()
        try:
            mono_ns = await self._pulse()
        except (NotReady, InputRefused, DeadlineMissed) as error:
            return error
        opened = OpenedBody(
            station=section.id, admission=grant.admission, mono_ns=mono_ns, epoch=grant.epoch, passage=passage
        )
        effects: list[Effect] = [GrantOpened(grant.epoch, grant.admission, passage)]
        if section.passage_input is None:
            effects = [GrantSettled(grant.epoch, grant.admission), Moved(section.area, Way.IN)]
        self._services.ledger.ride(new_entry(Stream.RECEIPT, EntryKind.OPENED, opened), effects)
        return None

    async def _pulse(self) -> int:
        section = self._section
        return await self._services.outputs.pulse(section.relay, section.output, section.pulse_ms, PULSE_DEADLINE_MS)

    async def _not_opened(self, grant: Grant, passed: int, error: NotReady | InputRefused | DeadlineMissed) -> None:
        # The first two say that nothing was done; no answer says nothing.
        unknown = isinstance(error, DeadlineMissed)
        await self.void(grant, VoidReason.NOT_OPENED, passed, opening_unknown=unknown)
        self._services.board.tell(self._section.id, Show.ATTENTION, reason="gate_not_ready", advice=error.advice)


def _so_far(grant: Grant, passed: int) -> dict[str, int]:
    """What the page says of a group."""
    return {"persons": grant.persons, "passed": passed} if grant.persons > 1 else {}
