"""What simulated fiscal devices have in common and how their families differ, as tables: what each stage accepts, why
it refuses, how a family rounds. What it says of that on a wire is the wire's business.

Source: Datecs, Communication Protocol for Fiscal Devices, group A v1.00BG and group B v2.04BG, and Programmer's Manual
of the X devices v2.08 (the refusals named at the commands 48, 49, 51, 53, 56, 60, 61, 70); Tremol, Communication
Protocol, commands 30h to 3Bh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from drivers.simulators import fiscal_rounding as rounding


class Stage(StrEnum):
    """Where the device stands. PAYING: something is paid and something due; PAID: all is paid, the receipt is open."""

    IDLE = "idle"
    SLIP = "slip"
    OPEN = "open"
    PAYING = "paying"
    PAID = "paid"


class Act(StrEnum):
    """What a command does, whatever its number. Faults wait for these names too."""

    READ = "read"
    OPEN = "open"
    REVERSE = "reverse"
    SELL = "sell"
    SUBTOTAL = "subtotal"
    TEXT = "text"
    PAY = "pay"
    CLOSE = "close"
    CANCEL = "cancel"
    OPEN_SLIP = "open_slip"
    SLIP_TEXT = "slip_text"
    CLOSE_SLIP = "close_slip"
    X = "x"
    Z = "z"
    CASH = "cash"
    SET_CLOCK = "set_clock"
    COPY = "copy"
    FEED = "feed"
    DRAWER = "drawer"


_ALL = frozenset(Stage)
ACCEPTS: Mapping[Act, frozenset[Stage]] = {
    Act.READ: _ALL,
    Act.DRAWER: _ALL,
    Act.FEED: frozenset({Stage.IDLE, Stage.SLIP}),
    Act.OPEN: frozenset({Stage.IDLE}),
    Act.REVERSE: frozenset({Stage.IDLE}),
    Act.OPEN_SLIP: frozenset({Stage.IDLE}),
    Act.X: frozenset({Stage.IDLE}),
    Act.Z: frozenset({Stage.IDLE}),
    Act.CASH: frozenset({Stage.IDLE}),
    Act.SET_CLOCK: frozenset({Stage.IDLE}),
    Act.COPY: frozenset({Stage.IDLE}),
    Act.SLIP_TEXT: frozenset({Stage.SLIP}),
    Act.CLOSE_SLIP: frozenset({Stage.SLIP}),
    Act.SELL: frozenset({Stage.OPEN}),
    Act.SUBTOTAL: frozenset({Stage.OPEN}),
    Act.CANCEL: frozenset({Stage.OPEN}),
    Act.PAY: frozenset({Stage.OPEN, Stage.PAYING}),
    Act.TEXT: frozenset({Stage.OPEN, Stage.PAYING, Stage.PAID}),
    Act.CLOSE: frozenset({Stage.PAID}),
}
"""The device's own decision table."""

PRINTS = frozenset(Act) - {Act.READ, Act.SUBTOTAL, Act.SET_CLOCK, Act.DRAWER}
"""What needs paper and a closed cover."""

LINES: Mapping[Act, int] = {
    Act.OPEN: 4, Act.REVERSE: 6, Act.SELL: 1, Act.TEXT: 1, Act.PAY: 1, Act.CLOSE: 4, Act.CANCEL: 2,
    Act.OPEN_SLIP: 4, Act.SLIP_TEXT: 1, Act.CLOSE_SLIP: 3, Act.X: 20, Act.Z: 30, Act.CASH: 8, Act.COPY: 12, Act.FEED: 1,
}  # fmt: skip
"""Lines of paper that a command takes, for the time it keeps the printer busy."""


class Why(StrEnum):
    """Why a command is refused. It has changed nothing then."""

    SYNTAX = "syntax"
    UNKNOWN = "unknown command"
    NOT_NOW = "not allowed now"
    NO_RECEIPT = "no receipt is open"
    RECEIPT_OPEN = "a receipt is open"
    SLIP_OPEN = "a slip is open"
    PAYMENT_STARTED = "payment has begun"
    NOT_PAID = "not all is paid"
    ALREADY_PAID = "all is paid"
    PAYMENT_FAILED = "the payment failed"
    NO_CHANGE = "no change is given for this payment"
    ZERO_PAYMENT = "nothing is paid"
    ZERO_TOTAL = "the total is zero"
    NO_PAYMENT_TYPE = "no such payment"
    NO_PAPER = "no paper"
    COVER = "the cover is open"
    PASSWORD = "wrong password"
    LOCKED = "locked by wrong passwords"
    Z_OVERDUE = "more than 24 hours without a Z report"
    TOO_MANY = "too many sales in this receipt"
    OVERFLOW = "overflow"
    BAD_VAT = "this VAT letter is not in use"
    ZERO_PRICE = "zero price"
    NEGATIVE = "a sum would become negative"
    DISCOUNT = "discount larger than the price"
    ONE_GROUP = "an amount off the subtotal needs lines of one VAT letter"
    NO_CASH = "not enough cash"
    CLOCK_BACK = "earlier than the last record"
    NO_DOCUMENT = "no such document"
    NO_COPY = "nothing to copy"


class Refused(Exception):
    """The device refuses a command."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


_WHY_BY_STAGE: Mapping[Stage, Why] = {
    Stage.IDLE: Why.NO_RECEIPT,
    Stage.SLIP: Why.SLIP_OPEN,
    Stage.OPEN: Why.RECEIPT_OPEN,
    Stage.PAYING: Why.PAYMENT_STARTED,
    Stage.PAID: Why.PAYMENT_STARTED,
}
_WHY: Mapping[tuple[Act, Stage], Why] = {
    (Act.CLOSE, Stage.OPEN): Why.NOT_PAID,
    (Act.CLOSE, Stage.PAYING): Why.NOT_PAID,
    (Act.PAY, Stage.PAID): Why.ALREADY_PAID,
}


def why_not(act: Act, stage: Stage) -> Why:
    """What is wrong with this command at this stage."""
    return _WHY.get((act, stage), _WHY_BY_STAGE[stage])


class Model(msgspec.Struct, frozen=True):
    """One family of devices. `rates` are those programmed at the factory of this simulator, as in Latvia; a letter that
    is missing is not in use."""

    family: str
    name: str
    firmware: str
    serial: str
    fiscal_memory: str
    tax_number: str
    leftover: Callable[[rounding.Groups, int], dict[str, int]]
    vat: Callable[[int, int], int]
    passwords: Callable[[int], str]
    """Of operator 1, 2, ...; as they leave the factory."""
    operators: int = 16
    locks_after: int = 3
    """Wrong passwords until only a power cycle helps; 0: it never locks."""
    max_sales: int = 512
    max_cents: int = 99_999_999
    """Price, line and total."""
    change_for: frozenset[str] = frozenset({"cash"})
    """Means of payment that may be more than what is due."""
    zero_total: bool = True
    adjusts_one_group: bool = False
    """An amount off the subtotal only where all lines are of one VAT letter."""
    cancel_pays: bool = False
    """A cancel after the payment has begun pays the rest in cash and closes the receipt."""
    rates: Mapping[str, int] = msgspec.field(default_factory=lambda: {"A": 2100, "B": 1200, "C": 500, "D": 0})
    day_hours: float = 24.0

    def accepts(self, act: Act, stage: Stage) -> bool:
        if act is Act.CANCEL and self.cancel_pays:
            return stage in (Stage.OPEN, Stage.PAYING, Stage.PAID)
        return stage in ACCEPTS[act]


def _zeros(_operator: int) -> str:
    return "0000"


DATECS_A = Model(
    family="datecs-v1", name="FP-2000", firmware="1.00BG 23NOV18 1000", serial="DT000600", fiscal_memory="02000600",
    tax_number="40003000000", leftover=rounding.to_the_largest, vat=rounding.vat_by_net, passwords=_zeros,
)  # fmt: skip
DATECS_B = Model(
    family="datecs-v1b", name="DP-150", firmware="2.04 12DEC18 1200", serial="DT000700", fiscal_memory="02000700",
    tax_number="40003000000", leftover=rounding.cent_by_cent, vat=rounding.vat_by_share, passwords=str,
    operators=30, locks_after=0, max_sales=120,
)  # fmt: skip
DATECS_X = Model(
    family="datecs-v2", name="FP-700X", firmware="264205 21OCT19 1545", serial="DT000800", fiscal_memory="02000800",
    tax_number="40003000000", leftover=rounding.cent_by_cent, vat=rounding.vat_by_share, passwords=_zeros,
    operators=30, locks_after=0, max_cents=999_999_999, zero_total=False,
)  # fmt: skip
TREMOL = Model(
    family="tremol", name="TREMOL M20", firmware="Ver. 1.01 TRA20", serial="ZK000900", fiscal_memory="50000900",
    tax_number="40003000000", leftover=rounding.cent_by_cent, vat=rounding.vat_by_share, passwords=_zeros,
    operators=20, locks_after=0, max_sales=999, max_cents=999_999_999, adjusts_one_group=True, cancel_pays=True,
    change_for=frozenset(
        {"cash", "cheque", "coupon", "external_coupon", "packaging", "internal", "damage", "card", "bank", "reserved1",
         "reserved2", "currency"}
    ),
    rates={"A": 2100, "B": 1200, "C": 500, "D": 0, "E": 0, "F": 0, "G": 0, "H": 0},
)  # fmt: skip
MODELS: Mapping[str, Model] = {model.family: model for model in (DATECS_A, DATECS_B, DATECS_X, TREMOL)}
