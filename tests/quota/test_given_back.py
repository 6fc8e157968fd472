"""What is voided, called back, held by a quote, or given on trust, as one message each."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.model.errors import Conflict
from gateway.wire.quota import (
    Beyond,
    Cell,
    Close,
    Credited,
    LeaseId,
    Recall,
    Request,
    Void,
)
from tests.quota.messages import ANNA, ENTRY, FIRST, SECOND, cell, said, told
from tests.quota.world import RIDES, TRUSTED, Box, World


def test_a_void_goes_back_to_the_open_lease(world: World, box: Box) -> None:
    entry = box.serve(RIDES, ANNA, 2)
    assert entry is not None
    box.commit(box.quotas.give_back(entry))
    box.commit(box.quotas.give_back(entry))  # asked twice, given back once
    assert box.rows("SELECT used, returned FROM quota_lease") == [(2, 2)]
    assert box.serve(RIDES, ANNA, 2)


def test_a_void_after_closing_is_credited_by_the_authority_once(world: World, box: Box) -> None:
    entry = box.serve(RIDES, ANNA, 2)
    assert entry is not None
    box.close(1)
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 2
    box.commit(box.quotas.give_back(entry, {"rides": 1}))
    (void,) = box.quotas.owed().values()
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 1
    assert said(world, void) == [Credited(FIRST, entry, 1)]
    box.commit(box.quotas.give_back(entry))
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 0


def test_no_more_is_credited_than_was_used(world: World, box: Box) -> None:
    said(world, Close(FIRST, 1))
    assert said(world, Void(FIRST, ENTRY, 50)) == [Credited(FIRST, ENTRY, 50)]
    assert world.out()[box.cell(RIDES, ANNA)] == 0
    assert world.alarms()["quota void too large"] == 1


def test_a_void_before_its_close_waits_for_it(world: World, box: Box) -> None:
    assert said(world, Void(FIRST, ENTRY, 1)) == []


# Recall ------------------------------------------------------------------------------------------------------


def test_what_is_idle_elsewhere_is_called_back_for_who_needs_it(world: World, box: Box) -> None:
    said(world, Request(SECOND, cell(box), 3))
    other = world.boxes[1]
    other.want(RIDES, ANNA)
    world.talk()
    (left,) = other.quotas.left(ANNA, [other.asked(RIDES)], other.clock.stamp())
    assert (left.known, left.left, left.here) == (True, 0, True)
    assert world.out()[box.cell(RIDES, ANNA)] < 5  # it has been closed meanwhile
    other.want(RIDES, ANNA)
    world.talk()
    assert other.serve(RIDES, ANNA, 2)


def test_a_lease_that_an_open_quote_holds_is_closed_when_the_quote_is_over(world: World, box: Box) -> None:
    box.commit(box.quotas.hold("q-1", ANNA, [box.use(RIDES)], 60))
    told(box, Recall(FIRST))
    box.run(box.quotas.tend())
    assert box.rows("SELECT closed FROM quota_lease") == [(0,)]
    box.clock.advance(61)
    box.run(box.quotas.tend())
    assert box.rows("SELECT closed FROM quota_lease") == [(1,)]


# Quotes ------------------------------------------------------------------------------------------------------


def test_a_quote_holds_what_it_takes_until_it_is_over(box: Box) -> None:
    box.commit(box.quotas.hold("q-1", ANNA, [box.use(RIDES, 2)], 60))
    assert box.serve(RIDES, ANNA) is None
    with pytest.raises(Conflict):
        box.commit(box.quotas.hold("q-2", ANNA, [box.use(RIDES)], 60))
    box.clock.advance(61)
    assert box.serve(RIDES, ANNA)


def test_a_hold_does_not_outlive_its_boot(box: Box, tmp_path: Path) -> None:
    box.commit(box.quotas.hold("q-1", ANNA, [box.use(RIDES, 2)], 60))
    box.cut(tmp_path / "after")
    assert box.serve(RIDES, ANNA, 2)


def test_a_quote_that_was_withdrawn_holds_nothing(box: Box) -> None:
    box.commit(box.quotas.hold("q-1", ANNA, [box.use(RIDES, 2)], 60))
    box.commit(box.quotas.release("q-1"))
    assert box.serve(RIDES, ANNA, 2)


def test_a_quote_that_comes_late_is_taken_and_what_no_lease_covers_is_told_as_over(world: World, box: Box) -> None:
    box.commit(box.quotas.hold("q-1", ANNA, [box.use(RIDES, 2)], 60))
    box.clock.advance(61)
    assert box.serve(RIDES, ANNA)
    late = box.quotas.spend_late(ANNA, [box.use(RIDES, 2)], quote="q-1")
    entry = box.commit(late)
    assert late.over == 1
    world.talk()
    assert [(row.over, row.grace) for row in world.beyond()] == [(1, 0)]
    said(world, Request(LeaseId(1, 9), cell(box), 9))
    assert world.out()[box.cell(RIDES, ANNA)] == 4, "one of the five was used without a lease"
    box.commit(box.quotas.give_back(entry))
    world.talk()
    assert [row.over_back for row in world.beyond()] == [1]


# Grace -------------------------------------------------------------------------------------------------------


def test_grace_is_given_to_its_bound_only_where_the_rule_grants_it_and_nobody_answers(world: World, box: Box) -> None:
    (left,) = box.quotas.left("h-2", [box.asked(TRUSTED)], box.clock.stamp())
    assert (left.known, left.grace) == (False, 2)
    assert box.serve(TRUSTED, "h-2")
    entry = box.serve(TRUSTED, "h-2")
    assert entry is not None
    assert box.serve(TRUSTED, "h-2") is None
    use = msgspec.structs.replace(box.use(TRUSTED), grace=True)
    with pytest.raises(Conflict):
        box.commit(box.quotas.spend("h-2", [use], [box.asked(TRUSTED)]))
    assert box.quotas.left("h-2", [box.asked(RIDES)], box.clock.stamp())[0].grace == 0
    box.commit(box.quotas.give_back(entry))
    assert box.serve(TRUSTED, "h-2")
    world.talk()
    assert [(row.grace, row.grace_back, row.over) for row in world.beyond()] == [(3, 1, 0)]
    assert box.cell(TRUSTED, "h-2") not in world.out(), "it is not in the normal count"


def test_while_the_line_is_up_nothing_is_given_on_trust(box: Box) -> None:
    box.quotas.line(lambda: None)
    assert box.quotas.left("h-2", [box.asked(TRUSTED)], box.clock.stamp())[0].grace == 0
    box.quotas.line(None)


def test_who_was_told_that_nothing_is_left_gets_nothing_by_pulling_the_plug(world: World, box: Box) -> None:
    said(world, Request(FIRST, cell(box, TRUSTED), 3), gateway="school-1")
    box.want(TRUSTED, ANNA)
    world.talk(box)
    (left,) = box.quotas.left(ANNA, [box.asked(TRUSTED)], box.clock.stamp())
    assert (left.known, left.left, left.grace) == (True, 0, 0)


def test_totals_beyond_only_rise_and_only_of_quotas_that_there_are(world: World, box: Box) -> None:
    said(world, Beyond(1, cell(box), grace=2, over=1), Beyond(1, cell(box), grace=1), Beyond(1, Cell("x", "ever", "h")))
    assert [(row.grace, row.over) for row in world.beyond()] == [(2, 1)]
    assert world.alarms()["quota given and not counted"] == 1
