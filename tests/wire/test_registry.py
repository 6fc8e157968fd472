"""A registry has one written form, read in pieces of any size; what differs from it in anything is refused."""

from __future__ import annotations

import contextlib
import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.wire import registry
from gateway.wire.contents import (
    Blocks,
    KeySet,
    RegistryContent,
    RegistryCredential,
    RegistryDelta,
    RegistryHolder,
    Standing,
    decode,
)

ids = st.text(min_size=1, max_size=6)
codes = st.lists(st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,5}", fullmatch=True), max_size=3).map(tuple)
facts = st.tuples(codes, st.sampled_from([None, "lv", "ru"]), st.sampled_from([None, "a", "b"]), st.none() | st.dates())
people = st.dictionaries(ids, facts, min_size=1, max_size=6)
cards = st.dictionaries(
    st.binary(min_size=32, max_size=32),
    st.tuples(st.sampled_from(CredentialKind), st.integers(0, 5), st.sampled_from(Standing), st.integers(0, 2**53)),
    max_size=8,
)


@st.composite
def registries(draw: st.DrawFn) -> RegistryContent:
    named = draw(people)
    holders = tuple(RegistryHolder(id, *more) for id, more in named.items())
    owners = list(named)
    credentials = tuple(
        RegistryCredential(kind, digest.hex(), owners[owner % len(owners)], standing, until_ms=until)
        for digest, (kind, owner, standing, until) in draw(cards).items()
    )
    return RegistryContent("k1", holders, credentials)


def as_set(content: RegistryContent) -> tuple[object, ...]:
    return content.key_id, set(content.holders), set(content.credentials)


@given(registries())
def test_the_same_registry_in_any_order_has_the_same_bytes(content: RegistryContent) -> None:
    other = RegistryContent("k1", content.holders[::-1], content.credentials[::-1])
    assert registry.encode(other) == registry.encode(content)
    assert registry.name((registry.encode(content),)) == hashlib.sha256(registry.encode(other)).hexdigest()


@given(registries(), st.integers(1, 50))
def test_it_is_read_back_whole_in_pieces_of_any_size(content: RegistryContent, step: int) -> None:
    written = registry.encode(content)
    pieces = [written[at : at + step] for at in range(0, len(written), step)]
    lines = list(registry.read(pieces))
    assert lines[0] == registry.RegistryHeader("k1", len(content.holders), len(content.credentials))
    assert as_set(registry.decode(written)) == as_set(content)


def applied(old: RegistryContent, delta: RegistryDelta) -> RegistryContent:
    """What a delta means, in a few lines."""
    holders = {holder.id: holder for holder in old.holders if holder.id not in delta.gone_holders}
    credentials = {card.digest: card for card in old.credentials if card.digest not in delta.gone_credentials}
    holders |= {holder.id: holder for holder in delta.holders}
    credentials |= {card.digest: card for card in delta.credentials}
    return RegistryContent(delta.key_id, tuple(holders.values()), tuple(credentials.values()))


@given(registries(), registries())
def test_a_difference_leads_from_one_to_the_other(old: RegistryContent, new: RegistryContent) -> None:
    assert as_set(applied(old, registry.difference(old, new))) == as_set(new)


@given(registries())
def test_nothing_differs_from_itself(content: RegistryContent) -> None:
    assert registry.difference(content, content) == RegistryDelta("k1")


def test_registries_of_different_keys_have_no_difference() -> None:
    with pytest.raises(InputRefused, match="whole registry"):
        registry.difference(RegistryContent("k1", (), ()), RegistryContent("k2", (), ()))


def lines(*changed: tuple[int, bytes]) -> bytes:
    people = tuple(RegistryHolder(id) for id in ("a", "b"))
    two = tuple(RegistryCredential(CredentialKind.CARD, f"{n:064x}", "a") for n in (1, 2))
    written = registry.encode(RegistryContent("k1", people, two)).splitlines(keepends=True)
    for at, line in changed:
        written[at] = line
    return b"".join(written)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"", "line 1"),
        (lines((0, b'{"key_id":"k1","holders":2,"credentials":3}\n')), "line 6"),
        (lines((0, b'{"key_id":"k1","holders":2,"credentials":1}\n')), "more lines"),
        (lines((0, b'{"key_id":"k1","holders":-1,"credentials":1}\n')), "line 1"),
        (lines((0, b'{"key_id":"k1","holders":9000000,"credentials":1}\n')), "line 1"),
        (lines((0, b'{"key_id":"k1","holders":2,"credentials":2,"more":1}\n')), "line 1"),
        (lines((1, b'{"id":"b"}\n')), "line 3: out of order"),
        (lines((2, b'{"id":"a"}\n')), "line 3: out of order"),
        (lines((1, b'{"id":"a","name":"Anna"}\n')), "line 2"),
        (lines((1, b'{"id":"a","residence":"Jelgava"}\n')), "line 2"),
        (lines((1, b'{"id":"a","born":"1946-13-01"}\n')), "line 2"),
        (lines((1, b'{"id":"a","born":"1946-11-24T00:00:00"}\n')), "line 2"),
        (lines((4, lines().splitlines(keepends=True)[3])), "line 5: out of order"),
        (lines()[:-1], "cut off"),
        (lines() + b"x", "cut off"),
        (lines() + b"x" * 20_000, "without an end"),
        (lines((1, b"[" * 10_000 + b"\n")), "line 2"),
        (lines((1, b"\xff\n")), "line 2"),
    ],
)
def test_what_is_no_registry_is_refused_with_its_line(written: bytes, told: str) -> None:
    with pytest.raises(InputRefused, match=told):
        registry.decode(written)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_registry_or_refused(written: bytes) -> None:
    with contextlib.suppress(InputRefused):
        registry.decode(written)


@given(registries(), st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_gives_another_registry_or_none(content: RegistryContent, at: int, change: int) -> None:
    raw = bytearray(registry.encode(content))
    raw[at % len(raw)] ^= change
    with contextlib.suppress(InputRefused):
        found = registry.decode(bytes(raw))
        assert registry.encode(found) != registry.encode(content) or as_set(found) == as_set(content)


@given(st.binary(max_size=200))
@pytest.mark.parametrize("kind", [RegistryDelta, Blocks, KeySet])
def test_any_bytes_are_a_content_or_refused(kind: type[msgspec.Struct], content: bytes) -> None:
    with contextlib.suppress(InputRefused):
        decode(content, kind, "content")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (Blocks, b'{"key_id":"k","digests":[%s]}' % b",".join([b'"' + b"0" * 64 + b'"'] * 901)),
        (Blocks, b'{"key_id":"k","digests":["00"]}'),
        (KeySet, b'{"keys":[]}'),
        (KeySet, b'{"keys":["a","a","a","a","a","a","a","a","a"]}'),
        (RegistryDelta, b'{"key_id":"k","more":1}'),
    ],
)
def test_a_content_that_says_too_much_or_too_little_is_refused(kind: type[msgspec.Struct], content: bytes) -> None:
    with pytest.raises(InputRefused):
        decode(content, kind, "content")
