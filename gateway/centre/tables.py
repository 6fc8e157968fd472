"""The centre's store as tables: one set of definitions for SQLite (a town) and PostgreSQL (a city).

Text columns of PostgreSQL cannot hold a zero character: whatever comes from outside is checked for it first
(`gateway.centre.parcel`, `gateway.centre.sorting`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()

# SQLite's row id must be declared INTEGER; 64 bits on both.
Number = BigInteger().with_variant(Integer(), "sqlite")


def _table(name: str, *columns: Column[object] | UniqueConstraint) -> Table:
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


def _key(name: str, kind: type[Text] | type[LargeBinary] | BigInteger = Text) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _strand() -> tuple[Column[object], ...]:
    return _key("gateway"), _key("epoch"), _key("stream")


def _given(name: str, kind: type[Text] | type[LargeBinary] | BigInteger = Text) -> Column[object]:
    return Column(name, kind, nullable=False)


def _of_entry() -> tuple[Column[object], ...]:
    return (
        _given("kind"),
        _given("wall_ms", Number),
        _given("mono_ns", Number),
        _given("boot"),
        _given("quality"),
        _given("previous", LargeBinary),
        _given("commitment", LargeBinary),
    )


def _contents() -> tuple[Column[object], ...]:
    return Column("salt", LargeBinary), Column("body", LargeBinary), _given("received_ms", Number)


entries = Table(
    "entries",
    metadata,
    # Counts up in the order of storing: readers follow it.
    Column("arrival", Number, primary_key=True),
    _given("gateway"),
    _given("epoch"),
    _given("stream"),
    _given("seq", Number),
    *_of_entry(),
    _given("digest", LargeBinary),
    *_contents(),
    UniqueConstraint("gateway", "epoch", "stream", "seq"),
)
# The same key with another digest: the first stays in entries, the others are here.
conflicts = _table(
    "conflicts", *_strand(), _key("seq", Number), *_of_entry(), _key("digest", LargeBinary), *_contents()
)
# How far each strand goes (`gateway.centre.tail`), and what is missing below that.
strands = _table("strands", *_strand(), _given("highest", Number))
gaps = _table("gaps", *_strand(), _key("first", Number), _given("last", Number))
refused = _table(
    "refused",
    *_strand(),
    _key("seq", Number),
    _given("reason"),
    _given("count", Number),
    _given("first_ms", Number),
    _given("last_ms", Number),
)
alarms = _table(
    "alarms",
    _key("gateway"),
    _key("what"),
    _key("detail"),
    _given("count", Number),
    _given("first_ms", Number),
    _given("last_ms", Number),
)
gateways = _table(
    "gateways",
    _key("gateway"),
    _given("online", Number),
    _given("session"),
    _given("epoch"),
    _given("state", LargeBinary),
    Column("born_ms", Number),
    _given("changed_ms", Number),
    # Since schema 2: sessions whose births were heard, the newest last.
    Column("heard", Text),
)

# From here on: new in schema 2, or made anew there.

# Signed bundles (`gateway.centre.shelf`). `base`: of a delta, the number that it leads from; 0 for a whole one.
# An empty manifest: of a format that no gateway takes any more, only its number counts.
bundles = Table(
    "bundles",
    metadata,
    _key("kind"),
    _key("target"),
    _key("number", Number),
    _key("base", Number),
    _given("created_ms", Number),
    _given("sha256"),
    _given("size", Number),
    _given("manifest", LargeBinary),
    _given("signature"),
)
# Their contents, in the pieces in which they travel.
bundle_chunks = Table("bundle_chunks", metadata, _key("sha256"), _key("part", Number), _given("data", LargeBinary))
# What each gateway has said to have in force.
bundles_told = _table("bundles_told", _key("gateway"), _key("kind"), _given("number", Number), _given("at_ms", Number))
# Published, and not yet told to who is online in this shard (`gateway.centre.news`).
bundle_news = _table("bundle_news", _key("kind"), _key("target"), _key("number", Number), _key("shard", Number))

# `outcome` is empty as long as nobody has answered; `sent_ms` as long as no worker has sent it.
commands = _table(
    "commands",
    _key("id"),
    _given("gateway"),
    _given("shard", Number),
    _given("command", LargeBinary),
    _given("created_ms", Number),
    _given("expires_ms", Number),
    Column("sent_ms", Number),
    Column("outcome", Text),
    Column("detail", Text),
    Column("answered_ms", Number),
)
commands_of_gateway = Index("commands_of_gateway", commands.c.gateway)
# A worker lives as long as its `beat` goes on counting.
workers = _table("workers", _key("worker"), _given("beat", Number))
# Who takes in a shard; `fence` counts up with every change of hands. An empty worker: nobody.
leases = _table("leases", _key("shard", Number), _given("worker"), _given("fence", Number))
# Schema number of a PostgreSQL store (SQLite has `PRAGMA user_version` for it).
meta = _table("meta", _key("name"), _given("number", Number))

SCHEMA_1 = (entries, conflicts, strands, gaps, refused, alarms, gateways)
SCHEMA_2 = (bundles, bundle_chunks, bundles_told, bundle_news, commands, workers, leases, meta)
