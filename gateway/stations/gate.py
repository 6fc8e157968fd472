"""A gate: opens once per grant and person. `granted` is durable before the relay moves; what follows is in `opening`.

Whoever wants out, the staff's button and the fire alarm need no decision: `overrides`, `walks` and `alarm`.
"""

from __future__ import annotations

import asyncio
import logging

from gateway.config.types import GateStation
from gateway.identity.identify import Identified
from gateway.ledger.effects import Effect
from gateway.model.decision import Decision
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import Conflict, LedgerError
from gateway.model.gate_bodies import AdmissionBody, FireAlarmBody, OverrideKind, VoidReason, WalkCause, Way
from gateway.model.reading import BeaconReading, Input, InputReading, InputStates, Presented, Reading, is_fresh
from gateway.model.receipt import Line, Receipt
from gateway.model.shown import Show
from gateway.stations.counters import Paid
from gateway.stations.deciding import TRIES, Decided, has_changed
from gateway.stations.exits import Exits
from gateway.stations.grants import Grant, GrantMade
from gateway.stations.inside import FULL, InsideCount, Room
from gateway.stations.opening import Passages
from gateway.stations.overrides import Overrides
from gateway.stations.passback import Passback, raced
from gateway.stations.services import ADMISSION, Services, new_entry
from gateway.stations.walks import Walks

log = logging.getLogger("stations")

REASONS = frozenset({FULL})
"""Codes of conflicts in the grant's commit that are reasons of a refusal; any other says that somebody else has used
the message."""


CARD_AGAIN = "card_again"
"""Reason: the card left while its counter was debited. What was taken off it is credited when it is presented again."""


class Gate:
    """One turnstile with its readers, relay, sensors and buttons."""

    kind = "gate"

    def __init__(self, section: GateStation, services: Services) -> None:
        self.id = section.id
        self.section = section
        self._services = services
        self._passback = Passback(section, services)
        self._passages = Passages(section, services)
        self._overrides = Overrides(section, services)
        self._walks = Walks(section, services)
        self._exits = Exits(section, services, self._passages, self._overrides, self._walks)
        self._telling: set[asyncio.Task[None]] = set()

    def devices(self) -> tuple[str, ...]:
        return (*self.section.readers, *self.section.exit_readers, self.section.relay)

    async def start(self) -> None:
        """Void what a crash has left open: nobody stands there any more."""
        await self._passages.settle_what_was_left()
        self._services.gates_of[self.section.area].add(self.id)
        if self.section.reset_hour is not None:
            self._services.inside.empties_at(self.section.area, self.section.reset_hour)
        self._services.fire_alarm.follow(self._on_fire_alarm)
        self._services.board.tell(self.id, Show.IDLE)

    async def stop(self) -> None:
        """A passage that is still awaited stays open in the ledger; the next start voids it."""
        await self._passages.stop()
        await self.settled()

    async def settled(self) -> None:
        """Until everything that inputs have told so far is obeyed and stored."""
        await self._exits.settled()
        await self._overrides.settled()
        await self._walks.settled()
        await asyncio.gather(*self._telling)

    def inside(self) -> InsideCount | None:
        """How many are inside its area; None where nobody is seen to come or go."""
        section = self.section
        if section.passage_input is None and section.exit_input is None and not section.exit_readers:
            return None
        return InsideCount(section.area, self._services.inside.persons(section.area), section.capacity)

    # Who is let in ---------------------------------------------------------------------------------------

    async def on_reading(self, reading: Reading) -> None:
        if isinstance(reading, InputReading | InputStates) or reading.device in self.section.exit_readers:
            self.at_once(reading)
            return
        if isinstance(reading, BeaconReading):
            return  # Who walks past has not asked for anything: nothing opens for it, and nobody pays.
        if self._services.fire_alarm.on:
            self._services.count_unidentified(self.id, "free_passage")  # Nobody is refused, and nothing is used up.
            return
        if self._passages.awaited:
            self._services.count_unidentified(self.id, "busy")
            self._services.board.tell(self.id, Show.REFUSED, reason="busy")
            return
        if (identified := self._services.identify(self.id, reading)) is None:
            return
        identified = self._passback.checked(identified)
        if not identified.identification.accepted:
            await self._refuse(identified, "")
        elif why := self._hindrance(identified):
            await self._refuse(identified, why)
        else:
            await self._serve(reading, identified)

    def _hindrance(self, identified: Identified) -> str:
        """Why nobody with this credential is let in now, whatever the rules say: a reason, or nothing. What may change
        until the grant is stored is looked at once more in its commit: `_effects`."""
        section, persons = self.section, identified.identification.persons
        if not self._services.outputs.is_ready(section.relay):
            return "gate_not_ready"
        if self._services.counters.is_being_debited(identified.identification):
            return "busy"
        if persons > 1 and (section.passage_input is None or persons > section.largest_group):
            return "group_not_here"
        if section.capacity and self._services.inside.persons(section.area) + persons > section.capacity:
            return FULL
        return ""

    def _effects(self, identified: Identified) -> list[Effect]:
        """What the grant's commit changes beside quotas. One that raises `Conflict` with a code of
        `REASONS` refuses the grant."""
        section, persons = self.section, identified.identification.persons
        room: list[Effect] = [Room(section.area, section.capacity, persons)] if section.capacity else []
        passback = self._passback.noted(identified.identification)
        return [*room, GrantMade(self.id, persons, section.area), *passback]

    async def _serve(self, reading: Presented, identified: Identified) -> None:
        deciding, counters = self._services.deciding, self._services.counters
        who, receipt = identified.identification, self._receipt(identified.identification.persons)
        purse = await counters.purse(self.id, reading, who)
        for _ in range(TRIES):
            decided = await deciding.decide(self.id, receipt, who, purse)
            if decided.decision.due_cents > 0:
                await self._refuse(identified, "payment_due", decided.decision)
                return
            paid = await counters.pay(purse, decided.decision)
            if paid is None:
                await self._refuse(identified, CARD_AGAIN)
                return
            try:
                await self._admit(reading, identified, receipt, decided, paid)
                return
            except Conflict as conflict:
                if not has_changed(conflict):
                    raise
                purse = await counters.not_given(paid) or purse
        await self._refuse(identified, "busy")

    def _receipt(self, persons: int) -> Receipt:
        section = self.section
        line = Line(
            id="1",
            text=section.text,
            category=section.category,
            unit_cents=section.price_cents,
            quantity=persons * 1000,
            vat=section.vat,
        )
        return Receipt(lines=(line,))

    async def _refuse(self, identified: Identified, reason: str, decision: Decision | None = None) -> None:
        spent = identified.unspent if reason else identified
        who, entry = await self._services.store_identification(self.id, spent)
        due = decision.due_cents if decision else None
        self._services.show_identification(self.id, Show.REFUSED, who, entry, reason=reason, due_cents=due)

    async def _admit(
        self, reading: Presented, identified: Identified, receipt: Receipt, decided: Decided, paid: Paid
    ) -> None:
        who, decision = identified.identification, decided.decision
        body = AdmissionBody(
            station=self.id,
            identification=who.facts_left_out(),
            receipt=receipt,
            decision=decision,
            asked=decided.asked,
            debit=paid.debit,
        )
        entry = new_entry(Stream.RECEIPT, EntryKind.ADMISSION, body)
        deciding = self._services.deciding
        noted = deciding.noted(who.holder, ADMISSION, (self.section.category,), self.id)
        effects: list[Effect] = [
            *self._effects(identified),
            *identified.effects,
            *deciding.takes(decided.takes),
            *paid.effects,
            *noted,
        ]
        try:
            (granted,) = await self._services.ledger.commit([entry], effects)
        except Conflict as conflict:
            if has_changed(conflict):
                raise
            await self._services.counters.not_given(paid)
            if conflict.code in REASONS:
                await self._refuse(identified, conflict.code)
            else:
                await self._refuse(raced(identified, conflict), "")
            return
        grant = Grant(granted.epoch, granted.seq, who.persons)
        if self._services.fire_alarm.on:
            await self._passages.void(grant, VoidReason.FREE_PASSAGE)
        elif not is_fresh(reading, self._services.clock.mono_ns()):
            await self._passages.void(grant, VoidReason.NOT_OPENED)
            self._services.board.tell(self.id, Show.REFUSED, reason="stale")
        else:
            await self._passages.carry_out(grant, granted, who, decision)

    # What inputs tell ------------------------------------------------------------------------------------

    def at_once(self, reading: Reading) -> None:
        """What must not wait for whoever is being served."""
        if isinstance(reading, InputReading | InputStates):
            self.on_input(reading)
        else:
            self._exits.presented(reading)

    def on_input(self, reading: Input) -> None:
        """At once, whoever is being served: a passage must be counted, and a person let out, while the disk hangs."""
        section = self.section
        if reading.device != section.relay:
            return
        match reading:
            case InputStates(on=states):
                if section.alarm_input is not None and section.alarm_input < len(states):
                    self._alarm_contact(states[section.alarm_input])
            case InputReading(channel=channel, on=on) if channel == section.alarm_input:
                self._alarm_contact(on)
            case InputReading(channel=channel, on=True) if channel == section.passage_input:
                self._passage(reading)
            case InputReading(channel=channel, on=True) if channel == section.exit_input:
                cause = WalkCause.FIRE_ALARM if self._services.fire_alarm.on else WalkCause.EXIT
                self._walked_out(cause)
            case InputReading(channel=channel, on=True) if channel == section.staff_input:
                self._overrides.pressed(OverrideKind.STAFF_BUTTON, reading)
            case InputReading(channel=channel, on=True) if channel == section.exit_button_input:
                self._overrides.pressed(OverrideKind.EXIT_BUTTON, reading)
            case _:
                pass

    def _passage(self, reading: InputReading) -> None:
        if self._services.fire_alarm.on:
            self._walks.walked(Way.IN, WalkCause.FIRE_ALARM)
        elif not self._passages.edge(reading.mono_ns) and (cause := self._overrides.cause()) is not None:
            # A gate with one sensor for both ways sees whoever was let out there, too.
            if cause is WalkCause.STAFF_BUTTON:
                self._walks.walked(Way.IN, cause)
            elif self.section.exit_input is None:
                self._walked_out(cause)

    def _walked_out(self, cause: WalkCause) -> None:
        self._walks.walked(Way.OUT, cause)
        self._exits.walked()

    def _alarm_contact(self, on: bool) -> None:
        alarm = on is self.section.alarm_when_active
        if self._services.fire_alarm.heard(self.id, alarm):
            log.error("%s: the fire alarm's contact says %s", self.id, "alarm" if alarm else "no alarm any more")
            task = asyncio.get_running_loop().create_task(self._tell_alarm(alarm))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        elif alarm:
            self._services.board.tell(self.id, Show.FREE)  # Its board is back, and the alarm goes on.

    async def _tell_alarm(self, on: bool) -> None:
        body = FireAlarmBody(station=self.id, on=on)
        try:
            await self._services.ledger.commit([new_entry(Stream.AUDIT, EntryKind.FIRE_ALARM, body)])
        except LedgerError as error:
            log.error("%s: the fire alarm could not be stored: %s", self.id, error)

    def _on_fire_alarm(self, on: bool) -> None:
        if on:
            self._passages.abandon()
        self._services.board.tell(self.id, Show.FREE if on else Show.IDLE)
