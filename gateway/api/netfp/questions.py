"""The query of a request: under which id a task runs, how long its caller waits, how long it may wait for its turn."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.api.netfp.tasks import check_id
from gateway.api.netfp.tree import Malformed

ASYNC_MS = 29_000
"""How long a caller waits when it does not say; also for a negative value."""
ASYNC_MAX_MS = 600_000

_SPAN = re.compile(r"([0-9]{1,9})\s*([ms]*)\s*", re.IGNORECASE)
_UNITS = {"m": 60_000, "s": 1000}
"""Of `timeout`; anything else is milliseconds, as in ErpNet.FP."""


class Question(msgspec.Struct, frozen=True):
    """`task` is empty when the caller gave none; `turn_ms` is 0 for as long as it takes."""

    task: str = ""
    async_ms: int = ASYNC_MS
    turn_ms: int = 0

    @property
    def keep(self) -> bool:
        """Somebody may ask for the answer later, whatever it is."""
        return bool(self.task) or self.async_ms == 0


def read(query: Mapping[str, str]) -> Question:
    """Names in any case. Raises `Malformed`, or `Refused` (E110)."""
    given = {name.lower(): value for name, value in query.items()}
    task = given.get("taskid", "")
    if task:
        check_id(task)
    return Question(task, _async_ms(given.get("asynctimeout", "")), _span_ms(given.get("timeout", "")))


def digest(printer: str, action: str, body: Any) -> bytes:
    """Of what is asked: the same for the same document, however it is spaced and ordered."""
    encoded = msgspec.json.encode([printer.lower(), action, body], order="deterministic")
    return hashlib.sha256(encoded).digest()


def _async_ms(value: str) -> int:
    if not value:
        return ASYNC_MS
    if re.fullmatch(r"[-+]?[0-9]{1,9}", value.strip()) is None:
        raise Malformed("a number of milliseconds is expected", "Correct it", where="asyncTimeout")
    number = int(value)
    return ASYNC_MS if number < 0 else min(number, ASYNC_MAX_MS)


def _span_ms(value: str) -> int:
    found = _SPAN.fullmatch(value)
    return int(found[1]) * _UNITS.get(found[2].lower(), 1) if found else 0
