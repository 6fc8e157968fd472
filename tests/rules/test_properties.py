"""What holds for any rules and any receipt."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.decision import Reason
from gateway.rules.question import Question
from gateway.rules.trace import MAX_NEAR, MAX_TRACED, ORDER
from tests.rules.builders import Json, question, questions, rule_lists, rule_set
from tests.rules.oracle import expected

ROOT = Path(__file__).parents[2]


@given(rule_lists(), questions())
def test_every_cent_is_what_the_plain_reading_of_the_page_gives(rules: list[Json], asked: Question) -> None:
    decision = rule_set(*rules).decide(asked)
    got = [(line.list_cents, [(s.rule, s.party, s.cents) for s in line.shares]) for line in decision.lines]
    assert got == expected(rules, asked)


@given(rule_lists(), questions())
def test_sums_and_bounds_hold(rules: list[Json], asked: Question) -> None:
    decision = rule_set(*rules).decide(asked)
    for line in decision.lines:
        assert 0 <= line.discount_cents <= line.list_cents
        assert sum(share.cents for share in line.shares) == line.discount_cents
        assert all(share.cents > 0 for share in line.shares)
    assert sum(line.discount_cents for line in decision.lines) == decision.discount_cents
    assert sum(line.list_cents for line in decision.lines) == decision.list_cents == asked.receipt.list_cents


@given(rule_lists(), questions(), st.randoms(use_true_random=False))
def test_the_order_of_rules_and_codes_changes_no_byte(
    rules: list[Json], asked: Question, shuffle: random.Random
) -> None:
    shuffled = list(rules)
    shuffle.shuffle(shuffled)
    again = msgspec.structs.replace(
        asked, entitlements=asked.entitlements[::-1] * 2, merchant_groups=asked.merchant_groups[::-1] * 2
    )
    one, other = rule_set(*rules).decide(asked), rule_set(*shuffled).decide(again)
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


@given(rule_lists(), questions())
def test_the_names_of_lines_change_no_amount(rules: list[Json], asked: Question) -> None:
    names = {line.id: f"{9 - number}x" for number, line in enumerate(asked.receipt.lines)}
    lines = tuple(msgspec.structs.replace(line, id=names[line.id]) for line in asked.receipt.lines)
    receipt = msgspec.structs.replace(asked.receipt, lines=lines)
    decision = rule_set(*rules).decide(asked)
    renamed = rule_set(*rules).decide(msgspec.structs.replace(asked, receipt=receipt))
    assert [msgspec.structs.replace(line, line=names[line.line]) for line in decision.lines] == list(renamed.lines)
    assert renamed.inputs != decision.inputs


@given(rule_lists(most=30), questions())
def test_the_trace_is_bounded_ordered_and_tells_what_was_granted(rules: list[Json], asked: Question) -> None:
    trace = rule_set(*rules).decide(asked).trace
    assert len(trace) <= MAX_TRACED
    assert [ORDER.index(fate.reason) for fate in trace] == sorted(ORDER.index(fate.reason) for fate in trace)
    for near in (Reason.OTHER_CATEGORY, Reason.OTHER_PLACE, Reason.NOT_ENTITLED, Reason.NOT_IDENTIFIED):
        assert sum(fate.reason is near for fate in trace) <= MAX_NEAR
    once = [(fate.rule, fate.line) for fate in trace]
    assert len(once) == len(set(once))


@given(rule_lists(), questions())
def test_strangers_get_what_strangers_get_whatever_codes_come_with_them(rules: list[Json], asked: Question) -> None:
    stranger = msgspec.structs.replace(asked, identified=False)
    nobody = msgspec.structs.replace(stranger, entitlements=())
    assert rule_set(*rules).decide(stranger) == rule_set(*rules).decide(nobody)


def test_the_hash_seed_changes_no_byte() -> None:
    program = (
        "import msgspec, pathlib; from tests.rules.builders import line, question\n"
        "from gateway.rules.read import load; from gateway.rules.index import compile\n"
        "rules = load(pathlib.Path('config/bundles/demo-rules.json').read_bytes())\n"
        "asked = question(line(1099, 'books'), line(350, 'souvenirs', '2'), line(250, 'admission', '3'),\n"
        "    entitlements=('s2', 'c1', 'p1'), merchant_groups=('shop', 'museum', 'library'))\n"
        "print(msgspec.json.encode(compile(rules, 3).decide(asked)).decode())"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=50,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(answers) == 1
    assert b'"applied"' in answers.pop()


def test_another_bundle_number_or_day_is_another_question() -> None:
    asked = question()
    tomorrow = msgspec.structs.replace(asked, at=asked.at.replace(day=11))
    inputs = {
        rule_set(number=1).decide(asked).inputs,
        rule_set(number=2).decide(asked).inputs,
        rule_set(number=1).decide(tomorrow).inputs,
    }
    assert len(inputs) == 3
