"""Texts for people that are blank. Pure.

Looked for before rules are published, not whenever a gateway loads them: a pattern that sees it costs on every text of
every rule, and a blank title changes no amount.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from gateway.rules.document import RulesContent
from gateway.rules.parts import Text
from gateway.rules.refusal import Fault


def blank_faults(content: RulesContent) -> Iterator[Fault]:
    """Each text that is blank, with its path."""
    for index, rule in enumerate(content.rules):
        path = f"$.rules[{index}]"
        if not rule.legal_basis.strip():
            yield _fault(f"{path}.legal_basis", rule.id)
        for name, text in (("title", rule.title), ("message", rule.message)):
            if text is not UNSET:
                yield from _blank(text, f"{path}.{name}", rule.id)
    for index, suspension in enumerate(content.suspensions):
        yield from _blank(suspension.title, f"$.suspensions[{index}].title", "")


def _blank(text: Text, path: str, rule: str) -> Iterator[Fault]:
    for language in text.__struct_fields__:
        told = getattr(text, language)
        if told is not UNSET and not told.strip():
            yield _fault(f"{path}.{language}", rule)


def _fault(path: str, rule: str) -> Fault:
    return Fault(path, "the text is blank", rule, "Write something, or leave the field out")
