"""The table, faults.json and the exit code: what did not work is never shown as zero."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.faults.frame import Context, Fault, FaultFailed, Scale, Shown, Tally, exit_code, line, write_json
from tests.faults.runner import run

GOOD = Tally(3, 100, (), (), 7, note="seen")
KEYS = {"fault", "rounds", "told", "lost", "duplicates_unexplained", "duplicates_suppressed", "seconds"}


def breaks_down(_context: Context) -> Tally:
    raise FaultFailed("the gateway does not start")


def shown(tally: Tally | None) -> Shown:
    return Shown("row", 1.0, tally)


@pytest.mark.parametrize(
    "bad",
    [
        Tally(3, 100, ("entry 5",), (), 7),
        Tally(3, 100, (), ("receipt twice",), 7),
        Tally(3, 100, (), (), 7, ("no kill hit",)),
        None,
    ],
)
def test_a_loss_a_double_a_fault_that_did_not_strike_and_a_breakdown_fail(bad: Tally | None) -> None:
    assert exit_code([shown(GOOD), shown(bad)], {}, all_or_nothing=False) == 1


def test_good_rows_pass_and_what_is_left_out_fails_only_where_nothing_may_be() -> None:
    assert exit_code([shown(GOOD)], {}, all_or_nothing=True) == 0
    assert exit_code([shown(GOOD)], {"power-cut": "needs root"}, all_or_nothing=False) == 0
    assert exit_code([shown(GOOD)], {"power-cut": "needs root"}, all_or_nothing=True) == 1
    assert exit_code([], {}, all_or_nothing=False) == 1


def test_a_row_that_breaks_down_says_why_and_has_no_figures(tmp_path: Path) -> None:
    row = run(Fault("row", "", breaks_down), tmp_path, Scale.QUICK, random.Random(1), lambda _said: None)
    assert "the gateway does not start" in line(row)
    write_json([shown(GOOD), row], tmp_path / "faults.json")
    good, broken = json.loads((tmp_path / "faults.json").read_text())
    assert set(good) == set(broken) == KEYS
    assert (good["told"], good["lost"], good["duplicates_suppressed"]) == (100, 0, 7)
    assert broken["lost"] is None
    assert [path for path in tmp_path.iterdir() if path.name != "faults.json"] == []


def test_a_bad_row_tells_each_of_its_sentences() -> None:
    told = line(shown(Tally(1, 10, ("entry 5",), ("receipt twice",), 0, ("no kill hit",))))
    assert "NOT PASSED" in told
    assert all(
        sentence in told for sentence in ("lost: entry 5", "twice: receipt twice", "did not strike: no kill hit")
    )
