"""Examples that live inside a rule document: a question, and what is expected of the answer. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Annotated, Any

import msgspec

from gateway.model.errors import InputRefused
from gateway.rules.document import RulesContent
from gateway.rules.engine import RuleSet
from gateway.rules.evaluate import answer
from gateway.rules.evaluation import Evaluation
from gateway.rules.expected import NAMED_BY, Names, senseless
from gateway.rules.parts import AT
from gateway.rules.refusal import Fault
from gateway.rules.setting import setting_of
from gateway.rules.unreadable import type_fault

At = Annotated[str, msgspec.Meta(pattern=AT)]
MAX_DIFFERENCES = 20


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """`expect` is a part of the answer (docs/rules.md, Evaluation): objects may have further fields, lists may not have
    further items. An object where the answer has a list tells items by their names (`NAMED_BY`): one of that name is
    so, or, for null, none is there. `setting` says where, and what else is known; `at` is civil time at the place, a
    day alone its noon.
    """

    what: Annotated[str, msgspec.Meta(min_length=1, max_length=240)]
    at: At
    receipt: msgspec.Raw
    expect: dict[str, Any]
    holder: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    setting: dict[str, Any] = {}
    languages: tuple[str, ...] = ("en",)


class Outcome(msgspec.Struct, frozen=True):
    """What came of an example: `differences` is empty when all is as expected."""

    number: int
    what: str
    differences: tuple[str, ...]
    answer: Evaluation | None = None


def run(content: RulesContent, rule_set: RuleSet) -> Iterator[Outcome]:
    """Each example of the document in its order, against its rules."""
    names = Names.of(content)
    for number, raw in enumerate(content.examples):
        try:
            example = msgspec.json.decode(raw, type=Example)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            fault = type_fault(bytes(raw), Example) or Fault("$", str(error))
            yield Outcome(number, "", (f"not an example: {fault.path}: {fault.what}. {fault.advice}",))
            continue
        yield outcome(number, example, rule_set, names)


def outcome(number: int, example: Example, rule_set: RuleSet, names: Names) -> Outcome:
    """One example against these rules, whose document has these names."""
    try:
        found = ask(example, rule_set)
    except InputRefused as refused:
        return Outcome(number, example.what, (str(refused),))
    if not example.expect:
        return Outcome(number, example.what, ("$: nothing is expected",), found)
    got = msgspec.to_builtins(found)
    wrong = dict(islice(senseless(example.expect, names, found), MAX_DIFFERENCES))
    # What cannot be there is told once: not that it is not there, too.
    others = (one for one in differences(example.expect, got) if one.partition(": ")[0] not in wrong)
    told = chain((f"{path}: {why}" for path, why in wrong.items()), others)
    return Outcome(number, example.what, tuple(islice(told, MAX_DIFFERENCES)), found)


def ask(example: Example, rule_set: RuleSet) -> Evaluation:
    """The answer to an example's question. Raises `InputRefused`."""
    setting = setting_of(example.setting, example.at)
    holder = bytes(example.holder) if example.holder is not msgspec.UNSET else None
    return answer(rule_set, bytes(example.receipt), holder, setting, example.languages)


def differences(expected: Any, got: Any, path: str = "$") -> Iterator[str]:
    """Where `got` is not what is expected."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, value in expected.items():
            yield from differences(value, got.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(got, list | tuple):
        if len(expected) != len(got):
            yield f"{path}: {len(got)} items instead of {len(expected)}"
        for index, (one, other) in enumerate(zip(expected, got, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
    elif isinstance(expected, dict) and isinstance(got, list | tuple):
        yield from _by_name(expected, got, path)
    elif expected != got:
        yield f"{path}: {got!r} instead of {expected!r}"


def _by_name(expected: dict[str, Any], got: Sequence[Any], path: str) -> Iterator[str]:
    """Items by their names: of several with one name, that which fits; else how the first one does not."""
    field = NAMED_BY.get(path.rpartition(".")[2], "")
    for name, value in expected.items():
        items = [item for item in got if isinstance(item, dict) and item.get(field) == name]
        at = f"{path}[{name}]"
        if value is None:
            if items:
                yield f"{at}: is there"
        elif not items:
            yield f"{at}: is not there"
        else:
            tries = [list(differences(value, item, at)) for item in items]
            yield from () if [] in tries else tries[0]
