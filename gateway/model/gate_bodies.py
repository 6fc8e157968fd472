"""What entries of gates hold: who was let in, what became of it, how many are inside. See `gateway.model.bodies`."""

from __future__ import annotations

from enum import StrEnum

from gateway.model.body import Body
from gateway.model.circumstances import Circumstances
from gateway.model.counter import CardDebit
from gateway.model.decision import Decision, Use
from gateway.model.identification import Identification
from gateway.model.receipt import Receipt


class AdmissionBody(Body, frozen=True):
    """Identification, decision and grant at a gate, in one entry."""

    station: str
    identification: Identification
    receipt: Receipt
    decision: Decision
    asked: Circumstances | None = None
    """What the decision rested on beside the receipt: with both and the bundle it can be replayed."""
    debit: CardDebit | None = None
    """What it took of the holder's own counter on their card, which was debited before this was stored."""


class OpenedBody(Body, frozen=True):
    """The relay echoed the pulse. `passage`: for which passage of the grant, from 1."""

    station: str
    admission: int
    mono_ns: int
    epoch: str = ""
    passage: int = 1


class PassedBody(Body, frozen=True):
    """The passage sensor saw a person; `passage`: the how manieth of this grant, from 1."""

    station: str
    admission: int
    epoch: str = ""
    passage: int = 1


class VoidReason(StrEnum):
    NO_PASSAGE = "no_passage"
    NOT_OPENED = "not_opened"
    RESTART = "restart"
    FREE_PASSAGE = "free_passage"
    """The fire alarm freed the gate."""


class VoidBody(Body, frozen=True):
    """The grant, or what was left of it, is taken back. `opening_unknown`: the relay may have opened.

    `passages`: for how many it was not used. `passed`: how many have passed on it; when somebody has, the quota units
    of `returned` are given back, else all that the admission took.
    """

    station: str
    admission: int
    reason: VoidReason
    opening_unknown: bool = False
    epoch: str = ""
    passages: int = 1
    passed: int = 0
    returned: tuple[Use, ...] = ()


class Way(StrEnum):
    IN = "in"
    OUT = "out"


class WalkCause(StrEnum):
    """Why somebody could pass without a grant."""

    EXIT = "exit"
    """The way out is free."""
    STAFF_BUTTON = "staff_button"
    EXIT_BUTTON = "exit_button"
    EXIT_READER = "exit_reader"
    FIRE_ALARM = "fire_alarm"


class WalkedBody(Body, frozen=True):
    """So many passed without a grant, within about a second."""

    station: str
    way: Way
    cause: WalkCause
    count: int = 1


class OverrideKind(StrEnum):
    STAFF_BUTTON = "staff_button"
    EXIT_BUTTON = "exit_button"
    EXIT_READER = "exit_reader"
    """Something was presented at a reader on the way out. What it was is not recorded: nobody needs a reason to leave,
    and a record of who left when is one that nobody asked for."""


class OverrideBody(Body, frozen=True):
    """A gate was opened without a decision: by the staff's button (stored before the relay moves) or by a person on the
    way out (stored within a second after). `count`: so many times. `not_opened`: the relay did not do it, or nobody
    knows whether it did."""

    station: str
    what: OverrideKind
    count: int = 1
    not_opened: bool = False


class FireAlarmBody(Body, frozen=True):
    """The fire alarm's input says that the gates are free (`on`), or no longer."""

    station: str
    on: bool
    alarm: bool = True


class InsideWhy(StrEnum):
    STAFF = "staff"
    HOUR = "hour"
    """The hour of the day at which nobody is inside."""


class InsideSetBody(Body, frozen=True):
    """From now on so many persons are inside an area; `before`: how many were counted until then."""

    area: str
    persons: int
    before: int
    why: InsideWhy
