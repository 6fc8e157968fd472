"""What a decision takes of quotas while it is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from gateway.model.circumstances import Left
from gateway.model.decision import Balance, QuotaUnit, Reason, Use
from gateway.model.receipt import Line
from gateway.rules.amounts import PIECE, Offer
from gateway.rules.compiled import Compiled, Counted
from gateway.rules.periods import Period, period_of
from gateway.rules.question import Question

Cell = tuple[str, str, bool]
"""Key, period, whether it is a holder's own."""


class Held(NamedTuple):
    """A rule's quota, with what is told to be left of it."""

    quota: Counted
    period: Period
    cell: Cell
    left: Left | None


class Asked(NamedTuple):
    """A quota that a question may touch: what its caller should know how much is left of."""

    key: str
    unit: QuotaUnit
    period: Period
    holder: bool
    grace: int
    """Units that may be given on trust, 0 for none."""
    want: int = 1
    """As many as the rules could take for this question."""
    card: bool = False
    """The holder's card says what is left, and nobody else."""


def asked_by(rules: Iterable[tuple[Compiled, Sequence[Line]]], question: Question) -> tuple[Asked, ...]:
    """Each cell once, as the first of the rules (with the lines that it meets) names it; those of a holder only for a
    holder."""
    found: dict[Cell, Asked] = {}
    for rule, lines in rules:
        for quota in rule.more.quotas if rule.more is not None else ():
            if quota.holder and not question.identified:
                continue
            period = period_of(quota, question.today)
            asked = Asked(
                quota.key, quota.unit, period, quota.holder, quota.grace, _most(quota.unit, lines), quota.card
            )
            before = found.setdefault((quota.key, period.name, quota.holder), asked)
            if asked.want > before.want:
                found[quota.key, period.name, quota.holder] = before._replace(want=asked.want)
    return tuple(found.values())


def _most(unit: QuotaUnit, lines: Sequence[Line]) -> int:
    match unit:
        case QuotaUnit.USES:
            return 1
        case QuotaUnit.UNITS:
            return max(1, sum(-(-line.quantity // PIECE) for line in lines))
        case QuotaUnit.CENTS:
            return max(1, sum(line.list_cents for line in lines))


class Purse:
    """What is left, going down as rules apply. One for a decision."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._given: dict[Cell, Left] = {(q.key, q.period, q.holder): q for q in question.quotas}
        self._spent: dict[Cell, int] = {}
        self._receipts: set[Cell] = set()
        self._seen: dict[Cell, tuple[Compiled, Counted, Period]] = {}
        self._of_rule: dict[str, tuple[Held, ...]] = {}

    def refusal(self, rule: Compiled) -> Reason | None:
        """Why the rule can take nothing at all now."""
        for held in self._held(rule):
            if held.left is None or (not held.left.known and not held.left.grace):
                return Reason.QUOTA_UNKNOWN
            if self._room(held) <= 0:
                return Reason.QUOTA_EMPTY
        return None

    def used(self, rule: Compiled, key: str) -> int:
        """Units taken of this quota in its period before now."""
        for held in self._held(rule):
            if held.quota.key == key:
                return (held.left.used if held.left is not None else 0) + self._spent.get(held.cell, 0)
        return 0

    def allowed(self, rule: Compiled, unit: QuotaUnit, wanted: int) -> int | None:
        """How much of what it wants the rule may take, all quotas in this unit together: first what is cut is cut, then
        it is all or nothing (None). The rule has no `refusal`."""
        most, bound = wanted, wanted
        for held in self._held(rule):
            if held.quota.unit is unit:
                room = self._room(held)
                if held.quota.cut:
                    most = min(most, room)
                else:
                    bound = min(bound, room)
        return most if most <= bound else None

    def take(self, rule: Compiled, offers: Iterable[Offer]) -> None:
        """The rule has applied with these."""
        offers = list(offers)
        for held in self._held(rule):
            match held.quota.unit:
                case QuotaUnit.USES:
                    amount = 0 if held.cell in self._receipts else 1
                    self._receipts.add(held.cell)
                case QuotaUnit.UNITS:
                    amount = sum(offer.pieces for offer in offers)
                case QuotaUnit.CENTS:
                    amount = sum(offer.cents for offer in offers)
            self._spent[held.cell] = self._spent.get(held.cell, 0) + amount

    def count(self, rule: Compiled, pieces: int) -> None:
        """Units that were counted without anything being taken off."""
        for held in self._held(rule):
            if held.quota.unit is QuotaUnit.UNITS:
                self._spent[held.cell] = self._spent.get(held.cell, 0) + pieces

    @contextmanager
    def trial(self) -> Iterator[None]:
        """What is taken within the block is given back at its end."""
        spent, receipts = dict(self._spent), set(self._receipts)
        try:
            yield
        finally:
            self._spent, self._receipts = spent, receipts

    def uses(self) -> tuple[Use, ...]:
        """What is to be committed with the receipt."""
        on_cards = {held.cell for rule in self._of_rule.values() for held in rule if held.quota.card}
        return tuple(
            Use(
                key,
                period,
                units,
                holder,
                not self._given[key, period, holder].known,
                (key, period, holder) in on_cards,
            )
            for (key, period, holder), units in sorted(self._spent.items())
            if units
        )

    def balances(self) -> tuple[Balance, ...]:
        """What is left of every quota that was seen and of which something is known."""
        found = []
        for cell, (rule, quota, period) in self._seen.items():
            left = self._given.get(cell)
            if left is None or not left.known:
                continue
            spent = self._spent.get(cell, 0)
            rest = max(0, left.left - spent)
            if left.here and period.limit:
                # Uses are numbered: what nobody has been given yet is still there for this person, if not here.
                rest = max(rest, period.limit - left.used - spent)
            last = period.last.isoformat() if period.last is not None else ""
            found.append(Balance(rule.id, quota.key, period.name, quota.unit, rest, period.limit, last, here=left.here))
        return tuple(found)

    def see(self, rule: Compiled) -> None:
        """The rule takes part: its quotas are told of, whatever comes of it. In the rules' order."""
        for held in self._held(rule):
            self._seen.setdefault(held.cell, (rule, held.quota, held.period))

    def _held(self, rule: Compiled) -> tuple[Held, ...]:
        if rule.more is None or not rule.more.quotas:
            return ()
        if rule.id not in self._of_rule:
            self._of_rule[rule.id] = tuple(self._look(quota) for quota in rule.more.quotas)
        return self._of_rule[rule.id]

    def _look(self, quota: Counted) -> Held:
        period = period_of(quota, self._question.today)
        cell = quota.key, period.name, quota.holder
        mine = not quota.holder or self._question.identified
        return Held(quota, period, cell, self._given.get(cell) if mine else None)

    def _room(self, held: Held) -> int:
        if held.left is None:
            return 0
        if held.cell in self._receipts:
            return 1  # This receipt is counted already.
        most = held.left.left if held.left.known else held.left.grace
        return most - self._spent.get(held.cell, 0)
