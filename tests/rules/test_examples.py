"""The examples of docs/rules.md are what the page says: each block marked `example` is run."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.model.errors import InputRefused
from gateway.rules.evaluate import evaluate
from gateway.rules.evaluation import Evaluation
from gateway.rules.read import load
from gateway.rules.setting import Setting
from tests.rules.builders import Json, document

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
EXAMPLES: list[Json] = [
    json.loads(block) for block in re.findall(r"^```json example\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]
PLAIN = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TABLES = ("calendars", "partners", "suspensions", "vat")
KEYS = {*TABLES, "what", "rules", "bundle", "holder", "receipt", "expect", "refused", *Setting.__struct_fields__}


def _differences(expected: Any, got: Any, path: str = "$") -> list[str]:
    """Where `got` is not what is expected: objects may have further fields, lists may not have further items."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return [d for key, value in expected.items() for d in _differences(value, got.get(key), f"{path}.{key}")]
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return [f"{path}: {len(got)} items instead of {len(expected)}: {got}"]
        pairs = enumerate(zip(expected, got, strict=True))
        return [d for i, (one, other) in pairs for d in _differences(one, other, f"{path}[{i}]")]
    return [] if expected == got else [f"{path}: {got!r} instead of {expected!r}"]


def _rules(example: Json) -> bytes:
    if "bundle" in example:
        return (ROOT / "config/bundles" / str(example["bundle"])).read_bytes()
    tables = {name: example[name] for name in TABLES if name in example}
    return json.dumps({**json.loads(document(*example["rules"])), **tables}).encode()


def setting(example: Json) -> Setting:
    given = {name: example[name] for name in Setting.__struct_fields__ if name in example}
    at = str(example.get("at", "2026-11-23"))
    return msgspec.convert({**given, "at": datetime.fromisoformat(at if "T" in at else f"{at}T12:00")}, Setting)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["what"] for example in EXAMPLES])
def test_example(example: Json) -> None:
    assert set(example) <= KEYS
    if "refused" in example:
        with pytest.raises(InputRefused) as caught:
            load(_rules(example))
        assert caught.value.where == example["refused"]["where"]
        assert example["refused"]["text"] in caught.value.what
        return
    evaluation = evaluate(
        _rules(example),
        json.dumps(example["receipt"]).encode(),
        json.dumps(example["holder"]).encode() if "holder" in example else None,
        setting(example),
    )
    got = json.loads(msgspec.json.encode(evaluation))
    assert example["expect"]
    assert _differences(example["expect"], got) == []


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 12


def test_the_document_on_the_page_is_accepted() -> None:
    assert load(PLAIN[0].encode()).rules[0].id == "museum-free-p1"


def test_the_evaluation_on_the_page_has_every_field_and_no_other() -> None:
    shown = json.loads(PLAIN[1])
    assert json.loads(msgspec.json.encode(msgspec.convert(shown, Evaluation))) == shown
