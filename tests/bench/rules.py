"""Bench `rules`: finding candidates beside the least code that can, decisions with everything on, reading a document,
and what it costs in memory. Beside them other engines, where they are installed.

Times of work in one process are its own (CPU), so that a busy machine is told apart from slow code.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from gateway.model.receipt import Line, Receipt
from gateway.rules.compiled import ANY
from gateway.rules.engine import RuleSet
from gateway.rules.index import compile, index_of
from gateway.rules.question import Question
from gateway.rules.read import load
from gateway.rules.sieve import met
from tests.bench.baselines.rule_index import (
    MERCHANTS,
    PlainReceipt,
    candidates,
    discount,
    plain_index,
    plain_receipts,
    plain_rules,
)
from tests.bench.context import Context
from tests.bench.frame import Promise, Row, compare, p95, require
from tests.bench.machine import MB, ROOT
from tests.bench.rules_peers import peers
from tests.bench.rules_written import NEW_YEAR, document

RECEIPTS, RECEIPTS_QUICK = 200, 20
CORE_MB = 45.0
"""What the core has without rules (bench `idle`)."""


def run(context: Context) -> list[Row]:
    receipts = list(plain_receipts(RECEIPTS_QUICK if context.quick else RECEIPTS))
    rows = _candidates(context, receipts)
    rows += _decisions(context, receipts)
    rows += _loading(context)
    rows += _memory(context)
    return rows + _peers(context, receipts)


def question(receipt: PlainReceipt) -> Question:
    lines = tuple(
        Line(id=str(at), text="Something", category=category, unit_cents=cents, quantity=pieces * 1000)
        for at, (category, pieces, cents) in enumerate(receipt.lines)
    )
    return Question(
        receipt=Receipt(lines),
        at=NEW_YEAR + timedelta(days=receipt.day, minutes=receipt.minute),
        entitlements=receipt.groups,
        merchant_groups=receipt.merchants,
        identified=True,
    )


def _rule_set(number: int, merchants: int = MERCHANTS) -> RuleSet:
    return compile(load(document(plain_rules(number, merchants))), 1)


def _us(work: Callable[[], object]) -> float:
    began = time.process_time_ns()
    work()
    return (time.process_time_ns() - began) / 1000


def _candidates(context: Context, receipts: Sequence[PlainReceipt]) -> list[Row]:
    """Ours from codes to ranks; theirs from codes to rules."""
    plain = plain_index(plain_rules(10_000))
    index = index_of(load(document(plain_rules(10_000))).rules)
    categories = [receipt.categories for receipt in receipts]

    def ours() -> int:
        found = 0
        for receipt, named in zip(receipts, categories, strict=True):
            groups, places = index.groups.numbers(receipt.groups), index.places.numbers(receipt.merchants)
            lines_of = {index.categories.number(code): (number,) for number, code in enumerate(named)}
            found += len(met(index.cells(groups, places, {**lines_of, ANY: tuple(range(len(named)))})))
        return found

    def theirs() -> int:
        return sum(len(candidates(plain, *pair)) for pair in zip(receipts, categories, strict=True))

    require(ours() == theirs(), f"{ours()} candidates, the baseline found {theirs()}")
    rounds, baseline = [], []
    for _ in context.rounds(7):
        rounds.append([_us(ours) / len(receipts)])
        baseline.append([_us(theirs) / len(receipts)])
    ratios = [[one[0] / other[0]] for one, other in zip(rounds, baseline, strict=True)]
    return [
        compare("rules", "candidates_10k_us", "us", rounds, baseline),
        compare("rules", "candidates_10k_vs_index", "", ratios, None, promise=Promise(1.5, "<= 1.5 x the index")),
    ]


def _decisions(context: Context, receipts: Sequence[PlainReceipt]) -> list[Row]:
    questions = [question(receipt) for receipt in receipts]
    sets = {
        "1k": (_rule_set(1_000), plain_index(plain_rules(1_000))),
        "10k": (_rule_set(10_000), plain_index(plain_rules(10_000))),
        "10k_wide": (_rule_set(10_000, 10 * MERCHANTS), plain_index(plain_rules(10_000, 10 * MERCHANTS))),
    }
    many = 5_000 if context.quick else 100_000
    sets["100k"] = (_rule_set(many), plain_index(plain_rules(many)))
    ours: dict[str, list[list[float]]] = {name: [] for name in sets}
    baseline: dict[str, list[list[float]]] = {name: [] for name in sets}
    for number in context.rounds(5):
        for name, (rules, plain) in sets.items():
            given, expected = [], []
            times, theirs = [], []
            for asked, receipt in zip(questions, receipts, strict=True):
                times.append(_us(lambda: given.append(rules.decide(asked).discount_cents)))  # noqa: B023 (called here)
                theirs.append(
                    _us(lambda: expected.append(discount(candidates(plain, receipt, receipt.categories), receipt)))  # noqa: B023
                )
            require(given == expected, f"{name}: other cents than the baseline's")
            require(sum(given) > 0, f"{name}: nothing was given")
            ours[name].append(times)
            baseline[name].append(theirs)
        context.say(f"  round {number + 1}: " + ", ".join(f"{name} {p50(of[-1]):.0f} us" for name, of in ours.items()))
    ten = Promise(1000.0, "<= 1 ms p50")
    return [
        compare("rules", "decision_10k_p50_us", "us", ours["10k"], baseline["10k"], promise=ten),
        _against(ours, "decision_10k_vs_1k", "10k"),
        _against(ours, "decision_10k_wide_vs_1k", "10k_wide"),
        compare("rules", "decision_100k_p95_us", "us", ours["100k"], baseline["100k"], p95),
    ]


def _against(ours: dict[str, list[list[float]]], metric: str, name: str) -> Row:
    ratios = [[p50(many) / p50(few)] for many, few in zip(ours[name], ours["1k"], strict=True)]
    return compare("rules", metric, "", ratios, None, promise=Promise(1.5, "<= 1.5 x with 1,000"))


def p50(samples: Sequence[float]) -> float:
    return sorted(samples)[len(samples) // 2]


def _loading(context: Context) -> list[Row]:
    """Beside reading the same bytes as JSON into dictionaries."""
    content = document(plain_rules(10_000))
    ours, baseline = [], []
    for _ in context.rounds(7):
        ours.append([_us(lambda: compile(load(content), 1)) / 1000])
        baseline.append([_us(lambda: msgspec.json.decode(content)) / 1000])
    return [compare("rules", "load_10k_ms", "ms", ours, baseline, promise=Promise(200.0, "<= 200 ms"))]


def _memory(context: Context) -> list[Row]:
    """Of a process of its own: what it holds afterwards, and the most that it held meanwhile."""
    file = context.folder / "rules.json"
    file.write_bytes(document(plain_rules(10_000)))
    held, peak = [], []
    for _ in context.rounds(3):
        one, most = _held(file)
        held.append([one])
        peak.append([most])
    promise = Promise(60.0 - CORE_MB, f"<= {60 - CORE_MB:g} MB: with the core's {CORE_MB:g}, 60")
    return [
        compare("rules", "held_10k_mb", "MB", held, None, promise=promise),
        compare("rules", "peak_10k_mb", "MB", peak, None),
    ]


def _held(file: Path) -> tuple[float, float]:
    argv = [sys.executable, "-m", "tests.bench.rules_memory", str(file)]
    done = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120)
    held, most = (int(size) / MB for size in done.stdout.split())
    return held, most


def _peers(context: Context, receipts: Sequence[PlainReceipt]) -> list[Row]:
    """Microseconds a receipt, the condition of time in the peer's own language; beside ours in the same rounds."""
    rows = []
    some = receipts[: 5 if context.quick else 20]
    rules = list(plain_rules(10_000))
    index, ours = plain_index(rules), _rule_set(10_000)
    asked = [question(receipt) for receipt in some]
    expected = [discount(candidates(index, receipt, receipt.categories), receipt) for receipt in some]
    for peer in peers(context.say):
        context.say(f"  {peer.name}: compiling 10,000 conditions, twice")
        for way, decide in (("every_rule", peer.linear(rules)), ("behind_index", peer.indexed(rules))):
            given = [decide(receipt) for receipt in some]
            require(given == expected, f"{peer.name}, {way}: other cents than the baseline's")
            theirs, beside = [], []
            for _ in context.rounds(3):
                theirs.append([_us(lambda: [decide(receipt) for receipt in some]) / len(some)])  # noqa: B023
                beside.append([_us(lambda: [ours.decide(one) for one in asked]) / len(some)])
            rows.append(compare("rules", f"{peer.name}_{way}_10k_us", "us", theirs, beside))
    return rows
