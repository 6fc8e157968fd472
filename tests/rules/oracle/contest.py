"""Rules one after another, each on what those before it left."""

from __future__ import annotations

from gateway.rules.question import Question
from tests.rules.oracle.amounts import (
    Json,
    Part,
    Taken,
    free,
    how_many_free,
    is_whole,
    list_price,
    on_part,
    split,
    spread,
)
from tests.rules.oracle.quotas import Purse

Share = tuple[str, str, str, int]
"""Rule, party, form, cents."""
Entry = tuple[Json, list[int]]
"""A rule, and the numbers of its lines."""
Offer = dict[int, Taken]


class Contest:
    """Running prices and shares so far."""

    def __init__(self, question: Question, purse: Purse) -> None:
        self._question = question
        self._lines = question.receipt.lines
        self._purse = purse
        self.running = [list_price(line) for line in self._lines]
        self.shares: list[list[Share]] = [[] for _ in self._lines]

    def run(self, entries: list[Entry]) -> None:
        settled: set[tuple[str, int]] = set()
        for rule, own in entries:
            name = rule.get("exclusive_group", f"only {rule['id']}")
            rivals = [one for one in entries if one[0].get("exclusive_group") == name] or [(rule, own)]
            if any(is_whole(rival) for rival, _ in rivals):
                if (name, -1) not in settled:
                    settled.add((name, -1))
                    self._settle(rivals)
                continue
            for number in own:
                if (name, number) not in settled:
                    settled.add((name, number))
                    self._settle([(rival, [number]) for rival, lines in rivals if number in lines], entries)

    def _settle(self, rivals: list[Entry], entries: list[Entry] | None = None) -> None:
        """`entries`: where one line is settled, all lines of each rule are in there."""
        all_lines = {rule["id"]: lines for rule, lines in (entries or rivals)}
        offers = [(rule, self._offer(rule, lines, all_lines[rule["id"]])) for rule, lines in rivals]
        able = [(rule, offer) for rule, offer in offers if _cents(offer)]
        if not able:
            counting = [(rule, offer) for rule, offer in offers if _pieces(offer)]
            if counting:
                self._purse.count(counting[0][0], _pieces(counting[0][1]))
            return
        if able[0][0].get("choose") != "priority":
            able.sort(key=lambda one: (-_cents(one[1]), one[0]["id"]))
        rule, offer = able[0]
        for number, (cents, _) in offer.items():
            self.running[number] -= cents
            self.shares[number] += _shares(rule, cents)
        self._purse.take(rule, _cents(offer), _pieces(offer))

    def _offer(self, rule: Json, lines: list[int], own: list[int]) -> Offer:
        """What a rule would take off these of its own lines now."""
        if is_whole(rule):
            return self._offer_whole(rule, lines)
        found: Offer = {}
        purse = self._purse.copy()
        for number in lines:
            taken = self._on_line(rule, number, own, purse)
            if taken[0]:
                purse.take(rule, *taken)
            elif taken[1]:
                purse.count(rule, taken[1])
            found[number] = taken
        return found

    def _on_line(self, rule: Json, number: int, own: list[int], purse: Purse) -> Taken:
        if not purse.is_open(rule):
            return 0, 0
        part = self._part(number)
        pieces = min([part.pieces, *purse.bounds(rule, "units", "cut")])
        if pieces > min([pieces, *purse.bounds(rule, "units", "withhold")]):
            return 0, 0
        cents, touched = on_part(rule["give"], part.first(pieces), self._measure(rule, own), purse.used(rule))
        cents = min([cents, *purse.bounds(rule, "cents", "cut")])
        if cents > min([cents, *purse.bounds(rule, "cents", "withhold")]):
            return 0, 0
        return cents, touched

    def _offer_whole(self, rule: Json, own: list[int]) -> Offer:
        give, need, purse = rule["give"], rule.get("need", {}), self._purse
        measured = range(len(self._lines)) if need.get("of") == "receipt" else own
        spent = sum(self.running[number] for number in measured)
        too_low = need.get("basis") == "running" and spent < need.get("min_spend_cents", 0)
        if too_low or not purse.is_open(rule):
            return {}
        parts = [self._part(number) for number in own]
        if give["kind"] == "free_units":
            lines = [self._lines[number] for number in own]
            count = how_many_free(give, lines, self._lines, identified=self._question.identified)
            taken = free(give, parts, min([count, *purse.bounds(rule, "units", "cut")]))
        elif give.get("per") == "receipt":
            taken = spread(give, parts)
        else:
            taken, used = [], purse.used(rule)
            for part in parts:
                taken.append(on_part(give, part, self._measure(rule, own), used))
                used += taken[-1][1]
        if give.get("cap", {}).get("per") == "receipt":
            taken = _at_most(taken, give["cap"]["cents"])
        pieces = sum(one for _, one in taken)
        if pieces > min([pieces, *purse.bounds(rule, "units", "withhold")]):
            return {}
        cents = sum(one for one, _ in taken)
        cents = min([cents, *purse.bounds(rule, "cents", "cut")])
        taken = _at_most(taken, cents)
        if cents > min([cents, *purse.bounds(rule, "cents", "withhold")]):
            return {}
        return dict(zip(own, taken, strict=True))

    def _measure(self, rule: Json, own: list[int]) -> int:
        lines = [self._lines[number] for number in own]
        return sum(list_price(line) if rule["give"].get("by") == "spend" else line.quantity for line in lines)

    def _part(self, number: int) -> Part:
        line = self._lines[number]
        return Part(list_price(line), self.running[number], line.quantity, line.floor_cents)


def _at_most(taken: list[Taken], most: int) -> list[Taken]:
    cents = [one for one, _ in taken]
    if sum(cents) <= most:
        return taken
    return [(one, pieces if one else 0) for one, (_, pieces) in zip(split(most, cents), taken, strict=True)]


def _shares(rule: Json, amount: int) -> list[Share]:
    payers = rule["payers"]
    rest = 10_000 - sum(payer.get("share_basis_points", 0) for payer in payers)
    parts = split(amount, [payer.get("share_basis_points", rest) for payer in payers])
    return [
        (rule["id"], payer["party"], payer["form"], cents) for payer, cents in zip(payers, parts, strict=True) if cents
    ]


def _cents(offer: Offer) -> int:
    return sum(cents for cents, _ in offer.values())


def _pieces(offer: Offer) -> int:
    return sum(pieces for _, pieces in offer.values())
