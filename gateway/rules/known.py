"""What is left of quotas where rules are tried: as a setting tells it, held against the rules. Pure."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from gateway.model.circumstances import Left
from gateway.model.errors import InputRefused
from gateway.rules.engine import RuleSet
from gateway.rules.near import near
from gateway.rules.periods import period_of
from gateway.rules.question import Question
from gateway.rules.setting import Known

SHOWN = 10
"""Keys that a refusal lists."""


def filled(rule_set: RuleSet, question: Question, known: tuple[Known, ...]) -> Question:
    """The question with what is left: as told, else as much as the rules' limits let. Raises `InputRefused` with the
    path in the setting for what these rules cannot mean: a quota that none has, more than its limit."""
    told_of = _checked(rule_set, question, known)
    quotas = []
    for asked in rule_set.asks(question):
        one = told_of.get(asked.key, Known(asked.key))
        left = _left(one, asked.period.limit)
        quotas.append(Left(asked.key, asked.period.name, left, one.used, asked.holder, one.known, one.grace))
    return msgspec.structs.replace(question, quotas=tuple(quotas))


def fitting(rule_set: RuleSet, question: Question, known: tuple[Known, ...]) -> tuple[Known, ...]:
    """Of what was told with another version of the rules what these can mean, too: quotas that they have, and no more
    left than their limits."""
    counted = rule_set.counted() if known else {}
    fits = []
    for one in known:
        if (quota := counted.get(one.key)) is None:
            continue
        limit = period_of(quota, question.today).limit
        if limit and one.left is not UNSET:
            one = msgspec.structs.replace(one, left=max(0, min(one.left, limit - one.used)))
        elif not limit and one.left is UNSET:
            one = msgspec.structs.replace(one, left=0)
        fits.append(one)
    return tuple(fits)


def _left(one: Known, limit: int) -> int:
    """What is left as told; without a word of it the limit (of what was bought: nothing) less what was used."""
    return one.left if one.left is not UNSET else max(0, limit - one.used)


def _checked(rule_set: RuleSet, question: Question, known: tuple[Known, ...]) -> dict[str, Known]:
    counted = rule_set.counted() if known else {}
    told: dict[str, Known] = {}
    for index, one in enumerate(known):
        at = f"$.quotas[{index}]"
        if one.key in told:
            raise _refused(f"the quota {one.key[:64]!r} is there twice", "Write it once", f"{at}.key")
        if (quota := counted.get(one.key)) is None:
            raise _refused(f"no rule has a quota {one.key[:64]!r}", _keys(one.key, list(counted)), f"{at}.key")
        told[one.key] = one
        limit = period_of(quota, question.today).limit
        if not limit:
            if one.left is UNSET and one.known:
                raise _refused("needs `left`", "What a holder has bought has no limit from which it would follow", at)
        elif one.left is not UNSET and one.left > limit:
            raise _refused(f"{one.left} are left, and the limit is {limit}", "Say at most that", f"{at}.left")
        elif one.left is not UNSET and one.left and one.left + one.used > limit:
            what = f"{one.left} left and {one.used} used are more than the limit, {limit}"
            raise _refused(what, f"Leave `left` out: {max(0, limit - one.used)} are left then", at)
    return told


def _keys(key: str, keys: list[str]) -> str:
    """What there is instead."""
    if alike := near(key, keys):
        return f"Did you mean {alike!r}?"
    if not keys:
        return "Take it out"
    return f"There {'is' if len(keys) == 1 else 'are'} {', '.join(sorted(keys)[:SHOWN])}" + (
        " and more" if len(keys) > SHOWN else ""
    )


def _refused(what: str, advice: str, path: str) -> InputRefused:
    return InputRefused(what, advice, where=f"setting: {path}")
