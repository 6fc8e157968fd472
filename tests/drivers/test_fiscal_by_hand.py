"""What a person does at the printer's own keys between a crash and the settling is told as it is."""

from __future__ import annotations

import msgspec
import pytest

from drivers.contract.printer import PrintPoint, Result, Reversal, ReversalReason
from drivers.driver import GatewayGone
from tests.drivers.fiscal_bench import BEFORE, FAMILIES, GIVEN_BACK, Bench


@pytest.mark.parametrize("family", FAMILIES)
def test_reversal_that_a_person_has_cancelled_was_not_printed(family: str) -> None:
    """Group A tells no sums of what was given back."""
    bench = Bench(family)
    sold = bench.do(BEFORE)
    of = Reversal(sold.number[-6:], ReversalReason.REFUND, sold.device_time, bench.device.model.fiscal_memory)
    work = msgspec.structs.replace(GIVEN_BACK, reversal=of)
    bench.steps.clear()
    bench.crash_at = PrintPoint.PAYING
    with pytest.raises(GatewayGone):
        bench.do(work)
    assert bench.device.cancel().closed == "cancelled"
    bench.restart()
    outcome = bench.settle(work)
    assert outcome.outcome is (Result.UNKNOWN if family == "datecs-v1" else Result.CANCELLED)
    assert bench.printed(work) == 0
