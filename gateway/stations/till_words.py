"""What a POS asks of a till and is answered, and a quote as it waits in the ledger."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.model.circumstances import Circumstances
from gateway.model.decision import Balance, Decision, LineDecision, NoBenefits, Traced
from gateway.model.identification import Identification, Refusal
from gateway.model.money import Cents
from gateway.model.receipt import MAX_CENTS, MAX_LINES, CategoryCode, Line, Means, Receipt
from gateway.rules.purse import Asked as AskedOfQuotas
from gateway.stations.deciding import Taken

NO_TAP = "none"
"""As `tap` of a quote: nobody's."""
QuoteId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{0,32}$(?!\n)")]


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is due for this receipt, for the person whose tap waits at the till (if any)?

    `tap` chooses among several by its mark, or none of them. `credential`: what the POS's own scanner has read, a
    signed pass or a barcode, used instead of a tap; its clear text is stored nowhere. `replaces`: the quote for this
    receipt before it was changed; its tap is taken over, and what it held is free. `total_cents`: what the POS makes of
    the lines at list price, to be held against it.
    """

    receipt: Receipt
    tap: Annotated[str, msgspec.Meta(pattern=r"^(?:none|[0-9a-f]{6,64})?$(?!\n)")] = ""
    credential: Annotated[str, msgspec.Meta(max_length=4096, pattern=r"^[ -~]*$(?!\n)")] = ""
    replaces: QuoteId = ""
    total_cents: Annotated[Cents, msgspec.Meta(ge=0, le=MAX_CENTS)] | None = None


class PosLine(Line, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A line as a POS sends it: it may have no `category`."""

    category: CategoryCode = ""


class PosReceipt(Receipt, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A receipt as a POS sends it."""

    lines: Annotated[tuple[PosLine, ...], msgspec.Meta(min_length=1, max_length=MAX_LINES)]

    def settled(self) -> Receipt:
        """With all that a record of it has."""
        fields = Line.__struct_fields__
        lines = tuple(Line(**{name: getattr(line, name) for name in fields}) for line in self.lines)
        return Receipt(lines, self.means)


class PosQuoteRequest(QuoteRequest, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A `QuoteRequest` as a POS sends it."""

    receipt: PosReceipt

    def settled(self) -> QuoteRequest:
        """With all that a record of it has."""
        return QuoteRequest(self.receipt.settled(), self.tap, self.credential, self.replaces, self.total_cents)


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
    mark: str = ""
    """Of the tap or the credential that it is for."""
    refusal: Refusal | None = None
    """Why the `credential` that was given was not accepted; everything is at its list price then."""
    unmapped: tuple[str, ...] = ()
    """Ids of lines of which nobody could say what they are: without a category, or with one that no rule names."""
    benefits_until_ms: int = 0
    """When benefits end unless newer rules come, or have ended; 0: never, or there are none."""
    no_benefits: NoBenefits | None = None
    """Why nobody gets a benefit now."""
    cannot_print: CannotPrint | None = None
    """At a till with a printer of its own."""


class QuoteWithdrawn(msgspec.Struct, frozen=True):
    """The quote is void, and what it held is free."""

    quote: str


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
    detail: str = ""
    """What was seen, for people: what `advice` calls the reason. Its words may change."""
    device_time: str = ""
    """When the printer closed it, by its own clock; with `fiscal_memory` and `number` it is named in a refund."""
    fiscal_memory: str = ""
    z_number: str = ""
    where: str = ""
    """The part of the paper that the printer refuses, such as `items[2].text`."""


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
    unmapped: tuple[str, ...] = ()

    @property
    def holder(self) -> str | None:
        return self.identification.holder if self.identification is not None else None

    @property
    def takes(self) -> Taken:
        """What it takes of quotas."""
        return Taken(self.decision.uses, self.holder, self.asks)
