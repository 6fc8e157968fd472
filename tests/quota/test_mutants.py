"""Six ways to get the protocol wrong, each put into the real code for a moment, and each caught by what the machine
looks at. A machine that could not would prove nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Row, select

from gateway.centre import quota as authority_module
from gateway.centre.quota import Answers, Authority
from gateway.centre.quota_tables import quota_leases
from gateway.ledger import state
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId
from gateway.quota import leases as leases_module
from gateway.quota.keeping import Granted
from gateway.quota.leases import Lease, in_transaction
from gateway.quota.leases import lease as lease_here
from gateway.wire.quota import QuotaSaid
from tests.quota.core import Core
from tests.quota.machine import Small, SmallCards

Patch = pytest.MonkeyPatch


def restored_without_a_fence(patch: Patch) -> None:
    patch.setattr(state, "SPENT_IN_COPIES", frozenset())


def freed_when_its_time_is_over(patch: Patch) -> None:
    honest = Authority.run

    def run(self: Authority, groups: Sequence[tuple[str, QuotaSaid]]) -> Answers:
        c = quota_leases.c
        for row in self._db.execute(select(quota_leases).where(c.standing == "open", c.stop_ms <= self._now_ms)).all():
            self._settle(row.gateway, self._box(row.gateway), row, row.used, row.returned, "")
        return honest(self, groups)

    patch.setattr(Authority, "run", run)


def granted_twice(patch: Patch) -> None:
    honest = Granted.apply

    def apply(self: Granted, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        if lease_here(in_transaction(db), self._grant.lease.number) is None:
            honest(self, db, ids, now)
        else:
            more = self._grant.units, self._grant.lease.number
            db.execute("UPDATE quota_lease SET units=units + ? WHERE number=? AND closed=0", more)

    patch.setattr(Granted, "apply", apply)


def closed_twice(patch: Patch) -> None:
    def is_open(row: Row[Any]) -> bool:
        return row.standing in ("open", "closed")

    patch.setattr(authority_module, "is_open", is_open)


def used_after_closing(patch: Patch) -> None:
    def is_usable(lease: Lease, now: Stamp) -> bool:
        return now.quality.trusted and (lease.stop_ms == 0 or now.wall_ms < lease.stop_ms)

    patch.setattr(leases_module, "is_usable", is_usable)


def reports_added_up(patch: Patch) -> None:
    patch.setattr(authority_module, "greatest", lambda known, said: known + said)


# The shortest way that shows each; honest code comes through it.


def copied_used_and_restored(small: SmallCards) -> None:
    lease(small)
    small.copy(at=0)
    small.serve(at=0, of=0, units=2)
    small.restore(at=0)
    small.serve(at=0, of=0, units=2)


def silent_for_long(small: Small) -> None:
    lease(small)
    small.serve(at=0, of=0, units=2)
    small.time_at_the_centre(seconds=40 * 86_400)
    small.want(at=1, of=0, units=2)
    small.line(1)
    small.serve(at=1, of=0, units=2)


def answered_twice(small: Small) -> None:
    small.want(at=0, of=0, units=2)
    small.say(at=0, greet=False)
    small.deliver_up(which=0, again=False)
    small.deliver_down(which=0, again=True)
    small.deliver_down(which=0, again=True)
    small.serve(at=0, of=0, units=2)
    small.serve(at=0, of=0, units=2)


def told_twice_that_it_is_closed(small: Small) -> None:
    lease(small)
    small.close(at=0, which=0)
    small.say(at=0, greet=False)
    small.deliver_up(which=0, again=True)
    small.deliver_up(which=0, again=True)


def used_by_both(small: Small) -> None:
    lease(small)
    small.close(at=0, which=0)
    small.say(at=0, greet=False)
    small.deliver_up(which=0, again=False)
    small.lose()
    small.want(at=1, of=0, units=2)
    small.line(1)
    small.serve(at=1, of=0, units=2)
    small.use_unasked(at=0, of=0, units=2)


def told_twice_what_was_used(small: Small) -> None:
    lease(small)
    small.serve(at=0, of=0, units=1)
    small.say(at=0, greet=False)
    small.deliver_up(which=0, again=True)
    small.deliver_up(which=0, again=True)


def lease(small: Core) -> None:
    small.want(at=0, of=0, units=2)
    small.line(0)


Way = Callable[[Any], None]
MUTANTS: list[tuple[Callable[[Patch], None], type[Core], Way]] = [
    (restored_without_a_fence, SmallCards, copied_used_and_restored),
    (freed_when_its_time_is_over, Small, silent_for_long),
    (granted_twice, Small, answered_twice),
    (closed_twice, Small, told_twice_that_it_is_closed),
    (used_after_closing, Small, used_by_both),
    (reports_added_up, Small, told_twice_what_was_used),
]
NAMES = [mutant.__name__ for mutant, _, _ in MUTANTS]
BROKEN = r"I[1-8]: |alarms: "


def go(machine: type[Core], way: Way) -> None:
    """This way through the machine, with all that holds looked at after it and at its end."""
    walked = machine()
    try:
        walked.begin()
        way(walked)
        walked.nobody_gets_more_than_there_is()
        walked.the_authority_has_no_more_out_than_there_is()
        walked.no_lease_is_used_beyond_its_units()
    finally:
        walked.teardown()


@pytest.mark.parametrize(("mutant", "machine", "way"), MUTANTS, ids=NAMES)
def test_it_is_caught_on_the_shortest_way(
    mutant: Callable[[Patch], None], machine: type[Core], way: Way, monkeypatch: Patch
) -> None:
    go(machine, way)
    mutant(monkeypatch)
    with pytest.raises(AssertionError, match=BROKEN):
        go(machine, way)
