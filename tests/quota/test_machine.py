"""No limit is passed, whatever happens (docs/quotas.md). Bounded here; `QUOTA_STEPS=100000` plays the long form."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.quota.core import STEPS, UNITS
from tests.quota.machine import Cards, Machine

LONG = int(os.environ.get("QUOTA_STEPS", "0"))
STEPS_EACH = 50


def playing(examples: int, steps: int = STEPS_EACH) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


@pytest.mark.parametrize("machine", [Machine, Cards])
def test_no_limit_is_passed(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=playing(20))


if LONG:  # Hours; not collected otherwise, so that nothing is skipped.

    @pytest.mark.timeout(4 * 3600)
    def test_no_limit_is_passed_in_the_long_form() -> None:
        before, began = STEPS.total(), time.monotonic()
        while STEPS.total() - before < LONG:
            run_state_machine_as_test(Machine, settings=playing(200, 100))
            run_state_machine_as_test(Cards, settings=playing(200, 100))
        print(f"{STEPS.total() - before} steps in {time.monotonic() - began:.0f} s: {dict(STEPS)}, {dict(UNITS)}")
