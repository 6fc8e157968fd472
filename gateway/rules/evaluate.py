"""Files in, evaluation out: for `smartplace rules evaluate` and rule authors' tests. Pure: bytes and values."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from gateway.model.errors import InputRefused
from gateway.model.receipt import Receipt, check_receipt
from gateway.rules.engine import RuleSet
from gateway.rules.evaluation import Evaluation, told
from gateway.rules.index import compile
from gateway.rules.known import filled, fitting
from gateway.rules.read import load
from gateway.rules.setting import Person, Setting, question_of

T = TypeVar("T")


def evaluate(
    rules: bytes,
    receipt: bytes,
    holder: bytes | None,
    setting: Setting,
    *,
    number: int = 0,
    languages: tuple[str, ...] = ("en",),
) -> Evaluation:
    """What the rules document gives on this receipt in this setting.

    `receipt` is a receipt's JSON; `holder` is a `Person`'s, None for a stranger, whose language comes before
    `languages`; `number` is the bundle's. Raises `InputRefused` that names the file's part in `where`.
    """
    return answer(compile(load(rules), number), receipt, holder, setting, languages)


def answer(
    rule_set: RuleSet,
    receipt: bytes,
    holder: bytes | None,
    setting: Setting,
    languages: tuple[str, ...],
    *,
    foreign: bool = False,
) -> Evaluation:
    """`evaluate` with rules that are read already. `foreign`: the setting may have been written for another version of
    them, and what it says of quotas counts as far as it fits."""
    asked = _decode(receipt, Receipt, "receipt")
    if fault := check_receipt(asked):
        raise InputRefused(fault, where="receipt")
    person = person_of(holder) if holder is not None else None
    question = question_of(asked, person, setting)
    known = fitting(rule_set, question, setting.quotas) if foreign else setting.quotas
    question = filled(rule_set, question, known)
    first = (person.language,) if person and person.language else ()
    return told(rule_set, question, rule_set.decide(question, in_full=True), (*first, *languages))


def person_of(holder: bytes) -> Person:
    """A holder's file. Raises `InputRefused`."""
    return _decode(holder, Person, "holder")


def _decode(data: bytes, kind: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a {where}: {error}", where=where) from error
