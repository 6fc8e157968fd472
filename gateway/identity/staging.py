"""Contents of bundles in cache.db: those in force, as they were signed, and those whose chunks are still coming."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from gateway.identity.cachefile import CacheFile


class Offer(msgspec.Struct, frozen=True):
    """An announced bundle that is being fetched: what was signed, and the signature."""

    sha256: str
    manifest: bytes
    signature: str


class Staging:
    """Writing may wait for another's transaction: not in the event loop. Raises `LedgerError` when the disk refuses."""

    def __init__(self, file: CacheFile) -> None:
        self._file = file

    # In force --------------------------------------------------------------------------------------------

    def put_content(self, kind: str, number: int, content: bytes) -> None:
        with self._file.writing() as db:
            db.execute("INSERT OR REPLACE INTO content VALUES (?,?,?)", (kind, number, content))

    def content(self, kind: str, number: int) -> bytes | None:
        """A bundle's content, as it was signed."""
        rows = self._file.rows("SELECT content FROM content WHERE kind=? AND number=?", kind, number)
        return rows[0][0] if rows else None

    def drop_other_content(self, kind: str, keep: Collection[int]) -> None:
        with self._file.writing() as db:
            marks = ",".join("?" * len(keep))
            db.execute(f"DELETE FROM content WHERE kind=? AND number NOT IN ({marks})", (kind, *keep))

    # Being fetched ---------------------------------------------------------------------------------------

    def put_offer(self, offer: Offer) -> None:
        """From now on its chunks are kept, also over a restart."""
        with self._file.writing() as db:
            db.execute("INSERT OR REPLACE INTO offer VALUES (?,?,?)", (offer.sha256, offer.manifest, offer.signature))

    def drop_offer(self, sha256: str) -> None:
        """Forget it with its chunks."""
        self.drop_chunks(sha256)
        with self._file.writing() as db:
            db.execute("DELETE FROM offer WHERE sha256=?", (sha256,))

    def offers(self) -> list[Offer]:
        return [Offer(*row) for row in self._file.rows("SELECT sha256, manifest, signature FROM offer")]

    def put_chunk(self, sha256: str, index: int, data: bytes) -> None:
        with self._file.writing() as db:
            db.execute("INSERT OR REPLACE INTO chunk VALUES (?,?,?)", (sha256, index, data))

    def chunks(self, sha256: str) -> set[int]:
        """The numbers of the chunks that are here."""
        return {row[0] for row in self._file.rows("SELECT part FROM chunk WHERE sha256=?", sha256)}

    def chunks_of(self, sha256: str) -> set[int]:
        """The same, for a thread of its own."""
        with self._file.reading() as db:
            return {row[0] for row in db.execute("SELECT part FROM chunk WHERE sha256=?", (sha256,))}

    def pieces(self, sha256: str) -> Iterator[bytes]:
        """The chunks in their order, one in memory at a time."""
        with self._file.reading() as db:
            parts = db.execute("SELECT part FROM chunk WHERE sha256=? ORDER BY part", (sha256,)).fetchall()
            for (part,) in parts:
                # Each read by itself: one long read would keep the write-ahead log from being used again.
                rows = db.execute("SELECT data FROM chunk WHERE sha256=? AND part=?", (sha256, part)).fetchall()
                yield from (data for (data,) in rows)

    def drop_chunks(self, sha256: str) -> None:
        with self._file.writing() as db:
            db.execute("DELETE FROM chunk WHERE sha256=?", (sha256,))
