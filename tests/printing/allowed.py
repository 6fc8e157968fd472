"""Where nobody can say how a work ended, and why not. Any other unknown end is a failure: the gateway says which."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tests.printing.cases import Case

PRINTING_HANDS = frozenset(
    {
        "prints", "prints alike", "prints as much", "leaves open", "leaves alike open", "leaves half paid",
        "cancels ours", "cancels ours for one alike", "finishes ours", "ends the day",
    }
)  # fmt: skip
REFUSALS = frozenset({"refuse", "error_in_data"})


class Allowed(msgspec.Struct, frozen=True):
    """`share`: of the runs of a family, at most."""

    code: str
    why: str
    fits: Callable[[Case], bool]
    share: float


def _has(case: Case, *kinds: str) -> bool:
    return any(hit.kind in kinds for hit in case.hits)


def _power_cuts(case: Case) -> int:
    return len(case.cuts) + sum(hit.times for hit in case.hits if hit.kind == "power_cut")


ALLOWED = (
    Allowed(
        "x_has_no_trace",
        "an X report is counted nowhere: after a lost answer only the paper tells",
        lambda case: case.work == "x",
        0.05,
    ),
    Allowed(
        "counters_differ",
        "the device ended the day by itself in between: its sums begin anew; beside a Z report there are two then",
        lambda case: _has(case, "spontaneous_z"),
        0.01,
    ),
    Allowed(
        "other_receipt",
        "the device ended the day by itself between its counters' reading and the opening",
        lambda case: _has(case, "spontaneous_z"),
        0.005,
    ),
    Allowed(
        "counters_differ",
        "the device refused to tell a counter before the work began",
        lambda case: _has(case, *REFUSALS),
        0.01,
    ),
    Allowed(
        "other_receipt",
        "two power cuts have doubled two lines of a receipt: it looks like another one; nothing is paid",
        lambda case: _power_cuts(case) > 1 and case.work not in ("z", "x", "cash in", "cash out"),
        0.005,
    ),
    Allowed(
        "counters_differ",
        "somebody printed at the device meanwhile: its counters fit neither end",
        lambda case: case.hand in PRINTING_HANDS,
        0.15,
    ),
    Allowed(
        "counters_differ",
        "somebody cancelled a reversal at the device, which tells no sums of what was given back (group A)",
        lambda case: (case.family, case.work, case.hand) == ("datecs-v1", "given back", "cancels ours alone"),
        0.005,
    ),
    Allowed(
        "other_receipt",
        "the receipt of somebody else is open on the device",
        lambda case: case.hand.startswith("leaves"),
        0.15,
    ),
)


def reason(case: Case, ended: str) -> Allowed | None:
    """Why this run may end so; None when it may not."""
    code = ended.removeprefix("unknown ")
    return next((allowed for allowed in ALLOWED if allowed.code == code and allowed.fits(case)), None)
