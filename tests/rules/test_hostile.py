"""Documents and receipts that mean harm: refused with the path of the fault, in bounded memory, and what was in force
stays. Memory and time are bounded by the limits of a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.circumstances import Left
from gateway.model.errors import InputRefused
from gateway.model.receipt import MAX_CENTS, MAX_LINES, MAX_QUANTITY, Line, Receipt, check_receipt
from gateway.rules import read
from gateway.rules.check import MAX_PER_KEY
from gateway.rules.document import MAX_RULES
from gateway.rules.parts import MAX_CODES
from gateway.rules.question import Question
from gateway.rules.read import load
from tests.rules.builders import Json, a_document, document, line, percent, question, quota, rule, rule_set

ROOT = Path(__file__).parents[2]
MEMORY = 700_000_000
"""Bytes of address space, Python and libraries counted in. The largest document that is allowed needs some 400 MB."""


def fault(content: bytes) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        load(content)
    return caught.value


def in_bounds(expression: str) -> str:
    """Where and why the document is refused that this expression makes, in a process with little memory."""
    program = (
        "import json\nfrom gateway.model.errors import InputRefused\nfrom gateway.rules.read import load\n"
        f"from tests.rules.builders import rule\ncontent = {expression}\n"
        "try:\n    load(content)\nexcept InputRefused as error:\n    print(error.where, error.what)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("b'x' * 64_000_001", "$ 64000001 bytes"),
        ("b'[' * 10_000_000", "$ not JSON: nested too deep"),
        (
            """b'{"schema":1,"rules":[],"examples":' + b'[' * 5_000_000 + b']' * 5_000_000 + b'}'""",
            "$ not JSON: nested too deep",
        ),
        ("""b'{"schema":1,"rules":[{"title":{"en":"' + b'x' * 10_000_000 + b'"}}]}'""", "$.rules[0].title.en"),
        ("""b'{"schema":1,"rules":[{"' + b'x' * 10_000_000 + b'":1}]}'""", "$.rules[0] there is no field `xxx"),
        ("""b'{"schema":1,"rules":[],"examples":[' + b'{},' * 20_000_000 + b'{}]}'""", "$ more than 4000000 values"),
        (
            """b'{"schema":1,"rules":[{"who":{"any_of_groups":[' + b'"a",' * 2_000_000 + b'"a"]}}]}'""",
            "$.rules[0].who.any_of_groups",
        ),
        ("""b'{"schema":1,"rules":[' + b'{},' * 1_000_000 + b'{}]}'""", "$.rules[0] "),
        (
            """b'{"schema":1,"rules":[' + (json.dumps(rule("a")).encode() + b',') * 150_000 + b'1]}'""",
            "$.rules[150000] ",
        ),
        (
            """b'{"schema":1,"rules":[],' + b'"calendars":{},' * 600_000 + b'"vat":{}}'""",
            "$ 'calendars' is there twice",
        ),
    ],
)
def test_a_huge_document_is_refused_in_little_memory(expression: str, says: str) -> None:
    assert in_bounds(expression).startswith(says)


def test_a_million_rules_are_too_many() -> None:
    body = json.dumps(rule("a"), separators=(",", ":")).encode()
    assert len(body) * 1_000_000 > read.MAX_BYTES
    error = fault(b'{"schema":1,"rules":[' + (body + b",") * MAX_RULES + body + b"]}")
    assert (error.where, str(MAX_RULES) in error.what) == ("$.rules", True)


def paths(value: object, path: str = "$") -> list[str]:
    """Of every object in a JSON value that has a name at all."""
    if isinstance(value, dict):
        return [
            *([path] if value else []),
            *(found for name, part in value.items() for found in paths(part, f"{path}.{name}")),
        ]
    if isinstance(value, list):
        return [found for index, part in enumerate(value) for found in paths(part, f"{path}[{index}]")]
    return []


def with_one_twice(value: object, target: str, path: str = "$") -> str:
    """The value as JSON in which the object at `target` has its last name twice."""
    if isinstance(value, dict):
        parts = [f"{json.dumps(name)}:{with_one_twice(part, target, f'{path}.{name}')}" for name, part in value.items()]
        return "{" + ",".join(parts + parts[-1:] if path == target else parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(with_one_twice(part, target, f"{path}[{i}]") for i, part in enumerate(value)) + "]"
    return json.dumps(value)


@given(st.data(), st.randoms(use_true_random=False))
def test_a_name_twice_in_any_object_is_refused_where_it_stands(data: st.DataObject, chance: Random) -> None:
    content = a_document(chance)
    content["examples"] = [{"expect": {"lines": [{"due_cents": 5}]}}]
    target = data.draw(st.sampled_from(paths(content)))
    error = fault(with_one_twice(content, target).encode())
    assert (error.where, "is there twice" in error.what) == (target, True)


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param('"legal_basis":"Art. 1\\u003a 5\\u003A 7"', id="colons that are escaped"),
        pytest.param('"legal_basis":"Art. 1: 5: 7"', id="colons that are not"),
        pytest.param('"legal_basis":"5","stage":1,"priority":0', id="defaults written out"),
    ],
)
def test_a_name_twice_is_found_whatever_stands_beside_it(beside: str) -> None:
    """Colons are counted: no other text may make up for the one that a name dropped takes along."""
    plain = document(rule("a")).decode()
    once = plain.replace('"legal_basis": "test"', beside)
    assert once != plain
    load(once.encode())
    error = fault(once.replace('"version": 1', '"version": 2, "version": 1').encode())
    assert (error.where, "is there twice" in error.what) == ("$.rules[0]", True)


@pytest.mark.parametrize("number", ["9" * 400, "-1", "-" + "9" * 400, "1e400", "1.5", "NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("version", "$.rules[0].version"),
        ("stage", "$.rules[0].stage"),
        ("give", "$.rules[0].give.cents"),
        ("quota", "$.rules[0].quota[0].limit"),
    ],
)
def test_numbers_that_are_none_of_ours(number: str, field: str, where: str) -> None:
    values: Json = {"give": {"kind": "fixed", "per": "line", "cents": "#"}, "quota": [quota("k", limit="#")]}
    content = document(rule(who={}, **{field: values.get(field, "#")})).replace(b'"#"', number.encode())
    error = fault(content)
    assert error.where in ((where,) if number[-1].isdigit() else (where, "$"))
    assert len(error.what) < 500


CAPPED = {**percent(1000), "cap": {"cents": 5, "per": "unit"}}
MANY: list[Json] = [
    {"exclusive_group": "x"},
    {"give": {"kind": "fixed", "cents": 300_000, "per": "receipt"}, "exclusive_group": "x"},
    {"give": CAPPED, "quota": [quota("k", limit=10**9)]},
]


def worst_question() -> Question:
    """As many lines as may be, by somebody with as many entitlements as a rule may name."""
    lines = tuple(line(1000 + number, id=str(number)) for number in range(MAX_LINES))
    return question(*lines, entitlements=tuple(f"g{number}" for number in range(MAX_CODES)))


@pytest.mark.slow
@pytest.mark.parametrize("fields", MANY, ids=["best of a group", "for the receipt", "quota"])
def test_as_many_rules_as_may_be_meet_as_many_lines(fields: Json) -> None:
    """Bounded by the limits of a test; what it takes is told by the bench `rules`."""
    who = {"any_of_groups": [f"g{number}" for number in range(MAX_CODES)]}
    rules = rule_set(
        *(rule(f"r{number:04}", who=who, what={"categories": ["books"]}, **fields) for number in range(MAX_PER_KEY))
    )
    asked = worst_question()
    left = tuple(Left(one.key, one.period.name, one.period.limit, holder=one.holder) for one in rules.asks(asked))
    decision = rules.decide(msgspec.structs.replace(asked, quotas=left))
    assert decision.discount_cents > 0
    assert len(msgspec.json.encode(decision.trace)) < 20_000


def test_the_largest_receipt_is_decided_to_the_cent() -> None:
    asked = question(line(MAX_CENTS, quantity=1000))
    assert rule_set(rule(give=percent(9999))).decide(asked).due_cents == MAX_CENTS - MAX_CENTS * 9999 // 10_000
    receipt = Receipt((Line(id="1", text="A", category="a", unit_cents=MAX_CENTS, quantity=MAX_QUANTITY),))
    assert "total above" in (check_receipt(receipt) or "")


def test_a_line_that_costs_nothing_gets_nothing() -> None:
    decision = rule_set(rule(give=percent(10_000))).decide(question(line(1, quantity=1), line(5, id="2")))
    assert [one.discount_cents for one in decision.lines] == [0, 5]


def test_a_category_that_nobody_knows_meets_rules_for_everything() -> None:
    rules = rule_set(rule("all"), rule("some", what={"categories": ["books"]}))
    decision = rules.decide(question(line(1000, "no-such-thing")))
    assert [share.rule for share in decision.lines[0].shares] == ["all"]
