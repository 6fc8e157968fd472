"""Rules that apply, one after another: each on what those before it left. Holds what a decision has come to so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from gateway.model.decision import Limited, LineDecision, QuotaUnit, Reason, Share
from gateway.model.money import Cents, share_out
from gateway.model.receipt import Line
from gateway.rules.amounts import NOTHING, Offer, Running, free_count, on_all, on_line, plain_amount, scaled, step_at
from gateway.rules.compiled import Compiled
from gateway.rules.eligible import is_article
from gateway.rules.gives import FreeUnits, Step, Tiers
from gateway.rules.purse import Purse
from gateway.rules.question import Question
from gateway.rules.trace import Trace

Offers = Mapping[int, Offer]
"""Line → what a rule would take off it."""


class Entry(NamedTuple):
    """A rule that takes part, with the lines that it meets (ascending)."""

    rank: int
    rule: Compiled
    lines: Sequence[int]


class Contest:
    """One decision under way."""

    def __init__(self, question: Question, purse: Purse, trace: Trace) -> None:
        self._question = question
        self._lines = question.receipt.lines
        self._purse = purse
        self._trace = trace
        self._listed = [line.list_cents for line in self._lines]
        self._cents = list(self._listed)
        self._shares: list[list[Share]] = [[] for _ in self._lines]
        self._steps: dict[int, Step | None] = {}
        self.applied: set[int] = set()

    def run(self, entries: Sequence[Entry]) -> None:
        """All of these, in their order. Rules of an exclusive group are settled where the first of them stands: for
        the receipt if any of them is computed for the whole receipt, else for each line where the first that meets it
        stands."""
        for entry in entries:
            if entry.rule.more is not None:
                self._purse.see(entry.rule)
        groups, at_line = _rivals(entries)
        for entry in entries:
            name = entry.rule.exclusive
            if not name:
                if entry.rule.whole:
                    self._settle_whole([entry])
                else:
                    for line in entry.lines:
                        self._settle_line([entry], line)
            elif (whole := groups.pop(name, None)) is not None and any(rival.rule.whole for rival in whole):
                for line in range(len(self._lines)):
                    at_line.pop((name, line), None)
                self._settle_whole(whole)
            else:
                for line in entry.lines:
                    if (rivals := at_line.pop((name, line), None)) is not None:
                        self._settle_line(rivals, line)

    def decided(self) -> tuple[LineDecision, ...]:
        return tuple(
            LineDecision(line.id, listed, listed - cents, tuple(shares))
            for line, listed, cents, shares in zip(self._lines, self._listed, self._cents, self._shares, strict=True)
        )

    # One line --------------------------------------------------------------------------------------------

    def _settle_line(self, rivals: list[Entry], line: int) -> None:
        offers = [self._offer(rival, line) for rival in rivals]
        winner = self._choose(rivals, [offer.cents for offer, _ in offers])
        if winner is None:
            self._count(rivals, [offer.pieces for offer, _ in offers])
        for number, (offer, why) in enumerate(offers):
            if number == winner:
                self._apply(rivals[number], {line: offer})
            elif offer.cents and winner is not None:
                lost, to = rivals[number].rule, rivals[winner].rule
                self._trace.add(Reason.LOST_TO, lost, self._lines[line].id, offer.cents, to.id)
            else:
                self._trace.add(why, rivals[number].rule, self._lines[line].id)

    def _offer(self, entry: Entry, line: int) -> tuple[Offer, Reason]:
        """What the rule would take off the line now; and why nothing, if it is nothing."""
        rule = entry.rule
        if rule.plain and not self._lines[line].floor_cents:
            cents = plain_amount(rule.kind, rule.value, self._cents[line], self._lines[line].quantity)
            return Offer(cents, 0), Reason.NO_EFFECT
        at = self._at(line)
        limited: Limited | None = None
        if rule.more is not None and rule.more.quotas:
            if (refusal := self._purse.refusal(rule)) is not None:
                return NOTHING, refusal
            pieces = self._purse.allowed(rule, QuotaUnit.UNITS, at.pieces)
            if pieces is None:
                return NOTHING, Reason.QUOTA_EMPTY
            if pieces < at.pieces:
                at, limited = at.part(pieces), Limited.QUOTA
        step, too_low = self._step(entry)
        if too_low is not None:
            return NOTHING, too_low
        offer = on_line(rule, at, step, self._used(rule))
        allowed = self._purse.allowed(rule, QuotaUnit.CENTS, offer.cents)
        if allowed is None:
            return NOTHING, Reason.QUOTA_EMPTY
        if allowed < offer.cents:
            return Offer(allowed, offer.pieces, Limited.QUOTA), Reason.NO_EFFECT
        return self._marked(offer, limited), Reason.NO_EFFECT

    def _used(self, rule: Compiled) -> int:
        """Units before now, for a rule that counts uses."""
        key = _counts_by(rule)
        return self._purse.used(rule, key) if key else 0

    def _step(self, entry: Entry) -> tuple[Step | None, Reason | None]:
        """The step that the lines of a rule by steps have reached; and why none, if there is none."""
        give = entry.rule.give
        if not isinstance(give, Tiers) or give.by == "uses":
            return None, None
        if entry.rank not in self._steps:
            met = [self._lines[line] for line in entry.lines]
            measure = sum(one.list_cents for one in met) if give.by == "spend" else sum(one.quantity for one in met)
            self._steps[entry.rank] = step_at(give, measure)
        step = self._steps[entry.rank]
        too_low = Reason.SPEND_TOO_LOW if give.by == "spend" else Reason.QUANTITY_TOO_LOW
        return step, too_low if step is None else None

    # The whole receipt -----------------------------------------------------------------------------------

    def _settle_whole(self, rivals: list[Entry]) -> None:
        offers = [self._offer_all(rival) for rival in rivals]
        totals = [sum(offer.cents for offer in of.values()) for of, _ in offers]
        winner = self._choose(rivals, totals)
        if winner is None:
            self._count(rivals, [sum(offer.pieces for offer in of.values()) for of, _ in offers])
        for number, (rival, (of, why)) in enumerate(zip(rivals, offers, strict=True)):
            if number == winner:
                self._apply(rival, of)
            elif totals[number] and winner is not None:
                self._trace.add(Reason.LOST_TO, rival.rule, "", totals[number], rivals[winner].rule.id)
            else:
                self._trace.add(why, rival.rule)

    def _offer_all(self, entry: Entry) -> tuple[Offers, Reason]:
        """What the rule would take off its lines; and why nothing, if it is nothing."""
        rule = entry.rule
        if not rule.whole:
            return self._line_by_line(entry)
        if (reason := self._lacking_now(entry)) is not None:
            return {}, reason
        if (refusal := self._purse.refusal(rule)) is not None:
            return {}, refusal
        count = 0
        limited: Limited | None = None
        if isinstance(rule.give, FreeUnits):
            met = [self._lines[line] for line in entry.lines]
            free = free_count(rule.give, met, self._lines, identified=self._question.identified)
            if free is None:
                return {}, Reason.QUANTITY_TOO_LOW
            allowed = self._purse.allowed(rule, QuotaUnit.UNITS, free)
            # All or nothing is decided below, by what can be taken.
            count = free if allowed is None else allowed
            limited = Limited.QUOTA if count < free else None
        step, too_low = self._step(entry)
        if too_low is not None:
            return {}, too_low
        found = on_all(rule, [self._at(line) for line in entry.lines], count, step, self._used(rule))
        if self._purse.allowed(rule, QuotaUnit.UNITS, sum(offer.pieces for offer in found.values())) is None:
            return {}, Reason.QUOTA_EMPTY
        most = self._purse.allowed(rule, QuotaUnit.CENTS, sum(offer.cents for offer in found.values()))
        if most is None:
            return {}, Reason.QUOTA_EMPTY
        found = scaled(found, most, Limited.QUOTA)
        offers = {entry.lines[i]: self._marked(offer, limited) for i, offer in found.items()}
        return offers, Reason.NO_EFFECT

    def _line_by_line(self, entry: Entry) -> tuple[Offers, Reason]:
        """A rule that is computed by line, among rivals of which one is not."""
        offers: dict[int, Offer] = {}
        why = Reason.NO_EFFECT
        with self._purse.trial():  # Each line takes from what the lines before it leave.
            for line in entry.lines:
                offer, reason = self._offer(entry, line)
                if offer.cents or offer.pieces:
                    offers[line] = offer
                if offer.cents:
                    self._purse.take(entry.rule, (offer,))
                elif offer.pieces:
                    self._purse.count(entry.rule, offer.pieces)
                elif reason is not Reason.NO_EFFECT:
                    why = reason
        return offers, why

    def _lacking_now(self, entry: Entry) -> Reason | None:
        need = entry.rule.more.need if entry.rule.more is not None else None
        if need is None or need.min_spend_cents is UNSET or need.basis != "running":
            return None
        lines = range(len(self._lines)) if need.of == "receipt" else entry.lines
        return Reason.SPEND_TOO_LOW if sum(self._cents[line] for line in lines) < need.min_spend_cents else None

    # Both ------------------------------------------------------------------------------------------------

    def _at(self, line: int) -> Running:
        one = self._lines[line]
        return Running(one, self._listed[line], self._cents[line], one.quantity)

    def _choose(self, rivals: list[Entry], cents: list[Cents]) -> int | None:
        """The one that applies: the greatest amount, ties to the first id; or by the rules' order."""
        able = [number for number, amount in enumerate(cents) if amount]
        if not able:
            return None
        if rivals[0].rule.by_priority or len(able) == 1:
            return able[0]
        return min(able, key=lambda number: (-cents[number], rivals[number].rule.id))

    def _apply(self, entry: Entry, offers: Offers) -> None:
        rule = entry.rule
        for line, offer in offers.items():
            if not offer.cents:
                continue  # A use that counts, and no more.
            self._cents[line] -= offer.cents
            self._trace.add(Reason.APPLIED, rule, self._lines[line].id, offer.cents, limited=offer.limited)
            parts = share_out(offer.cents, rule.weights)
            for (party, form), part in zip(rule.payers, parts, strict=True):
                if part:
                    self._shares[line].append(Share(party, rule.id, part, form))
        self.applied.add(entry.rank)
        if rule.more is not None and rule.more.quotas:
            self._purse.take(rule, offers.values())

    def _count(self, rivals: Sequence[Entry], pieces: Sequence[int]) -> None:
        """Nothing is taken off: the first in order that goes by the number of the use has counted these."""
        for rival, number in zip(rivals, pieces, strict=True):
            if number and _counts_by(rival.rule):
                self._purse.count(rival.rule, number)
                return

    @staticmethod
    def _marked(offer: Offer, limited: Limited | None) -> Offer:
        return Offer(offer.cents, offer.pieces, offer.limited or (limited if offer.cents else None))


def _counts_by(rule: Compiled) -> str:
    """The quota by whose uses the rule goes; empty for none."""
    give = rule.give
    return give.key if isinstance(give, Tiers) and give.key is not UNSET else ""


def _rivals(entries: Sequence[Entry]) -> tuple[dict[str, list[Entry]], dict[tuple[str, int], list[Entry]]]:
    """Of each exclusive group: its rules, and those that meet a line."""
    groups: dict[str, list[Entry]] = {}
    at_line: dict[tuple[str, int], list[Entry]] = {}
    for entry in entries:
        if name := entry.rule.exclusive:
            groups.setdefault(name, []).append(entry)
            for line in entry.lines:
                at_line.setdefault((name, line), []).append(entry)
    return groups, at_line


def lines_met(rule: Compiled, lines: Sequence[Line], numbers: Sequence[int]) -> list[int]:
    """Of these lines, those that the rule meets."""
    what = rule.more.what if rule.more is not None else None
    return list(numbers) if what is None else [number for number in numbers if is_article(what, lines[number])]
