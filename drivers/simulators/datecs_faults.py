"""What can go wrong at a simulated printer, and when: faults wait, hit one command, and are gone."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class FaultKind(StrEnum):
    DROP_ANSWER = "drop_answer"
    DROP_REQUEST = "drop_request"
    CORRUPT = "corrupt"
    NAK = "nak"
    SILENCE = "silence"
    SYN_STORM = "syn_storm"
    JUNK = "junk"
    DUPLICATE = "duplicate"
    STALE = "stale"
    PAPER_OUT = "paper_out"
    POWER_CUT = "power_cut"
    VANISH = "vanish"
    REFUSE = "refuse"
    FAIL_PAYMENT = "fail_payment"
    SUBTOTAL_OFF = "subtotal_off"


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault, once. It waits for `after` new commands (of code `command`, when given) and then hits the
    next one, `times` times when that is sent again. `ms` is how long a silence, a SYN storm, a power cut or
    an absence lasts (0: a silence until `recover`); `executed` says whether the command that a silence, a
    power cut or an absence hits is carried out before.
    """

    kind: FaultKind
    after: int = 0
    command: int | None = None
    times: int = 1
    ms: int = 0
    executed: bool = True


class _Armed:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.wait = fault.after


class Faults:
    """Those that wait and the one that is hitting."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._hitting: Fault | None = None
        self._left = 0
        self._seq: int | None = None

    def arm(self, kind: str, **fields: Any) -> None:
        """One more, behind those that wait. Raises `ValueError` when there is no such fault."""
        self._armed.append(_Armed(msgspec.convert({"kind": kind, **fields}, Fault)))

    def forget(self) -> None:
        self._armed.clear()
        self._left = 0

    def hit(self, seq: int, command: int) -> Fault | None:
        """The fault that hits this frame. A frame that is sent again, with its SEQ, is the same command."""
        if seq != self._seq:
            self._seq = seq
            self._left = 0
            self._choose(command)
        if self._left == 0:
            return None
        self._left -= 1
        return self._hitting

    def _choose(self, command: int) -> None:
        for armed in tuple(self._armed):
            if armed.fault.command not in (None, command):
                continue
            if armed.wait > 0:
                armed.wait -= 1
            elif self._left == 0:
                self._armed.remove(armed)
                self._hitting, self._left = armed.fault, armed.fault.times
