"""Other engines that can decide the same: used where they are installed, told of where they are not.

They are no requirement of anything (`pip install zen-engine common-expression-language`). Each gives true or false for
a condition; what is done with that is the same for all.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tests.bench.baselines.rule_index import PlainReceipt, PlainRule, candidates, discount, plain_index

Decide = Callable[[PlainReceipt], int]


class Peer(NamedTuple):
    """`compile` makes a condition from text; `holds` asks it; `given` is how it wants its variables; `both` is how it
    writes "and"."""

    name: str
    compile: Callable[[str], Any]
    holds: Callable[[Any, Any], bool]
    given: Callable[[dict[str, Any]], Any]
    both: str

    def linear(self, rules: Sequence[PlainRule]) -> Decide:
        """Every rule tried on every receipt: what such an engine does by itself."""
        conditions = [
            (self.compile(self._whole(rule)), rule._replace(opens=0, closes=1440, first=0, last=366)) for rule in rules
        ]

        def decide(receipt: PlainReceipt) -> int:
            given = self.given(
                {
                    "groups": list(receipt.groups),
                    "merchants": list(receipt.merchants),
                    "cats": receipt.categories,
                    "t": receipt.minute,
                    "d": receipt.day,
                }
            )
            return discount((rule for condition, rule in conditions if self.holds(condition, given)), receipt)

        return decide

    def indexed(self, rules: Sequence[PlainRule]) -> Decide:
        """Only the time in its language, behind the plain index."""
        conditions = {rule.number: self.compile(self._time(rule)) for rule in rules}
        index = plain_index(rules)

        def decide(receipt: PlainReceipt) -> int:
            given = self.given({"t": receipt.minute, "d": receipt.day})
            found = candidates(index, receipt, receipt.categories)
            return discount((one for one in found if self.holds(conditions[one.number], given)), receipt)

        return decide

    def _time(self, rule: PlainRule) -> str:
        parts = f"t >= {rule.opens}", f"t < {rule.closes}", f"d >= {rule.first}", f"d <= {rule.last}"
        return f" {self.both} ".join(parts)

    def _whole(self, rule: PlainRule) -> str:
        named = zip(rule.key, ("groups", "merchants", "cats"), strict=True)
        parts = [*(f"'{code}' in {name}" for code, name in named), self._time(rule)]
        return f" {self.both} ".join(parts)


def peers(say: Callable[[str], None]) -> Iterator[Peer]:
    for module, package, build in (("zen", "zen-engine", _zen), ("cel", "common-expression-language", _cel)):
        try:
            found = importlib.import_module(module)
        except ImportError:
            say(f"  SKIPPED: {package} is not installed, so nothing is compared with it")
            continue
        yield build(found)


def _zen(zen: Any) -> Peer:
    return Peer("zen", zen.compile_expression, lambda one, given: bool(one.evaluate(given)), lambda given: given, "and")


def _cel(cel: Any) -> Peer:
    return Peer(
        "cel",
        cel.compile,
        lambda one, given: bool(one.execute(given)),
        lambda given: cel.Context(variables=given),
        "&&",
    )
