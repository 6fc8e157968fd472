"""Prepares a bench's town and ends: `python -m tests.bench.prepare FOLDER PORTS [--cards N] [--rules N] [--entries N]`.

A program of its own, because the bench itself must not load what the gateway loads: pages that both map would
make the gateway's proportional set size smaller than it is on a box of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import time
from pathlib import Path

import msgspec

from gateway.centre.holders import ImportedCredential, ImportedHolder, asked_by, build_registry
from gateway.centre.publisher import read_bundle, write_bundle
from gateway.centre.sign import build_bundle, load_key
from gateway.cli.demo.town import CITY, GATEWAY, Town
from gateway.config.files import bundled
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import IdentificationBody
from gateway.model.clock import SystemClock
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.identification import Credential, CredentialKind, Identification, Strength
from gateway.rules.read import load
from gateway.sync.bundles import Bundles
from gateway.wire.bundle import BundleKind, parse_public_key
from gateway.wire.registry import encode
from tests.bench.baselines.rule_index import plain_rules
from tests.bench.rules_written import document, this_year
from tests.support.bundles import hand_over

KEY_ID = "demo1"
GROUPS = ("g1", "g5", "g9")
"""Of the bench `rules`' people."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("ports", type=json.loads)
    parser.add_argument("--cards", type=int, default=0, help="replace the registry by one of so many cards")
    parser.add_argument("--rules", type=int, default=0, help="replace the rules by so many of the bench `rules`")
    parser.add_argument("--entries", type=int, default=0, help="leave a ledger of so many entries, as after a crash")
    given = parser.parse_args()
    town = Town(given.folder)
    town.prepare(given.ports)
    rules = document(plain_rules(given.rules), this_year()) if given.rules else b""
    if rules:
        _publish(town, BundleKind.RULES, rules)
    if given.cards:
        make_cards(town, given.cards, rules)
    if given.entries:
        asyncio.run(crash(town, given.entries))


def make_cards(town: Town, number: int, rules: bytes) -> None:
    """A registry of people with random cards, in the place of the demo's; the cards for the bench's reader. They are
    pupils, or of groups that the bench's own `rules` name."""
    uids = [b"\x04" + os.urandom(6) for _ in range(number)]
    holders = [
        ImportedHolder(
            holder=f"holder-{index}",
            entitlements=GROUPS if rules else ("c1", "p1"),
            credentials=(ImportedCredential(kind=CredentialKind.CARD, id=uid.hex()),),
        )
        for index, uid in enumerate(uids)
    ]
    asked = asked_by(load(rules or bundled("bundles/demo-rules.json").read_bytes()))
    card_key = bytes.fromhex((town.keys / "card.hex").read_text(encoding="ascii"))
    _publish(town, BundleKind.REGISTRY, encode(build_registry(holders, card_key, KEY_ID, asked)))
    (town.folder / "bench-cards.json").write_bytes(msgspec.json.encode([uid.hex() for uid in uids]))


def _publish(town: Town, kind: BundleKind, content: bytes) -> None:
    """In the place of the demo's bundle of this kind."""
    key = load_key(town.keys / "bundles.key")
    now_ms = time.time_ns() // 1_000_000
    bundle = build_bundle(kind, now_ms // 1000, CITY, "*", content, key, created_ms=now_ms)
    write_bundle(town.folder / f"{kind}.bundle", bundle)


async def crash(town: Town, entries: int) -> None:
    """`crashed/`: the state folder of a gateway that has its bundles and a ledger, and was not stopped cleanly."""
    live, crashed = town.folder / "live", town.folder / "crashed"
    clock = SystemClock(vouched=True)
    ledger, cache = Ledger(live / "ledger.db", GATEWAY, clock), Cache(live / "cache.db")
    ledger.start()
    cache.start()
    trusted = (parse_public_key((town.keys / "bundles.pub").read_text(encoding="ascii")),)
    bundles = Bundles(ledger, cache, trusted, (CITY, GATEWAY, KEY_ID), clock, lambda _rules: None)
    bundles.start()
    for bundle in town.bundles:
        await hand_over(bundles, read_bundle(bundle))
    if len(bundles.numbers) != len(town.bundles):
        raise SystemExit(f"bundles in force: {bundles.numbers}")
    credential = Credential(CredentialKind.CARD, Strength.WEAK, os.urandom(32).hex(), KEY_ID)
    who = Identification(credential=credential, holder="holder-1", entitlements=("c1", "p1"))
    body = msgspec.json.encode(IdentificationBody(station="library-desk", identification=who))
    for _ in range(entries):
        await ledger.commit([NewEntry(Stream.IDENTIFICATION, EntryKind.IDENTIFICATION, body)])
    shutil.copytree(live, crashed, ignore=shutil.ignore_patterns("*-shm"))
    await ledger.stop()
    cache.stop()
    shutil.rmtree(live)


if __name__ == "__main__":
    main()
