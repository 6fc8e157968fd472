"""Tables of holders and cards at the centre, and of who changed what. Digests only: a clear card id has no column.

`ended_ms` and `blocked_ms` are 0 for what is not so. An ended holder has no card that is not ended.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects import postgresql

from gateway.centre.tables import Number, metadata

# The order of code points on both databases, whatever the server's language: pages and registries follow it.
Id = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# The city's key by which all digests here were made, and a mark by which another key is noticed.
card_keys = Table(
    "card_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("mark", LargeBinary),
)
# `entitlements`: canonical text (`gateway.centre.people_times`). `born`: an ISO date. The last two came with schema 4,
# and stand where a migration puts them.
holders = Table(
    "holders",
    metadata,
    Column("holder", Id, primary_key=True),
    Column("entitlements", Text, nullable=False),
    Column("language", Text),
    Column("ended_ms", Number, nullable=False),
    Column("changed_ms", Number, nullable=False),
    Column("residence", Text),
    Column("born", Text),
    sqlite_with_rowid=False,
)
# `issued_here`: no file has named the card yet, so that no full import ends it for being missing.
cards = Table(
    "cards",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("holder", Id, nullable=False),
    Column("standing", Text, nullable=False),
    Column("from_ms", Number, nullable=False),
    Column("until_ms", Number, nullable=False),
    Column("temporary", Integer, nullable=False),
    Column("issued_here", Integer, nullable=False),
    Column("replaced_by", LargeBinary),
    Column("blocked_ms", Number, nullable=False),
    Column("ended_ms", Number, nullable=False),
    Column("changed_ms", Number, nullable=False),
    sqlite_with_rowid=False,
)
cards_of_holder = Index("cards_of_holder", cards.c.holder)
# Who did something, and what it changed. What a holder is entitled to is not kept here: only that it changed.
holder_operations = Table(
    "holder_operations",
    metadata,
    Column("number", Number, primary_key=True),
    Column("at_ms", Number, nullable=False),
    Column("officer", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("counts", Text, nullable=False),
)
holder_changes = Table(
    "holder_changes",
    metadata,
    Column("number", Number, primary_key=True),
    Column("operation", Number, nullable=False),
    Column("what", Text, nullable=False),
    Column("holder", Id, nullable=False),
    Column("digest", LargeBinary),
)

PEOPLE = (card_keys, holders, cards, holder_operations, holder_changes)
