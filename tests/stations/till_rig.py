"""A till with real rules, quotas and their authority, driven as a POS drives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.config.types import TillStation
from gateway.model.errors import GatewayError
from gateway.model.receipt import Line, Means, Receipt
from gateway.quota.quotas import Quotas
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.stations.deciding import Deciding
from gateway.stations.refund_words import Back, RefundAnswer, RefundRequest, VoidRequest
from gateway.stations.till import Till
from gateway.stations.till_words import CommitAnswer, CommitRequest, QuoteAnswer, QuoteRequest
from tests.rules.builders import document, percent, rule
from tests.support.authority import Authority
from tests.support.place import FREE, HALF, Card, Place

BOOK_UNITS = {"key": "book-units", "unit": "units", "limit": 6, "period": "day"}
RULES = document(
    rule(
        "books",
        who={"any_of_groups": [FREE]},
        what={"categories": ["books"]},
        give=percent(10_000),
        payers=[
            {"party": "city", "form": "tender", "share_basis_points": 7000},
            {"party": "shop", "form": "discount", "rest": True},
        ],
        quota=[BOOK_UNITS],
    ),
    rule("half", who={"any_of_groups": [HALF]}, give=percent(5_000)),
    vat={"A": [{"from": "2012-07-01", "basis_points": 2100}]},
)
"""Anna: six books a day for nothing, 70 % of it from the city. Berta: everything at half price."""
PATIENCE_S = 20.0
"""For an answer of the authority, on a busy machine."""


def book(id: str = "1", quantity: int = 1000, cents: int = 1000, **more: Any) -> Line:
    return Line(id=id, text=more.pop("text", "A book"), category=more.pop("category", "books"), unit_cents=cents,
                quantity=quantity, **more)  # fmt: skip


class Pos:
    """A POS at one till. Each call with a key of its own unless one is given."""

    def __init__(self, place: Place, station: str = "till-1", printer: str | None = None) -> None:
        self.place = place
        section = TillStation(
            id=station, readers=("nfc-1",), printer=printer, quote_s=300.0, tap_s=60.0, payer_means={"city": "coupon"}
        )
        self.till = Till(section, place.services)
        self._number = 0

    async def start(self) -> Pos:
        await self.till.start()
        return self

    def key(self) -> str:
        self._number += 1
        return f"k{self._number}"

    async def tap(self, name: str, counter: int = 0) -> None:
        await self.till.on_reading(Card(name, counter).tap(self.place))

    async def quote(self, *lines: Line, means: Means = Means.CARD, key: str = "", **more: Any) -> QuoteAnswer:
        request = QuoteRequest(Receipt(lines or (book(),), means), **more)
        return msgspec.json.decode(await self.till.quote(request, key or self.key()), type=QuoteAnswer)

    async def commit(self, quote: QuoteAnswer | str, key: str = "", **more: Any) -> CommitAnswer:
        name = quote if isinstance(quote, str) else quote.quote
        request = CommitRequest(name, **(more or {"fiscal_number": "F-1"}))
        return msgspec.json.decode(await self.till.commit(request, key or self.key()), type=CommitAnswer)

    async def sell(self, *lines: Line, key: str = "", print: bool = False, **more: Any) -> CommitAnswer:
        how: dict[str, Any] = {"print": True} if print else {"fiscal_number": "F-1"}
        return await self.commit(await self.quote(*lines, **more), key, **how)

    async def refund(self, request: RefundRequest, key: str = "") -> RefundAnswer:
        return msgspec.json.decode(await self.till.refund(request, key or self.key()), type=RefundAnswer)

    async def void(self, request: VoidRequest, key: str = "") -> RefundAnswer:
        return msgspec.json.decode(await self.till.void(request, key or self.key()), type=RefundAnswer)


async def with_quotas(place: Place, folder: Path) -> Authority:
    """The rules above, and the authority that knows how many units there are; it is to be stopped."""
    place.benefits.use(compile_rules(load(RULES), 1), 0)
    quotas = Quotas(place.ledger, place.clock, "gw-test")
    await quotas.start()
    place.services.deciding = Deciding(place.benefits, quotas, place.ledger.query, place.clock, PATIENCE_S)
    authority = Authority(folder / "centre.db", place.clock, RULES, "gw-test", quotas)
    await authority.line(True)
    return authority


def in_use(place: Place) -> int:
    """Units of leases in use now."""
    return int(place.ledger.query("SELECT coalesce(sum(used - returned), 0) FROM quota_lease")[0][0])


def held(place: Place) -> int:
    """Units that open quotes hold."""
    return int(place.ledger.query("SELECT coalesce(sum(units), 0) FROM quota_hold")[0][0])


async def refused(work: Any) -> str:
    """The code of the error."""
    with pytest.raises(GatewayError) as caught:
        await work
    return caught.value.code


def back(receipt: str, *lines: tuple[str, int], number: str = "R-1", **more: object) -> RefundRequest:
    fields = {"fiscal_number": number, **more}
    return RefundRequest(receipt=receipt, lines=tuple(Back(*one) for one in lines), **fields)  # type: ignore[arg-type]
