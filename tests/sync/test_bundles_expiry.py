"""When benefits end: at the expiry while the centre is reached, after the grace while it is not; also in force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.clock import ClockQuality
from gateway.sync.bundles_expiry import Counts, counts, ends_ms
from tests.support.clock import FakeClock
from tests.sync.taking import BLOCKS, REGISTRY, RULES, Taker, registry, rules

HOUR_MS = 3_600_000


@pytest.fixture
def taker(ledger: Ledger, cache: Cache, clock: FakeClock) -> Taker:
    return Taker(ledger, cache, clock)


def state(taker: Taker) -> tuple[Counts, int]:
    (found,) = taker.bundles.status.in_force
    return found.counts, found.ends_ms


async def test_rules_end_at_their_expiry_while_the_centre_is_reached(taker: Taker) -> None:
    expires = taker.clock.wall_ms() + HOUR_MS
    taker.connect()
    await taker.take(RULES, 1, rules("a"), expires_ms=expires, grace_ms=2 * HOUR_MS)
    assert (state(taker), taker.in_force[-1].expires_ms) == ((Counts.YES, expires), expires)
    taker.clock.advance(3600)
    assert state(taker) == (Counts.ENDED, expires)
    taker.bundles.lost()


async def test_while_it_is_not_reached_they_count_for_their_grace(taker: Taker) -> None:
    expires = taker.clock.wall_ms() + HOUR_MS
    await taker.take(RULES, 1, rules("a"), expires_ms=expires, grace_ms=2 * HOUR_MS)
    end = expires + 2 * HOUR_MS
    assert taker.in_force[-1].expires_ms == end
    taker.clock.advance(3600)
    assert state(taker) == (Counts.GRACE, end)
    taker.clock.advance(2 * 3600)
    assert state(taker) == (Counts.ENDED, end)


async def test_stations_are_told_when_the_link_comes_and_goes(taker: Taker) -> None:
    expires = taker.clock.wall_ms() + HOUR_MS
    await taker.take(RULES, 1, rules("a"), expires_ms=expires, grace_ms=HOUR_MS)
    taker.connect()
    taker.bundles.lost()
    assert [told.expires_ms - expires for told in taker.in_force] == [HOUR_MS, 0, HOUR_MS]


async def test_grace_is_still_known_after_a_restart(taker: Taker) -> None:
    expires = taker.clock.wall_ms() + HOUR_MS
    await taker.take(RULES, 1, rules("a"), expires_ms=expires, grace_ms=HOUR_MS)
    again = Taker(taker.ledger, taker.cache, taker.clock)
    assert again.in_force[-1].expires_ms == expires + HOUR_MS


async def test_a_registry_ends_too(taker: Taker) -> None:
    expires = taker.clock.wall_ms() + HOUR_MS
    await taker.take(REGISTRY, 1, registry("h1"), expires_ms=expires, grace_ms=HOUR_MS)
    assert not taker.cache.has_ended(expires + HOUR_MS - 1)
    assert taker.cache.has_ended(expires + HOUR_MS)
    taker.connect()
    assert taker.cache.has_ended(expires)
    taker.bundles.lost()


async def test_a_successor_takes_the_expiry_away(taker: Taker) -> None:
    await taker.take(REGISTRY, 1, registry("h1"), expires_ms=taker.clock.wall_ms() + HOUR_MS)
    await taker.take(REGISTRY, 2, registry("h1"))
    assert not taker.cache.has_ended(2**60)
    await taker.bundles.rollback(REGISTRY)
    assert taker.cache.has_ended(taker.clock.wall_ms() + HOUR_MS), "the one before has its own expiry"


async def test_a_clock_at_1970_makes_nothing_last_longer_than_the_newest_signature(taker: Taker) -> None:
    now = taker.clock.wall_ms()
    await taker.take(RULES, 1, rules("a"), expires_ms=now + HOUR_MS)
    taker.clock.set_wall(7_000)
    taker.clock.quality = ClockQuality.GUESS
    assert state(taker)[0] is Counts.YES
    await taker.take(BLOCKS, 1, b'{"key_id":"k1","digests":[]}', created_ms=now + 2 * HOUR_MS)
    taker.connect()  # the ends are told anew
    assert [s.counts for s in taker.bundles.status.in_force if s.kind == "rules"] == [Counts.ENDED]
    assert taker.in_force[-1].expires_ms == 1
    taker.bundles.lost()
    await taker.take(RULES, 2, rules("b"), expires_ms=now + HOUR_MS)
    assert "it has expired" in taker.refusals[-1]


async def test_what_has_expired_when_it_comes_is_refused(taker: Taker) -> None:
    await taker.take(RULES, 1, rules("a"), expires_ms=taker.clock.wall_ms(), grace_ms=HOUR_MS)
    assert (taker.bundles.numbers, taker.in_force) == ({}, [])


async def test_what_was_made_in_the_future_is_refused_and_ends_nothing(taker: Taker) -> None:
    now = taker.clock.wall_ms()
    await taker.take(RULES, 1, rules("a"), expires_ms=now + HOUR_MS)
    await taker.take(BLOCKS, 1, b'{"key_id":"k1","digests":[]}', created_ms=now + 25 * HOUR_MS)
    assert taker.bundles.numbers == {"rules": 1}
    assert "in the future" in taker.refusals[0]
    taker.clock.quality = ClockQuality.GUESS  # nobody knows what the future is
    await taker.take(BLOCKS, 2, b'{"key_id":"k1","digests":[]}', created_ms=now + 25 * HOUR_MS)
    assert taker.bundles.numbers == {"rules": 1, "blocks": 2}


times = st.integers(0, 2**53)


@given(times, times, st.booleans(), times, times)
def test_grace_is_never_shorter_than_none_and_ended_stays_ended(
    expires: int, grace: int, reached: bool, newest: int, now: int
) -> None:
    end = ends_ms(expires, grace, reached=reached, newest_ms=newest)
    if not expires:
        assert end == 0
        return
    assert end in (1, expires, expires + grace)
    offline = ends_ms(expires, grace, reached=False, newest_ms=newest)
    if counts(expires, end, now) is not Counts.ENDED:
        assert counts(expires, offline, now) is not Counts.ENDED
    else:
        assert counts(expires, end, now + 1) is Counts.ENDED
