"""Whatever happens at a till and whenever the power goes: nothing is booked twice, never more comes back than was sold,
and quotas and sums add up to the cent and the unit.

Taps, quotes that are replaced, withdrawn or forgotten, commits, parts of refunds, voids, printers that refuse or fall
silent, repeated requests, new epochs and power cuts in any order, on real files.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger.verify import verify
from gateway.model.bodies import EpochReason
from gateway.model.clock import Stamp
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import Entry, EntryId, EntryKind, Stream
from gateway.model.errors import GatewayError, NotReady
from gateway.model.till_bodies import ReceiptBody, RefundBody
from gateway.quota.quotas import Quotas
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.stations.deciding import Deciding
from gateway.stations.refund_words import Back, RefundRequest, VoidRequest
from gateway.stations.sales import came_back, id_of
from gateway.stations.till_taps import TwoTaps
from gateway.stations.till_words import CommitAnswer, CommitRequest, QuoteAnswer
from tests.rules.builders import document, percent, rule
from tests.stations.till_rig import Pos, book, held, in_use
from tests.support.place import FREE, HALF, Card, Place

Kind = Literal[
    "anna", "berta", "quote", "replace", "withdraw", "commit", "print", "print refused", "print in doubt", "read back",
    "refund", "part", "parts at once", "void", "printed refund", "refund refused", "again", "later", "epoch", "crash",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
UNITS = 40
OFF_PAPER = ("refused", "cancelled")
VAGUE = frozenset({"error", "conflict", "refused", "not_found", "not_ready"})
"""Codes that say nothing to a POS: none of them may come."""
RULES = document(
    rule(
        "books",
        who={"any_of_groups": [FREE]},
        what={"categories": ["books"]},
        give=percent(6_667),
        payers=[
            {"party": "city", "form": "discount", "share_basis_points": 3333},
            {"party": "shop", "form": "discount", "rest": True},
        ],
        quota=[{"key": "books", "unit": "units", "limit": UNITS, "period": "ever"}],
    ),
    rule("half", who={"any_of_groups": [HALF]}, give=percent(5_000)),
)


class Leased:
    """Effect: all units there are lie at this gateway."""

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("UPDATE quota_life SET incarnation=1")
        row = (1, "books", "ever", "h-anna", UNITS, 0, 0, 0, 0, 0, 0, 0, 0, 0, "", now.wall_ms)
        db.execute(f"INSERT OR IGNORE INTO quota_lease VALUES ({','.join('?' * 16)})", row)


class Scene:
    """One till over several lives, and what its POS remembers."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder).start()
        self.open: list[QuoteAnswer] = []
        self.sold: list[str] = []
        self.asked: list[tuple[str, Any, str, bytes]] = []
        self._cards = {"anna": Card("anna"), "berta": Card("berta")}
        self._number = 0
        self.codes: Counter[str] = Counter()

    async def begin(self) -> None:
        place = self.place
        place.benefits.use(compile_rules(load(RULES), 1), 0)
        quotas = Quotas(place.ledger, place.clock, "gw-test")
        await quotas.start()
        place.services.deciding = Deciding(place.benefits, quotas, place.ledger.query, place.clock)
        await place.ledger.commit([], [Leased()])
        self.pos = await Pos(place, printer="fiscal-1").start()

    async def step(self, kind: Kind, number: int) -> None:
        place = self.place
        match kind:
            case "anna" | "berta":
                await self.pos.till.on_reading(self._cards[kind].tap(place))
            case "quote":
                await self._quote(number)
            case "replace":
                if self.open:
                    await self._quote(number, self.open[number % len(self.open)].quote)
            case "withdraw":
                if self.open:
                    quote = self.open.pop(number % len(self.open))
                    await self._try(self.pos.till.withdraw(quote.quote))
            case "commit":
                await self._commit(number, fiscal_number=f"F-{number}")
            case "print" | "print refused" | "print in doubt":
                if kind == "print refused":
                    place.outputs.print_script.append(NotReady("no paper"))
                elif kind == "print in doubt":
                    place.outputs.print_script.append(["opened", "paying", "closing", "closed"][number % 4])
                await self._commit(number, print=True)
                place.outputs.print_script.clear()
            case "read back":
                printers = place.services.printers
                printers.on_change(DeviceHealth("fiscal-1", "fiscal", Health.LOST))
                printers.on_change(DeviceHealth("fiscal-1", "fiscal", Health.READY))
                while printers.doubts():
                    await place.settle()
            case "refund" | "part" | "parts at once" | "printed refund" | "refund refused":
                await self._refund(kind, number)
            case "void":
                if self.sold:
                    await self._ask("void", VoidRequest(receipt=self.sold[number % len(self.sold)], fiscal_number="V"))
            case "again":
                await self._again(number)
            case "later":
                place.clock.advance([61.0, 301.0, 86400.0][number % 3])
            case "epoch":
                await place.ledger.new_epoch(EpochReason.ORDERED)
            case "crash":
                await place.services.printers.stop()
                self.place = await place.crash()
                await self.begin()

    async def _quote(self, number: int, replaces: str = "") -> None:
        lines = [book("1", 1000 * (1 + number % 3), 333), book("2", 500 + number % 7 * 100, 199, category="pens")]
        more: dict[str, Any] = {"replaces": replaces} if replaces else {}
        try:
            quote = await self.pos.quote(*lines, key=self._key(), **more)
        except TwoTaps as several:
            choices = (*several.marks, "none")
            quote = await self.pos.quote(*lines, key=self._key(), tap=choices[number % len(choices)], **more)
        except GatewayError as error:
            self.codes[error.code] += 1
            return
        self.open.append(quote)

    async def _commit(self, number: int, **how: Any) -> None:
        if not self.open:
            await self.step("anna" if number % 4 else "berta", number)
            await self._quote(number)
        quote = self.open[number % len(self.open)]
        body = await self._ask("commit", CommitRequest(quote.quote, **how))
        if body is not None:
            self.open.remove(quote)
            self.sold.append(msgspec.json.decode(body, type=CommitAnswer).entry)

    async def _refund(self, kind: Kind, number: int) -> None:
        if not self.sold:
            await self._commit(number, print=True)
        if not self.sold:
            return
        entry = self.sold[number % len(self.sold)]
        part = (Back("1", 1 + number % 3 * 333), Back("2", 100))
        if kind == "parts at once":
            requests = [RefundRequest(receipt=entry, lines=(one,), fiscal_number="R") for one in (*part, part[0])]
            await asyncio.gather(*(self._ask("refund", one) for one in requests))
            return
        if kind == "refund refused":
            self.place.outputs.print_script.append(NotReady("no paper"))
        paper: dict[str, Any] = {"fiscal_number": "R"} if kind in ("refund", "part") else {"print": True}
        lines = part if kind == "part" or number % 2 else ()
        await self._ask("refund", RefundRequest(receipt=entry, lines=lines, **paper))
        self.place.outputs.print_script.clear()

    async def _again(self, number: int) -> None:
        """The POS repeats a request: the answer is the same, but for what is known of the paper since."""
        if self.asked:
            what, request, key, before = self.asked[number % len(self.asked)]
            now = await getattr(self.pos.till, what)(request, key)
            assert _without_paper(now) == _without_paper(before)

    async def _ask(self, what: str, request: Any) -> bytes | None:
        key = self._key()
        body: bytes | None = await self._try(getattr(self.pos.till, what)(request, key))
        if body is not None:
            self.asked.append((what, request, key, body))
        return body

    async def _try(self, work: Any) -> Any:
        try:
            return await work
        except GatewayError as error:
            self.codes[error.code] += 1
            return None

    def _key(self) -> str:
        self._number += 1
        return f"k-{self._number}"

    # What holds always -----------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        ledger = self.place.ledger
        return [
            *(entry for older in ledger.older for entry in older.read(Stream.RECEIPT, 0, -1)),
            *self.place.entries(Stream.RECEIPT),
        ]

    async def check(self) -> None:
        place = self.place
        query = place.ledger.query
        ended = dict(query("SELECT key, outcome FROM fiscal", ()))
        receipts: dict[str, ReceiptBody] = {}
        refunds: list[RefundBody] = []
        for entry in self.entries():
            if entry.header.kind is EntryKind.RECEIPT:
                receipts[str(entry.header.id)] = msgspec.json.decode(entry.body or b"", type=ReceiptBody)
            elif entry.header.kind is EntryKind.REFUND:
                refunds.append(msgspec.json.decode(entry.body or b"", type=RefundBody))
        quotes = Counter(body.quote for body in receipts.values())
        assert all(times == 1 for times in quotes.values()), "a quote was booked twice"
        units = 0
        for name, body in receipts.items():
            if ended.get(body.quote) in OFF_PAPER:
                continue
            of_it = [one for one in refunds if one.receipt == name and ended.get(one.work) not in OFF_PAPER]
            back = Counter({line.id: 0 for line in body.receipt.lines})
            for one in of_it:
                back.update({line.line: line.quantity for line in one.refund.lines})
            sold = {line.id: line.quantity for line in body.receipt.lines}
            assert all(back[line] <= sold[line] for line in sold), "more came back than was sold"
            assert came_back(query, id_of(name)) == {line: quantity for line, quantity in back.items() if quantity}
            due = sum(one.refund.due_cents for one in of_it)
            assert 0 <= due <= body.decision.due_cents
            if dict(back) == sold:
                assert due == body.decision.due_cents
                assert sum(one.refund.discount_cents for one in of_it) == body.decision.discount_cents
            freed = [one for one in of_it if not one.work or ended.get(one.work) == "printed"]
            units += sum(use.units for use in body.decision.uses)
            units -= sum(use.units for one in freed for use in one.refund.uses)
        over = query("SELECT coalesce(sum(over - over_back), 0) FROM quota_beyond", ())[0][0]
        assert in_use(place) + over == units, "units of quotas are lost or found"
        assert held(place) <= UNITS
        report = await self.pos.till.day("")
        counted = [body for body in receipts.values() if ended.get(body.quote) not in OFF_PAPER]
        if report.sold.count == len(counted):
            assert report.sold.due_cents == sum(body.decision.due_cents for body in counted)


def _without_paper(body: bytes) -> Any:
    told = msgspec.json.decode(body)
    told.pop("fiscal", None)
    return told


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 59)), min_size=5, max_size=40))
def test_whatever_happens_at_a_till_it_adds_up(steps: list[tuple[Kind, int]]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "box").mkdir()
            scene = Scene(Path(folder) / "box")
            await scene.begin()
            for kind, number in steps:
                await scene.step(kind, number)
                await scene.check()
            assert not VAGUE & scene.codes.keys()
            await scene.place.services.printers.stop()
            await scene.place.stop()
            assert verify(scene.place.ledger_path).clean

    asyncio.run(play())
