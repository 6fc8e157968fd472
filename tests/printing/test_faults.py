"""Every kind of fault at every step of every work on every family of devices, and restarts of the driver with its
gateway, of the device and of both: on paper there is one document or none, and the gateway says which. A share of the
runs; `make printing` has all."""

from __future__ import annotations

import pytest

from tests.printing.__main__ import counted
from tests.printing.enumerated import FAMILIES, RESTARTS, everything_of, sampled
from tests.printing.several import several
from tests.printing.works import WORKS

EVERY = 31
"""Of 340,000 runs: nearly 11,000."""
AT_LEAST = 2500
"""Runs of a family."""


@pytest.mark.parametrize("every", [1, 60, 500])
def test_a_sample_takes_one_of_each_row_and_all_restarts_alike(every: int) -> None:
    """At a fixed step of 60 each fault had the same two of the eight restarts, and so three times the doubts."""
    runs = len(RESTARTS) * every * 50
    taken = list(sampled(range(runs), every, "datecs-v1b"))
    assert [at // every for at in taken] == list(range(runs // every))
    shares = [
        sum(at % len(RESTARTS) == one for at in taken) * len(RESTARTS) / len(taken) for one in range(len(RESTARTS))
    ]
    assert all(0.5 < share < 1.5 for share in shares)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", FAMILIES)
def test_one_document_or_none_and_the_gateway_says_which(family: str) -> None:
    tally = counted(case for work in WORKS for case in everything_of(family, work, EVERY))
    assert tally.total >= AT_LEAST
    assert not tally.failures(), tally.failures()
    # What all runs could not do without: that works end both ways, and mostly so that somebody knows.
    assert tally.ends[family, "printed"] > tally.total // 4
    assert tally.ends[family, "unknown"] < tally.total // 30


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", FAMILIES)
def test_several_faults_at_once(family: str) -> None:
    tally = counted(several(family, 400))
    assert not tally.failures(), tally.failures()
    assert tally.ends[family, "printed"] > tally.total // 4
