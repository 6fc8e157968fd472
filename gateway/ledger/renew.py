"""A new epoch at a start: the file is damaged, gone, or an older copy. Nothing legible is lost, nothing is deleted.

What the old file still proves is sent on under its own epoch; what it does not prove is told; the state tables are
taken over as far as they can be read, and nothing that may only rise goes back.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.ledger.epochs import Trouble, append, audit, build, finish, fold, found, new_epoch_id, ready
from gateway.ledger.files import Disk, Names
from gateway.ledger.headless import take_over_headless
from gateway.ledger.mark import Mark
from gateway.ledger.peek import UNREADABLE, answers, meta_of, number_of, reading
from gateway.ledger.rebuild import rebuild
from gateway.ledger.rows import last_seq
from gateway.ledger.salvage import Salvaged
from gateway.ledger.state import raise_from, state_tables, take_over
from gateway.ledger.verify import verify
from gateway.ledger.witness import epoch_of, known_of
from gateway.model.bodies import BundleBody, DroppedBody, EpochBeganBody, EpochReason
from gateway.model.clock import Stamp
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from gateway.model.till_bodies import RefundBody


class Renewal:
    """One new epoch, begun while no ledger is open. `run` does it and says what came of it."""

    def __init__(self, names: Names, gateway: str, at: Stamp, disk: Disk, mark: Mark | None) -> None:
        self._names = names
        self._gateway = gateway
        self._at = at
        self._disk = disk
        self._mark = mark

    def run(self, trouble: Trouble, copies: Sequence[Path] = ()) -> tuple[str, ...]:
        """Begin the epoch. `copies`: further files that may hold entries (a backup). Raises `LedgerError`, `OSError`,
        `sqlite3.Error`: nothing has changed then, or the next start finishes it."""
        names = self._names
        damaged = trouble.reason is EpochReason.DAMAGED
        previous = epoch_of(names, self._mark)
        source = names.present if names.present.exists() else self._newest_older()
        clean = [path for path in (names.older(previous), *copies) if path.exists()]
        salvaged: Salvaged | None = None
        if damaged or (clean and trouble.reason is not EpochReason.MISSING):
            salvaged = self._salvage(previous, damaged=damaged, clean=clean)
        if salvaged is None and trouble.reason is not EpochReason.MISSING:
            fold(names.present)
            present_to = names.older(previous)
        else:
            present_to = names.aside("damaged" if damaged else "copy", self._at.wall_ms)
        return self._begin(trouble, previous, salvaged, present_to, source, copies)

    def _begin(
        self,
        trouble: Trouble,
        previous: str,
        salvaged: Salvaged | None,
        present_to: Path,
        source: Path | None,
        copies: Sequence[Path],
    ) -> tuple[str, ...]:
        names, damaged = self._names, trouble.reason is EpochReason.DAMAGED
        plan = {
            "previous": previous,
            "number": str(1 + max([self._number(), *self._numbers(copies)])),
            "present_to": present_to.name,
            "salvaged_to": names.older(previous).name,
        }
        told: list[str] = []
        epoch = new_epoch_id()

        def fill(db: sqlite3.Connection) -> None:
            found(db, self._gateway, epoch, **plan)
            unread = self._state(db, source, copies, doubt=damaged)
            if salvaged is not None:
                _reconcile(db, salvaged)
            if "bundle" in unread:
                self._ask_cache(db)
            entries = self._entries(trouble, previous, salvaged, unread)
            append(db, self._gateway, epoch, entries, self._at)
            aside = present_to.name if salvaged is not None and names.present.exists() else ""
            told.extend(_told(trouble, previous, epoch, salvaged, unread, aside))

        building = names.building("next")
        build(building, fill, self._disk)
        if salvaged is not None:
            ready(names, names.building("old"), names.salvaged, self._disk)
        ready(names, building, names.next, self._disk)
        finish(names, self._disk)
        return tuple(told)

    def restore(self, trouble: Trouble, source: Path, epoch: str) -> tuple[str, ...]:
        """Begin the epoch with a sound backup of `epoch` as a further source. As `run`."""
        names = self._names
        meta = meta_of(names.present)
        there = epoch_of(names, self._mark)
        same = there == epoch or not names.present.exists()
        clean = [path for path in (names.older(epoch), source) if path.exists()]
        sound = names.present.exists() and meta.get("gateway") == self._gateway and self._sound()
        if names.present.exists() and not sound:
            told = self.run(Trouble(EpochReason.DAMAGED, "ledger.db is damaged"), clean if same else ())
            return told if same else (*told, *self.restore(trouble, source, epoch))
        present_to = names.aside("copy", self._at.wall_ms) if same else names.older(there)
        salvaged = self._salvage(epoch, damaged=False, clean=clean)
        if sound:
            fold(names.present)
        return self._begin(trouble, epoch, salvaged, present_to, names.present if sound else source, [source])

    def _sound(self) -> bool:
        with reading(self._names.present) as db:
            return db is not None and answers(db, "PRAGMA quick_check(1)") == [("ok",)]

    # The old file ----------------------------------------------------------------------------------------

    def _salvage(self, epoch: str, *, damaged: bool, clean: Sequence[Path]) -> Salvaged:
        names, present = self._names, self._names.present
        # A copy may be damaged too; its place is taken by what both of them prove, so it is kept beside.
        unsound = [path for path in clean if not self._is_sound(path)]
        clean = [path for path in clean if path not in unsound]
        for path in unsound:
            shutil.copyfile(path, names.aside("damaged", self._at.wall_ms))
        if not damaged and present.exists() and meta_of(present).get("epoch") == epoch:
            clean = [*clean, present]
        sources = [*([present] if damaged else []), *unsound]
        files = [*sources, *clean]
        known = {stream: known_of(stream, epoch, files, self._mark, sure=not sources) for stream in Stream}
        number = max([0 if sources else 1, *(number_of(meta_of(path), 1) for path in (*unsound, *clean))])
        if damaged and not clean:
            number = self._number()
        return rebuild(names, self._gateway, epoch, number, sources, clean, known, self._disk)

    def _is_sound(self, path: Path) -> bool:
        try:
            return verify(path).clean
        except LedgerError:
            return False

    def _newest_older(self) -> Path | None:
        files = [(number_of(meta_of(path), 1), path) for path in self._names.all_older()]
        return max(files)[1] if files else None

    def _numbers(self, copies: Sequence[Path]) -> Iterator[int]:
        for path in (*self._names.all_older(), *copies):
            yield number_of(meta_of(path), 1)

    def _number(self) -> int:
        """Of the present file; where it cannot say so, it comes after all older ones."""
        there = 1 if self._names.present.exists() else 0
        return number_of(meta_of(self._names.present), max([0, *self._numbers([])]) + there)

    # The new one -----------------------------------------------------------------------------------------

    def _state(
        self, db: sqlite3.Connection, source: Path | None, copies: Sequence[Path], *, doubt: bool
    ) -> tuple[str, ...]:
        unread = tuple(state_tables(db))
        if source is not None:
            with reading(source) as old:
                if old is not None:
                    with suppress(*UNREADABLE):  # Where nothing of it can be read, all tables are named.
                        unread = take_over(db, old, doubt=doubt, copy=True)
                listed = [] if old is None else [name for (name,) in answers(old, "SELECT name FROM sqlite_schema")]
            if doubt and (headless := [table for table in unread if table not in listed]):
                still = take_over_headless(db, source, headless, self._names, self._disk)
                unread = tuple(table for table in unread if table in listed or table in still)
        for path in (*copies, *self._names.all_older()):
            if path == source:
                continue
            with reading(path) as old:
                if old is None:
                    continue
                if source is None or (unread and path in copies):
                    unread = tuple(sorted(set(unread) & set(take_over(db, old, copy=True))))
                else:
                    raise_from(db, old)
        return unread

    def _ask_cache(self, db: sqlite3.Connection) -> None:
        """cache.db knows which bundles were there. The one before is put down, so that the centre's next answer brings
        that very one again, and nothing older."""
        with reading(self._names.folder / "cache.db") as cache:
            if cache is None:
                return
            registries = [row[0] for row in answers(cache, "SELECT max(number) FROM registry") if row[0]]
            rules = {
                (kind, number): hashlib.sha256(content).hexdigest()
                for kind, number, content in answers(cache, "SELECT kind, number, content FROM content ORDER BY number")
                if isinstance(content, bytes)
            }
        for number in registries:
            _raise_bundle(db, BundleBody(bundle="registry", number=number - 1), self._at.wall_ms)
        for (kind, number), sha256 in rules.items():
            _raise_bundle(db, BundleBody(bundle=kind, number=number, sha256=sha256), self._at.wall_ms)

    def _entries(
        self, trouble: Trouble, previous: str, salvaged: Salvaged | None, unread: tuple[str, ...]
    ) -> list[NewEntry]:
        mark = self._mark
        last = {} if mark is None or mark.epoch != previous else {s.value: p.seq for s, p in mark.streams.items()}
        if salvaged is not None:
            last = {stream.value: seq for stream, seq in salvaged.last.items()}
            lost = salvaged.dropped(previous, "damaged")
        elif trouble.reason is EpochReason.MISSING:
            lost = self._gone(previous, {})
        else:
            with reading(self._names.present) as db:
                there = {} if db is None else {stream: last_seq(db, stream) for stream in Stream}
            last = {stream.value: seq for stream, seq in there.items()} or last
            lost = self._gone(previous, there)
        if mark is not None and mark.epoch != previous and not self._names.older(mark.epoch).exists():
            lost += self._gone(mark.epoch, {})  # The copy is of an epoch before it.
        detail = trouble.what
        if salvaged is not None and salvaged.behind:
            detail += f"; {salvaged.behind} entries that the centre has could not be read here"
        began = EpochBeganBody(
            previous=previous,
            reason=trouble.reason,
            detail=detail[:500],
            last=last,
            unread=unread,
            ask_centre=True,
            alarm=True,
        )
        loose = [] if salvaged is None else [audit(EntryKind.SALVAGED, body) for body in salvaged.loose]
        return [audit(EntryKind.EPOCH_BEGAN, began), *(audit(EntryKind.DROPPED, body) for body in lost), *loose]

    def _gone(self, epoch: str, there: Mapping[Stream, int]) -> list[DroppedBody]:
        """What of an epoch is known to be gone, given its last numbers that are there: what the mark knows beyond them,
        and after that nobody knows, unless the mark is that of a clean stop."""
        points = self._mark.streams if self._mark is not None and self._mark.epoch == epoch else {}
        gone = Salvaged(open=set() if points and self._mark is not None and self._mark.end else set(Stream))
        for stream in Stream:
            seq = there.get(stream, 0)
            gone.last[stream] = max(seq, points[stream].seq if stream in points else 0)
            if seq < gone.last[stream]:
                gone.gaps.append((stream, seq + 1, gone.last[stream]))
        return gone.dropped(epoch, "missing")


def _reconcile(db: sqlite3.Connection, salvaged: Salvaged) -> None:
    """State may be older than the entries: a quote that became a receipt is used, an applied bundle is known, and what
    has come back of a receipt does not come back again."""
    db.executemany("DELETE FROM quote WHERE id=?", [(quote,) for quote in salvaged.quotes])
    for bundle in salvaged.bundles:
        _raise_bundle(db, bundle, 0)
    for refund in salvaged.refunds:
        _raise_returned(db, refund)


def _raise_returned(db: sqlite3.Connection, body: RefundBody) -> None:
    """At least as much has come back as this refund says, were its printing cancelled or not."""
    _, epoch, _, seq = body.receipt.split("/")
    for line in body.refund.lines:
        row = (epoch, int(seq), line.line, body.before.get(line.line, 0) + line.quantity)
        db.execute(
            "INSERT INTO returned (epoch, seq, line, quantity, work, at_ms) VALUES (?,?,?,?,'',0)"
            " ON CONFLICT DO UPDATE SET quantity=max(quantity, excluded.quantity)",
            row,
        )


def _raise_bundle(db: sqlite3.Connection, bundle: BundleBody, at_ms: int) -> None:
    db.execute(
        "INSERT INTO bundle (kind, number, sha256, applied_ms) VALUES (?,?,?,?)"
        " ON CONFLICT DO UPDATE SET number=excluded.number, sha256=excluded.sha256"
        " WHERE excluded.number > max(bundle.highest, bundle.number)",
        (bundle.bundle, bundle.number, bundle.sha256, at_ms),
    )


def _told(
    trouble: Trouble, previous: str, epoch: str, salvaged: Salvaged | None, unread: tuple[str, ...], aside: str
) -> list[str]:
    told = [f"{trouble.what}: epoch {epoch} began, {previous} is sent on"]
    if salvaged is not None:
        told[0] += f" with {salvaged.entries} entries"
        if aside:
            told[0] += f"; the file that was there is kept as {aside}"
        told += salvaged.words(previous)
    if unread:
        told.append(f"not read: {', '.join(unread)}")
    return told
