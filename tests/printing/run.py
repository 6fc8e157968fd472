"""One run: the work, what goes wrong, the gateway's asking until it knows, and what is to be seen then."""

from __future__ import annotations

import msgspec

from tests.printing.cases import Case
from tests.printing.hands import HANDS
from tests.printing.prepared import prepared
from tests.printing.verdict import Verdict, verdict
from tests.printing.world import World

KEY, NEXT = "k-1", "k-2"


def run(case: Case, trace: list[str] | None = None) -> Verdict:
    """What came of it; with `then` of the second work, with the complaints of both. `trace` is told what happens."""
    before = prepared(case.family, case.work)
    world = World(case, *before.fresh())
    world.trace = trace
    row = world.do(before.named(KEY))
    if case.hand and not row.ended:
        world.note(f"somebody {case.hand}")
        HANDS[case.hand](world, row)
    world.until_told(row)
    if not case.then or not row.ended:
        world.mend()
        return verdict(world, row, before)
    first = verdict(world, row, before)
    after = prepared(case.family, case.then)
    following = world.do(after.named(NEXT))
    world.until_told(following)
    world.mend()
    second = verdict(world, following, after)
    complaints = (*first.complaints, *(one for one in second.complaints if one not in first.complaints))
    return msgspec.structs.replace(second, complaints=complaints)
