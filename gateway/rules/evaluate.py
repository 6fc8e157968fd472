"""Files in, evaluation out: for `smartplace rules evaluate` and rule authors' tests. Pure: bytes and values."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from gateway.model.errors import InputRefused
from gateway.model.receipt import Receipt, check_receipt
from gateway.rules.engine import RuleSet
from gateway.rules.evaluation import Evaluation, told
from gateway.rules.index import compile
from gateway.rules.json_fault import BOM, json_fault
from gateway.rules.known import filled, fitting
from gateway.rules.read import load
from gateway.rules.refusal import Fault
from gateway.rules.setting import ADVICE_ON, Person, Setting, in_part, question_of
from gateway.rules.unreadable import type_fault

T = TypeVar("T")
_in_body = re.compile(r"^(.*) - at `\$\.receipt(.*)`$", re.DOTALL)
"""What `check_receipt` says, with the path in a request's body."""


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
    asked = read_part(receipt, Receipt, "receipt")
    person = person_of(holder) if holder is not None else None
    question = question_of(asked, person, setting)
    known = fitting(rule_set, question, setting.quotas) if foreign else setting.quotas
    question = filled(rule_set, question, known)
    first = (person.language,) if person and person.language else ()
    return told(rule_set, question, rule_set.decide(question, in_full=True), (*first, *languages))


def person_of(holder: bytes) -> Person:
    """A holder's file. Raises `InputRefused`."""
    return read_part(holder, Person, "holder")


def read_part(data: bytes, kind: type[T], part: str) -> T:
    """A file beside the rules, or a part of an example, by its name. Raises `InputRefused`: `where` is the part's name,
    and behind a colon the path in it where there is one."""
    data = data.removeprefix(BOM)
    try:
        found = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if wrong := json_fault(data):
            raise InputRefused(*wrong, where=part) from error
        fault = type_fault(data, kind) or Fault("$", f"not a {part}: {error}")
        raise in_part(fault, part) from error
    if isinstance(found, Receipt) and (text := check_receipt(found)):
        placed = _in_body.match(text)
        what, path = (placed[1], placed[2]) if placed else (text, "")
        raise InputRefused(what, ADVICE_ON[part], where=f"{part}: ${path}")
    return found
