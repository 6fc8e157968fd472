"""Bench `quota`: what a counted benefit adds to a commit, and how many leases the authority gives out a second.

`spend_vs_plain` is a commit of an admission that uses a unit of a lease against the same commit without, one at a time
on the same ledger. `leases_…`: requests and reports of many gateways, in groups as they come from the broker, each
granted or counted durably by the real authority, beside a raw commit per group of as many rows.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from gateway.centre.link import Delivery
from gateway.centre.sorting import sort
from gateway.centre.store import Store
from gateway.ledger.ledger import Ledger
from gateway.model.clock import SystemClock
from gateway.model.decision import QuotaUnit, Use
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.quota.quotas import Quotas
from gateway.rules.periods import Period
from gateway.rules.purse import Asked
from gateway.wire.quota import Cell, Hello, LeaseId, QuotaSaid, Report, Request, Said
from gateway.wire.topics import SHARDS, Topics
from tests.bench.context import Context
from tests.bench.frame import Row, compare, require
from tests.rules.builders import document, rule
from tests.support.authority import CITY, Authority, publish
from tests.support.postgres import debian_programs, postgres

TAPS, TAPS_QUICK = 300, 20
GROUPS, GROUPS_QUICK = 60, 3
GROUP = 64
"""Messages that the centre takes in at once."""
BODY = b'{"filler":"' + b"x" * 700 + b'"}'
HOLDER = "holder-anna"
ASKED = Asked("rides", QuotaUnit.UNITS, Period("ever", None, 10**6), True, 0)
QUOTA = {"key": "rides", "unit": "units", "limit": 10**6, "period": "ever"}
RULES = document(rule("rides", who={"any_of_groups": ["c1"]}, quota=[QUOTA]))
ALL = dict.fromkeys(range(SHARDS), 1)


def run(context: Context) -> list[Row]:
    taps = TAPS_QUICK if context.quick else TAPS
    rows = asyncio.run(_spends(context, taps))
    groups = GROUPS_QUICK if context.quick else GROUPS
    raw = [[_raw(context.folder / f"raw-{number}.db", groups)] for number in context.rounds(5)]
    with ExitStack() as stack:
        stores = {"sqlite": [str(context.folder / f"centre-{number}.db") for number in context.rounds(5)]}
        if debian_programs() is not None:
            server = stack.enter_context(postgres(context.folder.parent))
            stores["postgresql"] = [stack.enter_context(server.database()) for _ in context.rounds(5)]
        for name, places in stores.items():
            ours = [[_authority(where, groups)] for where in places]
            context.say(f"  {name}: {max(max(one) for one in ours):,.0f} messages/s at best")
            rows.append(compare("quota", f"authority_{name}", "1/s", ours, raw))
    return rows


async def _spends(context: Context, taps: int) -> list[Row]:
    clock = SystemClock(vouched=True)
    ledger = Ledger(context.folder / "ledger.db", "bench", clock)
    ledger.start()
    quotas = Quotas(ledger, clock, "bench")
    await quotas.start()
    authority = Authority(context.folder / "leases.db", clock, RULES, "bench", quotas)
    await authority.line(True)
    await quotas.prepare(HOLDER, [ASKED], 30.0, {"rides": taps * 6})
    (left,) = quotas.left(HOLDER, [ASKED], clock.stamp())
    require(left.left >= taps * 5, f"only {left.left} units were leased")
    entry = NewEntry(Stream.RECEIPT, EntryKind.ADMISSION, BODY)
    use = [Use("rides", "ever", 1)]
    ours, plain = [], []
    for number in context.rounds(5):
        with_unit, without = [], []
        for _ in range(taps):
            began = time.perf_counter()
            await ledger.commit([entry])
            middle = time.perf_counter()
            await ledger.commit([entry], [quotas.spend(HOLDER, use)])
            without.append((middle - began) * 1e6)
            with_unit.append((time.perf_counter() - middle) * 1e6)
        ours.append(with_unit)
        plain.append(without)
        middles = [sorted(one)[taps // 2] for one in (with_unit, without)]
        context.say(f"  round {number + 1}: {middles[0]:,.0f} us with a unit, {middles[1]:,.0f} us without")
    used = ledger.query("SELECT sum(used) FROM quota_lease")[0][0]
    await authority.stop()
    await ledger.stop()
    require(used == taps * len(ours), f"{used} units were used, not {taps * len(ours)}")
    return [compare("quota", "spend_vs_plain", "us", ours, plain)]


def _authority(where: str, groups: int) -> float:
    """Messages a second: each gateway asks for a lease and tells what it used."""
    clock = SystemClock(vouched=True)
    store = Store(where, clock, zone="Europe/Riga")
    store.open()
    try:
        publish(store, RULES)
        names = [f"gw-{number:03d}" for number in range(GROUP // 2)]
        _settle(store, {name: [Hello(f"{number:032x}")] for number, name in enumerate(names)})
        began = time.monotonic()
        granted = 0
        for number in range(1, groups + 1):
            cell = Cell("rides", "ever", f"holder-{number}")
            said: dict[str, list[Said]] = {
                name: [Request(LeaseId(1, number), cell, 1), Report(LeaseId(1, number), 1)] for name in names
            }
            granted += _settle(store, said)
        seconds = time.monotonic() - began
        require(granted >= groups * len(names), f"{granted} answers to {groups * len(names)} requests")
        return groups * GROUP / seconds
    finally:
        store.close()


def _settle(store: Store, said: dict[str, list[Said]]) -> int:
    deliveries = [
        Delivery(Topics(CITY, name).quota, msgspec.json.encode(QuotaSaid(name, tuple(all_of_it))), False, 1, 1)
        for name, all_of_it in said.items()
    ]
    return len(store.settle(sort(CITY, deliveries, ALL)).answers)


def _raw(path: Path, groups: int) -> float:
    """Rows a second into one table of raw SQLite, a durable commit per group."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE lease (id INTEGER PRIMARY KEY, cell TEXT NOT NULL, units INTEGER NOT NULL) STRICT")
    began = time.monotonic()
    for number in range(groups):
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO lease (cell, units) VALUES (?, 1)", [(f"holder-{number}",)] * GROUP)
        db.execute("COMMIT")
    seconds = time.monotonic() - began
    db.close()
    return groups * GROUP / seconds
