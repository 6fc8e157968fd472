"""What can go wrong at a simulated printer, and when: faults are data; they wait, hit one command, and are gone."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from drivers.simulators.fiscal_model import Act


class FaultKind(StrEnum):
    DROP_REQUEST = "drop_request"
    """The command never arrives."""
    DROP_ANSWER = "drop_answer"
    """It is carried out, the answer is lost."""
    CORRUPT_REQUEST = "corrupt_request"
    """A bit of the command's checksum is flipped on the way in: the device answers NAK."""
    CORRUPT = "corrupt"
    """A bit of the answer's checksum is flipped on the way out."""
    NAK = "nak"
    BUSY = "busy"
    """Not taken, "send it again later" (Tremol)."""
    SILENCE = "silence"
    """Nothing is heard and nothing is said."""
    SYN_STORM = "syn_storm"
    """Busy for so long before the answer comes."""
    SYN_SILENCE = "syn_silence"
    """Busy for so long, and then no answer."""
    DELAY = "delay"
    """Without a sign of life before the answer comes."""
    DUPLICATE = "duplicate"
    STALE = "stale"
    """The answer to the command before comes once more, first."""
    JUNK = "junk"
    BYTEWISE = "bytewise"
    """The answer comes byte by byte, `ms` between two of them."""
    PAPER_OUT = "paper_out"
    COVER = "cover"
    POWER_CUT = "power_cut"
    VANISH = "vanish"
    """The port is gone and comes back."""
    REFUSE = "refuse"
    ERROR_IN_DATA = "error_in_data"
    """Refused by a code in DATA, with clean status bytes (Datecs version 2)."""
    FAIL_PAYMENT = "fail_payment"
    SUBTOTAL_OFF = "subtotal_off"
    """The subtotal is told a cent too high."""
    SPONTANEOUS_Z = "spontaneous_z"
    """The device makes a Z report by itself, before the command; or when the open receipt is closed."""
    CLOCK_JUMP = "clock_jump"
    """The device's clock goes forward by `ms`, or back by a negative one."""
    LOCK = "lock"
    """Locked by wrong passwords until its power is cut (Datecs version 1, group A)."""


REQUEST_LOST = frozenset({FaultKind.DROP_REQUEST, FaultKind.CORRUPT_REQUEST, FaultKind.NAK, FaultKind.BUSY})
"""The command is not carried out, whatever it is; sent again it is."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault, once. It waits for `after` new commands (of code `command` or of kind `on`, when given) and then hits
    the next one, `times` times when that is sent again. `ms` is how long a silence, a delay, a SYN storm, a power cut
    or an absence lasts (0: a silence or an absence until `recover`); `executed` says whether the command that a
    silence, a power cut or an absence hits is carried out before.
    """

    kind: FaultKind
    after: int = 0
    command: int | None = None
    on: Act | None = None
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

    def arm(self, kind: str, **fields: Any) -> Fault:
        """One more, behind those that wait. Raises `ValueError` when there is no such fault."""
        fault = msgspec.convert({"kind": kind, **fields}, Fault)
        self._armed.append(_Armed(fault))
        return fault

    def forget(self) -> None:
        self._armed.clear()
        self._left = 0

    @property
    def waiting(self) -> int:
        """How many have not hit yet."""
        return len(self._armed)

    def hit(self, seq: int, command: int, act: Act) -> Fault | None:
        """The fault that hits this frame. A frame that is sent again, with its SEQ, is the same command."""
        if seq != self._seq:
            self._seq = seq
            self._left = 0
            self._choose(command, act)
        if self._left == 0:
            return None
        self._left -= 1
        return self._hitting

    def _choose(self, command: int, act: Act) -> None:
        for armed in tuple(self._armed):
            if armed.fault.command not in (None, command) or armed.fault.on not in (None, act):
                continue
            if armed.wait > 0:
                armed.wait -= 1
            elif self._left == 0:
                self._armed.remove(armed)
                self._hitting, self._left = armed.fault, armed.fault.times
