"""What is left for a person, without a receipt: for a page, for somebody who asks. Pure; nothing is spent."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.model.circumstances import Left
from gateway.model.decision import Balance
from gateway.model.receipt import Line, Receipt
from gateway.rules.engine import RuleSet
from gateway.rules.purse import Asked, Purse, asked_by
from gateway.rules.question import Question

NOTHING_BOUGHT = Receipt((Line(id="0", text="nothing", category="nothing", unit_cents=1, discountable=False),))
"""In the place of a receipt: no rule says anything of it."""


def person_asks(rule_set: RuleSet, question: Question) -> tuple[Asked, ...]:
    """The quotas of the benefits that this person has at this place, whatever is bought."""
    settled = question.settled()
    if not settled.identified:
        return ()
    return asked_by([(rule, ()) for rule in rule_set.of_person(settled)], settled)


def balances(rule_set: RuleSet, question: Question, quotas: Sequence[Left]) -> tuple[Balance, ...]:
    """What is left of each of them that is known, in the rules' order; `quotas` says how much for `person_asks`."""
    settled = question.settled()
    purse = Purse(msgspec.structs.replace(settled, quotas=tuple(quotas)))
    for rule in rule_set.of_person(settled) if settled.identified else ():
        purse.see(rule)
    return purse.balances()
