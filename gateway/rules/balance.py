"""What is left for a person, without a receipt: for a page, for somebody who asks. Pure; nothing is spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET

from gateway.model.circumstances import Left
from gateway.model.decision import Balance, Reason
from gateway.model.receipt import Line, Receipt
from gateway.rules.compiled import Compiled
from gateway.rules.eligible import Moment, unmet
from gateway.rules.engine import RuleSet
from gateway.rules.named import groups_of
from gateway.rules.purse import Asked, Purse, asked_by
from gateway.rules.question import Question

NOTHING_BOUGHT = Receipt((Line(id="0", text="nothing", category="nothing", unit_cents=1, discountable=False),))
"""In the place of a receipt: no rule says anything of it."""

_LATER = frozenset((Reason.OTHER_MEANS, Reason.EVENT_MISSING, Reason.TOO_MANY_EVENTS, Reason.OUTSIDE_HOURS))
"""What may be otherwise at the next receipt today: the quota is this person's all the same."""


def person_asks(rule_set: RuleSet, question: Question) -> tuple[Asked, ...]:
    """The quotas of the benefits that this person has at this place, whatever is bought."""
    return asked_by([(rule, ()) for rule in _of_person(rule_set, question.settled())], question.settled())


def balances(rule_set: RuleSet, question: Question, quotas: Sequence[Left]) -> tuple[Balance, ...]:
    """What is left of each of them that is known, in the rules' order; `quotas` says how much for `person_asks`."""
    settled = question.settled()
    purse = Purse(msgspec.structs.replace(settled, quotas=tuple(quotas)))
    for rule in _of_person(rule_set, settled):
        purse.see(rule)
    return purse.balances()


def _of_person(rule_set: RuleSet, settled: Question) -> Iterable[Compiled]:
    if not settled.identified:
        return
    moment = rule_set.moment(settled)
    for rule, document in rule_set.counting():
        groups = groups_of(document)
        if groups and moment.groups.isdisjoint(groups):
            continue
        where = document.where
        places = where.merchant_groups if where is not UNSET else UNSET
        if places is not UNSET and set(places).isdisjoint(settled.merchant_groups):
            continue
        if _is_theirs(rule, settled, moment):
            yield rule


def _is_theirs(rule: Compiled, settled: Question, moment: Moment) -> bool:
    kept = unmet(rule, settled, moment)
    return kept is None or kept[0] in _LATER
