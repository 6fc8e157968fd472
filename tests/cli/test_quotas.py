"""`smartplace centre quotas` on both databases: what is out, who has it, and what a fence burns of paid units."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from gateway.centre.store import Store
from gateway.wire.quota import Close, Report
from tests.cli.conftest import said
from tests.cli.test_lots import NEEDS, RIGA, Gateway, did, lots, opened, run


@pytest.fixture
def centre(where: str) -> Iterator[Store]:
    """Open in this process."""
    store = opened(where)
    yield store
    store.close()


@pytest.mark.timeout(120)
def test_cells_tell_what_is_out_used_and_who_holds_it(centre: Store, where: str) -> None:
    bus, pool = Gateway(centre, "gw-bus"), Gateway(centre, "gw-pool")
    month = "2026-11"
    first = bus.lease("rides", month, "h-1", want=2)
    second = pool.lease("rides", month, "h-1")
    other = bus.lease("rides", month, "h-2")
    everybody = bus.lease("budget", "ever", want=7)
    assert (first.units, second.units, other.units, everybody.units) == (2, 2, 2, 7)
    bus.say(Report(first.lease, 2), Close(other.lease, 1), Report(everybody.lease, 3, 1))
    budget, one, two = did(where, "quotas")["quotas"]
    assert budget == {
        "key": "budget", "period": "ever", "subject": "", "unit": "cents", "limit": 12, "granted": 7, "freed": 0,
        "used": 2, "fenced": 0, "end_ms": 0, "open": [{"gateway": "gw-bus", "leases": 1, "units": 7, "used": 2}],
    }  # fmt: skip
    assert one.pop("end_ms") == datetime(2026, 12, 1, tzinfo=RIGA).timestamp() * 1000
    assert one == {
        "key": "rides", "period": month, "subject": "h-1", "unit": "units", "limit": 5, "granted": 4, "freed": 0,
        "used": 2, "fenced": 0,
        "open": [
            {"gateway": "gw-bus", "leases": 1, "units": 2, "used": 2},
            {"gateway": "gw-pool", "leases": 1, "units": 2, "used": 0},
        ],
    }  # fmt: skip
    assert (two["subject"], two["granted"], two["freed"], two["used"], two["open"]) == ("h-2", 2, 1, 1, [])
    assert did(where, "quotas", "--holder", "h-2")["quotas"] == [two]
    assert [row["key"] for row in did(where, "quotas", "--key", "budget")["quotas"]] == ["budget"]
    assert did(where, "quotas", "--key", "budget", "--holder", "h-1")["quotas"] == []
    done = run(where, "quotas", "--limit", "2")
    shown = done.stdout.splitlines()
    assert shown[0].split() == [
        "quota",
        "period",
        "holder",
        "unit",
        "limit",
        "granted",
        "freed",
        "used",
        "fenced",
        "open",
    ]
    assert shown[1].split() == ["budget", "ever", "everybody", "cents", "12", "7", "0", "2", "0", "gw-bus", "2/7"]
    assert shown[2].endswith("gw-bus 2/2, gw-pool 0/2")
    assert (len(shown), said(done)) == (3, ["at most 2 are shown: --limit"])


def test_a_life_that_is_over_holds_nothing_open_and_still_counts_as_out(centre: Store, where: str) -> None:
    bus = Gateway(centre, "gw-bus")
    lease = bus.lease("rides", "2026-11", "h-1", want=2)
    bus.say(Report(lease.lease, 1))
    centre.fence("gw-bus")
    (cell,) = did(where, "quotas")["quotas"]
    assert (cell["granted"], cell["freed"], cell["used"], cell["fenced"], cell["open"]) == (2, 0, 1, 1, [])


@pytest.mark.timeout(120)
def test_paid_units_that_a_fence_burns_are_shown_and_can_be_made_good(centre: Store, where: str) -> None:
    for holder, lot in (("h-1", "a"), ("h-1", "b"), ("h-2", "a")):
        did(where, "lots", "add", "--holder", holder, *NEEDS, "--expires", "never", "--id", lot)
    bus, pool = Gateway(centre, "gw-bus"), Gateway(centre, "gw-pool")
    lost = bus.lease("bought", "ever", "h-1", want=9)
    bus.say(Report(lost.lease, 4, 1))
    kept = pool.lease("bought", "ever", "h-1", want=1)
    bus.lease("bought", "ever", "h-2", want=2)
    centre.fence("gw-bus")
    pool.say(Close(kept.lease, 0))
    told = {(row["holder"], row["id"]): (row["granted"] - row["freed"], row["fenced"]) for row in lots(where)}
    assert told == {("h-1", "a"): (9, 6), ("h-1", "b"): (0, 0), ("h-2", "a"): (2, 2)}
    assert [cell["fenced"] for cell in did(where, "quotas", "--key", "bought")["quotas"]] == [6, 2]
    shown = run(where, "lots", "list", "--holder", "h-1").stdout.splitlines()
    assert shown[0].split()[3:7] == ["units", "out", "fenced", "left"]
    assert shown[1].split()[3:7] == ["10", "9", "6", "1"]
    good = ("--holder", "h-1", "--key", "bought", "--units", "6", "--as", "Anna", "--expires", "never")
    assert did(where, "lots", "add", *good, "--id", "fenced-gw-bus-1")["new"]
    leased = [pool.lease("bought", "ever", "h-1", want=99).units for _ in range(3)]
    assert leased == [1, 10, 6], "what is left of each lot, and of the one that makes it good"
