"""One run: the work, what goes wrong, the gateway's asking until it knows, and what is to be seen then."""

from __future__ import annotations

from tests.printing.cases import Case
from tests.printing.prepared import prepared
from tests.printing.verdict import Verdict, verdict
from tests.printing.world import World

KEY = "k-1"


def run(case: Case) -> Verdict:
    """Raises `AssertionError` with the case, for what no run may come to."""
    before = prepared(case.family, case.work)
    world = World(case, *before.fresh())
    row = world.do(before.named(KEY))
    world.until_told(row)
    world.mend()
    return verdict(world, row, before)
