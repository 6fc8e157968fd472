"""A part of the runs with real processes: a gateway with its ledger and its driver, killed by kill -9, on a printer
at a pty. `make printing` has more than 300 of them."""

from __future__ import annotations

import pytest

from tests.printing.enumerated import FAMILIES
from tests.printing.processes import counted

RUNS = 15


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("family", FAMILIES)
def test_kill_9_and_faults_on_a_pty(family: str) -> None:
    tally, killed = counted(family, RUNS)
    assert tally.total == RUNS
    assert not tally.failures(), tally.failures()
    assert killed >= RUNS // 3
