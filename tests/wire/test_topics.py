"""The topic tree: sixteen shards, no personal data, nothing accepted that is not exactly ours."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.entry import Stream
from gateway.wire.topics import SHARDS, Topics, centre_filters, parse, shard_of

ids = st.from_regex(r"[a-z0-9-]{3,32}", fullmatch=True)


@given(ids)
def test_the_shard_is_the_first_byte_of_the_hash_of_the_id(gateway: str) -> None:
    assert shard_of(gateway) == hashlib.sha256(gateway.encode()).digest()[0] % 16


def test_a_gateways_topics() -> None:
    topics = Topics("jelgava", "museum-1")
    base = f"sp/1/jelgava/{shard_of('museum-1'):02d}/museum-1"
    assert topics.events(Stream.RECEIPT) == f"{base}/ev/receipt"
    leaves = ["state", "res", "ack", "cmd", "bundle", "want", "chunk", "quota", "lease"]
    named = [topics.state, topics.result, topics.ack, topics.command, topics.bundle, topics.want, topics.chunk]
    named += [topics.quota, topics.lease]
    assert named == [f"{base}/{leaf}" for leaf in leaves]


@given(ids, ids, st.sampled_from(Stream))
def test_a_topic_can_be_taken_apart_again(city: str, gateway: str, stream: Stream) -> None:
    found = parse(Topics(city, gateway).events(stream))
    assert found is not None
    assert (found.city, found.gateway, found.leaf) == (city, gateway, f"ev/{stream}")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "sp/1/jelgava",
        "sp/2/jelgava/{shard}/museum-1/state",
        "sp/1/jelgava/{wrong}/museum-1/state",
        "sp/1/jelgava/{shard}/MUSEUM-1/state",
        "sp/1/jelgava/{shard}/museum-1\n/state",
        "sp/1/jelgava/{shard}/museum-1",
    ],
)
def test_other_topics_are_nobodys(topic: str) -> None:
    shard = shard_of("museum-1")
    assert parse(topic.format(shard=f"{shard:02d}", wrong=f"{(shard + 1) % SHARDS:02d}")) is None


@given(st.text(max_size=80))
def test_any_topic_is_taken_apart_or_nobodys(topic: str) -> None:
    parse(topic)


def test_a_worker_listens_to_its_shards_only() -> None:
    assert centre_filters("jelgava", range(3, 4)) == [
        "sp/1/jelgava/03/+/ev/+",
        "sp/1/jelgava/03/+/state",
        "sp/1/jelgava/03/+/res",
        "sp/1/jelgava/03/+/want",
        "sp/1/jelgava/03/+/quota",
    ]
