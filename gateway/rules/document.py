"""Rule documents as they are written, published and signed (docs/rules.md): closed types, unknown fields refused.

A rule is data. What this version does not know, it refuses: a rule is never applied without one of its conditions.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.model.decision import FiscalForm
from gateway.model.money import BasisPoints
from gateway.rules.conditions import Need, What, When, Where, Who
from gateway.rules.gives import Give
from gateway.rules.parts import Code, OftenCode, OftenPhrase, Part, Pieces, RuleId, Text
from gateway.rules.tables import CalendarDays, Partner, Suspension, VatRates

MAX_RULES = 100_000
MAX_EXAMPLES = 10_000
MAX_TABLES = 64


class Payer(Part, frozen=True, forbid_unknown_fields=True):
    """Who bears how much of the rule's discount, and how it stands on paper (VAT depends on `form`)."""

    party: OftenCode
    form: FiscalForm
    share_basis_points: Annotated[BasisPoints, Meta(ge=1, le=10_000)] | UnsetType = UNSET
    rest: bool = False


class Carry(Part, frozen=True, forbid_unknown_fields=True):
    """Units that were not used stay usable: all periods that begin from `first` on and not after `until` count as one,
    whose limit grows by the rule's limit as each of them begins. After `until` each period is on its own again."""

    first: date = msgspec.field(name="from")
    until: date


class Quota(Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much of a benefit there is. Rules that name the same `key` share it. `unit`: `uses` counts receipts on which
    the rule applied, `units` whole pieces that it applied to (a part of one counts as one), `cents` its discount.
    `limit` is absent for what a holder has bought (`prepaid`): the centre knows how much that is; and for what the
    holder's own card holds (`card`): the card knows."""

    key: Code
    unit: Literal["uses", "units", "cents"]
    limit: Annotated[int, Meta(ge=1, le=10**9)] | UnsetType = UNSET
    source: Literal["limit", "prepaid", "card"] = "limit"
    period: Literal["day", "week", "month", "year", "ever"]
    per: Literal["holder", "all"] = "holder"
    on_exceed: Literal["withhold", "cut"] = "withhold"
    carry: Carry | UnsetType = UNSET
    grace_units: Pieces | UnsetType = UNSET
    """What a gateway may give of it to each holder in a period without knowing what is left."""


class Rule(Part, frozen=True, forbid_unknown_fields=True):
    """One benefit. An absent `who`, `where`, `what`, `when` or `need` does not restrict."""

    id: RuleId
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    title: Text
    legal_basis: OftenPhrase
    give: Give
    payers: Annotated[tuple[Payer, ...], Meta(min_length=1, max_length=8)]
    stage: Annotated[int, Meta(ge=0, le=99)] = 1
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    exclusive_group: OftenCode | UnsetType = UNSET
    choose: Literal["best", "priority"] = "best"
    who: Who | UnsetType = UNSET
    where: Where | UnsetType = UNSET
    what: What | UnsetType = UNSET
    when: When | UnsetType = UNSET
    need: Need | UnsetType = UNSET
    quota: Annotated[tuple[Quota, ...], Meta(min_length=1, max_length=4)] | UnsetType = UNSET
    message: Text | UnsetType = UNSET


class RulesContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Content of a rules bundle."""

    schema: Literal[1]
    rules: Annotated[tuple[Rule, ...], Meta(max_length=MAX_RULES)]
    calendars: Annotated[dict[Code, CalendarDays], Meta(max_length=MAX_TABLES)] = {}
    partners: Annotated[tuple[Partner, ...], Meta(max_length=MAX_TABLES)] = ()
    suspensions: Annotated[tuple[Suspension, ...], Meta(max_length=MAX_TABLES)] = ()
    vat: VatRates = {}
    examples: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=MAX_EXAMPLES)] = ()
    """Questions with what is expected (`gateway.rules.examples`). They are no part of what a gateway applies."""
