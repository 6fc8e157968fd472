"""The frame of `make bench`: figures, table and bench.json. No test asserts how fast anything is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.__main__ import BENCHES
from tests.bench.frame import BenchFailed, Promise, Row, compare, median, p99, table, write_json
from tests.bench.ledger import spread_over
from tests.bench.machine import ROOT
from tests.support.programs import require_program

SAMPLES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=300)


def bench(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_a_figure_is_the_median_of_all_samples_beside_the_baselines() -> None:
    figure = compare("tap", "p50_ms", "ms", [[1, 2], [3, 4, 50]], [[1.5], [1.5]]).figure
    assert (figure.value, figure.baseline, figure.ratio) == (3, 1.5, 2)


def test_spread_is_how_far_the_rounds_lie_apart() -> None:
    row = compare("start", "ready_s", "s", [[1.0], [2.0], [3.0]], [[2.0], [2.0], [2.2]])
    assert row.figure.spread == 1.0
    assert row.baseline_spread == 0.1


def test_one_round_has_no_spread() -> None:
    assert compare("start", "ready_s", "s", [[1.0, 2.0]], [[1.0]]).figure.spread is None


def test_a_baseline_of_zero_has_no_ratio() -> None:
    figure = compare("idle", "core_cpu_percent", "%", [[0.1], [0.1]], [[0.0], [0.0]]).figure
    assert (figure.baseline, figure.ratio) == (0.0, None)


def test_a_round_without_a_sample_is_no_figure() -> None:
    with pytest.raises(BenchFailed, match="tap p50_ms: a round without a sample"):
        compare("tap", "p50_ms", "ms", [[1.0], []], [[1.0], [1.0]])


def test_p99_of_a_hundred_is_the_last_but_one() -> None:
    assert p99([float(number) for number in range(100, 0, -1)]) == 99


@given(SAMPLES)
def test_p99_is_a_sample_that_at_most_one_percent_exceed(samples: list[float]) -> None:
    value = p99(samples)
    assert value in samples
    assert sum(sample > value for sample in samples) <= len(samples) / 100
    assert value >= median(samples) or len(samples) < 2


@given(st.integers(1, 5000), st.integers(1, 500))
def test_group_sizes_make_up_all_entries_evenly(entries: int, commits: int) -> None:
    sizes = spread_over(entries, commits)
    assert (sum(sizes), len(sizes)) == (entries, commits)
    assert max(sizes) - min(sizes) <= 1


def test_the_table_says_whether_a_promise_is_met() -> None:
    def row(value: float) -> Row:
        return compare("stop", "sigterm_s", "s", [[value]], [[0.1]], promise=Promise(2.0, "<= 2 s"))

    head, met, missed = table([row(1.5), row(12340.0)]).splitlines()
    assert head.split()[:3] == ["bench", "metric", "value"]
    assert met.endswith("met: <= 2 s")
    assert missed.endswith("MISSED: <= 2 s")
    assert "12,340 s" in missed


def test_a_promise_may_be_one_not_to_stay_below() -> None:
    def row(value: float) -> Row:
        return compare(
            "sync", "end_to_end", "1/s", [[value]], [[100.0]], promise=Promise(200.0, ">= 2 x", at_least=True)
        )

    assert (row(200.0).met, row(199.0).met) == (True, False)


def test_bench_json_holds_these_seven_fields(tmp_path: Path) -> None:
    write_json([compare("cli", "status_cpu_ms", "ms", [[40.0], [44.0]], [[20.0], [20.0]])], tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text()) == [
        {
            "bench": "cli",
            "metric": "status_cpu_ms",
            "value": 42.0,
            "unit": "ms",
            "baseline": 20.0,
            "ratio": 2.1,
            "spread": 0.09524,
        }
    ]


def test_a_bench_writes_its_figures_where_it_was_called(tmp_path: Path) -> None:
    done = bench("ledger", "--quick", "--folder", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "bench.json").read_text())
    assert [(figure["bench"], figure["metric"]) for figure in figures] == [("ledger", "entries_per_s")]
    assert "entries_per_s" in done.stdout
    assert "round 1" in done.stderr


def test_the_bench_of_sync_counts_what_arrived_at_the_centre(tmp_path: Path) -> None:
    if shutil.which("mosquitto", path="/usr/sbin") is None:
        require_program("mosquitto", "mosquitto")
    done = bench("sync", "--quick", "--folder", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "bench.json").read_text())
    assert [figure["metric"] for figure in figures] == ["end_to_end", "end_to_end_vs_paho", "cpu_us_per_entry"]
    assert all(figure["value"] > 0 and figure["baseline"] > 0 for figure in figures)


def test_the_bench_of_rules_gives_the_baselines_cents(tmp_path: Path) -> None:
    done = bench("rules", "--quick", "--folder", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = {figure["metric"]: figure for figure in json.loads((tmp_path / "bench.json").read_text())}
    assert {"candidates_10k_us", "decision_10k_p50_us", "decision_100k_p95_us", "load_10k_ms"} <= set(figures)
    assert all(figure["value"] > 0 for figure in figures.values())


def test_the_bench_of_identity_finds_every_holder(tmp_path: Path) -> None:
    done = bench("identity", "--quick", "--folder", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "lookup_100k_us" in done.stdout


def test_a_bench_that_cannot_work_fails_loudly(tmp_path: Path) -> None:
    done = bench("ledger", "--folder", str(tmp_path / "nowhere"), cwd=tmp_path)
    assert done.returncode == 1
    assert "ledger FAILED" in done.stderr
    assert json.loads((tmp_path / "bench.json").read_text()) == []


def test_an_unknown_bench_is_told_with_those_there_are(tmp_path: Path) -> None:
    done = bench("tapp", cwd=tmp_path)
    assert done.returncode == 2
    assert f"there are {', '.join(BENCHES)}" in done.stderr
