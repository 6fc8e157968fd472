"""What a decision takes of quotas while it is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from gateway.model.circumstances import Left
from gateway.model.decision import Balance, Limited, QuotaUnit, Reason, Use
from gateway.model.receipt import Line
from gateway.rules.amounts import PIECE, Offer, Running
from gateway.rules.compiled import Compiled, Counted
from gateway.rules.periods import Period, period_of
from gateway.rules.question import Question

Cell = tuple[str, str, bool]
"""Key, period, whether it is a holder's own."""


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


def asked_by(rules: Iterable[tuple[Compiled, Sequence[Line]]], question: Question) -> tuple[Asked, ...]:
    """Each cell once, as the first of the rules (with the lines that it meets) names it; those of a holder only for a
    holder."""
    found: dict[Cell, Asked] = {}
    for rule, lines in rules:
        for quota in rule.more.quotas if rule.more is not None else ():
            if quota.holder and not question.identified:
                continue
            period = period_of(quota, question.today)
            asked = Asked(quota.key, quota.unit, period, quota.holder, quota.grace, _most(quota.unit, lines))
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

    def refusal(self, rule: Compiled) -> Reason | None:
        """Why the rule can take nothing at all now."""
        for quota in _quotas(rule):
            cell, left = self._look(rule, quota)
            if left is None or (not left.known and not left.grace):
                return Reason.QUOTA_UNKNOWN
            if self._room(cell, left, quota) <= 0:
                return Reason.QUOTA_EMPTY
        return None

    def used(self, rule: Compiled, key: str) -> int:
        """Units taken of this quota in its period before now."""
        for quota in _quotas(rule):
            if quota.key == key:
                cell, left = self._look(rule, quota)
                return (left.used if left is not None else 0) + self._spent.get(cell, 0)
        return 0

    def pieces(self, rule: Compiled) -> int | None:
        """How many whole units the rule may touch; None for any number."""
        rooms = [
            self._room(cell, left, quota)
            for quota in _quotas(rule)
            if quota.unit is QuotaUnit.UNITS
            for cell, left in [self._look(rule, quota)]
            if left is not None
        ]
        return min(rooms) if rooms else None

    def touchable(self, rule: Compiled, at: Running) -> tuple[Running | None, Limited | None]:
        """The part of a line that the rule may touch; None when it is not to touch the line at all."""
        for quota in _quotas(rule):
            if quota.unit is not QuotaUnit.UNITS:
                continue
            cell, left = self._look(rule, quota)
            room = self._room(cell, left, quota) if left is not None else 0
            if room >= at.pieces:
                continue
            if not quota.cut or room <= 0:
                return None, None
            return at.part(room), Limited.QUOTA
        return at, None

    def cents(self, rule: Compiled) -> tuple[int | None, bool]:
        """How many cents the rule may take at most (None: any), and whether more is cut to that."""
        most, cut = None, True
        for quota in _quotas(rule):
            if quota.unit is QuotaUnit.CENTS:
                cell, left = self._look(rule, quota)
                room = self._room(cell, left, quota) if left is not None else 0
                if most is None or room < most:
                    most, cut = room, quota.cut
        return most, cut

    def take(self, rule: Compiled, offers: Iterable[Offer]) -> None:
        """The rule has applied with these."""
        offers = list(offers)
        for quota in _quotas(rule):
            cell, _ = self._look(rule, quota)
            match quota.unit:
                case QuotaUnit.USES:
                    amount = 0 if cell in self._receipts else 1
                    self._receipts.add(cell)
                case QuotaUnit.UNITS:
                    amount = sum(offer.pieces for offer in offers)
                case QuotaUnit.CENTS:
                    amount = sum(offer.cents for offer in offers)
            self._spent[cell] = self._spent.get(cell, 0) + amount

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
        return tuple(
            Use(key, period, units, holder, grace=not self._given[key, period, holder].known)
            for (key, period, holder), units in sorted(self._spent.items())
            if units
        )

    def balances(self) -> tuple[Balance, ...]:
        """What is left of every quota that was looked at and of which something is known."""
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

    def _look(self, rule: Compiled, quota: Counted) -> tuple[Cell, Left | None]:
        period = period_of(quota, self._question.today)
        cell = quota.key, period.name, quota.holder
        if quota.holder and not self._question.identified:
            return cell, None
        self._seen.setdefault(cell, (rule, quota, period))
        return cell, self._given.get(cell)

    def _room(self, cell: Cell, left: Left, quota: Counted) -> int:
        most = left.left if left.known else left.grace
        if quota.unit is QuotaUnit.USES and cell in self._receipts:
            return 1  # This receipt is counted already.
        return most - self._spent.get(cell, 0)


def _quotas(rule: Compiled) -> tuple[Counted, ...]:
    return rule.more.quotas if rule.more is not None else ()
