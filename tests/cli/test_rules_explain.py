"""`smartplace rules explain`: a decision that stands in the ledger, in words, and computed again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.cli.exits import Exit
from gateway.config.types import GateStation
from gateway.ledger.forget import forget
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.stations.gate import Gate
from tests.cli.conftest import smartplace, write_config
from tests.rules.builders import document, percent, rule
from tests.support.place import FREE, Card, Place

RULES = document(
    rule("free", who={"any_of_groups": [FREE]}, give=percent(10_000), title={"en": "Free entry", "lv": "Bez maksas"}),
    rule("adults", who={"none_of_groups": [FREE]}, give=percent(1000)),
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A place where Anna has entered once: entry 1 of the stream `receipt`."""
    config = write_config(tmp_path / "etc")
    (tmp_path / "etc" / "state").mkdir()

    async def enter() -> None:
        place = Place(tmp_path / "etc" / "state").start()
        place.benefits.use(compile_rules(load(RULES), 7), 0)
        place.cache.staging.put_content("rules", 7, RULES)
        section = GateStation(id="gate-1", readers=("nfc-1",), relay="relay-1", category="admission")
        await Gate(section, place.services).on_reading(Card("anna").tap(place))
        await place.settle()
        await place.stop()

    asyncio.run(enter())
    return config


def test_in_words_and_computed_again(config: Path) -> None:
    done = smartplace("rules", "explain", "1", "--config", config)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [
        "Admission: 2.50 -> 0.00",
        "  applied: Free entry (free v1): -2.50, borne by merchant 2.50",
    ]
    assert "these holders are excluded" in done.stdout


def test_as_json_and_by_its_whole_id(config: Path) -> None:
    told = json.loads(smartplace("ledger", "stats", "--json", "--config", config).stdout)
    entry = f"{told['gateway']}/{told['epoch']}/receipt/1"
    told = json.loads(smartplace("rules", "explain", entry, "--json", "--config", config).stdout)
    assert (told["kind"], told["same"], told["evaluation"]["totals"]["due_cents"]) == ("admission", True, 0)


def test_other_rules_give_something_else(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(document(rule("free", who={"any_of_groups": [FREE]}, give=percent(9000))))
    done = smartplace("rules", "explain", "1", "--rules", other, "--config", config)
    assert done.returncode == Exit.FAILED
    assert "something else" in done.stderr
    assert done.stdout.startswith("Admission: 2.50 -> 0.00"), "what was decided is told all the same"


@pytest.mark.parametrize(
    ("entry", "code", "says"),
    [
        ("99", Exit.NOT_FOUND, "no such entry"),
        ("2", Exit.NOT_FOUND, "kind opened"),
        ("gw-test/0123456789abcdef/receipt/1", Exit.NOT_FOUND, "no epoch"),
        ("receipt/x", Exit.REFUSED, "is no entry"),
    ],
)
def test_what_is_no_decision_is_said(config: Path, entry: str, code: Exit, says: str) -> None:
    done = smartplace("rules", "explain", entry, "--config", config)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert says in done.stderr


def test_what_was_forgotten_is_not_told(config: Path, tmp_path: Path) -> None:
    async def forgotten() -> None:
        place = Place(tmp_path / "etc" / "state").start()
        await forget(place.ledger, tmp_path / "etc" / "state" / "cache.db", "h-anna")
        await place.stop()

    asyncio.run(forgotten())
    done = smartplace("rules", "explain", "1", "--config", config)
    assert done.returncode == Exit.NOT_FOUND
    assert "forgotten" in done.stderr
