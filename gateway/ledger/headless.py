"""State tables of a damaged file that does not say any more where its tables are, because its first page is gone.

That list mostly stands elsewhere too: in pages of 1 kB it takes several. A row of it counts when it has the very words
that this program makes the table with, and no other row says another page. Each table found so is read by SQLite
itself, in a copy whose first page says where this one table is; so it is held to the same checks as in a file that is
whole there. Nothing is guessed by the look of a row: a page of answers could be taken for one of commands.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gateway.ledger.files import Disk, Names
from gateway.ledger.pages import LEAF, Pages
from gateway.ledger.peek import UNREADABLE
from gateway.ledger.state import take_over

HEADER_BYTES = 100


def take_over_headless(
    new: sqlite3.Connection, source: Path, tables: Sequence[str], names: Names, disk: Disk
) -> tuple[str, ...]:
    """Copy these state tables of a damaged file on `new`'s open transaction. Returns those that could not be read
    whole; on a card without room for the copy these are all."""
    words = dict(new.execute("SELECT name, sql FROM sqlite_schema WHERE type='table'").fetchall())
    copy, mould = names.building("state"), names.building("head")
    try:
        with Pages(source) as pages:
            roots = _roots(pages, words)
            if not roots.keys() & set(tables):
                return tuple(tables)
            _write_copy(pages, copy)
            heads = {table: _head(mould, words[table], roots[table], pages, disk) for table in tables if table in roots}
        return tuple(table for table in tables if not _taken(new, copy, table, heads.get(table)))
    except OSError:
        return tuple(tables)
    finally:
        disk.remove(copy)
        disk.remove(mould)


def _roots(pages: Pages, words: dict[str, str]) -> dict[str, int]:
    """Where each of our tables begins, as far as all that says so agrees."""
    found: dict[str, set[int]] = defaultdict(set)
    for name, root, sql in pages.tables():
        if words.get(name) == sql:
            found[name].add(root)
    return {name: next(iter(roots)) for name, roots in found.items() if len(roots) == 1}


def _write_copy(pages: Pages, copy: Path) -> None:
    """All pages but the first one and those full of entries: holes in their place cost no room."""
    with copy.open("wb") as file:
        for number in range(2, pages.last + 1):
            if (image := pages.page(number)) is not None:
                file.seek((number - 1) * pages.page_size)
                file.write(image)
        file.truncate(pages.last * pages.page_size)


def _head(mould: Path, sql: str, root: int, pages: Pages, disk: Disk) -> bytes | None:
    """A first page that says: this table begins there (https://www.sqlite.org/fileformat2.html#the_database_header).
    None when it does not fit on a page."""
    disk.remove(mould)
    with closing(sqlite3.connect(mould, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size={pages.page_size}")
        db.execute(sql)
        db.execute("PRAGMA writable_schema=ON")
        db.execute("UPDATE sqlite_schema SET rootpage=?", (root,))
    head = bytearray(mould.read_bytes()[: pages.page_size])
    if head[HEADER_BYTES] != LEAF:
        return None
    head[20] = pages.reserved
    head[28:32] = pages.last.to_bytes(4, "big")
    head[32:40] = bytes(8)  # no free pages: nobody writes to it
    head[92:96] = head[24:28]  # the page count above is to be believed
    return bytes(head)


def _taken(new: sqlite3.Connection, copy: Path, table: str, head: bytes | None) -> bool:
    if head is None:
        return False
    with copy.open("r+b") as file:
        file.write(head)
    try:
        with closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True, isolation_level=None)) as old:
            return not take_over(new, old, doubt=True, tables=[table])
    except UNREADABLE:
        return False
