"""docs/errors.md holds every code that the gateway's errors have, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gateway.api import problems
from gateway.model import errors
from gateway.model.errors import GatewayError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text("utf-8")
LEDGER = "ledger_sqlite_"


def trees() -> Iterator[ast.Module]:
    for file in sorted((ROOT / "gateway").rglob("*.py")):
        yield ast.parse(file.read_text("utf-8"), str(file))


def classes_of_errors() -> set[str]:
    """Names of GatewayError and everything derived from it, wherever it stands."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"GatewayError"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


def codes() -> set[str]:
    """Every code written in the code: of a class, given to an error, or fourth argument of `HttpRefused`."""
    kinds, found = classes_of_errors(), set()
    for tree in trees():
        for node in ast.walk(tree):
            values: list[ast.expr] = []
            if isinstance(node, ast.ClassDef) and node.name in kinds:
                values = [
                    item.value
                    for item in node.body
                    if isinstance(item, ast.Assign) and [getattr(t, "id", "") for t in item.targets] == ["code"]
                ]
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in kinds:
                values = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                if getattr(node.func, "id", "") == "HttpRefused":
                    values += node.args[3:4]
            found |= {value.value for value in values if isinstance(value, ast.Constant) and value.value}
    return {str(code) for code in found}


def chain_codes() -> set[str]:
    tree = ast.parse((ROOT / "gateway" / "api" / "chains.py").read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ChainState":
            for keyword in node.keywords:
                if keyword.arg == "code":
                    found |= {c.value for c in ast.walk(keyword.value) if isinstance(c, ast.Constant)}
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [getattr(name, "id", "") for name in node.targets[0].elts]
            if "code" in names and isinstance(node.value, ast.Tuple):
                value = node.value.elts[names.index("code")]
                found |= {c.value for c in ast.walk(value) if isinstance(c, ast.Constant)}
    return {str(code) for code in found}


def documented(section: str) -> set[str]:
    """Codes in the first column of a section's tables."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))


def test_the_search_finds_codes_of_every_form() -> None:
    assert {"error", "ledger", "key_reused", "foreign_host", "not_a_till", "chain_broken", "internal"} <= codes()
    assert {"Unreachable", "DecisionBroken", "BadAnswer"} <= classes_of_errors()


def test_every_code_is_documented_and_no_other() -> None:
    sections = ("Requests", "Parts of the gateway", "Holders and cards at the centre", "Command line")
    told = {code for section in sections for code in documented(section)}
    assert codes() - told == set(), "add these to docs/errors.md"
    assert {code for code in told - codes() if not code.startswith(LEDGER)} == set(), "these are no more"


def test_every_chains_code_is_documented_and_no_other() -> None:
    assert chain_codes() == documented("Chains")


def test_the_status_told_is_the_status_given() -> None:
    """For codes that stand for themselves, whatever class they come in."""
    told = dict(re.findall(r"^\| `([a-z_]+)` \| ([0-9]{3}) \|", PAGE, re.MULTILINE))
    for name in ("InputRefused", "NotFound", "Conflict", "NotReady", "DeadlineMissed", "LedgerError", "GatewayError"):
        kind: type[GatewayError] = getattr(errors, name)
        assert problems.of(kind("x")).status == int(told[kind.code]), name
    for code, kind in (("malformed_json", errors.InputRefused), ("ledger_sqlite_full", errors.LedgerError)):
        assert problems.of(kind("x", code=code)).status == int(told[code])


def test_what_may_be_repeated_says_when() -> None:
    assert problems.retry_after_s(problems.of(errors.NotReady("x"))) == 2
    assert problems.retry_after_s(problems.of(errors.Conflict("x", code="in_progress"))) == 1
    assert problems.retry_after_s(problems.of(errors.Conflict("x", code="key_reused"))) is None
