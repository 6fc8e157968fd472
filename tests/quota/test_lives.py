"""Whose life counts, and what holders have bought, as one message each."""

from __future__ import annotations

import pytest

from gateway.centre.quota_lots import put_lot
from gateway.model.errors import Conflict, InputRefused
from gateway.wire import quota as wire
from gateway.wire.quota import (
    Close,
    Fence,
    Grant,
    Hello,
    LeaseId,
    Request,
)
from tests.quota.messages import ANNA, FIRST, SECOND, cell, said, told
from tests.quota.world import BOUGHT, RIDES, Box, World, sell


def test_the_same_hello_is_the_same_life_and_another_one_ends_it(world: World, box: Box) -> None:
    again, other = Hello("0" * 32), Hello("1" * 32)
    (first,) = said(world, again)
    assert said(world, again) == [first]
    (second,) = said(world, other)
    assert isinstance(first, Fence)
    assert isinstance(second, Fence)
    assert second.incarnation == first.incarnation + 1
    assert said(world, again) == [Fence(second.incarnation)]
    assert [row.standing for row in world.leases()] == ["fenced"]


def test_what_a_life_that_is_over_says_changes_nothing(world: World, box: Box) -> None:
    world.store.fence("museum-1")
    assert said(world, Close(FIRST, 0), Request(SECOND, cell(box))) == [Fence(2), Fence(2)]
    assert world.out()[box.cell(RIDES, ANNA)] == 2


def test_a_gateway_that_hears_of_a_fence_begins_a_new_life(world: World, box: Box) -> None:
    world.store.fence("museum-1")
    world.talk(greet=True)
    assert box.rows("SELECT incarnation FROM quota_life") == [(3,)]
    assert box.serve(RIDES, ANNA) is None


def test_a_life_that_nobody_has_is_an_alarm(world: World, box: Box) -> None:
    assert said(world, Close(LeaseId(9, 1), 0)) == []
    assert world.alarms()["quota life unknown"] == 1


def test_a_card_that_has_forgotten_a_closing_is_noticed_at_its_hello(world: World, box: Box) -> None:
    world.folder.joinpath("copy").mkdir()
    box.run(box.ledger.commit([], []))
    nonce = box.rows("SELECT nonce FROM quota_life")[0][0]
    told(box, Fence(1, nonce, closings=1))
    assert box.rows("SELECT * FROM quota_lease") == []


# Prepaid -----------------------------------------------------------------------------------------------------


def test_lots_are_leased_in_the_order_of_their_ends_and_what_has_expired_is_gone(world: World, box: Box) -> None:
    store, now = world.store, world.clock.wall_ms()
    assert sell(store, ANNA, "s-2", 3)
    assert sell(store, ANNA, "s-1", 3, now + 86_400_000)
    assert not sell(store, ANNA, "s-2", 3)
    with pytest.raises(Conflict):
        sell(store, ANNA, "s-2", 4)
    (first,) = said(world, Request(SECOND, cell(box, BOUGHT)))
    assert isinstance(first, Grant)
    assert (first.units, first.stop_ms) == (2, now + 86_400_000)
    world.clock.advance(2 * 86_400)
    (second,) = said(world, Request(LeaseId(1, 3), cell(box, BOUGHT), 9))
    assert isinstance(second, Grant)
    assert (second.units, second.base) == (3, 2), "one of the first lot has expired"
    assert isinstance(said(world, Request(LeaseId(1, 4), cell(box, BOUGHT)))[0], wire.Denied)
    said(world, Close(SECOND, 1))
    assert isinstance(said(world, Request(LeaseId(1, 5), cell(box, BOUGHT)))[0], wire.Denied), "it came back too late"


@pytest.mark.parametrize(("holder", "lot", "units"), [("", "a", 1), ("h", "", 1), ("h", "a", 0), ("h", "a\0", 1)])
def test_what_is_no_lot_is_refused(world: World, holder: str, lot: str, units: int) -> None:
    with pytest.raises(InputRefused), world.store.database.begin() as db:
        put_lot(db, holder, "bought", lot, units, 0, 1)
