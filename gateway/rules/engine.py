"""Question → decision: integer cents, a fixed order, checked sums (docs/rules.md). Pure.

The same question and rules give the same bytes, whatever the order of rules and codes and whatever the hash seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from gateway.model.decision import Decision, LineDecision, Reason
from gateway.model.errors import NotFound
from gateway.rules.compiled import ANY, Compiled, Counted, Index, Numbers, Shared, Told, unpacked
from gateway.rules.contest import Contest, Entry, lines_met
from gateway.rules.eligible import Moment, lacking, moment_of, unmet
from gateway.rules.purse import Asked, Purse, asked_by
from gateway.rules.question import Question, inputs_digest
from gateway.rules.sieve import Sifted, holding, sieve_of, sift
from gateway.rules.sums import assert_sums, rounding
from gateway.rules.trace import Near, Trace, Where, near_misses, nearby
from gateway.rules.vat import vat_of

LATER = frozenset((Reason.OTHER_MEANS, Reason.EVENT_MISSING, Reason.TOO_MANY_EVENTS, Reason.OUTSIDE_HOURS))
"""What may be otherwise at the next receipt today: the benefit is this person's all the same."""


class RuleSet:
    """Rules in force, ready to be asked. Immutable; safe to share between threads.

    `told` is what people are told of each, packed, in the engine's order; `number` is the bundle's. How the rules were
    written is not kept: that takes several times the memory. Its length is the number of rules.
    """

    __slots__ = (
        *(
            "_compiled",
            "_counted",
            "_index",
            "_ranks",
            "_shared",
            "_sieve",
            "_told",
            "counts",
            "entitlements",
            "events",
            "number",
        ),
    )

    def __init__(
        self,
        number: int,
        told: tuple[bytes, ...],
        compiled: tuple[Compiled, ...],
        index: Index,
        shared: Shared,
        entitlements: frozenset[str],
        events: Mapping[str, int],
    ) -> None:
        self.number = number
        self.entitlements = entitlements
        """The codes that these rules use: all that a registry needs to hold at a place."""
        self.events = events
        """What has to be known of what happened before → within how many seconds at most."""
        self.counts = any(rule.more is not None and rule.more.quotas for rule in compiled)
        """Whether any rule counts on a quota."""
        self._told = told
        self._compiled = compiled
        self._counted: dict[str, Counted] | None = None
        self._sieve = sieve_of(compiled)
        self._index = index
        self._shared = shared
        self._ranks = {rule.id: rank for rank, rule in enumerate(compiled)}

    def rule(self, rule_id: str) -> Told:
        """What people are told of a rule. Raises `NotFound`."""
        rank = self._ranks.get(rule_id)
        if rank is None:
            raise NotFound(f"no rule {rule_id!r} in rules bundle {self.number}")
        return unpacked(self._told[rank])

    def __len__(self) -> int:
        return len(self._compiled)

    def knows(self, category: str) -> bool:
        """Whether any rule names this category."""
        return category in self._index.categories

    def ids(self) -> Iterator[str]:
        """Of the rules, in the engine's order."""
        return (rule.id for rule in self._compiled)

    def message(self, rule_id: str, languages: tuple[str, ...]) -> str:
        """The text to show when the rule applied, in the first of these languages that it has; empty without one.
        Raises `NotFound`."""
        message = self.rule(rule_id).message
        return message.best(languages) if message is not None else ""

    def title(self, rule_id: str, languages: tuple[str, ...]) -> str:
        """The rule's title in the first of these languages that it has. Raises `NotFound`."""
        return self.rule(rule_id).title.best(languages)

    def of_person(self, settled: Question) -> Iterator[Compiled]:
        """The rules that count on a quota and are this person's here now, whatever is bought; in their order."""
        moment, index = self._moment(settled), self._index
        places = index.places.numbers(settled.merchant_groups)
        ranks: set[int] = set()
        for group in index.groups.numbers(moment.groups):
            for place in places:
                ranks.update(index.by_group_place.get(group * index.place_width + place, ()))
        for rank in sorted(ranks):
            rule = self._compiled[rank]
            if rule.more is None or not rule.more.quotas:
                continue
            if (kept := unmet(rule, settled, moment)) is None or kept[0] in LATER:
                yield rule

    def counted(self) -> dict[str, Counted]:
        """The quotas of all rules by their keys; rules that share one count it alike."""
        if self._counted is None:
            # Made when somebody asks, which no station does. Whoever else makes it meanwhile makes the same.
            rules = (rule.more for rule in self._compiled if rule.more is not None)
            self._counted = {quota.key: quota for more in rules for quota in more.quotas}
        return self._counted

    def asks(self, question: Question) -> tuple[Asked, ...]:
        """The quotas that the rules would count on for this question: of those, and of no others, `quotas` should say
        how much is left before `decide` is called."""
        settled = question.settled()
        moment = self._moment(settled)
        candidates = sift(self._index.cells(*self._where(settled, moment)), self._sieve, moment)
        counting = [
            (self._compiled[rank], lines)
            for rank, lines in sorted(candidates.now.items())
            if (more := self._compiled[rank].more) is not None and more.quotas
        ]
        lines = settled.receipt.lines
        return asked_by(
            [
                (rule, [lines[number] for number in meets])
                for rule, numbers_met in counting
                if unmet(rule, settled, moment) is None and (meets := lines_met(rule, lines, numbers_met))
            ],
            settled,
        )

    def decide(self, question: Question, *, in_full: bool = False) -> Decision:
        """What the rules give on this receipt. The receipt has passed `check_receipt`. `in_full`: the trace names more
        rules than a stored decision has room for (`trace.MAX_IN_FULL`); nothing else is different.

        Guarantee: 0 ≤ discount ≤ list on every line, shares add up to the discount, lines to the totals, nothing is
        taken of a quota that is not left; raises `DecisionBroken` otherwise. At most `trace.MAX_TRACED` rules' fates
        are told.
        """
        settled = question.settled()
        moment, trace, purse = self._moment(settled), Trace(in_full=in_full), Purse(settled)
        where = self._where(settled, moment)
        candidates = sift(self._index.cells(*where), self._sieve, moment)
        near = self._near(where, candidates, settled, moment, trace.looks_at)
        entries = self._entries(settled, moment, candidates, trace, near)
        contest = Contest(settled, purse, trace)
        contest.run(entries)
        decided = tuple(self._with_vat(line, settled, at) for at, line in enumerate(contest.decided()))
        near_misses(self._compiled, near, settled, moment, trace)
        listed = sum(line.list_cents for line in decided)
        discount = sum(line.discount_cents for line in decided)
        decision = Decision(
            lines=decided,
            list_cents=listed,
            discount_cents=discount,
            trace=trace.told(),
            bundle=self.number,
            inputs=inputs_digest(settled, self.number),
            messages=tuple(self._compiled[r].id for r in sorted(contest.applied) if self._compiled[r].has_message),
            rounding_cents=rounding(listed - discount, settled),
            uses=purse.uses(),
            balances=purse.balances(),
        )
        assert_sums(decision, settled)
        return decision

    def _moment(self, settled: Question) -> Moment:
        groups = frozenset(settled.entitlements)
        if settled.city:
            ours = self._shared.partners.get(settled.city, {})
            groups = frozenset(code for theirs in settled.entitlements for code in ours.get(theirs, ()))
        return moment_of(settled, groups)

    def _where(self, settled: Question, moment: Moment) -> Where:
        index = self._index
        return (
            index.groups.numbers(moment.groups),
            index.places.numbers(settled.merchant_groups),
            _lines_of([index.categories.number(line.category) for line in settled.receipt.lines]),
        )

    def _near(self, where: Where, candidates: Sifted, settled: Question, moment: Moment, most: int) -> Near:
        """Rules that are not candidates, perhaps for want of one thing only, and that may hold now."""
        reasons = (
            *(Reason.OTHER_CATEGORY, Reason.OTHER_PLACE),
            Reason.NOT_ENTITLED if settled.identified else Reason.NOT_IDENTIFIED,
        )
        return {
            reason: holding(ranks, self._sieve, moment).difference(candidates.now)
            for reason, ranks in zip(reasons, nearby(self._index, where, most), strict=True)
        }

    def _entries(self, settled: Question, moment: Moment, candidates: Sifted, trace: Trace, near: Near) -> list[Entry]:
        """The candidates that apply, in order, with the lines that they meet. The others are traced, or are near misses
        like those of the index."""
        entries: list[Entry] = []
        kept: dict[Reason, set[int]] = {
            Reason.OUTSIDE_DATES: set(candidates.late),
            Reason.OUTSIDE_HOURS: set(candidates.closed),
        }
        for rank, lines in sorted(candidates.now.items()):
            rule = self._compiled[rank]
            if (why := unmet(rule, settled, moment)) is None:
                if (entry := self._entry(rank, rule, lines, settled, trace)) is not None:
                    entries.append(entry)
            elif why[1]:
                trace.add(why[0], rule, other=why[1])
            else:
                kept.setdefault(why[0], set()).add(rank)
        for reason, ranks in kept.items():
            if reason in near:
                near[reason].update(ranks)
                continue
            trace.add_all(reason, (self._compiled[rank] for rank in sorted(ranks)))
        return entries

    def _entry(
        self, rank: int, rule: Compiled, numbers: Sequence[int], settled: Question, trace: Trace
    ) -> Entry | None:
        lines = settled.receipt.lines
        meets = lines_met(rule, lines, numbers) if rule.more is not None else numbers
        if not meets:
            trace.add(Reason.OTHER_ARTICLE, rule)
            return None
        able = []
        for number in meets:
            if not lines[number].discountable:
                trace.add(Reason.NOT_DISCOUNTABLE, rule, lines[number].id)
            elif not lines[number].category:
                trace.add(Reason.UNMAPPED, rule, lines[number].id)
            else:
                able.append(number)
        if not able:
            return None
        if rule.more is not None and (reason := lacking(rule.more, [lines[number] for number in able], lines)):
            trace.add(reason, rule)
            return None
        return Entry(rank, rule, able)

    def _with_vat(self, decided: LineDecision, settled: Question, number: int) -> LineDecision:
        if not self._shared.vat:
            return decided
        of_class = settled.receipt.lines[number].vat
        vat = vat_of(decided, self._shared.vat, of_class, settled.today, registered=settled.vat_registered)
        return msgspec.structs.replace(decided, vat=vat)


def _lines_of(categories: Sequence[int]) -> dict[int, Numbers]:
    """Category → numbers of its lines, both ascending; all of them under `ANY`."""
    found: dict[int, list[int]] = {}
    for number, category in enumerate(categories):
        found.setdefault(category, []).append(number)
    found[ANY] = list(range(len(categories)))
    return {category: tuple(found[category]) for category in sorted(found)}
