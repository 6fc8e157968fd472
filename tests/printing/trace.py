"""One run, told step by step: for whoever looks for what went wrong in it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.printing.cases import Case
from tests.printing.run import run


def trace(case: Case) -> Iterator[str]:
    """Frames, points and ends in their order, and what is wrong."""
    told: list[str] = []
    found = run(case, told)
    yield from told
    yield found.ended
    yield from (f"{complaint.wrong}: {complaint.what}" for complaint in found.complaints)
