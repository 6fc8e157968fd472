"""What a POS asks of a till and is answered, and a quote as it waits in the ledger."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.model.circumstances import Circumstances
from gateway.model.decision import Balance, Decision, LineDecision, Traced
from gateway.model.identification import Identification
from gateway.model.money import Cents
from gateway.model.receipt import MAX_CENTS, Means, Receipt
from gateway.rules.purse import Asked as AskedOfQuotas
from gateway.stations.deciding import Taken


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is due for this receipt, for the person whose tap waits at the till (if any)?"""

    receipt: Receipt


class CannotPrint(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a commit with `print` would be refused now. A POS that prints itself need not mind."""

    code: str
    detail: str
    advice: str = ""


class QuoteAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The decision, held until `expires_ms`. `messages` are for the person, `trace` says why and why not."""

    quote: str
    expires_ms: int
    identified: bool
    lines: tuple[LineDecision, ...]
    list_cents: Cents
    discount_cents: Cents
    due_cents: Cents
    bundle: int
    trace: tuple[Traced, ...] = ()
    messages: tuple[str, ...] = ()
    rounding_cents: Cents = 0
    """Of cash: within `due_cents`, a line of its own on paper."""
    balances: tuple[Balance, ...] = ()
    """What is left of quotas when it is committed."""
    cannot_print: CannotPrint | None = None
    """At a till with a printer of its own."""


class BalanceAnswer(msgspec.Struct, frozen=True):
    """What is left, as far as it is known here. `identified` is false when nobody's tap waits."""

    identified: bool
    balances: tuple[Balance, ...] = ()


class Tendered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    means: Means
    cents: Annotated[Cents, msgspec.Meta(ge=0, le=MAX_CENTS)]


class CommitRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Commit a quote: either with the number of the POS's own fiscal receipt, or `print` it here."""

    quote: str
    fiscal_number: Annotated[str, msgspec.Meta(max_length=64)] = ""
    print: bool = False
    paid: Annotated[tuple[Tendered, ...], msgspec.Meta(max_length=4)] = ()


class Fiscal(msgspec.Struct, frozen=True, omit_defaults=True):
    """How printing stands: `recorded` (not begun), a point, or an outcome. `advice` when a person must look."""

    state: str
    number: str = ""
    change_cents: Cents = 0
    reason: str = ""
    advice: str = ""
    device_time: str = ""
    """When the printer closed it, by its own clock; with `fiscal_memory` and `number` it is named in a refund."""
    fiscal_memory: str = ""
    z_number: str = ""


class CommitAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The receipt is recorded in `entry`. `late` when the quote had expired."""

    entry: str
    due_cents: Cents
    late: bool = False
    fiscal: Fiscal | None = None


class OpenQuote(msgspec.Struct, frozen=True):
    """A quote as it waits in the ledger."""

    receipt: Receipt
    decision: Decision
    identification: Identification | None
    asked: Circumstances | None = None
    asks: tuple[AskedOfQuotas, ...] = ()

    @property
    def holder(self) -> str | None:
        return self.identification.holder if self.identification is not None else None

    @property
    def takes(self) -> Taken:
        """What it takes of quotas."""
        return Taken(self.decision.uses, self.holder, self.asks)
