"""From a receipt and a person to a decision: what happened before and what is left of quotas is looked up first, what
it takes commits with the entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.identity.passes import PassGivenBack
from gateway.ledger.effects import Effect
from gateway.model.circumstances import Circumstances, Left
from gateway.model.clock import Clock
from gateway.model.decision import Balance, Decision, Use
from gateway.model.errors import Conflict
from gateway.model.identification import Identification
from gateway.model.receipt import Receipt
from gateway.quota import cards
from gateway.quota.quotas import Quotas
from gateway.rules.purse import Asked
from gateway.rules.question import Question
from gateway.stations.benefits import Benefits
from gateway.stations.counters import Purse
from gateway.stations.happened import Aged, Note, Undone, before
from gateway.stations.passages import PassageUndone

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]

ANSWER_S = 0.4
"""How long a person waits for the quota authority at most: then what is here counts."""
TRIES = 3
"""Decisions on one reading or request at most, when quotas change between decision and commit."""


class Taken(msgspec.Struct, frozen=True):
    """What a decision takes of quotas that are leased: of which holder's, and what of each might be given on trust."""

    uses: tuple[Use, ...] = ()
    holder: str | None = None
    asks: tuple[Asked, ...] = ()


class Decided(msgspec.Struct, frozen=True):
    """A decision with what it rested on and what it asked of quotas."""

    decision: Decision
    asked: Circumstances
    holder: str | None = None
    asks: tuple[Asked, ...] = ()

    @property
    def takes(self) -> Taken:
        return Taken(tuple(use for use in self.decision.uses if not use.card), self.holder, self.asks)


class Deciding:
    """One for all stations of a place. `quotas` is None where there is no ledger of them (trying things out)."""

    def __init__(
        self, benefits: Benefits, quotas: Quotas | None, query: Query, clock: Clock, answer_s: float = ANSWER_S
    ) -> None:
        self._benefits = benefits
        self._quotas = quotas
        self._query = query
        self._clock = clock
        self._answer_s = answer_s

    async def decide(
        self,
        station: str,
        receipt: Receipt,
        who: Identification | None,
        purse: Purse | None = None,
        without: frozenset[str] = frozenset(),
    ) -> Decided:
        """What is due for this receipt now, for this person or for a stranger. Waits for the quota authority only when
        a rule counts on a quota of which nothing is here, and not longer than `answer_s`. `purse`: the counter on the
        card that lies there; `without`: quotes that this one replaces, whose holds do not count."""
        question = self._benefits.question(receipt, who, station)
        holder = who.holder if who is not None and who.accepted else None
        if holder is not None and self._benefits.events:
            question = self._with_events(question, holder)
        counted = self._benefits.asks(question) if self._benefits.counts else ()
        asks = tuple(ask for ask in counted if not ask.card)
        left = tuple(_on_card(ask, purse) for ask in counted if ask.card)
        if asks and self._quotas is not None:
            await self._quotas.prepare(holder, asks, self._answer_s, {ask.key: ask.want for ask in asks}, without)
            left = (*self._quotas.left(holder, asks, self._clock.stamp(), without), *left)
        if left:
            question = msgspec.structs.replace(question, quotas=left)
        decision, circumstances = self._benefits.decide(question)
        return Decided(decision, circumstances, holder, asks)

    async def balances(
        self, station: str, who: Identification, *, ask: bool = False, purse: Purse | None = None
    ) -> tuple[Balance, ...]:
        """What is left for this person of the benefits that they have here, as far as it is known here. Spends nothing.
        `ask`: asks the quota authority where nothing is known, and waits for it as a decision does. `purse`: the
        counter on the card that lies there."""
        if not who.accepted or not self._benefits.counts:
            return ()
        question = self._benefits.question(None, who, station)
        counted = self._benefits.person_asks(question)
        asks = tuple(one for one in counted if not one.card)
        left = tuple(_on_card(one, purse) for one in counted if one.card)
        if self._quotas is not None:
            if asks and ask:
                await self._quotas.prepare(who.holder, asks, self._answer_s)
            left = (*self._quotas.left(who.holder, asks, self._clock.stamp()), *left)
        return self._benefits.balances(question, left)

    # What commits with the entry -------------------------------------------------------------------------

    def takes(self, taken: Taken, *, quote: str = "") -> list[Effect]:
        """Effects of the entry that books this decision. Raise `Conflict` (`quota_changed`) in the commit when it is
        not covered any more."""
        if not taken.uses or self._quotas is None:
            return []
        return [self._quotas.spend(taken.holder, taken.uses, taken.asks, quote=quote)]

    def takes_late(self, taken: Taken, *, quote: str = "") -> list[Effect]:
        """The same for what has happened already: never refused, what is not covered is overspend."""
        if not taken.uses or self._quotas is None:
            return []
        return [self._quotas.spend_late(taken.holder, taken.uses, taken.asks, quote=quote)]

    def holds(self, taken: Taken, quote: str, for_s: float) -> list[Effect]:
        """Effects of a quote that stays open so long. Raise `Conflict` when what it takes is not left any more."""
        if not taken.uses or self._quotas is None:
            return []
        return [self._quotas.hold(quote, taken.holder, taken.uses, for_s)]

    def released(self, quote: str) -> list[Effect]:
        """Effects of a quote that is open no longer and became no receipt."""
        return [self._quotas.release(quote)] if self._quotas is not None else []

    def noted(self, holder: str | None, event: str, codes: tuple[str, ...], station: str) -> list[Effect]:
        """Effects of an entry that says that a holder did something, where rules ask for it."""
        if holder is None or event not in self._benefits.events:
            return []
        return [Note(holder, event, codes, station)]

    def undone(self, entry: str) -> list[Effect]:
        """Effects of a void of this entry (`gateway.model.entry.entry_name`)."""
        given_back: list[Effect] = [self._quotas.give_back(entry)] if self._quotas is not None else []
        on_card = cards.CounterGivenBack(entry)
        return [*given_back, on_card, PassGivenBack(entry), Undone(entry), PassageUndone(entry)]

    def partly_undone(self, entry: str, part: int, whole: int) -> tuple[tuple[Use, ...], list[Effect]]:
        """Effects of a void of `part` of the `whole` persons that this entry let in, and the quota units that they give
        back: whole units in proportion. Of all of them it is as if the entry had not been."""
        if part == whole:
            return (), self.undone(entry)
        uses = cards.part_of(self._query, entry, part, whole)
        effects: list[Effect] = [cards.CounterGivenBack(entry, use.units) for use in uses]
        if self._quotas is not None and (leased := self._quotas.part_of(entry, part, whole)):
            uses += leased
            effects.append(self._quotas.give_back(entry, {use.key: use.units for use in leased}))
        return uses, effects

    def given_back(self, entry: str, uses: Sequence[Use]) -> list[Effect]:
        """Effects of a refund of a part of what this entry sold: these units are free again, or owed to the card."""
        effects: list[Effect] = [cards.CounterGivenBack(entry, use.units) for use in uses if use.card]
        leased = {use.key: use.units for use in uses if not use.card}
        if leased and self._quotas is not None:
            effects.append(self._quotas.give_back(entry, leased))
        return effects

    def tidy(self) -> list[Effect]:
        """At the start and once a day."""
        return [Aged(dict(self._benefits.events)), cards.CountersTidied()]

    def _with_events(self, question: Question, holder: str) -> Question:
        events = before(self._query, holder, self._benefits.events, question.place, self._clock.stamp())
        return msgspec.structs.replace(question, events=events)


def _on_card(ask: Asked, purse: Purse | None) -> Left:
    """What the holder's card says of it; not known where no such card lies at a reader that knows its counter."""
    if purse is None or purse.told.quota != ask.key:
        return Left(ask.key, ask.period.name, known=False)
    return Left(ask.key, ask.period.name, purse.left)


def has_changed(conflict: Conflict) -> bool:
    """Whether it is only that quotas have changed: then one decides once more."""
    return conflict.code == "quota_changed"
