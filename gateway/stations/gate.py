"""A gate: opens once per grant. `granted` is durable before the relay moves; then `opened`, `passed` or `void`.

After a crash an unsettled grant is voided at the start, never opened. No passage in time is a void.
"""

from __future__ import annotations

import asyncio

from gateway.config.types import GateStation
from gateway.identity.identify import Identified
from gateway.ledger.effects import Effect
from gateway.model.bodies import AdmissionBody, OpenedBody, PassedBody, VoidBody, VoidReason
from gateway.model.decision import Decision
from gateway.model.entry import EntryId, EntryKind, Stream
from gateway.model.errors import Conflict, DeadlineMissed, InputRefused, NotReady
from gateway.model.identification import Identification
from gateway.model.reading import BeaconReading, InputReading, Presented, Reading, is_fresh
from gateway.model.receipt import Line, Receipt
from gateway.model.shown import Show, shown_left
from gateway.stations.deciding import TRIES, Decided, has_changed
from gateway.stations.grants import GrantMade, GrantOpened, GrantSettled
from gateway.stations.passback import Passback, raced
from gateway.stations.services import ADMISSION, Services, new_entry

PULSE_DEADLINE_MS = 1000


class Gate:
    """One turnstile with its readers, relay and passage sensor."""

    kind = "gate"

    def __init__(self, section: GateStation, services: Services) -> None:
        self.id = section.id
        self._section = section
        self._services = services
        self._passback = Passback(section, services)
        self._passage: asyncio.Future[None] | None = None
        self._opening_ns = 0
        self._watch: asyncio.Task[None] | None = None
        line = Line(
            id="1", text=section.text, category=section.category, unit_cents=section.price_cents, vat=section.vat
        )
        self._receipt = Receipt(lines=(line,))

    def devices(self) -> tuple[str, ...]:
        return (*self._section.readers, self._section.relay)

    async def start(self) -> None:
        """Void what a crash has left open: nobody stands there any more."""
        rows = self._services.ledger.query(
            "SELECT epoch, admission, opened FROM grant_open WHERE station=? ORDER BY epoch, admission", (self.id,)
        )
        for epoch, admission, opened in rows:
            await self._void(epoch, admission, VoidReason.RESTART, opening_unknown=not opened)
        self._services.board.tell(self.id, Show.IDLE)

    async def stop(self) -> None:
        """A passage that is still awaited stays open in the ledger; the next start voids it."""
        if self._watch is not None:
            if self._passage is None or not self._passage.done():
                self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def on_reading(self, reading: Reading) -> None:
        if isinstance(reading, InputReading):
            self._on_input(reading)
            return
        if isinstance(reading, BeaconReading):
            return  # Who walks past has not asked for anything: nothing opens for it, and nobody pays.
        if self._watch is not None and not self._watch.done():
            self._services.count_unidentified(self.id, "busy")
            self._services.board.tell(self.id, Show.REFUSED, reason="busy")
            return
        if (identified := self._services.identify(self.id, reading)) is None:
            return
        identified = self._passback.checked(identified)
        if not identified.identification.accepted:
            await self._refuse(identified, "")
        elif not self._services.outputs.is_ready(self._section.relay):
            await self._refuse(identified, "gate_not_ready")
        else:
            await self._serve(reading, identified)

    async def _serve(self, reading: Presented, identified: Identified) -> None:
        deciding = self._services.deciding
        for _ in range(TRIES):
            decided = await deciding.decide(self.id, self._receipt, identified.identification)
            if decided.decision.due_cents > 0:
                await self._refuse(identified, "payment_due", decided.decision)
                return
            try:
                await self._admit(reading, identified, decided)
                return
            except Conflict as conflict:
                if not has_changed(conflict):
                    raise
        await self._refuse(identified, "busy")

    async def _refuse(self, identified: Identified, reason: str, decision: Decision | None = None) -> None:
        spent = identified.unspent if reason else identified
        who, entry = await self._services.store_identification(self.id, spent)
        due = decision.due_cents if decision else None
        self._services.show_identification(self.id, Show.REFUSED, who, entry, reason=reason, due_cents=due)

    async def _admit(self, reading: Presented, identified: Identified, decided: Decided) -> None:
        who, decision = identified.identification, decided.decision
        body = AdmissionBody(
            station=self.id,
            identification=who.facts_left_out(),
            receipt=self._receipt,
            decision=decision,
            asked=decided.asked,
        )
        entry = new_entry(Stream.RECEIPT, EntryKind.ADMISSION, body)
        deciding = self._services.deciding
        noted = deciding.noted(who.holder, ADMISSION, (self._section.category,), self.id)
        effects: list[Effect] = [GrantMade(self.id), *identified.effects, *deciding.takes(decided.takes), *noted]
        effects += self._passback.noted(who)
        try:
            (granted,) = await self._services.ledger.commit([entry], effects)
        except Conflict as conflict:
            if has_changed(conflict):
                raise
            await self._refuse(raced(identified, conflict), "")
            return
        if not is_fresh(reading, self._services.clock.mono_ns()):
            await self._void(granted.epoch, granted.seq, VoidReason.NOT_OPENED)
            self._services.board.tell(self.id, Show.REFUSED, reason="stale")
            return
        await self._open(granted, who, decision)

    async def _open(self, granted: EntryId, who: Identification, decision: Decision) -> None:
        section = self._section
        passage: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._passage, self._opening_ns = passage, self._services.clock.mono_ns()
        try:
            mono_ns = await self._services.outputs.pulse(
                section.relay, section.output, section.pulse_ms, PULSE_DEADLINE_MS
            )
        except (NotReady, InputRefused, DeadlineMissed) as error:
            # The first two say that nothing was done; no answer says nothing.
            unknown = isinstance(error, DeadlineMissed)
            await self._void(granted.epoch, granted.seq, VoidReason.NOT_OPENED, opening_unknown=unknown)
            self._services.board.tell(self.id, Show.ATTENTION, reason="gate_not_ready", advice=error.advice)
            return
        opened = OpenedBody(station=self.id, admission=granted.seq, mono_ns=mono_ns, epoch=granted.epoch)
        effect = (GrantSettled if section.passage_input is None else GrantOpened)(granted.epoch, granted.seq)
        self._services.ledger.ride(new_entry(Stream.RECEIPT, EntryKind.OPENED, opened), [effect])
        self._services.show_identification(
            self.id,
            Show.OPEN,
            who,
            granted,
            list_cents=decision.list_cents,
            due_cents=decision.due_cents,
            left=shown_left(decision.balances),
        )
        if section.passage_input is not None:
            self._watch = asyncio.create_task(self._await_passage(granted, passage))

    async def _await_passage(self, granted: EntryId, passage: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(self._section.passage_s):
                await passage
        except TimeoutError:
            await self._void(granted.epoch, granted.seq, VoidReason.NO_PASSAGE)
            self._services.board.tell(self.id, Show.VOID, reason="no_passage")
            return
        body = PassedBody(station=self.id, admission=granted.seq, epoch=granted.epoch)
        entry = new_entry(Stream.RECEIPT, EntryKind.PASSED, body)
        self._services.ledger.ride(entry, [GrantSettled(granted.epoch, granted.seq)])
        self._services.board.tell(self.id, Show.PASSED)

    def _on_input(self, reading: InputReading) -> None:
        section, passage = self._section, self._passage
        if (reading.device, reading.channel) != (section.relay, section.passage_input) or not reading.on:
            return
        # An edge from before the opening waited while the grant was stored: someone leant on the bar.
        if passage is not None and not passage.done() and reading.mono_ns >= self._opening_ns:
            passage.set_result(None)

    async def _void(self, epoch: str, admission: int, reason: VoidReason, *, opening_unknown: bool = False) -> None:
        body = VoidBody(
            station=self.id, admission=admission, reason=reason, opening_unknown=opening_unknown, epoch=epoch
        )
        entry = new_entry(Stream.RECEIPT, EntryKind.VOID, body)
        undone = self._services.deciding.undone(f"{epoch}/{Stream.RECEIPT}/{admission}")
        await self._services.ledger.commit([entry], [GrantSettled(epoch, admission), *undone])
