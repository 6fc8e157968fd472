"""The file of an older epoch that is damaged: what it still proves takes its place, what it does not is on record.

    1. ledger.building-old.db is written, and becomes ledger-EPOCH.mended.db
    2. the present ledger stores what is lost, and in the same transaction a note where the damaged file goes
                                                                                             <- the moment
    3. ledger-EPOCH.db is set aside
    4. ledger-EPOCH.mended.db takes its name, the note goes

A cut before 2 leaves everything as it was, and the next start does it again; after 2 the next start does the rest. So
what is lost is told once, and at any instant the entries are in a file that a start looks at.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway.ledger.epochs import Trouble, audit, ready
from gateway.ledger.files import Disk, Names, log_of, shared_of
from gateway.ledger.mark import read_mark
from gateway.ledger.peek import answers, meta_of, number_of, reading
from gateway.ledger.rebuild import rebuild
from gateway.ledger.rows import digest_at, insert_entry, last_seq
from gateway.ledger.witness import ended_at, known_of
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError

NOTE = "mended-"
"""Key in the present file's `meta`, with the epoch behind it; its value is the name under which the damaged file is
kept."""


class Mender:
    """Works at a start: `present` is open and nobody else writes to it."""

    def __init__(
        self, names: Names, gateway: str, present: sqlite3.Connection, epoch: str, at: Stamp, disk: Disk
    ) -> None:
        self._names = names
        self._gateway = gateway
        self._present = present
        self._epoch = epoch
        self._at = at
        self._disk = disk

    def settle(self) -> None:
        """Finish or undo what a cut left. Raises `OSError`, `sqlite3.Error`."""
        notes = dict(self._present.execute("SELECT key, value FROM meta WHERE key GLOB ?", (f"{NOTE}*",)).fetchall())
        for epoch, mended in self._names.all_mended().items():
            # Without a note and without the file that it is to replace, the note went down with the file that held it.
            if f"{NOTE}{epoch}" in notes or not self._names.older(epoch).exists():
                self._put_in_place(epoch, notes.get(f"{NOTE}{epoch}", ""))
            else:
                self._disk.remove(mended)
        for note in notes:
            self._present.execute("DELETE FROM meta WHERE key=?", (note,))

    def mend(self, path: Path, trouble: Trouble) -> list[str]:
        """Mend the file of an older epoch that is there, closed and damaged. Returns what was done, in words.

        Raises `LedgerError`, `OSError`, `sqlite3.Error`: nothing has changed then, or the next start finishes it.
        """
        names, epoch = self._names, self._names.epoch_in(path)
        others = [names.present, *(other for other in names.all_older() if other != path)]
        ended, mark = ended_at(self._gateway, epoch, others), read_mark(names.mark)
        known = {stream: known_of(stream, epoch, [path], mark, sure=False, ended=ended) for stream in Stream}
        number = number_of(meta_of(path), _before(others, epoch))
        salvaged = rebuild(names, self._gateway, epoch, number, [path], [], known, self._disk)
        if not salvaged.entries and _is_another(path, epoch):
            self._disk.remove(names.building("old"))
            raise LedgerError(f"{trouble.what}, and nothing in it is of the epoch in its name", where=str(path))
        ready(names, names.building("old"), names.mended(epoch), self._disk)
        aside = names.aside("damaged", self._at.wall_ms).name
        lost = [audit(EntryKind.DROPPED, body) for body in salvaged.dropped(epoch, "damaged")]
        self._tell([*lost, *(audit(EntryKind.SALVAGED, body) for body in salvaged.loose)], epoch, aside)
        self._put_in_place(epoch, aside)
        self._present.execute("DELETE FROM meta WHERE key=?", (f"{NOTE}{epoch}",))
        done = f"{path.name}: {trouble.what}; {salvaged.entries} entries of it are sent, the file is kept as {aside}"
        return [done, *salvaged.words(epoch)]

    def _tell(self, entries: Sequence[NewEntry], epoch: str, aside: str) -> None:
        db = self._present
        db.execute("BEGIN IMMEDIATE")
        try:
            last = last_seq(db, Stream.AUDIT)
            previous = digest_at(db, self._gateway, self._epoch, Stream.AUDIT, last)
            for seq, entry in enumerate(entries, last + 1):
                entry_id = EntryId(self._gateway, self._epoch, Stream.AUDIT, seq)
                previous = insert_entry(db, entry, entry_id, self._at, previous)
            db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (f"{NOTE}{epoch}", aside))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _put_in_place(self, epoch: str, aside: str) -> None:
        """Steps 3 and 4, or those of them that are still to be done, while the mended file is there."""
        names, older = self._names, self._names.older(epoch)
        if aside:
            kept = names.folder / aside
            for file, name in ((older, kept), (log_of(older), log_of(kept))):
                if file.exists():
                    self._disk.rename(file, name)
        self._disk.remove(log_of(older))  # One that is still here would be taken for the mended file's.
        self._disk.remove(shared_of(older))
        self._disk.sync_folder(names.folder)
        self._disk.rename(names.mended(epoch), older)
        self._disk.sync_folder(names.folder)


def _before(files: Iterable[Path], epoch: str) -> int:
    """Which epoch of this gateway it must be, going by the one that began after it; 1 where nobody knows."""
    after = (meta for meta in map(meta_of, files) if meta.get("previous") == epoch)
    return max([1, *(number_of(meta, 2) - 1 for meta in after)])


def _is_another(path: Path, epoch: str) -> bool:
    """Whether the file is sound, and of another epoch than the one that it is named after: a person has renamed it."""
    with reading(path) as db:
        said = meta_of(path).get("epoch", "")
        sound = db is not None and answers(db, "PRAGMA quick_check(1)") == [("ok",)]
        return sound and said != epoch and re.fullmatch(r"[0-9a-f]{8,64}", said) is not None
