"""Each message as an example, and what both sides do with what is wrong: forged, unknown, negative, backwards, twice,
too large."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.quota_limits import LEASE_MS
from gateway.model.errors import Conflict, InputRefused
from gateway.quota import keeping
from gateway.wire import quota as wire
from gateway.wire.quota import (
    Beyond,
    Cell,
    Close,
    Credited,
    Fence,
    Grant,
    Hello,
    Known,
    LeaseId,
    QuotaSaid,
    QuotaTold,
    Recall,
    Report,
    Request,
    Void,
    Want,
    decode_said,
    decode_told,
)
from tests.quota.world import BOUGHT, BUDGET, RIDES, TRUSTED, Box, World, publish

ANNA = "holder-anna"
ENTRY = "a1" * 8 + "/receipt/1"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, ["museum-1", "school-1"], RIDES, BUDGET, TRUSTED, BOUGHT)
    made.talk()
    yield made
    made.stop()


@pytest.fixture
def box(world: World) -> Box:
    """With a lease of two rides for Anna, number 1."""
    box = world.boxes[0]
    box.want(RIDES, ANNA)
    world.talk()
    return box


def cell(box: Box, quota: dict[str, Any] = RIDES, holder: str = ANNA) -> Cell:
    return Cell(*box.cell(quota, holder))


def said(world: World, *messages: wire.Said, gateway: str = "museum-1") -> list[wire.Told]:
    """What the centre answers to these."""
    world.to_centre(gateway, msgspec.json.encode(QuotaSaid(gateway, messages)))
    answers = [one for _, payload in world.down for one in msgspec.json.decode(payload, type=QuotaTold).told]
    world.down.clear()
    return answers


def told(box: Box, *messages: wire.Told) -> None:
    box.take(msgspec.json.encode(QuotaTold(box.name, messages)))


FIRST = LeaseId(1, 1)
SECOND = LeaseId(1, 2)


# Request and grant -------------------------------------------------------------------------------------------


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


# Void --------------------------------------------------------------------------------------------------------


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


# Fence and lives ---------------------------------------------------------------------------------------------


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
    assert store.put_lot(ANNA, "bought", "s-2", 3)
    assert store.put_lot(ANNA, "bought", "s-1", 3, now + 86_400_000)
    assert not store.put_lot(ANNA, "bought", "s-2", 3)
    with pytest.raises(Conflict):
        store.put_lot(ANNA, "bought", "s-2", 4)
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
    with pytest.raises(InputRefused):
        world.store.put_lot(holder, "bought", lot, units)


# Bad input ---------------------------------------------------------------------------------------------------

REQUEST = Request(SECOND, Cell("rides", "2026-11", ANNA))
GOOD: list[wire.Said] = [
    Hello("0" * 32),
    REQUEST,
    Report(FIRST, 1, 0, ENTRY),
    Close(FIRST, 1),
    Void(FIRST, ENTRY, 1),
    Beyond(1, REQUEST.cell, 1, 1),
    wire.HandOver(1, ((1, 1, 0),), "a" * 64, "b" * 128),
]


@pytest.mark.parametrize("message", GOOD, ids=lambda one: type(one).__name__)
def test_each_message_comes_through_as_it_was(message: wire.Said) -> None:
    group = QuotaSaid("museum-1", (message,))
    assert decode_said(msgspec.json.encode(group), "museum-1") == group


BAD: list[tuple[str, Any]] = [
    ("another gateway", {"gateway": "school-1"}),
    ("no message", {"said": []}),
    ("too many", {"said": [{"say": "hello", "nonce": "0" * 32}] * 65}),
    ("unknown message", {"said": [{"say": "give"}]}),
    ("unknown field", {"said": [{"say": "hello", "nonce": "0" * 32, "x": 1}]}),
    ("negative units", {"said": [{"say": "close", "lease": {"incarnation": 1, "number": 1}, "used": -1}]}),
    ("too many units", {"said": [{"say": "close", "lease": {"incarnation": 1, "number": 1}, "used": 2**60}]}),
    ("number 0", {"said": [{"say": "close", "lease": {"incarnation": 1, "number": 0}, "used": 1}]}),
    ("life 0", {"said": [{"say": "close", "lease": {"incarnation": 0, "number": 1}, "used": 1}]}),
    ("a half", {"said": [{"say": "close", "lease": {"incarnation": 1, "number": 1}, "used": 0.5}]}),
    ("no entry", {"said": [{"say": "void", "lease": {"incarnation": 1, "number": 1}, "entry": "x", "units": 1}]}),
    (
        "a zero in a holder",
        {
            "said": [
                {
                    "say": "request",
                    "lease": {"incarnation": 1, "number": 1},
                    "cell": {"key": "rides", "period": "ever", "subject": "h\0"},
                }
            ]
        },
    ),
]


@pytest.mark.parametrize(("_what", "change"), BAD, ids=[what for what, _ in BAD])
def test_what_is_wrong_is_refused_whole_and_is_an_alarm(world: World, _what: str, change: dict[str, Any]) -> None:
    good = {"gateway": "museum-1", "said": [{"say": "hello", "nonce": "0" * 32}]}
    payload = json.dumps({**good, **change}).encode()
    before = world.leases()
    world.to_centre("museum-1", payload)
    assert (world.down, world.leases()) == ([], before)
    assert world.alarms()["poison"] == 1


def test_what_is_too_large_is_refused_unread() -> None:
    with pytest.raises(InputRefused, match="bytes"):
        decode_said(b" " * (wire.MAX_BYTES + 1), "museum-1")


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_bytes_do_more_than_be_refused(payload: bytes) -> None:
    for decode in (decode_said, decode_told):
        with suppress(InputRefused):
            decode(payload, "museum-1")


WORDS = st.sampled_from([*Want, "hello", "rides", "ever"])
NAMES = st.sampled_from(["say", "lease", "cell", "used", "number", "incarnation", "key"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3))
def test_no_json_does_more_than_be_refused(messages: list[Any]) -> None:
    payload = json.dumps({"gateway": "museum-1", "said": messages, "told": messages}).encode()
    for decode in (decode_said, decode_told):
        with suppress(InputRefused):
            decode(payload, "museum-1")
