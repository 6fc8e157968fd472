"""Counts what was lost and what was done twice, from outside: what simulators, pages and the POS noted, against
what the centre has stored. The gateway's own word counts for nothing here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.centre.query import EntryRow
from gateway.model.entry import EntryKind
from gateway.model.fiscal import PrintResult
from gateway.model.gate_bodies import VoidReason

PRESENTED = (EntryKind.IDENTIFICATION, EntryKind.REFUSAL, EntryKind.ADMISSION)
ONCE_AN_ADMISSION = (EntryKind.OPENED, EntryKind.PASSED, EntryKind.VOID)

Body = dict[str, Any]


class Told(msgspec.Struct, frozen=True):
    """An entry that someone was told is recorded, and what it was said to be."""

    entry: str
    station: str
    mark: str = ""
    """First digits of the credential's digest, as a page shows them; empty when none could be read."""
    key: str = ""
    """The POS's idempotency key."""


class Noted(msgspec.Struct):
    """What the world outside the gateway saw."""

    shown: list[Told] = msgspec.field(default_factory=list)
    """What pages called recorded: each time another entry."""
    answers: list[Told] = msgspec.field(default_factory=list)
    """What the POS was told of its receipts: under the same key the same entry."""
    presented: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """(station, digest) → how often a reader saw this credential there; no digest for what cannot be read."""
    pulses: int = 0
    """How often the relay closed."""
    papers: list[tuple[str, int]] = msgspec.field(default_factory=list)
    """(key on the paper, total in cents) of each closed fiscal receipt."""
    printed: set[str] = msgspec.field(default_factory=set)
    """Keys on paper of which the POS was told that they are printed."""


class Verdict(msgspec.Struct, frozen=True):
    """What was lost or done twice: a sentence each."""

    lost: tuple[str, ...]
    duplicates: tuple[str, ...]


def check(noted: Noted, stored: Sequence[EntryRow]) -> Verdict:
    """The two counters.

    Lost: told and not in the centre's store, or another thing is there; a number that is missing between others;
    a gate that opened, or a paper, without its entry; a paper that was told and is not there.
    Duplicates: more entries of one credential, key, quote, paper or opening than there were; two papers of one key.
    """
    rows = [(row, _body(row)) for row in stored]
    return Verdict(tuple(_lost(noted, rows)), tuple(_duplicates(noted, rows)))


# Lost ----------------------------------------------------------------------------------------------------


def _lost(noted: Noted, rows: list[tuple[EntryRow, Body]]) -> Iterator[str]:
    bodies = {_name(row): body for row, body in rows}
    for told in (*noted.shown, *noted.answers):
        if told.entry not in bodies:
            yield f"entry {told.entry}, told at {told.station}"
        elif not _is_what_was_told(told, bodies[told.entry]):
            yield f"entry {told.entry}: told at {told.station} {told.mark}{told.key}, something else is stored"
    for entry, count in Counter(told.entry for told in noted.shown).items():
        yield from [f"entry {entry} was told for more than one thing"] * (count - 1)
    told_of = {told.entry for told in (*noted.shown, *noted.answers)}
    yield from (f"entry {entry}, though later ones are there" for entry in _missing(rows) if entry not in told_of)
    grants = sum(_is_grant(row, body) for row, body in rows)
    yield from ["an opening without its admission"] * (noted.pulses - grants)
    sold = {body["quote"] for row, body in rows if row.kind is EntryKind.RECEIPT}
    sold |= {body["work"]["key"] for row, body in rows if row.kind is EntryKind.FISCAL_WORK}
    sold |= {body.get("work") for row, body in rows if row.kind is EntryKind.REFUND}
    yield from (f"paper {key} without its receipt" for key, _ in noted.papers if key not in sold)
    yield from (f"paper {key} was told and is not there" for key in noted.printed - {key for key, _ in noted.papers})


def _is_what_was_told(told: Told, body: Body) -> bool:
    return (
        body.get("station") == told.station
        and _digest(body).startswith(told.mark)
        and (not told.key or body.get("key") == told.key)
    )


def _missing(rows: list[tuple[EntryRow, Body]]) -> Iterator[str]:
    """Numbers count up without a gap within a gateway's epoch and stream."""
    seen: dict[str, set[int]] = defaultdict(set)
    for row, _ in rows:
        seen[f"{row.gateway}/{row.epoch}/{row.stream}"].add(row.seq)
    for stream, numbers in seen.items():
        for number in sorted(set(range(min(numbers), max(numbers))) - numbers):
            yield f"{stream}/{number}"


def _is_grant(row: EntryRow, body: Body) -> int:
    """How many openings an admission may have: one for each person; less those of its void when the gate surely stayed
    shut for them."""
    if row.kind is EntryKind.VOID and body["reason"] == VoidReason.NOT_OPENED and not body.get("opening_unknown"):
        return -int(body.get("passages", 1))
    if row.kind is EntryKind.ADMISSION:
        return int(body["identification"].get("persons", 1))
    return 0


# Duplicates ----------------------------------------------------------------------------------------------


def _duplicates(noted: Noted, rows: list[tuple[EntryRow, Body]]) -> Iterator[str]:
    seen = Counter((body["station"], _digest(body)) for row, body in rows if row.kind in PRESENTED)
    for (station, digest), count in seen.items():
        times = noted.presented[station, digest]
        yield from [f"{station}: {digest[:6] or 'an unreadable one'} came {times} times"] * (count - times)
    receipts = [(row, body) for row, body in rows if row.kind is EntryKind.RECEIPT]
    yield from _twice("receipt", (f"{body['station']} {body['key']}" for _, body in receipts))
    yield from _twice("quote sold", (body["quote"] for _, body in receipts))
    yield from _twice("paper", (key for key, _ in noted.papers))
    yield from _twice("printed outcome", (body["key"] for row, body in rows if _is_printed(row, body)))
    of_admissions = [(row, body) for row, body in rows if row.kind in ONCE_AN_ADMISSION]
    yield from _twice("step of a gate", (_step(row, body) for row, body in of_admissions))
    answered = {(told.station, told.key, told.entry) for told in noted.answers}
    yield from _twice("answer", (f"{station} {key}" for station, key, _ in answered))


def _step(row: EntryRow, body: Body) -> str:
    """An opening or a passage is one of each of the grant's persons; a void is the end of it."""
    passage = body.get("passage", 1)
    return f"{row.kind} {row.epoch}/{body['admission']}" + (f" {passage}" if passage > 1 else "")


def _twice(what: str, names: Iterator[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        yield from [f"{what} twice: {name}"] * (count - 1)


def _is_printed(row: EntryRow, body: Body) -> bool:
    return row.kind is EntryKind.FISCAL_OUTCOME and body["outcome"] == PrintResult.PRINTED


# Entries -------------------------------------------------------------------------------------------------


def _name(row: EntryRow) -> str:
    return f"{row.gateway}/{row.epoch}/{row.stream}/{row.seq}"


def _digest(body: Body) -> str:
    """Of the credential in it; empty when there is none."""
    identification = body.get("identification") or {}
    credential = identification.get("credential") or {}
    return str(credential.get("digest", ""))


def _body(row: EntryRow) -> Body:
    body: Body = msgspec.json.decode(row.body) if row.body else {}
    return body
