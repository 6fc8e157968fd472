"""A class enters on one decision: one opening for each, each counted, and what was not used is given back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.types import GroupOpening
from gateway.model.entry import EntryKind
from gateway.model.errors import DeadlineMissed, NotReady
from gateway.model.shown import Show
from tests.support.gates import PASSAGE, AtGate, until
from tests.support.place import Card, Place

ADMISSION, OPENED, PASSED, VOID = EntryKind.ADMISSION, EntryKind.OPENED, EntryKind.PASSED, EntryKind.VOID


@pytest.fixture
async def at(place: Place) -> AsyncIterator[AtGate]:
    made = await AtGate(place).start()
    yield made
    await made.gate.stop()


async def test_a_class_of_thirty_with_three_teachers_enters_on_one_decision(at: AtGate) -> None:
    await at.group(33, Card("anna").tap(at.place))
    await at.walk(33)
    await at.over()
    (admission,) = at.place.bodies(ADMISSION)
    assert admission["receipt"]["lines"][0]["quantity"] == 33_000
    assert admission["identification"]["persons"] == 33
    assert admission["decision"]["list_cents"] == 33 * 250
    assert at.steps() == [(kind, passage) for kind in (OPENED, PASSED) for passage in range(1, 34)]
    assert (len(at.place.outputs.pulses), at.grants(), at.inside) == (33, [], 33)
    assert VOID not in at.place.kinds()


async def test_the_gate_opens_for_the_next_only_when_the_one_before_has_passed(at: AtGate) -> None:
    await at.group(3, Card("anna").tap(at.place))
    assert len(at.place.outputs.pulses) == 1
    await at.walk()
    assert len(at.place.outputs.pulses) == 2


async def test_the_page_says_how_many_have_passed(at: AtGate) -> None:
    await at.group(2, Card("anna").tap(at.place))
    await at.walk(2)
    told = [(e.show, e.passed, e.persons) for e in at.place.board.after(0) if e.show is not Show.IDLE]
    assert told == [(Show.OPEN, 0, 2), (Show.OPEN, 1, 2), (Show.PASSED, 2, 2)]


async def test_whoever_comes_in_between_is_asked_to_wait(at: AtGate) -> None:
    await at.group(2, Card("anna").tap(at.place))
    await at.walk()
    await at.group(1, Card("anna", counter=7).tap(at.place))
    last = at.place.board.last("gate-1")
    assert last is not None
    assert (last.show, last.reason) == (Show.REFUSED, "busy")


async def test_a_sensor_that_bounces_counts_one_for_each_opening(at: AtGate) -> None:
    await at.group(3, Card("anna").tap(at.place))
    at.edge(PASSAGE)
    at.edge(PASSAGE)  # the same bar, swinging back: before the gate has opened for the next
    at.place.clock.advance(0.1)
    await until(lambda: len(at.place.outputs.pulses) == 2)
    assert [e.passed for e in at.place.board.after(0) if e.show is Show.OPEN] == [0, 1]


async def test_those_who_do_not_come_are_given_back_and_recorded(place: Place) -> None:
    at = await AtGate(place, passage_s=0.2).start()
    await at.group(3, Card("anna").tap(place))
    await at.walk(2)
    await at.over()
    (void,) = place.bodies(VOID)
    assert {key: void[key] for key in ("reason", "passed", "admission")} == {
        "reason": "no_passage",
        "passed": 2,
        "admission": 1,
    }
    assert void.get("passages", 1) == 1
    assert (at.grants(), at.inside) == ([], 2)


@pytest.mark.parametrize(("error", "unknown"), [(NotReady("gone"), False), (DeadlineMissed("no answer"), True)])
async def test_a_relay_that_fails_in_the_middle_gives_back_the_rest(
    at: AtGate, error: NotReady | DeadlineMissed, unknown: bool
) -> None:
    await at.group(4, Card("anna").tap(at.place))
    at.place.outputs.pulse_script.append(error)
    at.edge(PASSAGE)
    await at.over()
    (void,) = at.place.bodies(VOID)
    assert (void["reason"], void["passed"], void["passages"]) == ("not_opened", 1, 3)
    assert void.get("opening_unknown", False) is unknown


async def test_after_a_crash_the_rest_is_void_and_nothing_opens_by_itself(at: AtGate) -> None:
    await at.group(5, Card("anna").tap(at.place))
    await at.walk(2)
    await at.place.settle()
    assert at.grants() == [(1, 5, 2)]
    pulses = len(at.place.outputs.pulses)
    after = await at.place.crash()
    again = await AtGate(after).start()
    (void,) = after.bodies(VOID)
    assert (void["reason"], void["passed"], void["passages"]) == ("restart", 2, 3)
    assert "opening_unknown" not in void, "it had opened for the third"
    assert (len(after.outputs.pulses), again.grants(), again.inside) == (pulses, [], 2)
    await after.stop()


async def test_a_group_that_is_too_large_for_the_gate_is_sent_to_the_staff(place: Place) -> None:
    at = await AtGate(place, largest_group=10).start()
    await at.group(11, Card("anna").tap(place))
    last = place.board.last("gate-1")
    assert last is not None
    assert last.reason == "group_not_here"
    assert place.kinds() == [EntryKind.IDENTIFICATION]
    assert place.outputs.pulses == []


async def test_whoever_owes_a_part_of_it_is_sent_to_the_till(at: AtGate) -> None:
    await at.group(4, Card("berta").tap(at.place))
    last = at.place.board.last("gate-1")
    assert last is not None
    assert (last.reason, last.due_cents) == ("payment_due", 500)


async def test_a_gate_that_is_held_open_is_pulsed_again_before_it_closes(place: Place) -> None:
    at = await AtGate(place, group=GroupOpening.HELD, pulse_ms=100).start()
    await at.group(3, Card("anna").tap(place))
    await until(lambda: len(place.outputs.pulses) > 2)
    await at.walk(3)
    await at.over()
    pulses = len(place.outputs.pulses)
    assert at.steps() == [(OPENED, 1), (PASSED, 1), (PASSED, 2), (PASSED, 3)]
    assert (at.grants(), at.inside) == ([], 3)
    await place.settle()
    assert len(place.outputs.pulses) == pulses, "after the last one the board closes it by itself"


async def test_a_gate_that_cannot_be_held_open_any_longer_gives_back_the_rest(place: Place) -> None:
    at = await AtGate(place, group=GroupOpening.HELD, pulse_ms=100).start()
    await at.group(3, Card("anna").tap(place))
    await at.walk(1)
    place.outputs.pulse_script.append(NotReady("gone"))
    await at.over()
    (void,) = place.bodies(VOID)
    assert (void["reason"], void["passed"], void["passages"]) == ("not_opened", 1, 2)


async def test_a_stop_in_the_middle_leaves_the_rest_to_the_next_start(place: Place, tmp_path: Path) -> None:
    at = await AtGate(place).start()
    await at.group(3, Card("anna").tap(place))
    at.edge(PASSAGE)
    await at.gate.stop()
    await place.settle()
    assert at.grants() == [(1, 3, 1)]
    assert VOID not in place.kinds()
    await (await AtGate(place).start()).gate.stop()
    assert [(b["reason"], b["passed"], b["passages"]) for b in place.bodies(VOID)] == [("restart", 1, 2)]
