"""The topic tree. No personal data in topics; the shard level lets any broker scale out (docs/sync.md).

sp/1/{city}/{shard}/{gateway}/ev/{stream}   up    events, batches of entries of one stream
sp/1/{city}/{shard}/{gateway}/state         up    birth and last will, retained
sp/1/{city}/{shard}/{gateway}/res           up    answers to commands
sp/1/{city}/{shard}/{gateway}/ack           down  stored through, missing, refused
sp/1/{city}/{shard}/{gateway}/cmd           down  commands
sp/1/{city}/{shard}/{gateway}/bundle        down  signed bundles, or the announcement of a large one
sp/1/{city}/{shard}/{gateway}/want          up    which chunks the gateway would like to have
sp/1/{city}/{shard}/{gateway}/chunk         down  a chunk that was asked for
sp/1/{city}/{shard}/{gateway}/quota         up    what is asked, used and given back of quotas
sp/1/{city}/{shard}/{gateway}/lease         down  leases of quotas, and the authority's answers
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from gateway.model.entry import Stream

ROOT = "sp/1"
SHARDS = 16
ID_PATTERN = r"^[a-z0-9-]{3,32}$(?!\n)"
_id = re.compile(ID_PATTERN)


def shard_of(gateway: str) -> int:
    """Which of the 16 shards a gateway belongs to: first byte of SHA-256 over its id, mod 16."""
    return hashlib.sha256(gateway.encode()).digest()[0] % SHARDS


class Topics(msgspec.Struct, frozen=True):
    """One gateway's topics."""

    city: str
    gateway: str

    @property
    def base(self) -> str:
        return f"{ROOT}/{self.city}/{shard_of(self.gateway):02d}/{self.gateway}"

    def events(self, stream: Stream) -> str:
        return f"{self.base}/ev/{stream}"

    @property
    def state(self) -> str:
        return f"{self.base}/state"

    @property
    def result(self) -> str:
        return f"{self.base}/res"

    @property
    def ack(self) -> str:
        return f"{self.base}/ack"

    @property
    def command(self) -> str:
        return f"{self.base}/cmd"

    @property
    def bundle(self) -> str:
        return f"{self.base}/bundle"

    @property
    def want(self) -> str:
        return f"{self.base}/want"

    @property
    def chunk(self) -> str:
        return f"{self.base}/chunk"

    @property
    def quota(self) -> str:
        return f"{self.base}/quota"

    @property
    def lease(self) -> str:
        return f"{self.base}/lease"


class Address(msgspec.Struct, frozen=True):
    """A topic taken apart: whose it is and what it carries (`ev/receipt`, `state`, …)."""

    city: str
    gateway: str
    leaf: str


def parse(topic: str) -> Address | None:
    """The address that a topic names, or None when it is not one of ours or its shard is wrong."""
    parts = topic.split("/", 5)
    if len(parts) != 6 or "/".join(parts[:2]) != ROOT:
        return None
    city, shard, gateway, leaf = parts[2], parts[3], parts[4], parts[5]
    if not _id.match(gateway) or shard != f"{shard_of(gateway):02d}":
        return None
    return Address(city, gateway, leaf)


def centre_filters(city: str, shards: range) -> list[str]:
    """What an intake worker of these shards subscribes to."""
    leaves = ("ev/+", "state", "res", "want", "quota")
    return [f"{ROOT}/{city}/{shard:02d}/+/{leaf}" for shard in shards for leaf in leaves]
