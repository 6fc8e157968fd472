"""Whether rules can be published, and what looks wrong in them although they can. Pure.

Sound, not complete: what is called dead is dead as of the day that is given; not all that is dead is found. Two amounts
that differ by rounding only are taken for alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any

import msgspec
from msgspec import UNSET

from gateway.model.errors import InputRefused
from gateway.model.languages import LANGUAGES
from gateway.rules.blank import blank_faults
from gateway.rules.check import faults
from gateway.rules.document import Rule, RulesContent
from gateway.rules.example_faults import example_faults
from gateway.rules.finding import Code, Finding, found
from gateway.rules.folder import Document, put_together
from gateway.rules.lint_dead import dead
from gateway.rules.lint_pairs import pairs
from gateway.rules.named import all_groups
from gateway.rules.parts import Text
from gateway.rules.read import load
from gateway.rules.refusal import SHOWN, DocumentRefused, Fault

MAX_FINDINGS = 2000

_rule = re.compile(r"^\$\.rules\[(\d+)\]")
_place = re.compile(r"^(.*): (\$.*)$", re.DOTALL)


def lint(parts: Sequence[tuple[str, bytes]], at: date, languages: Sequence[str] = LANGUAGES) -> list[Finding]:
    """All that is found in these (file, bytes): faults alone when there are any, else warnings as of the day `at`;
    texts are needed in these `languages`. At most `MAX_FINDINGS`, in the order of codes and then of the document.
    Never raises, whatever the bytes."""
    try:
        document = put_together(parts)
    except InputRefused as refused:
        return [_unreadable(refused)]
    try:
        content = load(document.raw)
    except DocumentRefused as refused:
        # Of a document whose types are right all of them are told, not only those of the refusal.
        return _faults(document) if refused.senseless else [_misread(one, document) for one in refused.faults[:SHOWN]]
    wrong = [_senseless(one, document) for one in blank_faults(content)]
    wrong += [_misread(one, document) for one in example_faults(content)]
    if wrong:
        return wrong[:MAX_FINDINGS]
    order = {code: number for number, code in enumerate(Code)}
    all_found = sorted(islice(_warnings(content, at, languages), MAX_FINDINGS), key=lambda one: order[one.code])
    return [_placed(one, document) for one in all_found]


def _unreadable(refused: InputRefused) -> Finding:
    placed = _place.match(refused.where)
    file, path = (placed[1], placed[2]) if placed else ("", refused.where)
    one = found(Code.UNREADABLE, path, refused.what)
    return msgspec.structs.replace(one, file=file, advice=refused.advice or one.advice)


def _misread(fault: Fault, document: Document) -> Finding:
    one = found(Code.UNREADABLE, fault.path, fault.what, fault.rule)
    return _placed(msgspec.structs.replace(one, advice=fault.advice or one.advice), document)


def _senseless(fault: Fault, document: Document) -> Finding:
    one = found(Code.SENSELESS, fault.path, fault.what, fault.rule)
    return _placed(msgspec.structs.replace(one, advice=fault.advice), document)


def _faults(document: Document) -> list[Finding]:
    """Each fault of a document that has the right types."""
    content = msgspec.json.decode(document.raw, type=RulesContent)
    told = []
    for path, what in islice(faults(content), MAX_FINDINGS):
        index = _rule.match(path)
        rule = content.rules[int(index[1])].id if index else ""
        told.append(_placed(found(Code.SENSELESS, path, what.removeprefix(f"rule {rule!r}: "), rule), document))
    return told


def _placed(one: Finding, document: Document) -> Finding:
    place = document.place(one.path)
    return msgspec.structs.replace(one, file=place.file, path=place.path)


def _warnings(content: RulesContent, at: date, languages: Sequence[str]) -> Iterator[Finding]:
    for index, rule in enumerate(content.rules):
        yield from dead(index, rule, content, at)
        yield from _languages(f"$.rules[{index}]", rule, languages)
    for index, suspension in enumerate(content.suspensions):
        path = f"$.suspensions[{index}]"
        until = suspension.dates.until
        if until is not UNSET and until < at:
            yield found(Code.PAST, f"{path}.dates", f"suspension {suspension.id!r} ended on {until}")
        if missing := _missing(suspension.title, languages):
            text = f"suspension {suspension.id!r} has no title in {', '.join(missing)}"
            yield found(Code.LANGUAGE_MISSING, f"{path}.title", text)
    yield from _unused(content)
    yield from pairs(content)


def _languages(path: str, rule: Rule, languages: Sequence[str]) -> Iterator[Finding]:
    texts: dict[str, Any] = {"title": rule.title, "message": rule.message}
    for name, text in texts.items():
        if text is not UNSET and (missing := _missing(text, languages)):
            yield found(Code.LANGUAGE_MISSING, f"{path}.{name}", f"no {name} in {', '.join(missing)}", rule.id)


def _missing(text: Text, languages: Sequence[str]) -> list[str]:
    return [language for language in languages if getattr(text, language) is UNSET]


def _unused(content: RulesContent) -> Iterator[Finding]:
    used = {rule.when.calendar for rule in content.rules if rule.when is not UNSET}
    for name in content.calendars:
        if name not in used:
            yield found(Code.UNUSED, f"$.calendars.{name}", f"no rule uses the calendar {name!r}")
    groups = all_groups(content)
    for index, partner in enumerate(content.partners):
        for theirs, ours in partner.groups.items():
            if groups.isdisjoint(ours):
                text = f"{theirs!r} of {partner.city} counts as {', '.join(ours)}, which no rule names"
                yield found(Code.UNUSED, f"$.partners[{index}].groups", text)
