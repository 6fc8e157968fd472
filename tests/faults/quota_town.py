"""What a town has where quotas are at stake: many people, each of whom may have a few benefits, and a budget of cents
for everybody."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

from gateway.centre.holders import ImportedCredential, ImportedHolder, asked_by, build_registry
from gateway.cli.demo.town import CARD_KEY_ID, Town
from gateway.model.decision import QuotaUnit
from gateway.model.identification import CredentialKind
from gateway.rules.read import load
from gateway.wire.bundle import BundleKind
from gateway.wire.registry import encode
from tests.faults.bundles import next_bundles
from tests.rules.builders import document, percent, rule

GROUP = "c1"
VISITS, BUDGET = "visits", "budget"
"""Each is the name of a rule and of its quota. In the till's basket one is for the book, the other for the pens."""
PERIOD = "ever"
EVERY_MS = 40
READER = """readers = ["till-reader"]

[[device]]
id = "till-reader"
driver = "passers"
command = [{python}, "-m", "tests.faults.passers"]
options = {{ cards = {cards}, every_ms = {every_ms} }}
"""
"""The first line belongs to the till, whose section is the last one before it."""


class Limit(NamedTuple):
    """What there is of a quota: in each holder's cell, or for everybody."""

    unit: QuotaUnit
    units: int


class Stakes(NamedTuple):
    """How many people there are, how many receipts with a benefit each of them may have, and everybody's cents."""

    people: int
    visits: int
    cents: int

    @property
    def limits(self) -> dict[str, Limit]:
        return {VISITS: Limit(QuotaUnit.USES, self.visits), BUDGET: Limit(QuotaUnit.CENTS, self.cents)}


def furnish(town: Town, stakes: Stakes) -> str:
    """Bundles with these quotas and people in the place of the town's. Returns what the configuration has more: a
    reader at the till that all of them pass."""
    uids = [f"04b0{number:010x}" for number in range(stakes.people)]
    rules = document(
        rule(
            VISITS,
            who={"any_of_groups": [GROUP]},
            what={"categories": ["books"]},
            quota=[{"key": VISITS, "unit": "uses", "limit": stakes.visits, "period": PERIOD}],
        ),
        rule(
            BUDGET,
            what={"categories": ["stationery"]},
            give=percent(3000),
            quota=[
                {
                    "key": BUDGET,
                    "unit": "cents",
                    "limit": stakes.cents,
                    "period": PERIOD,
                    "per": "all",
                    "on_exceed": "cut",
                }
            ],
        ),
    )
    card_key = bytes.fromhex((town.keys / "card.hex").read_text(encoding="ascii"))
    registry = build_registry([_holder(uid) for uid in uids], card_key, CARD_KEY_ID, asked_by(load(rules)))
    next_bundles(town, {BundleKind.RULES: rules, BundleKind.REGISTRY: encode(registry)})
    cards = town.folder / "passers.json"
    cards.write_text(json.dumps(uids), encoding="ascii")
    return READER.format(python=json.dumps(sys.executable), cards=_quoted(cards), every_ms=EVERY_MS)


def _holder(uid: str) -> ImportedHolder:
    card = ImportedCredential(kind=CredentialKind.CARD, id=uid)
    return ImportedHolder(holder=f"holder-{uid[-4:]}", entitlements=(GROUP,), credentials=(card,))


def _quoted(path: Path) -> str:
    return json.dumps(str(path))
