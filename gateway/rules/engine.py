"""Question → decision: integer cents, a fixed order, checked sums (docs/rules.md). Pure.

The same question and rules give the same bytes, whatever the order of rules and codes and whatever the hash seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from msgspec import UNSET

from gateway.model.decision import Decision, LineDecision, Reason, Share
from gateway.model.errors import GatewayError, NotFound
from gateway.model.money import Cents, line_cents, percent_of, share_out
from gateway.model.receipt import Line
from gateway.rules.compiled import ANY, Compiled, Index, Kind
from gateway.rules.document import Rule
from gateway.rules.question import Question, inputs_digest
from gateway.rules.trace import Trace, near_misses


class DecisionBroken(GatewayError):
    """The engine's own sums do not agree: nothing is granted on it. A defect of ours, never of the input."""

    code = "decision_broken"


class RuleSet:
    """Rules in force, ready to be asked. Immutable; safe to share between threads.

    `rules` are the documents in the engine's order, `number` is the bundle's.
    """

    __slots__ = ("_compiled", "_index", "_ranks", "number", "rules")

    def __init__(self, number: int, rules: tuple[Rule, ...], compiled: tuple[Compiled, ...], index: Index) -> None:
        self.number = number
        self.rules = rules
        self._compiled = compiled
        self._index = index
        self._ranks = {rule.id: rank for rank, rule in enumerate(compiled)}

    @property
    def entitlements(self) -> frozenset[str]:
        """The codes that these rules use: all that a registry needs to hold at a place."""
        return frozenset(self._index.groups)

    def rule(self, rule_id: str) -> Rule:
        """The document of a rule, for its title and message. Raises `NotFound`."""
        rank = self._ranks.get(rule_id)
        if rank is None:
            raise NotFound(f"no rule {rule_id!r} in rules bundle {self.number}")
        return self.rules[rank]

    def message(self, rule_id: str, languages: tuple[str, ...]) -> str:
        """The text to show when the rule applied, in the first of these languages that it has; empty without one.
        Raises `NotFound`."""
        message = self.rule(rule_id).message
        return message.best(languages) if message is not UNSET else ""

    def decide(self, question: Question) -> Decision:
        """What the rules give on this receipt. The receipt has passed `check_receipt`.

        Guarantee: 0 ≤ discount ≤ list on every line, shares add up to the discount, lines to the totals; raises
        `DecisionBroken` otherwise. At most `trace.MAX_TRACED` rules' fates are told.
        """
        settled = question.settled()
        index, lines = self._index, settled.receipt.lines
        groups = index.groups.numbers(settled.entitlements)
        places = index.places.numbers(settled.merchant_groups)
        numbers = [index.categories.number(line.category) for line in lines]
        categories = {*numbers, ANY}
        found = index.candidates(groups, places, categories)
        trace = Trace()
        contests = self._contests(settled, found, categories, trace)
        decided = tuple(_line(line, contests[number], trace) for line, number in zip(lines, numbers, strict=True))
        near_misses(self._compiled, index, (groups, places, sorted(categories)), found, settled, trace)
        decision = Decision(
            lines=decided,
            list_cents=settled.receipt.list_cents,
            discount_cents=sum(line.discount_cents for line in decided),
            trace=trace.told(),
            bundle=self.number,
            inputs=inputs_digest(settled, self.number),
            messages=self._messages(decided),
        )
        assert_sums(decision)
        return decision

    def _contests(
        self, question: Question, found: dict[int, list[int]], categories: set[int], trace: Trace
    ) -> dict[int, list[list[Compiled]]]:
        """Category → its candidates that hold today, as contests in order. The others are traced, once each."""
        today, trusted = question.today.toordinal(), question.clock_trusted
        closed: set[int] = set()
        contests: dict[int, list[list[Compiled]]] = {}
        anywhere = found.get(ANY, [])
        for category in categories:
            ranks = found.get(category, []) + anywhere if category != ANY else anywhere
            rules = []
            for rank in sorted(set(ranks)):
                rule = self._compiled[rank]
                if rule.holds(today, clock_trusted=trusted):
                    rules.append(rule)
                else:
                    closed.add(rank)
            contests[category] = _contests(rules)
        for rank in sorted(closed):
            trace.add(Reason.OUTSIDE_DATES if trusted else Reason.CLOCK_NOT_TRUSTED, self._compiled[rank])
        return contests

    def _messages(self, lines: tuple[LineDecision, ...]) -> tuple[str, ...]:
        applied = {self._ranks[share.rule] for line in lines for share in line.shares}
        return tuple(self._compiled[rank].id for rank in sorted(applied) if self._compiled[rank].has_message)


def _contests(rules: Iterable[Compiled]) -> list[list[Compiled]]:
    """Rules in their order; those of an exclusive group together, where the first of them stands."""
    contests: list[list[Compiled]] = []
    groups: dict[str, list[Compiled]] = {}
    for rule in rules:
        if rule.exclusive in groups:
            groups[rule.exclusive].append(rule)
            continue
        contests.append([rule])
        if rule.exclusive:
            groups[rule.exclusive] = contests[-1]
    return contests


def _line(line: Line, contests: list[list[Compiled]], trace: Trace) -> LineDecision:
    list_cents = line.list_cents
    if not line.discountable:
        for rule in chain.from_iterable(contests):
            trace.add(Reason.NOT_DISCOUNTABLE, rule, line.id)
        return LineDecision(line.id, list_cents)
    running = list_cents
    shares: list[Share] = []
    for contest in contests:
        cents, rule = _settle(contest, running, line, trace)
        if cents == 0:
            continue
        running -= cents
        trace.add(Reason.APPLIED, rule, line.id, cents)
        for (party, form), part in zip(rule.payers, share_out(cents, rule.weights), strict=True):
            if part:
                shares.append(Share(party, rule.id, part, form))
    return LineDecision(line.id, list_cents, list_cents - running, tuple(shares))


def _settle(contest: list[Compiled], running: Cents, line: Line, trace: Trace) -> tuple[Cents, Compiled]:
    """The best of these rules and its amount; ties go to the first id. Traces all but the winner."""
    offers = [(_amount(rule, running, line.quantity), rule) for rule in contest]
    best, winner = min(offers, key=lambda offer: (-offer[0], offer[1].id)) if len(offers) > 1 else offers[0]
    for cents, rule in offers:
        if cents == 0:
            trace.add(Reason.NO_EFFECT, rule, line.id)
        elif rule is not winner:
            trace.add(Reason.LOST_TO, rule, line.id, cents, winner.id)
    return best, winner


def _amount(rule: Compiled, running: Cents, quantity: int) -> Cents:
    """What the rule takes off a line that costs `running` now: never below 0, never more than that."""
    match rule.kind:
        case Kind.PERCENT:
            return percent_of(running, rule.value)
        case Kind.OFF_UNIT:
            return min(running, line_cents(rule.value, quantity))
        case Kind.OFF_LINE:
            return min(running, rule.value)
        case Kind.UNIT_PRICE:
            return max(0, running - line_cents(rule.value, quantity))


def assert_sums(decision: Decision) -> None:
    list_cents = discount_cents = 0
    for line in decision.lines:
        shared = sum(share.cents for share in line.shares)
        if not 0 <= line.discount_cents <= line.list_cents or shared != line.discount_cents:
            raise DecisionBroken(
                f"list {line.list_cents}, discount {line.discount_cents}, shares {shared}",
                "Nothing was granted; keep the receipt and report this defect",
                where=f"line {line.line!r}",
            )
        list_cents += line.list_cents
        discount_cents += line.discount_cents
    if (list_cents, discount_cents) != (decision.list_cents, decision.discount_cents):
        raise DecisionBroken(
            "the lines do not add up to the totals", "Nothing was granted; report this defect", where="receipt"
        )
