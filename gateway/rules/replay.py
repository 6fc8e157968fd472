"""A stored decision once more: in words, and computed again from the rules that it was made by. Pure."""

from __future__ import annotations

import msgspec

from gateway.model.circumstances import Circumstances
from gateway.model.decision import Decision
from gateway.model.receipt import Receipt
from gateway.rules.engine import RuleSet
from gateway.rules.evaluation import Evaluation, told
from gateway.rules.question import ask


class Replayed(msgspec.Struct, frozen=True):
    """`same`: the rules give the stored decision again, byte for byte. `evaluation` is the stored one in words; when it
    is the same, with all rules' fates."""

    same: bool
    evaluation: Evaluation


def replay(
    rule_set: RuleSet, receipt: Receipt, decision: Decision, asked: Circumstances, languages: tuple[str, ...]
) -> Replayed:
    """Hold a stored decision against the rules of its bundle. `rule_set` has to be that bundle's: another one has other
    inputs, and is never `same`."""
    question = ask(receipt, asked)
    again = rule_set.decide(question)
    same = msgspec.json.encode(again) == msgspec.json.encode(decision)
    if not same:
        return Replayed(same, told(None, question, decision, languages))
    return Replayed(same, told(rule_set, question, rule_set.decide(question, in_full=True), languages))
