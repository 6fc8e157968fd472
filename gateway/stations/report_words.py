"""What a till is asked of its own fiscal printer beside receipts, and answers: reports, and cash in and out."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.model.money import Cents
from gateway.model.receipt import MAX_CENTS
from gateway.stations.till_words import Fiscal


class ReportKind(StrEnum):
    """`x`: what was sold so far; `z`: the same, and it ends the fiscal day for good."""

    X = "x"
    Z = "z"


class ReportRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Print this report."""

    kind: ReportKind


class CashRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cash that is put into the drawer, or (negative) taken out; not 0."""

    cents: Annotated[Cents, msgspec.Meta(ge=-MAX_CENTS, le=MAX_CENTS)]


class WorkAnswer(msgspec.Struct, frozen=True):
    """It is recorded under the key `work`; `fiscal` says how it ended. Of a Z report `z_number` is its number."""

    work: str
    fiscal: Fiscal
