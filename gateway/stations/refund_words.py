"""What a POS asks of a till when something comes back, and is answered."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.model.decision import Use
from gateway.model.fiscal import DEVICE_TIME
from gateway.model.money import Cents, Thousandths
from gateway.model.receipt import MAX_CENTS, MAX_LINES, MAX_QUANTITY
from gateway.model.refund import RefundReason, Returned
from gateway.stations.till_words import Fiscal


class Back(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So much of a line comes back."""

    line: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    quantity: Annotated[Thousandths, msgspec.Meta(ge=1, le=MAX_QUANTITY)]


class WhyBack(StrEnum):
    """Why a POS gives something back; a receipt that is cancelled is a void."""

    RETURNED = RefundReason.RETURNED.value
    MISTAKE = RefundReason.MISTAKE.value


class ReadFromPaper(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a person has read from the paper of the receipt that is given back, where it is not known here: its number,
    its date and time, the number of its fiscal memory."""

    number: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{1,32})?$(?!\n)")] = ""
    device_time: Annotated[str, msgspec.Meta(pattern=DEVICE_TIME)] = ""
    fiscal_memory: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z]{0,32}$(?!\n)")] = ""


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Which receipt: by the `entry` of its commit's answer, or by the `key` of its commit (`station`: the till where it
    was made, this one if absent), for as long as answers are kept."""

    receipt: Annotated[str, msgspec.Meta(max_length=128)] = ""
    key: Annotated[str, msgspec.Meta(max_length=64)] = ""
    station: Annotated[str, msgspec.Meta(max_length=64)] = ""
    fiscal_number: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Of the paper that says so, printed by the POS."""
    print: bool = False
    """Print it here instead."""
    paper: ReadFromPaper | None = None
    """With `print`: see there."""


class RefundRequest(Named, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Give back these lines, or (without any) all that is left.

    `preview`: only say what would be given back; then neither `fiscal_number` nor `print` is given. `due_cents`: what
    the POS has given back; when that is not what the receipt's decision says, nothing is recorded.
    """

    lines: Annotated[tuple[Back, ...], msgspec.Meta(max_length=MAX_LINES)] = ()
    reason: WhyBack = WhyBack.RETURNED
    due_cents: Annotated[Cents, msgspec.Meta(ge=0, le=MAX_CENTS)] | None = None
    preview: bool = False


class VoidRequest(Named, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The receipt was cancelled: nothing of it has happened. A paper of its own is named where there is one."""


class RefundAnswer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is given back, line by line, to the customer (`due_cents`) and to each payer. Recorded in `entry`; a preview
    has none. `rest`: something of the receipt is left."""

    entry: str = ""
    receipt: str
    lines: tuple[Returned, ...]
    list_cents: Cents
    discount_cents: Cents
    due_cents: Cents
    rounding_cents: Cents = 0
    rest: bool = False
    uses: tuple[Use, ...] = ()
    """Units of quotas that are free again."""
    fiscal: Fiscal | None = None
