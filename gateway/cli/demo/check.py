"""Counts what was lost and what was done twice, from outside: what simulators, pages and the POS noted, against
what the centre has stored. The gateway's own word counts for nothing here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from gateway.centre.query import EntryRow
from gateway.model.entry import EntryKind

PRESENTED = (EntryKind.IDENTIFICATION, EntryKind.REFUSAL, EntryKind.ADMISSION)


class Noted(msgspec.Struct):
    """What the world outside the gateway saw."""

    told: set[str] = msgspec.field(default_factory=set)
    """Ids of entries that a page or an answer called recorded."""
    presented: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """(station, digest) → how often a reader read this credential there; the digest is empty for a forged one."""
    pulses: int = 0
    """How often the relay closed."""
    keys: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """(station, idempotency key) → receipts that the POS was told are recorded under it."""
    papers: list[tuple[str, int]] = msgspec.field(default_factory=list)
    """(key on the paper, total in cents) of each closed fiscal receipt."""


class Verdict(msgspec.Struct, frozen=True):
    """How many were lost or doubled, and which."""

    lost: tuple[str, ...]
    duplicates: tuple[str, ...]


def check(noted: Noted, stored: Sequence[EntryRow]) -> Verdict:
    """The two counters.

    Lost: told "recorded" and not in the centre's store; a gate that opened, or a paper, without its entry.
    Duplicates: one presented credential, key or paper with more than one entry of its kind, or more than one paper.
    """
    bodies = [(row, _body(row)) for row in stored]
    ids = {f"{row.gateway}/{row.epoch}/{row.stream}/{row.seq}" for row in stored}
    lost = [f"entry {entry}" for entry in sorted(noted.told - ids)]
    admissions = sum(row.kind is EntryKind.ADMISSION for row in stored)
    lost += ["an opening without its admission"] * max(0, noted.pulses - admissions)
    sold = Counter(str(body["quote"]) for row, body in bodies if row.kind is EntryKind.RECEIPT)
    lost += [f"paper {key} without its receipt" for key, _ in noted.papers if key not in sold]
    return Verdict(tuple(lost), tuple(_duplicates(noted, bodies, sold)))


def _duplicates(noted: Noted, bodies: Iterable[tuple[EntryRow, dict[str, Any]]], sold: Counter[str]) -> Iterable[str]:
    rows = list(bodies)
    seen: Counter[tuple[str, str]] = Counter()
    for row, body in rows:
        if row.kind in PRESENTED:
            credential = body["identification"].get("credential") or {}
            seen[body["station"], credential.get("digest", "")] += 1
    for (station, digest), count in seen.items():
        yield from [f"identified twice at {station}: {digest[:6]}"] * max(0, count - noted.presented[station, digest])
    keys = Counter((body["station"], body["key"]) for row, body in rows if row.kind is EntryKind.RECEIPT)
    for (station, key), count in keys.items():
        yield from [f"receipt twice at {station}: {key}"] * (count - 1)
    for key, count in Counter(key for key, _ in noted.papers).items():
        yield from [f"paper twice: {key}"] * (count - 1)
    for key, count in sold.items():
        yield from [f"quote sold twice: {key}"] * (count - 1)
    printed = Counter(body["key"] for row, body in rows if _is_printed(row, body))
    for key, count in printed.items():
        yield from [f"printed outcome twice: {key}"] * (count - 1)


def _is_printed(row: EntryRow, body: dict[str, Any]) -> bool:
    return row.kind is EntryKind.FISCAL_OUTCOME and body["outcome"] == "printed"


def _body(row: EntryRow) -> dict[str, Any]:
    return msgspec.json.decode(row.body) if row.body else {}
