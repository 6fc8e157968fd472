"""What holds for any rules and any receipt."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.decision import Decision
from gateway.model.money import line_cents
from gateway.model.receipt import Means
from gateway.rules.engine import RuleSet
from gateway.rules.index import compile
from gateway.rules.question import Question
from gateway.rules.read import load
from gateway.rules.trace import MAX_ALIKE, MAX_TRACED, ORDER, TOOK_PART
from tests.rules.builders import (
    Json,
    a_document,
    a_question,
    documents,
    percent,
    question,
    questions,
    rule,
    rule_lists,
    rule_set,
)
from tests.rules.drawn import CHOICES
from tests.rules.oracle import Expected, expected

ROOT = Path(__file__).parents[2]
MANY = 1500


def compiled(content: Json) -> RuleSet:
    return compile(load(json.dumps(content).encode()), 7)


def plain(decision: Decision) -> Expected:
    """A decision in the oracle's words."""
    vats = [one.vat for one in decision.lines]
    return Expected(
        [(one.list_cents, [(s.rule, s.party, s.form.value, s.cents) for s in one.shares]) for one in decision.lines],
        [(vat.treatment.value, vat.gross_cents, vat.basis_points, vat.tax_cents) if vat else None for vat in vats],
        [(use.key, use.period, use.units, use.holder, use.grace, use.card) for use in decision.uses],
        [(one.rule, one.key, one.period, one.left, one.limit, one.until) for one in decision.balances],
        decision.rounding_cents,
    )


@given(documents(), questions())
def test_every_cent_use_and_balance_is_what_the_plain_reading_of_the_page_gives(content: Json, asked: Question) -> None:
    assert plain(compiled(content).decide(asked)) == expected(content, asked)


def test_the_same_many_times_over() -> None:
    """Without Hypothesis nothing is made small, but there is time for many more."""
    first = 0 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(2**32)
    for seed in range(first, first + MANY):
        chance = random.Random(seed)
        content, asked = a_document(chance), a_question(chance)
        assert plain(compiled(content).decide(asked)) == expected(content, asked), f"seed {seed}"


@given(rule_lists(), questions())
def test_sums_and_bounds_hold(rules: list[Json], asked: Question) -> None:
    decision = rule_set(*rules).decide(asked)
    for line in decision.lines:
        assert 0 <= line.discount_cents <= line.list_cents
        assert sum(share.cents for share in line.shares) == line.discount_cents
        assert all(share.cents > 0 for share in line.shares)
    assert sum(line.discount_cents for line in decision.lines) == decision.discount_cents
    assert sum(line.list_cents for line in decision.lines) == decision.list_cents == asked.receipt.list_cents


@given(documents(), questions())
def test_a_documents_sums_and_bounds_hold(content: Json, asked: Question) -> None:
    decision = compiled(content).decide(asked)
    for line, bought in zip(decision.lines, asked.receipt.lines, strict=True):
        assert 0 <= line.discount_cents <= line.list_cents == bought.list_cents
        assert sum(share.cents for share in line.shares) == line.discount_cents
        assert line.due_cents >= min(line.list_cents, line_cents(bought.floor_cents, bought.quantity))
        assert (bought.discountable and bought.category) or not line.shares
    left = {(one.key, one.period, one.holder): one for one in asked.quotas}
    for use in decision.uses:
        of = left[use.key, use.period, use.holder]
        assert 0 < use.units <= (of.left if of.known else of.grace)
    assert decision.due_cents == sum(line.due_cents for line in decision.lines) + decision.rounding_cents
    assert asked.receipt.means is Means.CASH or not decision.rounding_cents


@given(documents(), questions(), st.randoms(use_true_random=False))
def test_the_order_of_rules_and_codes_changes_no_byte(content: Json, asked: Question, shuffle: random.Random) -> None:
    shuffled = list(content["rules"])
    shuffle.shuffle(shuffled)
    again = msgspec.structs.replace(
        asked,
        entitlements=asked.entitlements[::-1] * 2,
        merchant_groups=asked.merchant_groups[::-1] * 2,
        events=asked.events[::-1],
        quotas=asked.quotas[::-1],
    )
    one, other = compiled(content).decide(asked), compiled({**content, "rules": shuffled}).decide(again)
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


UNRELATED = (
    {"what": {"categories": ["elsewhere"]}},
    {"where": {"merchant_groups": ["elsewhere"]}},
    {"who": {"any_of_groups": ["somebody-else"]}},
    {"what": {"skus": ["no-such-article"]}},
    {"when": {"dates": {"until": "2026-05-01"}}},
    {"need": {"events": [{"event": "never"}]}},
)


@given(documents(), questions(), st.sampled_from(UNRELATED), st.sampled_from([None, *CHOICES]), st.integers(-9, 9))
def test_a_rule_that_does_not_hold_here_changes_no_amount(
    content: Json, asked: Question, unrelated: Json, group: str | None, priority: int
) -> None:
    stage, choose = CHOICES[group] if group else (1, "best")
    named = {"exclusive_group": group, "choose": choose} if group else {}
    other = rule("a", give=percent(10_000), stage=stage, priority=priority, **named, **unrelated)
    decision = compiled(content).decide(asked)
    beside = compiled({**content, "rules": [*content["rules"], other]}).decide(asked)
    assert plain(decision) == plain(beside)
    assert decision.messages == beside.messages


@given(documents(), questions())
def test_what_is_asked_for_is_all_that_counts(content: Json, asked: Question) -> None:
    """`asks` names every quota on which the decision rests: the others may be left out of the question."""
    rules = compiled(content)
    named = {(one.key, one.period.name, one.holder) for one in rules.asks(asked)}
    quotas = tuple(one for one in asked.quotas if (one.key, one.period, one.holder) in named)
    assert plain(rules.decide(msgspec.structs.replace(asked, quotas=quotas))) == plain(rules.decide(asked))


@given(documents(), questions())
def test_the_names_of_lines_change_no_amount(content: Json, asked: Question) -> None:
    names = {line.id: f"{9 - number}x" for number, line in enumerate(asked.receipt.lines)}
    lines = tuple(msgspec.structs.replace(line, id=names[line.id]) for line in asked.receipt.lines)
    receipt = msgspec.structs.replace(asked.receipt, lines=lines)
    decision = compiled(content).decide(asked)
    renamed = compiled(content).decide(msgspec.structs.replace(asked, receipt=receipt))
    assert [msgspec.structs.replace(line, line=names[line.line]) for line in decision.lines] == list(renamed.lines)
    assert renamed.inputs != decision.inputs


@given(rule_lists(most=16), questions())
def test_the_trace_is_bounded_ordered_and_tells_what_was_granted(rules: list[Json], asked: Question) -> None:
    trace = rule_set(*rules).decide(asked).trace
    assert len(trace) <= MAX_TRACED
    assert [ORDER.index(fate.reason) for fate in trace] == sorted(ORDER.index(fate.reason) for fate in trace)
    told = Counter(fate.reason for fate in trace)
    assert all(told[reason] <= MAX_ALIKE for reason in told if reason not in TOOK_PART)
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
