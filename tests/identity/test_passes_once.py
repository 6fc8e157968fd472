"""Passes that count once, and codes with a fresh proof: neither can be copied and used again."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from gateway.identity.passes import KEEP_USED_S, WINDOW_S
from gateway.model.clock import ClockQuality
from gateway.model.errors import Conflict
from gateway.model.identification import Refusal
from gateway.wire.cose_keys import public_of
from tests.identity.judged import HOUR_S, PHONE, foreign, judge, now_s, refusal, rotating
from tests.support.place import Place

# Once ----------------------------------------------------------------------------------------------------


async def test_a_one_time_pass_counts_once_it_is_committed_and_not_again(place: Place) -> None:
    text = foreign(place, once=True)
    first, racing = judge(place, text), judge(place, text)
    assert judge(place, text).identification.accepted
    await place.ledger.commit([], first.effects)
    assert refusal(place, text) is Refusal.REPLAYED
    with pytest.raises(Conflict):
        await place.ledger.commit([], racing.effects)
    assert racing.replayed.refusal is Refusal.REPLAYED


async def test_of_two_that_race_with_one_pass_one_wins(place: Place) -> None:
    text = foreign(place, once=True)
    both = [judge(place, text), judge(place, text)]
    commits = [place.ledger.commit([], one.effects) for one in both]
    ended = await asyncio.gather(*commits, return_exceptions=True)
    assert sum(isinstance(end, Conflict) for end in ended) == 1


async def test_a_newer_issue_of_a_used_pass_is_still_used(place: Place) -> None:
    await place.ledger.commit([], judge(place, foreign(place, once=True)).effects)
    assert refusal(place, foreign(place, once=True, expires_s=now_s(place) + 2 * HOUR_S)) is Refusal.REPLAYED


async def test_it_stays_good_where_nobody_was_served(place: Place) -> None:
    found = judge(place, foreign(place, once=True))
    await place.ledger.commit([], found.unspent.effects)
    assert refusal(place, foreign(place, once=True)) is None


async def test_an_unknown_one_time_pass_is_not_used_up(place: Place) -> None:
    found = judge(place, place.pass_text(pass_id=b"soon-in-the-registry", once=True))
    assert (found.identification.refusal, found.effects) == (Refusal.UNKNOWN, ())


async def test_used_passes_outlive_a_power_cut(place: Place) -> None:
    text = foreign(place, once=True)
    await place.ledger.commit([], judge(place, text).effects)
    after = await place.crash()
    assert refusal(after, text) is Refusal.REPLAYED
    await after.stop()


async def test_what_could_not_be_used_anyway_is_forgotten_but_not_by_a_clock_that_nobody_vouches_for(
    place: Place,
) -> None:
    async def use(count: int) -> int:
        for number in range(count):
            pass_id = f"{now_s(place)}-{number}".encode()
            await place.ledger.commit([], judge(place, foreign(place, once=True, pass_id=pass_id)).effects)
        return int(place.ledger.query("SELECT count(*) FROM pass_used")[0][0])

    assert await use(40) == 40
    place.clock.advance(KEEP_USED_S + 2 * HOUR_S)
    place.clock.quality = ClockQuality.GUESS
    assert await use(20) == 60
    place.clock.quality = ClockQuality.NTP
    assert await use(60) < 120 - 30


# A fresh proof -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead_s", "reason"),
    [
        (-WINDOW_S - 1, Refusal.STALE_CODE),
        (-WINDOW_S, None),
        (0, None),
        (WINDOW_S, None),
        (WINDOW_S + 1, Refusal.STALE_CODE),
    ],
)
async def test_a_proof_is_fresh_for_so_long(place: Place, ahead_s: int, reason: Refusal | None) -> None:
    assert refusal(place, rotating(place, ahead_s)) is reason


async def test_without_a_proof_it_is_a_photograph(place: Place) -> None:
    assert refusal(place, foreign(place, phone=public_of(PHONE))) is Refusal.STALE_CODE


async def test_a_strangers_proof_is_forged(place: Place) -> None:
    assert refusal(place, rotating(place, phone=generate_private_key(SECP256R1()))) is Refusal.FORGED


async def test_a_code_that_was_used_is_a_replay_and_the_next_one_is_not(place: Place) -> None:
    first = rotating(place)
    await place.ledger.commit([], judge(place, first).effects)
    assert refusal(place, first) is Refusal.REPLAYED
    assert refusal(place, rotating(place, -1)) is Refusal.REPLAYED
    place.clock.advance(5)
    assert refusal(place, rotating(place)) is None


async def test_a_clock_that_nobody_vouches_for_takes_later_proofs_but_never_earlier_ones(place: Place) -> None:
    """A box without a battery starts at the time of its last stop: it is late, the phone is right."""
    place.clock.quality = ClockQuality.GUESS
    late, early = rotating(place, 3 * HOUR_S, expires_s=now_s(place) + 5 * HOUR_S), rotating(place, -WINDOW_S - 1)
    assert (refusal(place, late), refusal(place, early)) == (None, Refusal.STALE_CODE)
    await place.ledger.commit([], judge(place, late).effects)
    assert refusal(place, late) is Refusal.REPLAYED
