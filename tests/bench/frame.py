"""What every bench shares: rounds become figures, figures become a table and bench.json. Measures nothing itself."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

Rounds = Sequence[Sequence[float]]
"""One sequence of samples per round."""
Statistic = Callable[[Sequence[float]], float]


class BenchFailed(Exception):
    """The work was not done, or not measured: there is no figure. Says what was missing."""


class Figure(msgspec.Struct, frozen=True):
    """One line of bench.json. `baseline` is the baseline's own value in the same unit, `ratio` = value / baseline,
    `spread` = (highest - lowest of the rounds' values) / value. None: there is none (no baseline, one round only,
    or a division by zero)."""

    bench: str
    metric: str
    value: float
    unit: str
    baseline: float | None
    ratio: float | None
    spread: float | None


class Promise(msgspec.Struct, frozen=True):
    """What the value should not exceed (or, `at_least`, not stay below), and how the design says it. Shown, never
    enforced: machines differ."""

    limit: float
    words: str
    at_least: bool = False


class Row(msgspec.Struct, frozen=True):
    """A figure with what only the table shows."""

    figure: Figure
    baseline_spread: float | None = None
    promise: Promise | None = None

    @property
    def met(self) -> bool | None:
        if self.promise is None:
            return None
        if self.promise.at_least:
            return self.figure.value >= self.promise.limit
        return self.figure.value <= self.promise.limit


def median(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def p95(samples: Sequence[float]) -> float:
    """Nearest rank: the smallest sample that at least 95 % of the samples do not exceed."""
    return sorted(samples)[math.ceil(0.95 * len(samples)) - 1]


def p99(samples: Sequence[float]) -> float:
    """Nearest rank: the smallest sample that at least 99 % of the samples do not exceed."""
    return sorted(samples)[math.ceil(0.99 * len(samples)) - 1]


def compare(
    bench: str,
    metric: str,
    unit: str,
    ours: Rounds,
    baseline: Rounds | None,
    statistic: Statistic = median,
    promise: Promise | None = None,
) -> Row:
    """The figure of these rounds: the statistic of all samples together, its spread from round to round.

    Raises `BenchFailed` when a round has no sample: nothing was measured there.
    """
    value = _whole(f"{bench} {metric}", ours, statistic)
    beside = None if baseline is None else _whole(f"{bench} {metric}, baseline", baseline, statistic)
    figure = Figure(
        bench=bench,
        metric=metric,
        value=_rounded(value),
        unit=unit,
        baseline=None if beside is None else _rounded(beside),
        ratio=_rounded(value / beside) if beside else None,
        spread=_spread(ours, statistic, value),
    )
    return Row(figure, None if baseline is None else _spread(baseline, statistic, beside or 0.0), promise)


def require(right: bool, what: str) -> None:
    """The check that the work was really done. Raises `BenchFailed`."""
    if not right:
        raise BenchFailed(what)


def write_json(rows: Sequence[Row], path: Path) -> None:
    """bench.json: a list of figures."""
    text = msgspec.json.format(msgspec.json.encode([row.figure for row in rows]), indent=2)
    path.write_bytes(text + b"\n")


def table(rows: Sequence[Row]) -> str:
    """All figures for a person; columns as wide as they need to be."""
    head = ["bench", "metric", "value", "baseline", "ratio", "spread", "baseline's", "promise"]
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    numbers = range(2, 7)
    lines = []
    for line in cells:
        padded = [
            text.rjust(width) if column in numbers else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    figure = row.figure
    promise = ""
    if row.promise is not None:
        promise = f"{'met' if row.met else 'MISSED'}: {row.promise.words}"
    return [
        figure.bench,
        figure.metric,
        f"{_number(figure.value)} {figure.unit}",
        "-" if figure.baseline is None else _number(figure.baseline),
        "-" if figure.ratio is None else f"{figure.ratio:.2f}",
        "-" if figure.spread is None else f"{figure.spread:.0%}",
        "-" if row.baseline_spread is None else f"{row.baseline_spread:.0%}",
        promise,
    ]


def _whole(what: str, rounds: Rounds, statistic: Statistic) -> float:
    if not rounds or not all(rounds):
        raise BenchFailed(f"{what}: a round without a sample")
    return statistic([sample for samples in rounds for sample in samples])


def _spread(rounds: Rounds, statistic: Statistic, value: float) -> float | None:
    if len(rounds) < 2:
        return None
    each = [statistic(samples) for samples in rounds]
    return _rounded((max(each) - min(each)) / value) if value else None


def _rounded(value: float) -> float:
    """Four digits: what is behind them is noise."""
    return float(f"{value:.4g}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) >= 100 else f"{value:.2f}"
