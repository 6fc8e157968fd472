"""What a check has found, in the words of `smartplace doctor`."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


class Check(NamedTuple):
    """One finding: what was looked at, how it is, what was seen, what to do."""

    name: str
    level: Level
    cause: str
    advice: str = ""
