"""What the check of rules finds: closed codes, each a fault or a warning."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """A fault: these rules are not to be published. A warning: they can be published, and somebody should look."""

    FAULT = "fault"
    WARNING = "warning"


class Code(StrEnum):
    """What is wrong, or looks so (docs/cli.md, smartplace rules check)."""

    UNREADABLE = "unreadable"
    SENSELESS = "senseless"
    PAST = "past"
    NO_HOLDER = "no_holder"
    NO_TIME = "no_time"
    NO_RECEIPT = "no_receipt"
    NO_EFFECT = "no_effect"
    ALWAYS_LOSES = "always_loses"
    QUOTA_TOO_SMALL = "quota_too_small"
    OVERLAP = "overlap"
    LANGUAGE_MISSING = "language_missing"
    UNUSED = "unused"
    NOT_ALL_COMPARED = "not_all_compared"


ADVICE = {
    Code.UNREADABLE: "docs/rules.md lists the fields and their values",
    Code.SENSELESS: "docs/rules.md says what each field means",
    Code.PAST: "Take it out, or give it other dates and count its version up",
    Code.NO_HOLDER: "Take out what contradicts, or the rule",
    Code.NO_TIME: "Compare windows, calendar, lists and suspensions with the dates",
    Code.NO_RECEIPT: "Take out what contradicts, or the rule",
    Code.NO_EFFECT: "Give more, or take it out",
    Code.ALWAYS_LOSES: "Take it out, or narrow the other one",
    Code.QUOTA_TOO_SMALL: "Raise the limit, or lower what is counted on it",
    Code.OVERLAP: "Put them into one exclusive group, unless both are to be given",
    Code.LANGUAGE_MISSING: "Write it in these languages, or say with --language which are needed",
    Code.UNUSED: "Take it out, or use it",
    Code.NOT_ALL_COMPARED: "Check parts of the rules by themselves",
}


class Finding(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing that was found. `others`: the other rules that it is about."""

    code: Code
    level: Level
    rule: str = ""
    file: str = ""
    path: str = ""
    text: str
    advice: str
    others: tuple[str, ...] = ()


def found(code: Code, path: str, text: str, rule: str = "", others: tuple[str, ...] = ()) -> Finding:
    """A finding with the level and the advice of its code."""
    level = Level.FAULT if code in (Code.UNREADABLE, Code.SENSELESS) else Level.WARNING
    return Finding(code=code, level=level, rule=rule, path=path, text=text, advice=ADVICE[code], others=others)
