"""Bundles: applied whole or refused with a reason, the number never goes back, and a cut leaves the old or the new."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.entry import EntryKind, Stream
from gateway.sync.bundles import MAX_WAITING
from gateway.wire.bundle import MAX_PAYLOAD, SignedBundle
from tests.support.clock import FakeClock
from tests.sync import bundle_child
from tests.sync.ends import STRANGER, bundle, payload
from tests.sync.taking import REGISTRY, RULES, Cut, Taker, keep, registry, rules


@pytest.fixture
def taker(ledger: Ledger, cache: Cache, clock: FakeClock) -> Taker:
    return Taker(ledger, cache, clock)


async def test_rules_are_in_force_when_their_number_is_on_disk(taker: Taker) -> None:
    await taker.take(RULES, 7, rules("a"), expires_ms=taker.clock.wall_ms() + 5)
    (now,) = taker.in_force
    assert (now.rules.number, now.expires_ms) == (7, taker.clock.wall_ms() + 5)
    assert taker.bundles.numbers == {"rules": 7}
    assert [body["number"] for body in taker.entries(EntryKind.BUNDLE_APPLIED)] == [7]


async def test_a_registry_is_in_force_when_its_number_is_on_disk(taker: Taker) -> None:
    await taker.take(REGISTRY, 3, registry("h1"))
    assert (taker.holder, taker.bundles.numbers) == ("h1", {"registry": 3})


async def test_a_later_number_takes_over_and_what_is_older_than_the_one_before_goes(taker: Taker) -> None:
    for number, holder in ((3, "h1"), (9, "h2")):
        await taker.take(REGISTRY, number, registry(holder, "other"))
        await taker.take(RULES, number, rules(holder))
    assert (taker.holder, taker.cache.holders()) == ("h2", 2)
    assert taker.in_force[-1].rules.number == 9
    await taker.take(REGISTRY, 10, registry("h3"))
    await taker.take(RULES, 10, rules("h3"))
    assert not taker.cache.use_registry(3)
    assert taker.cache.staging.content("rules", 3) is None
    assert taker.cache.staging.content("rules", 9) is not None, "the one before is kept"


async def test_the_same_bundle_again_changes_nothing(taker: Taker) -> None:
    for _ in range(3):
        await taker.take(RULES, 7, rules("a"))
    assert len(taker.in_force) == 1
    assert len(taker.ledger.read(Stream.AUDIT, 0, -1)) == 1


@pytest.mark.parametrize(
    ("number", "content", "more", "told"),
    [
        (6, rules("b"), {}, "older"),
        (7, rules("b"), {}, "another content"),
        (8, rules("b"), {"key": STRANGER}, "signed by key"),
        (8, rules("b"), {"target": "museum-2"}, "museum-2"),
        (8, rules("b"), {"city": "siauliai"}, "siauliai"),
        (8, rules("b"), {"expires_ms": 1}, "expired"),
        (8, rules("b", "b"), {}, "twice"),
        (8, rules(*(f"r{n}" for n in range(300))), {}, "fetched, not sent"),
        (8, b'{"schema":1,"rules":[],"more":1}', {}, "more"),
        (8, b"{", {}, "ends too early"),
    ],
)
async def test_a_refused_bundle_leaves_the_old_one_and_is_recorded(
    taker: Taker, number: int, content: bytes, more: dict[str, object], told: str
) -> None:
    await taker.take(RULES, 7, rules("a"))
    await taker.take(RULES, number, content, **more)
    assert taker.bundles.numbers == {"rules": 7}
    assert [one.rules.number for one in taker.in_force] == [7]
    (reason,) = taker.refusals
    assert told in reason


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (registry("h1", key_id="k2"), "'k2'"),
        (registry("h1", "h1"), "twice"),
        (b"[]", "registry"),
        (registry("h1").replace(b'{"id"', b'{ "id"'), "canonical"),
        (registry("h1")[:-1], "cut off"),
        (registry("h1") + b"x\n", "more lines"),
    ],
)
async def test_a_registry_that_makes_no_sense_leaves_the_old_one(taker: Taker, content: bytes, told: str) -> None:
    await taker.take(REGISTRY, 1, registry("h0"))
    await taker.take(REGISTRY, 2, content)
    assert (taker.holder, taker.bundles.numbers) == ("h0", {"registry": 1})
    assert told in taker.refusals[0]


async def test_a_bundle_for_all_gateways_is_ours(taker: Taker) -> None:
    await taker.take(RULES, 1, rules("a"), target="*")
    assert taker.bundles.numbers == {"rules": 1}


async def test_a_bundle_cut_off_on_the_way_is_refused(taker: Taker) -> None:
    whole = payload(RULES, 1, rules("a"))
    await taker.bundles.take(whole[: len(whole) // 2])
    shorter = msgspec.structs.replace(bundle(RULES, 1, rules("a")), content=rules("a")[:-1])
    await taker.bundles.take(msgspec.json.encode(shorter))
    assert taker.bundles.numbers == {}
    assert len(taker.refusals) == 1


async def test_a_centre_that_repeats_a_refused_bundle_fills_no_disk(taker: Taker) -> None:
    for _ in range(5):
        await taker.take(RULES, 1, b"{")
    assert len(taker.refusals) == 1


async def test_strangers_are_counted_not_recorded_one_by_one(taker: Taker) -> None:
    for number in range(1, 31):
        await taker.take(RULES, number, rules(f"r{number}"), key=STRANGER)
        await taker.bundles.take(b"noise %d" % number)
    assert len(taker.refusals) == 2  # the first and the tenth


async def test_a_crowd_of_bundles_does_not_fill_the_memory(taker: Taker) -> None:
    crowd = [payload(RULES, number, rules(f"r{number}")) for number in range(1, 30)]
    await asyncio.gather(*(taker.bundles.take(one) for one in crowd))
    assert 1 <= taker.bundles.numbers["rules"] <= MAX_WAITING
    await taker.take(RULES, 30, rules("last"))
    assert taker.bundles.numbers == {"rules": 30}, "afterwards there is room again"


async def test_a_message_larger_than_any_bundle_is_not_even_read(taker: Taker) -> None:
    await taker.bundles.take(payload(RULES, 1, rules("a")) + b" " * MAX_PAYLOAD)
    assert taker.bundles.numbers == {}
    assert "more than any" in taker.refusals[0]


async def test_after_a_restart_what_was_in_force_is_in_force(taker: Taker) -> None:
    await taker.take(RULES, 7, rules("a"), expires_ms=2**50)
    await taker.take(REGISTRY, 3, registry("h1"))
    again = Taker(taker.ledger, taker.cache, taker.clock)
    assert again.bundles.numbers == {"rules": 7, "registry": 3}
    assert [(one.rules.number, one.expires_ms) for one in again.in_force] == [(7, 2**50)]
    assert again.holder == "h1"


async def test_a_lost_cache_counts_as_nothing_and_is_fetched_again(taker: Taker, tmp_path: Path) -> None:
    await taker.take(RULES, 7, rules("a"))
    await taker.take(REGISTRY, 3, registry("h1"))
    empty = Cache(tmp_path / "new.db")
    empty.start()
    again = Taker(taker.ledger, empty, taker.clock)
    assert again.bundles.numbers == {}
    await again.take(RULES, 6, rules("older"))
    assert again.bundles.numbers == {}, "the number went back"
    await again.take(RULES, 7, rules("a"))
    await again.take(REGISTRY, 3, registry("h1"))
    assert again.bundles.numbers == {"rules": 7, "registry": 3}
    assert again.holder == "h1"
    empty.stop()


@pytest.mark.parametrize("content", [b"{", rules("b")])
async def test_rules_that_rotted_in_the_cache_do_not_stop_the_start(taker: Taker, content: bytes) -> None:
    await taker.take(RULES, 7, rules("a"))
    taker.cache.staging.put_content("rules", 7, content)
    again = Taker(taker.ledger, taker.cache, taker.clock)
    assert (again.bundles.numbers, again.in_force) == ({}, [])
    await again.take(RULES, 7, rules("a"))
    assert again.bundles.numbers == {"rules": 7}


async def test_a_cut_between_staging_and_commit_leaves_the_old_one(taker: Taker, tmp_path: Path) -> None:
    await taker.take(REGISTRY, 1, registry("old"))
    taker.cache.stage_registry(2, (registry("new"),), "k1")
    for name in ("cache", "ledger"):
        keep(tmp_path, name, tmp_path / "cut")
    after = Cut(tmp_path / "cut", taker.clock)
    assert (after.taker.holder, after.taker.bundles.numbers) == ("old", {"registry": 1})
    await after.taker.take(REGISTRY, 2, registry("new"))
    assert after.taker.holder == "new"
    await after.stop()


async def test_a_cut_between_commit_and_switch_leaves_the_new_one(taker: Taker, tmp_path: Path) -> None:
    await taker.take(REGISTRY, 1, registry("old"))
    taker.cache.stage_registry(2, (registry("new"),), "k1")
    keep(tmp_path, "cache", tmp_path / "cut")
    await taker.take(REGISTRY, 2, registry("new"))
    keep(tmp_path, "ledger", tmp_path / "cut")
    after = Cut(tmp_path / "cut", taker.clock)
    assert (after.taker.holder, after.taker.bundles.numbers) == ("new", {"registry": 2})
    await after.stop()


@pytest.mark.parametrize("after_lines", [1, 2, 3, 5, 8, 13])
def test_kill_9_at_any_moment_leaves_one_of_them_whole(tmp_path: Path, after_lines: int) -> None:
    """A child applies registry after registry, each larger than the one before; we kill it somewhere."""
    argv = [sys.executable, "-m", bundle_child.__name__, str(tmp_path)]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert child.stdout is not None
    try:
        said = [int(child.stdout.readline()) for _ in range(after_lines)]
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    said += [int(line) for line in child.stdout.read().split()]
    child.stdout.close()
    assert verify(tmp_path / "ledger.db").clean

    async def look() -> None:
        after = Cut(tmp_path, FakeClock())
        number = after.taker.bundles.numbers["registry"]
        assert said[-1] <= number <= said[-1] + 1
        assert after.cache.holders() == bundle_child.size(number)
        assert after.taker.holder == f"h-{number}-0"
        await after.stop()

    asyncio.run(look())


async def test_a_bundle_of_another_shape_is_refused(taker: Taker) -> None:
    whole = msgspec.to_builtins(bundle(RULES, 1, rules("a")))
    await taker.bundles.take(msgspec.json.encode({**whole, "extra": 1}))
    assert taker.bundles.numbers == {}
    assert msgspec.convert(whole, SignedBundle).content == rules("a")
