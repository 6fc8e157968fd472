"""Cards, tears, power cuts, gates that do not open, two gateways: never more is given than the card had, and never less
than was taken off it without a record."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.shown import Show
from gateway.stations.counters import UNSETTLED
from tests.support.card_field import Tear
from tests.support.card_town import Town

EXAMPLES = int(os.environ.get("CARD_EXAMPLES", "8"))
"""Games played; more of them by hand."""
STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([*Tear, Tear.NONE, Tear.NONE]), st.booleans()), min_size=1, max_size=10
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(1, 3), STEPS)
def test_never_more_than_the_card_had_never_less_than_was_taken_without_a_record(
    units: int, steps: list[tuple[int, Tear, bool]]
) -> None:
    asyncio.run(_played(units, steps))


async def _played(units: int, steps: list[tuple[int, Tear, bool]]) -> None:
    folder = Path(tempfile.mkdtemp())
    town = Town(folder, units).start()
    try:
        for at, tear, relay_fails in steps:
            pulses = sum(len(town.field(each).pulses) for each in (0, 1))
            show, _ = await town.tap(at, tear, relay_fails=relay_fails)
            opened = sum(len(town.field(each).pulses) for each in (0, 1)) - pulses
            assert opened == (show is Show.OPEN)
            assert town.taken == sum(town.committed.values())
            # Each unit that has left the card was given, is owed, is still in doubt, or is on record as neither.
            rest = town.taken - town.given() - town.owed() - town.in_doubt()
            assert 0 <= rest <= sum(town.told(UNSETTLED)), (units, steps)
            assert town.given() <= units
        for at in (0, 1):  # Nothing stays in doubt, and what is owed is given.
            for _ in range(2 * units + 1):
                await town.tap(at)
        assert (town.in_doubt(), town.owed()) == (0, 0)
        assert town.given() + sum(town.told(UNSETTLED)) >= town.taken == units
    finally:
        await town.stop()
        shutil.rmtree(folder)
