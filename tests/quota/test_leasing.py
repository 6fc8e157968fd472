"""A request, a grant, a use, a report, a close, as one message each."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.centre.quota_limits import LEASE_MS
from gateway.model.errors import Conflict
from gateway.quota import keeping
from gateway.wire import quota as wire
from gateway.wire.quota import (
    Cell,
    Close,
    Grant,
    Known,
    LeaseId,
    Recall,
    Report,
    Request,
    Void,
)
from tests.quota.messages import ANNA, ENTRY, FIRST, SECOND, cell, said, told
from tests.quota.world import BUDGET, RIDES, TRUSTED, Box, World, publish


def test_the_same_request_gets_the_same_answer_and_nothing_more(world: World, box: Box) -> None:
    request = Request(SECOND, cell(box), 2)
    (first,) = said(world, request)
    assert isinstance(first, Grant)
    assert said(world, request, request) == [first, first]
    assert world.out()[box.cell(RIDES, ANNA)] == 4
    assert (first.base, first.units, first.elsewhere) == (2, 2, True)


def test_the_same_request_for_something_else_gets_what_was_answered_first(world: World, box: Box) -> None:
    (first,) = said(world, Request(SECOND, cell(box), 2))
    assert said(world, Request(SECOND, cell(box, BUDGET), 5)) == [first]


def test_a_grant_that_comes_again_is_credited_once_also_when_it_was_closed(world: World, box: Box) -> None:
    grant = Grant(FIRST, cell(box), 2)
    told(box, grant, grant)
    assert box.rows("SELECT units FROM quota_lease") == [(2,)]
    assert box.serve(RIDES, ANNA)
    box.close(1)
    world.talk()
    told(box, grant)
    assert box.serve(RIDES, ANNA) is None
    world.talk()  # it is closed unused, which changes nothing at the centre
    assert world.out()[box.cell(RIDES, ANNA)] == 1


def test_a_grant_for_another_cell_than_was_asked_for_is_given_back(world: World, box: Box) -> None:
    box.want(TRUSTED, ANNA)
    told(box, Grant(SECOND, cell(box, BUDGET), 3))
    assert box.serve(BUDGET, ANNA) is None
    assert box.rows("SELECT closed FROM quota_lease WHERE number=2") == [(1,)]


def test_a_grant_of_another_life_changes_nothing(box: Box) -> None:
    told(box, Grant(LeaseId(7, 1), cell(box), 5), Recall(LeaseId(7, 1)), Known(LeaseId(7, 1), 9))
    assert box.rows("SELECT number, units, recalled FROM quota_lease") == [(1, 2, 0)]


def test_a_grant_that_this_card_never_asked_for_ends_its_life(world: World, box: Box) -> None:
    told(box, Grant(LeaseId(1, 99), cell(box), 5))
    assert box.rows("SELECT * FROM quota_lease") == []
    assert box.serve(RIDES, ANNA) is None
    world.talk()
    assert box.rows("SELECT incarnation FROM quota_life") == [(2,)]


def test_what_is_leased_grows_with_what_is_needed_and_ends_with_the_limit(world: World, box: Box) -> None:
    (grant,) = said(world, Request(SECOND, cell(box), 50))
    assert isinstance(grant, Grant)
    assert grant.units == 3
    (denied,) = said(world, Request(LeaseId(1, 3), cell(box)))
    assert denied == wire.Denied(LeaseId(1, 3), cell(box), wire.Denial.NOTHING_LEFT)


def test_a_share_of_everybodys_budget_shrinks_with_the_rest(world: World, box: Box) -> None:
    for name in ("museum-1", "school-1"):
        world.store.hear([(name, state_of(name))])
    units = []
    for number in range(2, 12):
        (answer,) = said(world, Request(LeaseId(1, number), cell(box, BUDGET)))
        units.append(answer.units if isinstance(answer, Grant) else 0)
    assert units == [3, 2, 1, 1, 1, 1, 1, 1, 1, 0]
    assert world.out()[box.cell(BUDGET, ANNA)] == 12


def state_of(name: str) -> Any:
    from gateway.wire.messages import State

    return State(online=True, session=f"s-{name}", epoch="a1" * 8)


@pytest.mark.parametrize(
    ("key", "period", "subject", "why"),
    [
        ("no-such", "2026-11", ANNA, "no_quota"),
        ("rides", "2026-11", "", "no_quota"),
        ("budget", "ever", ANNA, "no_quota"),
        ("on-card", "ever", ANNA, "no_quota"),
        ("rides", "2026-10", ANNA, "not_now"),
        ("rides", "ever", ANNA, "not_now"),
        ("bought", "ever", ANNA, "nothing_left"),
    ],
)
def test_what_there_is_not_is_not_leased(world: World, box: Box, key: str, period: str, subject: str, why: str) -> None:
    (denied,) = said(world, Request(SECOND, Cell(key, period, subject)))
    assert isinstance(denied, wire.Denied)
    assert denied.why == why


def test_a_period_begins_a_day_early_for_a_gateway_whose_midnight_comes_first(world: World, box: Box) -> None:
    world.clock.set_wall(1_796_032_800_000)  # 2026-11-30 12:00 in Riga
    (grant,) = said(world, Request(SECOND, Cell("rides", "2026-12", ANNA)))
    assert isinstance(grant, Grant)
    assert grant.stop_ms == 1_798_754_400_000, "midnight after 31 December in Riga"
    (ended,) = said(world, Request(LeaseId(1, 3), Cell("rides", "2026-11", "h-2")))
    assert isinstance(ended, Grant)
    assert ended.stop_ms == 1_796_076_000_000


def test_a_lower_limit_in_newer_rules_counts_from_then_on(world: World, box: Box) -> None:
    publish(world.store, 2, {**RIDES, "limit": 3})
    (grant,) = said(world, Request(SECOND, cell(box), 3))
    assert isinstance(grant, Grant)
    assert grant.units == 1


def test_rules_for_one_gateway_are_its_own(world: World, box: Box) -> None:
    publish(world.store, 2, {**RIDES, "limit": 2}, target="museum-1")
    assert isinstance(said(world, Request(SECOND, cell(box)))[0], wire.Denied)
    assert isinstance(said(world, Request(FIRST, cell(box)), gateway="school-1")[0], Grant)


def test_a_request_that_nobody_answers_is_dropped_and_its_late_grant_is_given_back(world: World, box: Box) -> None:
    box.want(BUDGET, ANNA)
    (request,) = box.say()
    box.clock.advance(2 * 86_400)
    box.run(box.quotas.tend())
    assert box.rows("SELECT * FROM quota_request") == []
    world.to_centre(box.name, request)
    world.talk()
    assert box.serve(BUDGET, ANNA) is None
    assert world.out()[box.cell(BUDGET, ANNA)] == 0


def test_no_more_requests_wait_than_a_bound(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_ASKED", 3)
    for number in range(5):
        box.want(TRUSTED, f"h-{number}")
    assert box.rows("SELECT count(*) FROM quota_request") == [(3,)]


# Use, report, close ------------------------------------------------------------------------------------------


def test_reports_are_totals_so_that_neither_order_nor_repeats_matter(world: World, box: Box) -> None:
    later, earlier = Report(FIRST, 2), Report(FIRST, 1)
    assert said(world, later, earlier, later) == [Known(FIRST, 2)] * 3
    assert [row.used for row in world.leases()] == [2]


def test_more_used_than_leased_is_an_alarm_and_frees_nothing(world: World, box: Box) -> None:
    said(world, Close(FIRST, 9))
    assert world.out()[box.cell(RIDES, ANNA)] == 2
    assert world.alarms()["quota overrun"] == 1


def test_a_lease_is_closed_once_with_the_greatest_that_was_told(world: World, box: Box) -> None:
    said(world, Report(FIRST, 1))
    assert said(world, Close(FIRST, 0), Close(FIRST, 0)) == [wire.Closed(FIRST)] * 2
    assert world.out()[box.cell(RIDES, ANNA)] == 1


def test_a_report_after_closing_is_an_alarm_when_it_says_more(world: World, box: Box) -> None:
    said(world, Close(FIRST, 1))
    assert said(world, Report(FIRST, 1)) == [wire.Closed(FIRST)]
    assert not world.alarms()
    said(world, Report(FIRST, 2))
    assert world.alarms()["quota used after closing"] == 1
    assert world.out()[box.cell(RIDES, ANNA)] == 1


def test_a_lease_that_there_is_not_is_an_alarm_and_no_longer_repeated(world: World, box: Box) -> None:
    assert said(world, Close(LeaseId(1, 77), 0)) == [wire.Closed(LeaseId(1, 77))]
    said(world, Report(LeaseId(1, 77), 1), Void(LeaseId(1, 77), ENTRY, 1))
    assert world.alarms()["quota lease unknown"] == 3


def test_nobody_closes_anothers_lease(world: World, box: Box) -> None:
    assert said(world, Close(FIRST, 0), gateway="school-1") == [wire.Closed(FIRST)]
    assert world.out()[box.cell(RIDES, ANNA)] == 2


def test_past_its_end_a_lease_cannot_be_used_and_is_not_free_before_it_is_closed(world: World, box: Box) -> None:
    world.clock.advance(LEASE_MS / 1000)
    box.clock.set_wall(1_796_076_000_000)
    assert box.quotas.left(ANNA, [box.asked({**RIDES, "period": "ever"})], box.clock.stamp())[0].known is False
    with pytest.raises(Conflict):
        box.commit(box.quotas.spend(ANNA, [wire_use("2026-11")]))
    assert world.out()[("rides", "2026-11", ANNA)] == 2  # type: ignore[index]
    box.run(box.quotas.tend())
    world.talk()
    assert world.out()[("rides", "2026-11", ANNA)] == 0  # type: ignore[index]


def wire_use(period: str) -> Any:
    from gateway.model.decision import Use

    return Use("rides", period, 1)


def test_without_a_trusted_clock_nothing_of_a_lease_is_used(box: Box) -> None:
    from gateway.model.clock import ClockQuality

    box.clock.quality = ClockQuality.GUESS
    (left,) = box.quotas.left(ANNA, [box.asked(RIDES)], box.clock.stamp())
    assert (left.known, left.left, left.grace) == (False, 0, 0)
    with pytest.raises(Conflict):
        box.commit(box.quotas.spend(ANNA, [box.use(RIDES)]))
