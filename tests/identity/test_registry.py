"""The registry in cache.db: staged under its number, in force at once and whole, and only ever a cache."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from gateway.identity.registry import Cache, Known
from gateway.identity.staging import Offer
from gateway.model.errors import InputRefused, LedgerError
from gateway.model.identification import CredentialKind
from gateway.wire import registry as wire
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryDelta, RegistryHolder, Standing

KIND = CredentialKind.SUN_CARD


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


def credential(number: int, holder: str = "h1") -> RegistryCredential:
    return RegistryCredential(KIND, digest(number).hex(), holder)


def registry(
    *credentials: RegistryCredential, key_id: str = "k1", holders: tuple[str, ...] = ("h1",)
) -> RegistryContent:
    return RegistryContent(key_id, tuple(RegistryHolder(id, ("a", "b.c"), "lv") for id in holders), credentials)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    opened = Cache(tmp_path / "cache.db")
    opened.start()
    yield opened
    opened.stop()


def again(cache: Cache) -> Cache:
    """The same file, opened by a new daemon."""
    other = Cache(cache._path)
    other.start()
    return other


def test_a_staged_registry_is_not_yet_in_force(cache: Cache) -> None:
    cache.stage_registry(1, registry(credential(1)), "k1")
    assert cache.find(digest(1)) is None
    assert cache.use_registry(1)
    assert cache.find(digest(1)) == Known("h1", Standing.ACTIVE, 0, 0, ("a", "b.c"), "lv")


def test_the_switch_is_whole(cache: Cache) -> None:
    cache.stage_registry(1, registry(credential(1), credential(2)), "k1")
    cache.use_registry(1)
    cache.stage_registry(2, registry(credential(2), credential(3)), "k1")
    assert [cache.find(digest(n)) is not None for n in (1, 2, 3)] == [True, True, False]
    cache.use_registry(2)
    assert [cache.find(digest(n)) is not None for n in (1, 2, 3)] == [False, True, True]


def test_the_old_one_can_be_used_until_it_is_dropped(cache: Cache) -> None:
    cache.stage_registry(1, registry(credential(1)), "k1")
    cache.stage_registry(2, registry(credential(2)), "k1")
    assert cache.use_registry(1)
    cache.drop_other_registries()
    assert not cache.use_registry(2)
    assert cache.number == 1
    assert cache.holders() == 1


def test_staging_again_replaces_what_was_staged(cache: Cache) -> None:
    cache.stage_registry(1, registry(credential(1)), "k1")
    cache.stage_registry(1, registry(credential(2)), "k1")
    cache.use_registry(1)
    assert (cache.find(digest(1)), cache.holders()) == (None, 1)


def test_it_is_there_after_a_restart(cache: Cache) -> None:
    cache.stage_registry(1, registry(credential(1)), "k1")
    other = again(cache)
    assert other.use_registry(1)
    assert other.find(digest(1)) is not None
    other.stop()


def test_what_is_staged_is_flushed_to_the_card(cache: Cache) -> None:
    """The ledger's FULL commit would else name a registry that a power cut has taken from the cache."""
    assert cache._write.execute("PRAGMA synchronous").fetchone() == (2,)
    assert cache._write.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (registry(credential(1), key_id="k2"), "'k2'"),
        (registry(credential(1), credential(1)), "twice"),
        (registry(credential(1), holders=("h1", "h1")), "twice"),
        (registry(credential(1, "h9")), "'h9'"),
    ],
)
def test_a_registry_that_makes_no_sense_is_refused_and_the_old_one_stays(
    cache: Cache, content: RegistryContent, told: str
) -> None:
    cache.stage_registry(1, registry(credential(7)), "k1")
    cache.use_registry(1)
    with pytest.raises(InputRefused, match=told):
        cache.stage_registry(2, content, "k1")
    assert not cache.use_registry(2)
    assert cache.find(digest(7)) is not None


@pytest.mark.parametrize(
    "json",
    [
        b'{"key_id":"k1","holders":[{"id":"h","entitlements":["a b"]}],"credentials":[]}',
        b'{"key_id":"k1","holders":[{"id":"h","entitlements":["a\\n"]}],"credentials":[]}',
        b'{"key_id":"k1","holders":[],"credentials":[],"extra":1}',
        b'{"key_id":"k1","holders":[],"credentials":[{"kind":"card","digest":"00","holder":"h"}]}',
        b'{"key_id":"k1","holders":[],"credentials":[{"kind":"card","digest":"%s","holder":"h","until_ms":%d}]}'
        % (b"0" * 64, 2**63),
    ],
)
def test_what_the_cache_could_not_hold_is_refused_by_its_type(json: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json, type=RegistryContent)


def test_rules_are_kept_by_number_and_others_dropped(cache: Cache) -> None:
    for number in (1, 2, 3):
        cache.staging.put_content("rules", number, b"%d" % number)
    cache.staging.drop_other_content("rules", (3, 2))
    assert [cache.staging.content("rules", number) for number in (1, 2, 3)] == [None, b"2", b"3"]


@pytest.mark.parametrize("damage", [b"this is no database" * 100, b""])
def test_a_file_that_is_no_cache_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "cache.db").write_bytes(damage)
    cache = Cache(tmp_path / "cache.db")
    cache.start()
    assert not cache.use_registry(1)
    assert (tmp_path / "cache.db").stat().st_mode & 0o777 == 0o600
    cache.stop()


def test_a_cache_of_another_schema_is_made_anew(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "cache.db")
    db.execute("PRAGMA user_version=99")
    db.close()
    cache = Cache(tmp_path / "cache.db")
    cache.start()
    cache.stage_registry(1, registry(credential(1)), "k1")
    cache.stop()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        Cache(tmp_path / "missing" / "cache.db").start()


def test_a_page_that_rots_is_an_error_of_ours_and_heals_with_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    cache = Cache(path)
    cache.start()
    cache.stage_registry(1, registry(*(credential(n) for n in range(2000))), "k1")
    cache.stop()
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    path.write_bytes(bytes(raw))
    cache = Cache(path)
    cache.start()
    with pytest.raises(LedgerError, match="Restart"):
        cache.use_registry(1) and cache.find(digest(1))
    cache.stop()
    cache = Cache(path)
    cache.start()
    assert not cache.use_registry(1)
    cache.stage_registry(2, registry(credential(1)), "k1")
    cache.stop()


async def test_people_are_found_while_a_city_is_being_staged(cache: Cache) -> None:
    """No assertion on time: ten thousand holders are staged, and every look-up meanwhile is answered right."""
    cache.stage_registry(1, registry(credential(1)), "k1")
    cache.use_registry(1)
    people = tuple(RegistryHolder(f"h{n}") for n in range(10_000))
    city = RegistryContent("k1", people, tuple(credential(n, f"h{n}") for n in range(10_000)))
    began = time.perf_counter()
    staging = asyncio.get_running_loop().run_in_executor(None, cache.stage_registry, 2, city, "k1")
    looked = 0
    while not staging.done():
        known = cache.find(digest(1))
        assert known is not None
        assert known.holder == "h1"
        looked += 1
        await asyncio.sleep(0)
    await staging
    cache.use_registry(2)
    await asyncio.get_running_loop().run_in_executor(None, cache.drop_other_registries)
    print(f"10,000 holders staged in {time.perf_counter() - began:.3f} s, {looked} look-ups meanwhile")
    assert looked > 0
    assert cache.holders() == 10_000
    known = cache.find(digest(9_999))
    assert known is not None
    assert known.holder == "h9999"


# Deltas --------------------------------------------------------------------------------------------------


def name(content: RegistryContent) -> str:
    return wire.name((wire.encode(content),))


def test_a_staged_registry_is_named_by_its_written_form(cache: Cache) -> None:
    content = registry(credential(1), credential(2, "h2"), holders=("h2", "h1"))
    assert cache.stage_registry(1, content, "k1") == name(content)
    written = wire.encode(content)
    assert cache.stage_registry(2, (written[at : at + 7] for at in range(0, len(written), 7)), "k1") == name(content)


def test_a_delta_writes_only_what_changes_and_the_old_one_is_still_whole(cache: Cache) -> None:
    old = registry(*(credential(n) for n in range(500)))
    new = registry(*(credential(n) for n in range(1, 501)))
    cache.stage_registry(1, old, "k1")
    cache.use_registry(1)
    cache.stage_delta(2, wire.difference(old, new), 1, "k1", name(new))
    rows = cache.rows("SELECT count(*) FROM credential")[0][0]
    assert (rows, cache.find(digest(0)) is not None, cache.find(digest(500))) == (501, True, None)
    cache.use_registry(2)
    assert (cache.find(digest(0)), cache.find(digest(500)) is not None) == (None, True)
    cache.drop_other_registries()
    assert cache.rows("SELECT count(*) FROM credential")[0][0] == 500
    assert not cache.use_registry(1)


@pytest.mark.parametrize(
    ("residence", "born"), [("siauliai", date(1946, 11, 24)), ("jelgava", date(1946, 11, 23)), (None, None)]
)
def test_a_delta_changes_where_somebody_lives_and_when_born(
    cache: Cache, residence: str | None, born: date | None
) -> None:
    before = RegistryHolder("h1", ("a",), "lv", "jelgava", date(1946, 11, 24))
    after = RegistryHolder("h1", ("a",), "lv", residence, born)
    old, new = (RegistryContent("k1", (one, RegistryHolder("h2")), (credential(1),)) for one in (before, after))
    cache.stage_registry(1, old, "k1")
    cache.use_registry(1)
    delta = wire.difference(old, new)
    assert (delta.holders, delta.credentials) == ((after,), ())
    sent = msgspec.json.decode(msgspec.json.encode(delta), type=RegistryDelta)
    cache.stage_delta(2, sent, 1, "k1", name(new))
    assert cache.find(digest(1)) == Known("h1", Standing.ACTIVE, 0, 0, ("a",), "lv", "jelgava", date(1946, 11, 24))
    cache.use_registry(2)
    assert cache.find(digest(1)) == Known("h1", Standing.ACTIVE, 0, 0, ("a",), "lv", residence, born)


def test_a_delta_that_leads_elsewhere_leaves_no_trace(cache: Cache) -> None:
    old = registry(credential(1))
    cache.stage_registry(1, old, "k1")
    cache.use_registry(1)
    before = cache.rows("SELECT * FROM credential"), cache.rows("SELECT * FROM registry")
    with pytest.raises(InputRefused, match="leads to"):
        cache.stage_delta(2, wire.difference(old, registry(credential(2))), 1, "k1", "0" * 64)
    assert (cache.rows("SELECT * FROM credential"), cache.rows("SELECT * FROM registry")) == before


def test_an_abandoned_delta_does_not_shine_through_the_next_one(cache: Cache) -> None:
    one, two, three = (registry(*(credential(n) for n in numbers)) for numbers in ((1, 2), (2, 3), (1, 4)))
    cache.stage_registry(1, one, "k1")
    cache.use_registry(1)
    cache.stage_delta(2, wire.difference(one, two), 1, "k1", name(two))
    cache.stage_delta(3, wire.difference(one, three), 1, "k1", name(three))
    cache.use_registry(3)
    assert [cache.find(digest(n)) is not None for n in (1, 2, 3, 4)] == [True, False, False, True]
    assert not cache.use_registry(2)


def test_the_one_before_can_be_kept(cache: Cache) -> None:
    for number in (1, 2, 3):
        cache.stage_registry(number, registry(credential(number)), "k1")
    cache.use_registry(3)
    cache.drop_other_registries((2,))
    assert [cache.use_registry(number) for number in (1, 2, 3)] == [False, True, True]
    assert cache.rows("SELECT count(*) FROM credential") == [(2,)]


def test_a_blocked_card_is_blocked_and_an_unknown_one_stays_unknown(cache: Cache) -> None:
    cache.stage_registry(1, registry(credential(1)), "k1")
    cache.use_registry(1)
    cache.blocked = frozenset((digest(1), digest(2)))
    known = cache.find(digest(1))
    assert known is not None
    assert (known.standing, cache.find(digest(2))) == (Standing.BLOCKED, None)


# Staging -------------------------------------------------------------------------------------------------


def test_chunks_are_kept_over_a_restart_and_go_with_their_offer(cache: Cache) -> None:
    staging = cache.staging
    staging.put_offer(Offer("a" * 64, b"m", "s"))
    for index in (2, 0, 1):
        staging.put_chunk("a" * 64, index, b"%d" % index)
    other = again(cache)
    assert other.staging.offers() == [Offer("a" * 64, b"m", "s")]
    assert other.staging.chunks("a" * 64) == {0, 1, 2}
    assert b"".join(other.staging.pieces("a" * 64)) == b"012"
    other.staging.drop_offer("a" * 64)
    assert (other.staging.offers(), other.staging.chunks("a" * 64)) == ([], set())
    other.stop()
