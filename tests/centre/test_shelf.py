"""The centre's bundles: whole, in chunks, as deltas; and who has confirmed what."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.centre.app import Centre
from gateway.centre.births import Births, Heard
from gateway.centre.leases import check_held
from gateway.centre.publisher import Publisher
from gateway.centre.query import Query
from gateway.centre.settings import Settings
from gateway.centre.shelf import Announcement
from gateway.centre.sign import SigningKey, build_bundle, public_text
from gateway.centre.store import Said, Store
from gateway.model.bodies import BundleBody
from gateway.model.clock import SystemClock
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import Conflict, InputRefused
from gateway.wire import registry
from gateway.wire.bundle import BundleKind, Manifest, SignedBundle, read_manifest
from gateway.wire.chunks import CHUNK_BYTES
from gateway.wire.contents import RegistryContent, RegistryHolder
from gateway.wire.messages import State
from gateway.wire.topics import SHARDS, shard_of
from tests.centre.chains import CITY, EPOCH, GATEWAY, Chain

RULES, REGISTRY, KEYS, BLOCKS = BundleKind.RULES, BundleKind.REGISTRY, BundleKind.KEYS, BundleKind.BLOCKS
TRUST = BundleKind.TRUST
KEY = SigningKey(b"12345678", bytes(range(32)))
LARGE = bytes(range(256)) * 1000
"""Three chunks."""
SESSIONS = count(1)
HELD = dict.fromkeys(range(SHARDS), 0)


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    opened = Store(where, SystemClock())
    opened.open()
    yield opened
    opened.close()


def signed(kind: BundleKind, number: int, content: bytes = b"{}", target: str = "*", **more: Any) -> SignedBundle:
    return build_bundle(kind, number, CITY, target, content, KEY, created_ms=number, **more)


def put(store: Store, *bundles: SignedBundle) -> None:
    for one in bundles:
        store.put_bundles([(read_manifest(one.manifest), one)])


def birth(store: Store, gateway: str = GATEWAY, **numbers: int) -> list[Manifest]:
    """A gateway is born with these numbers; the manifests that it gets."""
    state = State(online=True, session=f"s{next(SESSIONS)}", epoch=EPOCH, bundles=numbers)
    (welcome,) = store.hear([(gateway, state)])
    return [manifest(told) for told in welcome.bundles]


def manifest(told: Announcement | None) -> Manifest:
    assert told is not None
    read = read_manifest(msgspec.json.decode(told.message, type=SignedBundle).manifest)
    assert read.kind is told.kind
    return read


def said(found: list[Manifest]) -> list[tuple[str, int, int]]:
    return [(one.kind.value, one.number, one.base) for one in found]


def test_a_small_bundle_is_sent_whole_and_a_large_one_announced(store: Store) -> None:
    put(store, signed(RULES, 1), signed(REGISTRY, 1, LARGE))
    told = {}
    for kind in (RULES, REGISTRY):
        raw = store.whole(GATEWAY, kind)
        assert raw is not None
        told[kind] = msgspec.json.decode(raw.message, type=SignedBundle).content
    assert told == {RULES: b"{}", REGISTRY: None}


def test_chunks_are_the_content(store: Store) -> None:
    one = signed(REGISTRY, 1, LARGE)
    put(store, one)
    sha256 = read_manifest(one.manifest).sha256
    found = [store.chunk(GATEWAY, sha256, index) for index in range(4)]
    assert [len(part or b"") for part in found] == [CHUNK_BYTES, CHUNK_BYTES, len(LARGE) - 2 * CHUNK_BYTES, 0]
    assert b"".join(part for part in found if part) == LARGE


def test_another_gateways_content_is_not_given(store: Store) -> None:
    one = signed(REGISTRY, 1, LARGE, target="school-9")
    put(store, one)
    sha256 = read_manifest(one.manifest).sha256
    assert store.chunk(GATEWAY, sha256, 0) is None
    assert store.chunk("school-9", sha256, 0) is not None
    assert store.whole(GATEWAY, REGISTRY) is None


def test_a_birth_is_owed_the_newest_of_each_kind_and_all_newer_keys_first(store: Store) -> None:
    put(store, *(signed(kind, number) for kind in (RULES, BLOCKS, TRUST, KEYS) for number in (1, 2, 3)))
    keys = [("keys", 1, 0), ("keys", 2, 0), ("keys", 3, 0)]
    assert said(birth(store)) == [*keys, ("blocks", 3, 0), ("trust", 3, 0), ("rules", 3, 0)]
    assert said(birth(store, keys=2, rules=3)) == [("keys", 3, 0), ("blocks", 3, 0), ("trust", 3, 0)]
    assert birth(store, keys=3, rules=9, blocks=3, trust=3) == []


def people(*names: str) -> RegistryContent:
    return RegistryContent("k1", tuple(RegistryHolder(name) for name in names), ())


def leads(base: int, number: int, result: bytes, target: str = "*") -> SignedBundle:
    return signed(REGISTRY, number, b"{}", target, base=base, result=registry.name((result,)))


def test_a_delta_is_told_to_whoever_has_what_it_leads_from(store: Store) -> None:
    first, second = registry.encode(people("a")), registry.encode(people("a", "b"))
    put(store, signed(REGISTRY, 1, first), signed(REGISTRY, 4, second), leads(1, 4, second))
    assert said(birth(store, registry=1)) == [("registry", 4, 1)]
    assert said(birth(store, registry=2)) == [("registry", 4, 0)]
    assert said(birth(store)) == [("registry", 4, 0)]


def test_a_delta_must_lead_to_what_is_published(store: Store) -> None:
    content = registry.encode(people("a"))
    for lost in (leads(1, 4, content), leads(1, 4, content, "school-9")):
        with pytest.raises(Conflict, match="whole registry first"):
            put(store, lost)
    put(store, signed(REGISTRY, 4, content))
    with pytest.raises(Conflict, match="with that content"):
        put(store, leads(1, 4, b"other"))


def test_old_content_goes_and_keys_stay(store: Store) -> None:
    put(store, *(signed(KEYS, number, b"%d" % number) for number in (1, 2)))
    one, two = signed(REGISTRY, 1, LARGE), signed(REGISTRY, 2, LARGE + b"x")
    put(store, one, two)
    assert store.chunk(GATEWAY, read_manifest(one.manifest).sha256, 0) is None
    assert store.chunk(GATEWAY, read_manifest(two.manifest).sha256, 0) is not None
    assert said(birth(store, registry=2)) == [("keys", 1, 0), ("keys", 2, 0)]


def applied(number: int, *, kind: EntryKind = EntryKind.BUNDLE_APPLIED, seq: int = 1) -> Any:
    body = msgspec.json.encode(BundleBody(bundle="blocks", number=number))
    (entry,) = Chain(stream=Stream.AUDIT).grow(1)
    header = msgspec.structs.replace(entry.header, kind=kind, id=msgspec.structs.replace(entry.header.id, seq=seq))
    return msgspec.structs.replace(entry, header=header, body=body)


def test_who_has_not_confirmed_is_named_until_it_has(store: Store, where: str) -> None:
    birth(store)
    birth(store, "school-9", blocks=1)
    put(store, signed(BLOCKS, 2))
    query = Query(where)
    assert [(one.gateway, one.newest, one.told) for one in query.unreached()] == [(GATEWAY, 2, 0), ("school-9", 2, 1)]
    store.take([applied(2)])
    birth(store, "school-9", blocks=2)
    assert query.unreached() == []
    store.take([applied(1, seq=2)])  # an old entry, sent again
    assert query.unreached() == []
    store.take([applied(1, kind=EntryKind.BUNDLE_RETURNED, seq=3)])
    assert [one.gateway for one in query.unreached()] == [GATEWAY]


@pytest.mark.parametrize("body", [b"[", b'{"bundle":"blocks","number":%d}' % 2**70, b'{"bundle":1}', None])
def test_an_odd_entry_confirms_nothing_and_is_stored(store: Store, body: bytes | None) -> None:
    entry = msgspec.structs.replace(applied(2), body=body)
    assert store.take([entry]).stored == 1
    assert store.told(GATEWAY) == {}


@pytest.fixture
def centre(where: str, tmp_path: Path) -> Iterator[Centre]:
    """A centre whose broker cannot be reached: it keeps what is published."""
    (tmp_path / "city.pub").write_text(public_text(KEY))
    given = {"city": CITY, "store": where, "keys": [str(tmp_path / "city.pub")], "port": 9}
    made = Centre(msgspec.convert({**given, "tls": False}, Settings))
    made.start()
    yield made
    made.stop()


def test_a_delta_that_leads_elsewhere_is_not_published(centre: Centre) -> None:
    publisher: Publisher = centre.publisher
    content = registry.encode(people("a"))
    for wrong in (leads(1, 3, content), leads(1, 4, content, "school-9"), leads(1, 4, b"other")):
        with pytest.raises(InputRefused, match="does not lead"):
            publisher.publish(signed(REGISTRY, 4, content), [wrong])
    assert centre.store.whole(GATEWAY, REGISTRY) is None
    publisher.publish(signed(REGISTRY, 4, content), [leads(1, 4, content)])
    assert said(birth(centre.store, registry=1)) == [("registry", 4, 1)]


def test_a_bundle_without_its_content_is_not_published(centre: Centre) -> None:
    with pytest.raises(InputRefused, match="missing"):
        centre.publisher.publish(msgspec.structs.replace(signed(RULES, 1), content=None))


@pytest.mark.parametrize("number", [-1, 2**53 + 1, 2**63, 2**70])
def test_a_birth_with_an_odd_number_is_answered_like_any_other(store: Store, number: int) -> None:
    put(store, signed(RULES, 1))
    assert said(birth(store, rules=number)) == ([("rules", 1, 0)] if number < 0 else [])
    assert store.told(GATEWAY) == {}


def test_what_there_is_not_is_not_kept(store: Store) -> None:
    birth(store, weather=3, rules=2)
    store.take([msgspec.structs.replace(applied(1), body=b'{"bundle":"%s","number":1}' % (b"x" * 5000))])
    assert store.told(GATEWAY) == {"rules": 2}


def test_the_whole_is_given_to_a_gateway_whose_delta_did_not_fit(store: Store) -> None:
    first, second = registry.encode(people("a")), registry.encode(people("a", "b"))
    put(store, signed(REGISTRY, 1, first), signed(REGISTRY, 4, second), leads(1, 4, second))
    assert manifest(store.whole(GATEWAY, REGISTRY)).base == 0


def test_a_birth_that_the_broker_kept_takes_back_nothing_that_was_told_since(store: Store) -> None:
    state = State(online=True, session="s", epoch=EPOCH, bundles={"rules": 1, "blocks": 1})
    for retained in (False, True):
        store.settle(Said(states=[Heard(GATEWAY, state, retained=retained)]))
        store.take([applied(2)])
    store.settle(Said(states=[Heard(GATEWAY, state)]))  # sent again
    assert store.told(GATEWAY) == {"rules": 1, "blocks": 2}
    store.settle(Said(states=[Heard("school-9", state, retained=True)]))
    assert store.told("school-9") == {"rules": 1, "blocks": 1}, "more is not known of it"


def test_a_bundle_and_its_deltas_are_kept_together_or_not_at_all(store: Store) -> None:
    whole, delta = signed(REGISTRY, 4, registry.encode(people("a"))), leads(1, 4, b"other")
    with pytest.raises(Conflict):
        store.put_bundles([(read_manifest(one.manifest), one) for one in (whole, delta)])
    assert store.whole(GATEWAY, REGISTRY) is None
    assert store.news(HELD) == []


# Told to who is online --------------------------------------------------------------------------------------


def told(store: Store, held: dict[int, int] = HELD) -> list[tuple[str, str, int, int]]:
    read = [(one.gateway, manifest(one.announcement)) for one in store.news(held)]
    return [(gateway, one.kind.value, one.number, one.base) for gateway, one in read]


def test_news_is_told_once_by_whoever_has_the_shard(store: Store) -> None:
    birth(store)
    birth(store, "school-9")
    mine, theirs = ({shard_of(gateway): 0} for gateway in (GATEWAY, "school-9"))
    put(store, signed(RULES, 1), signed(BLOCKS, 5, target="school-9"))
    assert told(store, {}) == []
    assert told(store, mine) == [(GATEWAY, "rules", 1, 0)]
    assert told(store) == [("school-9", "blocks", 5, 0), ("school-9", "rules", 1, 0)]
    assert told(store) == told(store, theirs) == []


def test_news_is_not_told_under_a_lease_that_is_gone(store: Store) -> None:
    birth(store)
    put(store, signed(RULES, 1))
    assert told(store, dict.fromkeys(range(SHARDS), 7)) == []
    assert told(store) == [(GATEWAY, "rules", 1, 0)]


def test_news_is_what_each_one_lacks(store: Store) -> None:
    first, second = registry.encode(people("a")), registry.encode(people("a", "b"))
    for number, gateway in enumerate(("gw-none", "gw-old", "gw-new")):
        birth(store, gateway, **({"registry": number} if number else {}))
    birth(store, "gw-gone", registry=1)
    store.hear([("gw-gone", State(False, f"s{next(SESSIONS) - 1}", EPOCH))])
    put(store, signed(REGISTRY, 1, first), signed(REGISTRY, 2, second), leads(1, 2, second), signed(KEYS, 1))
    put(store, signed(KEYS, 2))
    found = told(store)
    assert {one for one in found if one[1] == "registry"} == {
        ("gw-none", "registry", 2, 0),
        ("gw-old", "registry", 2, 1),
    }
    assert [one[2] for one in found if one[0] == "gw-new"] == [1, 2], "all keys in their order, and no registry again"
    assert [one[1] for one in found] == ["keys"] * 6 + ["registry"] * 2


def test_a_large_content_that_a_newer_one_replaced_is_not_told_of(store: Store) -> None:
    birth(store)
    put(store, signed(REGISTRY, 1, LARGE), signed(REGISTRY, 2, LARGE + b"x"))
    assert told(store) == [(GATEWAY, "registry", 2, 0)]


@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
def test_a_birth_that_is_just_being_stored_is_told_too(store: Store) -> None:
    """It looked for what it lacks before the bundle was there, and is online only after its commit. (SQLite has one
    transaction at a time.)"""
    shard = shard_of(GATEWAY)
    with ThreadPoolExecutor() as pool, store.database.begin() as db:
        check_held(db, {shard: 0})
        births = Births(db, 1)
        births.hear([Heard(GATEWAY, State(True, "s1", EPOCH))])
        assert births.answer()[0].bundles == []
        put(store, signed(RULES, 1))
        found = pool.submit(told, store)
        with pytest.raises(TimeoutError):
            found.result(0.5)  # it waits for us
        db.commit()
        assert found.result(30) == [(GATEWAY, "rules", 1, 0)]
