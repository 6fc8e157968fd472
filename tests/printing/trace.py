"""One run, told step by step: for whoever looks for what went wrong in it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.printing.cases import Case
from tests.printing.prepared import prepared
from tests.printing.run import KEY
from tests.printing.verdict import verdict
from tests.printing.world import World


def trace(case: Case) -> Iterator[str]:
    """Frames, points, ends and paper, in their order."""
    before = prepared(case.family, case.work)
    world = World(case, *before.fresh())
    told: list[str] = []
    world.trace = told
    row = world.do(before.named(KEY))
    world.until_told(row)
    world.mend()
    found = verdict(world, row, before)
    yield from told
    for device in world.devices:
        for paper in device.documents[-4:]:
            yield f"paper {paper.number} {paper.kind} {paper.key!r} {paper.total_cents} {paper.payments} {paper.closed}"
    for outcome in row.told:
        yield f"told {outcome}"
    yield found.ended
    yield from (f"{complaint.wrong}: {complaint.what}" for complaint in found.complaints)
