"""A holder out of one SQLite file: bodies and salts of entries, rows of state, and what the file keeps between its
rows.

Works on the present file, on older epochs, on backups and on cache.db. Whoever writes to the file meanwhile waits at
most for a batch; the last step (`scrub`) needs the file for itself.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.model import chain
from gateway.model.entry import Stream
from gateway.model.errors import InputRefused, LedgerError, NotReady

PIECE = 1 << 20
"""Bytes of a file in memory at a time."""
BATCH = 200
"""Rows in one transaction: a tap waits some milliseconds for it."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{2,63}")
_WORD = rb"[A-Za-z0-9._:-]"


class Traces(msgspec.Struct, frozen=True):
    """What to look for: the holder's id, and the digests of their credentials (raw)."""

    holder: str
    digests: frozenset[bytes] = frozenset()

    @property
    def needles(self) -> tuple[bytes, ...]:
        """Every form in which they may stand in a file."""
        texts = [digest.hex().encode() for digest in sorted(self.digests)]
        return (self.holder.encode(), *texts, *sorted(self.digests))

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """As regular expression; the id only as a whole word: `h-1` is not in `h-12`."""
        word = rb"(?<!" + _WORD + rb")" + re.escape(self.holder.encode()) + rb"(?!" + _WORD + rb")"
        return re.compile(b"|".join([word, *map(re.escape, self.needles[1:])]))

    @property
    def raw(self) -> re.Pattern[bytes]:
        """As it may stand in the bytes of a file, where the next value follows without a space."""
        return re.compile(b"|".join(map(re.escape, self.needles)))


def check_id(holder: str) -> None:
    """Raises `InputRefused` for what no holder's id looks like: a wrong one would erase other people's records."""
    if not _ID.fullmatch(holder):
        raise InputRefused(
            f"{holder[:64]!r} is no holder's id",
            "Give the id as entries have it: 3 to 64 letters, digits, and . _ : -",
            code="bad_holder",
        )


def digests_of(path: Path, holder: str) -> set[bytes]:
    """Digests of credentials that this file says are the holder's: in entries' identifications, in a registry."""
    found: set[bytes] = set()
    with _open(path, write=False) as db:
        for table, columns in _tables(db).items():
            if {"digest", "holder"} <= set(columns):
                rows = db.execute(f"SELECT digest FROM {table} WHERE holder=?", (holder,))
                found |= {row[0] for row in rows if isinstance(row[0], bytes)}
            elif "body" in columns:
                for body in _bodies(db, table, (holder.encode(),)):
                    found |= _digests_in(body, holder)
    return {digest for digest in found if len(digest) >= 16}


def erase_entries(path: Path, traces: Traces) -> int:
    """Take body and salt of every entry that speaks of them; header, commitment and digest stay. Returns how many."""
    pattern, count = traces.pattern, 0
    with _open(path) as db:
        for stream in Stream:
            seqs = [
                seq
                for seq, body in _hits(db, f"SELECT seq, body FROM {stream.value}", "body", traces)
                if pattern.search(body)
            ]
            for at in range(0, len(seqs), BATCH):
                db.execute("BEGIN IMMEDIATE")
                for seq in seqs[at : at + BATCH]:
                    sql = f"SELECT salt, body FROM {stream.value} WHERE seq=? AND body IS NOT NULL"
                    if (row := db.execute(sql, (seq,)).fetchone()) is not None:
                        committed = chain.commitment(row[0], row[1])
                        sql = f"UPDATE {stream.value} SET commitment=?, salt=NULL, body=NULL WHERE seq=?"
                        count += db.execute(sql, (committed, seq)).rowcount
                db.execute("COMMIT")
    return count


def erase_rows(path: Path, traces: Traces) -> int:
    """Delete every row of every other table that speaks of them. Returns how many."""
    pattern, count = traces.pattern, 0
    with _open(path) as db:
        for table, columns in _tables(db).items():
            if table in _NOT_STATE:
                continue
            if table == "bundle_blocks":
                count += _take_off_list(db, traces)
                continue
            for column in columns:
                rows = _hits(db, f"SELECT {column}, {column} FROM {table}", column, traces)
                values = [value for value, raw in rows if pattern.search(raw)]
                for value in values:
                    count += db.execute(f"DELETE FROM {table} WHERE {column}=?", (value,)).rowcount
    return count


def _take_off_list(db: sqlite3.Connection, traces: Traces) -> int:
    """Only their cards leave the list of blocked ones: the others stay blocked. It is not what was signed any more, so
    the next start asks for it anew."""
    theirs, count = {digest.hex() for digest in traces.digests}, 0
    for row, content in list(_hits(db, "SELECT id, content FROM bundle_blocks", "content", traces)):
        told = msgspec.json.decode(content)
        told["digests"] = [digest for digest in told["digests"] if digest not in theirs]
        sql = "UPDATE bundle_blocks SET content=? WHERE id=?"
        count += db.execute(sql, (msgspec.json.encode(told), row)).rowcount
    return count


def scrub(path: Path, traces: Traces) -> None:
    """Bring the log into the file and empty it; if the bytes still stand somewhere between the rows, write the file
    anew.

    Nobody else may use the file meanwhile. Raises `NotReady` when somebody does.
    """
    with _open(path) as db:
        _empty_log(db, path)
        if has_trace(path, traces):
            db.execute("VACUUM")
            _empty_log(db, path)


def blank(path: Path, traces: Traces) -> int:
    """Overwrite the bytes in a file that is no database any more, where they stand. Returns how many places."""
    count = 0
    with path.open("r+b") as file:
        for at, length in list(_places(file, traces)):
            file.seek(at)
            file.write(bytes(length))
            count += 1
    return count


def has_trace(path: Path, traces: Traces) -> bool:
    """Whether the bytes stand anywhere in the file."""
    try:
        with path.open("rb") as file:
            return next(_places(file, traces), None) is not None
    except FileNotFoundError:
        return False


def _places(file: BinaryIO, traces: Traces) -> Iterator[tuple[int, int]]:
    """Offset and length of every trace, reading piece by piece: a ledger may be larger than the memory."""
    pattern, overlap = traces.raw, max(map(len, traces.needles)) - 1
    start, piece = 0, file.read(PIECE)
    while piece:
        more = file.read(PIECE)
        # What begins in the overlap is found again with the next piece, where all of it is.
        ends = len(piece) - (overlap if more else 0)
        for found in pattern.finditer(piece):
            if found.start() < ends:
                yield start + found.start(), len(found[0])
        start += ends
        piece = piece[ends:] + more if more else b""


_NOT_STATE = frozenset({"meta", "stream", "gap", "quarantine", *(stream.value for stream in Stream)})


def _empty_log(db: sqlite3.Connection, path: Path) -> None:
    if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        raise NotReady(
            "another program has it open",
            "End what reads it (verify, backup, an SQLite program), then ask again",
            where=str(path),
            code="ledger_in_use",
        )


def _hits(db: sqlite3.Connection, select: str, column: str, traces: Traces) -> Iterator[tuple[object, bytes]]:
    """Rows in which one of the needles stands: SQLite looks, Python decides."""
    where = " OR ".join(f"instr(CAST({column} AS BLOB), ?) > 0" for _ in traces.needles)
    for value, raw in db.execute(f"{select} WHERE {where}", traces.needles).fetchall():
        yield value, raw if isinstance(raw, bytes) else str(raw).encode()


def _bodies(db: sqlite3.Connection, table: str, needles: Sequence[bytes]) -> Iterator[bytes]:
    where = " OR ".join("instr(CAST(body AS BLOB), ?) > 0" for _ in needles)
    for (body,) in db.execute(f"SELECT body FROM {table} WHERE {where}", needles):
        yield body if isinstance(body, bytes) else str(body).encode()


def _digests_in(body: bytes, holder: str) -> set[bytes]:
    """Digests beside this holder, wherever in the JSON an identification stands."""
    try:
        waiting = [msgspec.json.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set()
    found: set[bytes] = set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            credential = value.get("credential")
            if value.get("holder") == holder and isinstance(credential, dict):
                digest = str(credential.get("digest", ""))
                if re.fullmatch(r"(?:[0-9a-f]{2}){16,64}", digest):
                    found.add(bytes.fromhex(digest))
    return found


def _tables(db: sqlite3.Connection) -> dict[str, list[str]]:
    names = db.execute("SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'")
    return {name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")] for (name,) in names.fetchall()}


@contextmanager
def _open(path: Path, *, write: bool = True) -> Iterator[sqlite3.Connection]:
    mode = "rw" if write else "ro"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True, isolation_level=None, timeout=10)) as db:
            db.execute("PRAGMA synchronous=FULL")
            # What is deleted is overwritten with zeros in the file too (https://www.sqlite.org/pragma.html).
            db.execute("PRAGMA secure_delete=ON")
            yield db
    except sqlite3.Error as error:
        raise LedgerError(str(error), "See `smartplace doctor`", where=str(path)) from error
