"""The sample rules: their examples hold, each rule is shown giving and not giving, and what looks odd is explained."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gateway.rules.document import RulesContent
from gateway.rules.examples import run
from gateway.rules.finding import Level
from gateway.rules.folder import put_together
from gateway.rules.index import compile
from gateway.rules.lint import lint

ROOT = Path(__file__).parents[2]
FOLDERS = sorted((ROOT / "config/rules").iterdir())
FILES = [file for folder in FOLDERS for file in sorted(folder.glob("*.json"))]
PAGE = (ROOT / "docs/rules-samples.md").read_text(encoding="utf-8")
SCHEMA = Draft202012Validator(json.loads((ROOT / "config/schemas/rules.json").read_bytes()))
MADE = date(2026, 11, 24)
SENSITIVE = ("invalid", "disab", "pensi", "orphan", "bāreņ", "repres", "našlaič", "neįgal", "инвалид", "пенси", "сирот")
"""Parts of words that a queue is not to read on a screen."""


def parts(folder: Path) -> list[tuple[str, bytes]]:
    return [(file.name, file.read_bytes()) for file in sorted(folder.glob("*.json"))]


def content(folder: Path) -> RulesContent:
    return put_together(parts(folder)).load()


def name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_every_example_is_as_expected(folder: Path) -> None:
    rules = content(folder)
    assert {one.what: one.differences for one in run(rules, compile(rules, 0)) if one.differences} == {}


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_each_rule_is_shown_giving_and_not_giving(folder: Path) -> None:
    rules = content(folder)
    gives: set[str] = set()
    gives_not: set[str] = set()
    for raw in rules.examples:
        expect: Any = json.loads(bytes(raw))["expect"]
        for line in expect.get("lines", ()):
            gives |= {given["rule"] for given in line.get("rules", ()) if given["cents"] and given["payers"]}
        gives_not |= {
            rule for rule, why in expect.get("reasons", {}).items() if why.get("reason", "applied") != "applied"
        }
    assert {rule.id for rule in rules.rules} - gives == set()
    assert {rule.id for rule in rules.rules} - gives_not == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_nothing_is_wrong_and_each_warning_is_explained(folder: Path) -> None:
    found = lint(parts(folder), MADE)
    assert [one for one in found if one.level is Level.FAULT] == []
    explained = set(re.findall(r"^\| `(\w+:[a-z0-9-]+)` \| \S", PAGE, re.MULTILINE))
    here = {one for one in explained if one.partition(":")[2] in {rule.id for rule in content(folder).rules}}
    assert {f"{one.code}:{one.rule}" for one in found} == here


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_what_a_screen_shows_is_neutral_and_in_four_languages(folder: Path) -> None:
    for rule in content(folder).rules:
        for text in (rule.title, rule.message):
            shown = [getattr(text, language, "") for language in ("lv", "lt", "en", "ru")]
            assert not [one for one in shown if isinstance(one, str) and any(word in one.lower() for word in SENSITIVE)]


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_file_is_what_an_editor_is_told(file: Path) -> None:
    assert [error.message for error in SCHEMA.iter_errors(json.loads(file.read_bytes()))] == []


def test_every_file_and_rule_is_on_the_page() -> None:
    for folder in FOLDERS:
        assert [file.name for file in folder.glob("*.json") if f"`{file.name}`" not in PAGE] == []
        assert [rule.id for rule in content(folder).rules if f"`{rule.id}`" not in PAGE] == []
