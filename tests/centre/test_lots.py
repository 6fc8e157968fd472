"""Lots that holders have bought, and cells as people look at them, on both databases."""

from __future__ import annotations

import contextlib
import csv
import io
import threading
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.lots import COLUMNS, NEVER, LotRow, Sale, Sold, lots, read_sales, sell
from gateway.centre.people_log import Change, Done, reading
from gateway.centre.people_staging import PAGE
from gateway.centre.people_tables import holders
from gateway.centre.quota_seen import PAGE as CELLS
from gateway.centre.quota_seen import cells, prepaid_keys
from gateway.centre.quota_tables import quota_cells, quota_leases
from gateway.centre.store import Store
from gateway.model.errors import Conflict, InputRefused, NotFound
from tests.quota.world import BOUGHT, RIDES, publish
from tests.support.clock import FakeClock

RIGA = ZoneInfo("Europe/Riga")


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    opened = Store(where, FakeClock())
    opened.open()
    yield opened
    opened.close()


def sold(store: Store, *sales: Sale) -> Sold:
    rows = [(f"row {number}", sale) for number, sale in enumerate(sales, start=2)]
    return sell(store.database, rows, "kiosk", FakeClock().wall_ms(), RIGA)


def kept(store: Store, holder: str | None = None, limit: int = 10_000) -> list[LotRow]:
    with reading(store.database) as db:
        return lots(db, holder, limit)


def prepaid(store: Store) -> list[str] | None:
    with reading(store.database) as db:
        found = prepaid_keys(db)
    return None if found is None else sorted(found)


def bought(key: str) -> dict[str, str]:
    return {**BOUGHT, "key": key}


# Which quotas are prepaid --------------------------------------------------------------------------------


def test_the_newest_rules_of_each_gateway_say_which_quotas_are_prepaid(store: Store) -> None:
    assert prepaid(store) is None, "no rules are published"
    publish(store, 1, RIDES)
    assert prepaid(store) == []
    publish(store, 2, RIDES, bought("a"), bought("b"))
    assert prepaid(store) == ["a", "b"]
    publish(store, 3, bought("c"), target="gw-pool")
    assert prepaid(store) == ["a", "b", "c"]
    publish(store, 4, bought("d"), target="gw-pool")
    assert prepaid(store) == ["a", "b", "d"]
    publish(store, 5, bought("e"))
    assert prepaid(store) == ["e"], "everybody's newer rules take the place of a gateway's own"


# Sales ---------------------------------------------------------------------------------------------------


def test_many_lots_are_kept_in_pages_and_again_for_nothing(store: Store) -> None:
    many = [Sale(f"h-{n:04}", "rides", 1 + n, NEVER if n % 2 else "2126-12-31", "a") for n in range(PAGE + 50)]
    assert sold(store, *many).done.changes == {Change.LOT_SOLD: PAGE + 50}
    assert sold(store, *many) == Sold(Done(), no_rules=True, no_holders=True)
    assert [row.units for row in kept(store)] == [1 + n for n in range(PAGE + 50)]
    assert len(kept(store, limit=7)) == 7
    assert [row.units for row in kept(store, "h-0003")] == [4]


def test_lots_are_listed_as_they_will_be_used_up(store: Store) -> None:
    ends = {"z": NEVER, "y": "2126-01-01", "x": "2126-02-01", "w": NEVER}
    sold(store, *(Sale("h-1", "rides", 1, end, name) for name, end in ends.items()))
    assert [row.id for row in kept(store)] == ["y", "x", "w", "z"]


def test_a_row_that_is_refused_takes_all_of_them_with_it(store: Store) -> None:
    publish(store, 1, BOUGHT)
    good = Sale("h-1", "bought", 1, NEVER, "a")
    for bad in (
        Sale("h-1", "rides", 1, NEVER, "b"),
        Sale("h-1", "bought", 1, "2126-02-30", "b"),
        Sale("h-1", "bought", 1, "2026-11-22", "b"),
        Sale("h-1", "bought", 1, 0, "b"),
    ):
        with pytest.raises(InputRefused) as refused:
            sold(store, good, bad)
        assert refused.value.where == "row 3"
    with pytest.raises(Conflict) as stands:
        sold(store, good, Sale("h-1", "bought", 2, NEVER, "a"))
    assert stands.value.where == "row 3"
    assert kept(store) == []


def test_the_last_day_counts_and_a_lot_that_was_sold_may_be_said_again_after_its_end(store: Store) -> None:
    clock = FakeClock()
    today = [("row 2", Sale("h-1", "rides", 1, "2026-11-23", "a"))]
    assert sell(store.database, today, "kiosk", clock.wall_ms(), RIGA).done.operation
    clock.advance(24 * 3600)
    assert not sell(store.database, today, "kiosk", clock.wall_ms(), RIGA).done.operation
    with pytest.raises(InputRefused, match="expired"):
        sell(store.database, [("row 2", Sale("h-1", "rides", 1, "2026-11-23", "b"))], "kiosk", clock.wall_ms(), RIGA)


def test_holders_are_asked_for_where_there_are_some(store: Store) -> None:
    with store.database.begin() as db:
        person = {"entitlements": "", "changed_ms": 1}
        rows = [{"holder": "h-1", "ended_ms": 0, **person}, {"holder": "h-2", "ended_ms": 9, **person}]
        db.execute(holders.insert(), rows)
    assert sold(store, Sale("h-1", "rides", 1, NEVER, "a")) == Sold(Done(1, {Change.LOT_SOLD: 1}), True, False)
    with pytest.raises(NotFound):
        sold(store, Sale("h-9", "rides", 1, NEVER, "a"))
    with pytest.raises(Conflict, match="ended"):
        sold(store, Sale("h-2", "rides", 1, NEVER, "a"))


def test_what_was_sold_is_no_fault_when_its_holder_has_ended_and_its_quota_is_gone(store: Store) -> None:
    with store.database.begin() as db:
        db.execute(holders.insert(), {"holder": "h-1", "ended_ms": 0, "entitlements": "", "changed_ms": 1})
    publish(store, 1, BOUGHT)
    sale = Sale("h-1", "bought", 1, NEVER, "a")
    assert sold(store, sale).done.operation
    with store.database.begin() as db:
        db.execute(holders.update().values(ended_ms=7))
    publish(store, 2, RIDES)
    assert sold(store, sale).done == Done()
    with pytest.raises(InputRefused, match="no published rule"):
        sold(store, sale, Sale("h-1", "bought", 1, NEVER, "b"))


def test_two_sellers_with_the_same_lots_at_once_sell_them_once(where: str) -> None:
    stores = [Store(where, FakeClock()) for _ in range(2)]
    stores[0].open()
    many = [Sale(f"h-{n % 7}", "rides", 5, NEVER, str(n)) for n in range(300)]
    done: list[int] = []
    threads = [
        threading.Thread(target=lambda at=at: done.append(sold(at, *many).done.changes.get(Change.LOT_SOLD, 0)))
        for at in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert sorted(done) == [0, 300]
    assert sum(row.units for row in kept(stores[0])) == 1500
    for store in stores:
        store.close()


# Files ---------------------------------------------------------------------------------------------------


def test_csv_and_json_say_the_same() -> None:
    said = [("row 2", Sale("h-1", "rides", 40, "2027-05-31", "k7-1"))]
    assert list(read_sales(io.BytesIO(b"id,units,holder,key,expires\nk7-1,40,h-1,rides, 2027-05-31 \n"))) == said
    text = b'[{"holder":"h-1","key":"rides","units":40,"expires":"2027-05-31","id":"k7-1"}]'
    assert [sale for _, sale in read_sales(io.BytesIO(text))] == [sale for _, sale in said]


@given(st.binary(max_size=200))
def test_any_bytes_are_sales_or_refused(data: bytes) -> None:
    for prefix in (b"", b"holder,key,units,expires,id\n", b"["):
        with contextlib.suppress(InputRefused):
            list(read_sales(io.BytesIO(prefix + data)))


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=10) | st.sampled_from(["h-1", "rides", "5", NEVER])


@given(st.lists(st.tuples(*[CELL] * len(COLUMNS)), max_size=4))
def test_any_row_is_a_sale_with_units_and_names_or_refused(rows: list[tuple[str, ...]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([COLUMNS, *rows])
    with contextlib.suppress(InputRefused):
        for _, sale in read_sales(io.BytesIO(out.getvalue().encode())):
            assert sale.units >= 1
            assert sale.holder
            assert sale.key
            assert sale.id


# Cells ---------------------------------------------------------------------------------------------------


def test_each_cell_has_its_own_leases_over_the_edge_of_a_page(store: Store) -> None:
    """Rows as the authority writes them; how it comes to them is shown in tests/cli/test_quotas.py."""
    count = CELLS + 5
    blank = {"lot": "", "base": 0, "stop_ms": 0, "elsewhere": 0, "why": "", "last": "", "recall": 0, "shard": 1}
    with store.database.begin() as db:
        for n in range(count):
            cell = {"key": "rides", "period": "ever", "subject": f"h-{n:04}"}
            counted = {"unit": "units", "limit_units": 9, "granted": 5, "freed": 1, "end_ms": 0}
            db.execute(quota_cells.insert(), {**cell, **counted})
            for gateway, standing, used in (("gw-a", "open", n % 3), ("gw-b", "closed", 1), ("gw-c", "denied", 0)):
                lease = {"gateway": gateway, "incarnation": 1, "number": n + 1, "units": 2, "used": used, "returned": 0}
                more = {"credited": 0, "standing": standing, "made_ms": 1, "changed_ms": 1}
                db.execute(quota_leases.insert(), {**cell, **blank, **lease, **more})
    with reading(store.database) as db:
        rows = cells(db, None, None, 10_000)
        assert cells(db, "h-0201", "rides", 10) == [rows[201]]
        assert cells(db, None, "nothing", 10) == []
        assert cells(db, None, None, 3) == rows[:3]
    assert [row.subject for row in rows] == [f"h-{n:04}" for n in range(count)]
    assert [row.used for row in rows] == [1 + n % 3 for n in range(count)]
    assert {one.gateway for row in rows for one in row.open} == {"gw-a"}
    assert [row.open[0].used for row in rows] == [n % 3 for n in range(count)]
