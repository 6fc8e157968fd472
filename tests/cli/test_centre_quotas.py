"""`smartplace centre fence` and `reconcile` as an officer runs them, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from gateway.centre.quota_tables import quota_cells, quota_leases
from gateway.centre.store import Store
from gateway.cli.main import cli
from gateway.wire.messages import State
from gateway.wire.quota import Cell, Close, Fence, Hello, LeaseId, Report, Request
from tests.centre.chains import EPOCH
from tests.cli.conftest import said, smartplace
from tests.cli.test_lots import Gateway
from tests.quota.messages import ANNA
from tests.quota.test_replaced import admitted, send_entries
from tests.quota.world import RIDES, Box, World, publish
from tests.support.authority import ALL
from tests.support.clock import FakeClock

BUS, MONTH = "gw-bus", "2026-11"
NOVEMBER = ("rides", MONTH)
HELLO = Hello(nonce=BUS.encode().hex().ljust(16, "0"))
"""As `Gateway` says it when it is made."""


@pytest.fixture
def centre(where: str) -> Iterator[Store]:
    """Rules are published, and one gateway has been heard of."""
    store = Store(where, FakeClock(), zone="Europe/Riga")
    store.open()
    publish(store, 1, RIDES)
    store.hear([(BUS, msgspec.convert({"online": True, "session": "s1", "epoch": EPOCH}, State))])
    yield store
    store.close()


def tried(where: str, *arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["centre", *arguments, "--store", where], input=answer)


def standings(store: Store) -> list[str]:
    with store.database.begin() as db:
        return [row.standing for row in db.execute(quota_leases.select())]


# Fence ---------------------------------------------------------------------------------------------------


@pytest.mark.timeout(120)
def test_what_a_stolen_box_held_counts_as_used_up_and_it_is_told_by_the_next_beat(centre: Store, where: str) -> None:
    bus = Gateway(centre, BUS)
    first, second = bus.lease("rides", MONTH, "h-1", want=2), bus.lease("rides", MONTH, "h-2")
    assert centre.recalls(ALL) == []
    done = smartplace("centre", "fence", BUS, "--yes", "--json", "--store", where)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"schema": 1, "gateway": BUS, "life": 2, "online": True}
    assert standings(centre) == ["fenced", "fenced"]
    assert centre.recalls({}) == [], "another worker's gateway"
    assert centre.recalls(ALL) == [(BUS, Fence(2))], "once, however many leases it had"
    assert centre.recalls(ALL) == []
    # And whatever it says of its old leases, told or not, only has that for an answer.
    asked = Request(LeaseId(1, 3), first.cell)
    for message in (Report(first.lease, 2), Close(second.lease, 0), asked):
        assert bus.say(message) == [Fence(2)]
    with centre.database.begin() as db:
        rows = db.execute(quota_leases.select()).all()
    assert [(row.standing, row.used) for row in rows] == [("fenced", 0), ("fenced", 0)]


def test_a_recall_that_was_not_sent_before_the_fence_is_none_any_more(centre: Store, where: str) -> None:
    bus, pool = Gateway(centre, BUS), Gateway(centre, "gw-pool")
    bus.lease("rides", MONTH, "h-1", want=5)
    pool.say(Request(LeaseId(1, 1), Cell("rides", MONTH, "h-1")))  # nothing is left: the other one is asked
    assert tried(where, "fence", BUS, "--yes").exit_code == 0
    assert centre.recalls(ALL) == [(BUS, Fence(2))]


def test_a_box_without_leases_is_fenced_and_hears_of_it_with_its_hello(centre: Store, where: str) -> None:
    bus = Gateway(centre, BUS)
    assert tried(where, "fence", BUS, "--yes").exit_code == 0
    assert centre.recalls(ALL) == []
    assert bus.say(HELLO) == [Fence(2)]
    assert tried(where, "fence", BUS, "--yes").exit_code == 0
    assert bus.say(HELLO) == [Fence(3)], "each time a life ends"


def test_a_gateway_that_was_never_heard_of_is_not_fenced(centre: Store, where: str) -> None:
    done = smartplace("centre", "fence", "gw-bsu", "--yes", "--store", where)
    assert (done.returncode, done.stdout) == (4, "")
    assert said(done) == [
        "error: gw-bsu: no gateway of this id was ever heard of. `smartplace centre gateways` lists those that were"
    ]
    assert tried(where, "fence", "Bus!", "--yes").exit_code == 2


def test_it_asks_before_it_does(centre: Store, where: str) -> None:
    bus = Gateway(centre, BUS)
    bus.lease("rides", MONTH, "h-1")
    for answer in ("n\n", ""):
        done = tried(where, "fence", BUS, answer=answer)
        assert (done.exit_code, done.stdout) == (1, "")
        assert f"Count all that {BUS} holds of quotas as used up, for good?" in done.stderr
        assert done.stderr.endswith(
            "error: it was not answered with yes, so nothing was done. Where nobody can answer: --yes\n"
        )
    assert standings(centre) == ["open"]
    done = tried(where, "fence", BUS, answer="y\n")
    assert (done.exit_code, standings(centre)) == (0, ["fenced"])
    assert done.stdout == f"{BUS} is fenced: what it held until now counts as used up, its life 2 begins\n"


# Reconcile -----------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, ["museum-1"], RIDES)
    made.talk()
    yield made
    made.stop()


@pytest.fixture
def box(world: World) -> Box:
    box = world.boxes[0]
    box.want(RIDES, ANNA)
    world.talk()
    return box


def checked(world: World) -> tuple[int, dict[str, Any]]:
    done = tried(str(world.folder / "centre.db"), "reconcile", *NOVEMBER, "--json")
    return done.exit_code, json.loads(done.stdout)


def test_that_nothing_differs_is_said_in_words(world: World, box: Box) -> None:
    admitted(box, 1)
    world.talk()
    send_entries(world, box)
    assert checked(world) == (0, {"schema": 1, "key": "rides", "period": MONTH, "leased": True, "differences": []})
    done = smartplace("centre", "reconcile", *NOVEMBER, "--store", world.folder / "centre.db")
    assert (done.returncode, said(done)) == (0, [])
    assert done.stdout == "nothing differs: what receipts say of rides in 2026-11 is what the centre knows\n"


def test_what_was_used_and_is_in_no_lease_is_told_and_alarms(world: World, box: Box) -> None:
    admitted(box, 1)
    admitted(box, 1, spend=False)
    world.talk()
    send_entries(world, box)
    code, told = checked(world)
    means = "more was used than the centre knows of; open leases: perhaps not told yet"
    assert (code, told["differences"]) == (
        1,
        [
            {
                "gateway": "museum-1", "subject": ANNA, "used": 2, "known": 1, "open": 1, "fenced": 0, "erased": 0,
                "alarming": True, "means": means,
            }
        ],
    )  # fmt: skip
    assert world.alarms()["quota does not come out"] == 1
    box.close(1)
    world.talk()
    done = tried(str(world.folder / "centre.db"), "reconcile", *NOVEMBER)
    head, row = done.stdout.splitlines()
    assert head.split() == ["gateway", "holder", "used", "known", "open", "fenced", "erased", "means"]
    assert row.split(maxsplit=7) == [
        "museum-1",
        ANNA,
        "2",
        "1",
        "0",
        "0",
        "0",
        "more was used than the centre knows of",
    ]
    assert (done.exit_code, world.alarms()["quota does not come out"]) == (1, 2)


def test_receipts_that_never_came_are_a_warning_when_the_period_is_long_over(world: World, box: Box) -> None:
    admitted(box, 1)
    world.talk()
    with world.store.database.begin() as db:
        db.execute(quota_cells.update().values(end_ms=4_102_444_800_000))  # 2100: the verb has the machine's clock
    assert checked(world)[0] == 0
    with world.store.database.begin() as db:
        db.execute(quota_cells.update().values(end_ms=1))
    code, told = checked(world)
    (one,) = told["differences"]
    assert (code, one["used"], one["known"], one["alarming"]) == (8, 0, 1, False)
    assert one["means"] == "receipts are missing: fewer units in them than the centre knows of"


def test_a_key_that_nobody_leased_is_named(world: World) -> None:
    store = str(world.folder / "centre.db")
    for wrong in (("ridse", MONTH), ("rides", "2026-10")):
        done = tried(store, "reconcile", *wrong)
        told = f"nothing to compare: no gateway has leased or used any of {wrong[0]} in {wrong[1]}\n"
        assert (done.exit_code, done.stdout) == (4, told)
        assert "`smartplace centre quotas` lists the keys and periods" in done.stderr
        done = tried(store, "reconcile", *wrong, "--json")
        assert done.exit_code == 4
        assert json.loads(done.stdout)["leased"] is False


def test_what_was_used_and_never_leased_by_anybody_differs(world: World) -> None:
    """As of a box that gives what it never asked for: that nobody has leased it is no reason to say nothing."""
    admitted(world.boxes[0], 1, spend=False)
    world.talk()
    send_entries(world, world.boxes[0])
    code, told = checked(world)
    assert (code, told["leased"], len(told["differences"])) == (1, False, 1)


def test_what_is_no_key_and_no_period_is_told_before_the_store_is_asked() -> None:
    for wrong in (("Rides", MONTH), ("rides", "november?"), ("rides\n", MONTH)):
        assert tried("/nowhere", "reconcile", *wrong).exit_code == 2
