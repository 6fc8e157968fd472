"""Every fault at every step of every work of every family, and a gateway that goes away at every point: on paper there
is one document or none, the outcome tells which, and nothing is ever printed by a restart."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.contract.printer import Outcome, PrintPoint, Result, Work
from drivers.driver import DeviceError, GatewayGone
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_model import Habits
from tests.drivers.fiscal_bench import BEFORE, CASH, FAMILIES, GIVEN_BACK, SALE, THREE, Bench, X, Z, is_honest

STEPS = 24
"""At least as many commands as any of these works has; a fault that waits longer than that never hits."""
MANY = 99

HARMLESS: dict[str, tuple[str, dict[str, Any]]] = {
    "one request lost": ("drop_request", {}),
    "one answer lost": ("drop_answer", {}),
    "one answer broken": ("corrupt", {}),
    "one request broken": ("corrupt_request", {}),
    "two NAKs": ("nak", {"times": 2}),
    "not taken twice": ("busy", {"times": 2}),
    "busy for a while": ("syn_storm", {"ms": 400}),
    "busy, then nothing": ("syn_silence", {"ms": 300}),
    "junk in front": ("junk", {}),
    "answer twice": ("duplicate", {}),
    "old answer first": ("stale", {}),
    "byte by byte": ("bytewise", {"ms": 1}),
    "late answer": ("delay", {"ms": 700}),
}

SERIOUS: dict[str, tuple[str, dict[str, Any]]] = {
    "all requests lost": ("drop_request", {"times": MANY}),
    "all answers lost": ("drop_answer", {"times": MANY}),
    "all answers broken": ("corrupt", {"times": MANY}),
    "all NAKs": ("nak", {"times": MANY}),
    "silence after": ("silence", {}),
    "silence before": ("silence", {"executed": False}),
    "long silence": ("silence", {"ms": 9000}),
    "busy for ever": ("syn_storm", {"ms": 30_000}),
    "very late answer": ("delay", {"ms": 5000}),
    "paper out": ("paper_out", {}),
    "cover open": ("cover", {}),
    "refused": ("refuse", {}),
    "refused in DATA only": ("error_in_data", {}),
    "payment failed": ("fail_payment", {}),
    "subtotal off": ("subtotal_off", {}),
    "short power cut after": ("power_cut", {"ms": 30}),
    "short power cut before": ("power_cut", {"ms": 30, "executed": False}),
    "power cut after": ("power_cut", {"ms": 5000}),
    "power cut before": ("power_cut", {"ms": 5000, "executed": False}),
    "unplugged after": ("vanish", {"ms": 300}),
    "unplugged before": ("vanish", {"ms": 300, "executed": False}),
    "unplugged for long": ("vanish", {"ms": 60_000}),
    "Z by itself": ("spontaneous_z", {}),
    "clock a day on": ("clock_jump", {"ms": 90_000_000}),
}

family = pytest.mark.parametrize("family", FAMILIES)


def test_z_report_that_comes_by_itself_just_before_ours_is_another_one() -> None:
    for family in FAMILIES:
        for after in range(STEPS):
            bench = Bench(family)
            bench.endpoint.fault("spontaneous_z", after=after)
            outcome = bench.do(Z)
            if outcome.outcome is Result.PRINTED and outcome.z_number:
                numbers = [document.z_number for document in bench.device.documents if document.kind == "z"]
                assert numbers.count(int(outcome.z_number)) == 1


def bench_for(family: str, work: Work) -> Bench:
    bench = Bench(family)
    if work is GIVEN_BACK:
        assert bench.do(BEFORE).outcome is Result.PRINTED
        bench.steps.clear()
    return bench


def has(bench: Bench, kind: str) -> bool:
    return kind in bench.endpoint.faults


def ended(bench: Bench, work: Work) -> Outcome | None:
    """The outcome after the gateway has done all it can: None when the work was not begun."""
    try:
        outcome = bench.do(work)
    except DeviceError:
        assert bench.steps == []
        assert bench.printed(work) == 0
        return None
    except GatewayGone:
        pass
    else:
        assert is_honest(bench, work, outcome), outcome
        if outcome.outcome is not Result.UNKNOWN:
            return outcome
    bench.put_right()
    bench.restart()
    settled = asked_until_told(bench, work)
    assert is_honest(bench, work, settled), settled
    executed = len(bench.endpoint.executed)
    bench.restart()
    again = bench.settle(work)
    assert again.outcome == settled.outcome
    # The number is in the step `closed`; another document since then may hide it from the counters.
    assert again.number in (settled.number, "")
    assert is_honest(bench, work, again)
    assert len(bench.endpoint.executed) - executed < STEPS
    return settled


def asked_until_told(bench: Bench, work: Work) -> Outcome:
    """A gateway that goes away again while it settles asks once more."""
    try:
        return bench.settle(work)
    except GatewayGone:
        bench.restart()
        return bench.settle(work)


@pytest.mark.parametrize(
    ("family", "fault"),
    [(name, fault) for name in FAMILIES for fault, (kind, _) in HARMLESS.items() if kind in endpoint(name).faults],
)
def test_what_the_protocol_covers_costs_nothing_but_time(family: str, fault: str) -> None:
    """Where a lost frame may not be sent again, a receipt that is not paid is cancelled instead, and honestly so."""
    kind, fields = HARMLESS[fault]
    for after in range(STEPS):
        bench = bench_for(family, SALE)
        bench.endpoint.fault(kind, after=after, **fields)
        outcome = ended(bench, SALE)
        if bench.works.wire.dialect.framing.repeats or fields.get("ms") or kind in ("nak", "corrupt_request", "busy"):
            assert outcome is not None
            assert outcome.outcome is Result.PRINTED, (after, outcome)
        assert bench.printed(SALE) <= 1


@family
@pytest.mark.parametrize(
    ("work", "first"),
    [(SALE, 0), (THREE, 12), (GIVEN_BACK, 0), (X, 0), (Z, 0), (CASH, 0)],
    ids=["sale", "three tenders", "given back", "x", "z", "cash"],
)
def test_outcome_is_never_wrong(family: str, work: Work, first: int) -> None:
    """From the command number `first` on: what comes before is the same as in the sale. Unknown are, in the end, a
    spontaneous Z report in between, a payment that a short power cut has doubled, an X report, and nothing else."""
    unknown = set()
    for name, (kind, fields) in SERIOUS.items():
        for after in range(first, STEPS):
            bench = bench_for(family, work)
            if not has(bench, kind) or (kind == "spontaneous_z" and work is Z):
                break
            bench.endpoint.fault(kind, after=after, **fields)
            outcome = ended(bench, work)
            if bench.endpoint.faults_waiting:
                assert outcome is not None
                assert outcome.outcome is Result.PRINTED
                break
            if outcome is not None and outcome.outcome is Result.UNKNOWN and work is not X:
                unknown.add(name)
    assert unknown <= {"Z by itself", "short power cut after"}


@family
@pytest.mark.parametrize("habits", [Habits(False, False, False), Habits(False, True, True), Habits(True, False, False)])
def test_what_the_documents_leave_open_does_not_matter(family: str, habits: Habits) -> None:
    """Whether a cancelled receipt or a report takes a number, and whether a Z report empties the drawer."""
    for work, on in ((SALE, "close"), (SALE, "pay"), (SALE, "sell"), (Z, "z"), (CASH, "cash")):
        for kind in ("drop_answer", "drop_request", "refuse"):
            for point in (None, PrintPoint.OPENED, PrintPoint.CLOSING):
                bench = Bench(family, habits=habits)
                bench.crash_at = point
                bench.endpoint.fault(kind, on=on, times=MANY)
                outcome = ended(bench, work)
                assert outcome is not None
                assert outcome.outcome is not Result.UNKNOWN


@family
def test_day_that_ends_by_itself_between_two_readings_shows(family: str) -> None:
    """Whichever two they are, with the answer lost that mattered: what sets sums back is not taken for nothing done."""
    for work, on in ((SALE, "close"), (GIVEN_BACK, "close"), (CASH, "cash")):
        for after in range(STEPS + 8):
            bench = bench_for(family, work)
            bench.endpoint.fault("spontaneous_z", after=after)
            bench.endpoint.fault("drop_answer", on=on, times=MANY)
            ended(bench, work)


@family
@pytest.mark.parametrize("point", PrintPoint)
def test_gateway_that_goes_away_at_any_point_finds_out(family: str, point: PrintPoint) -> None:
    never: tuple[str, dict[str, Any]] = ("drop_request", {"after": MANY})
    for work in (SALE, THREE, GIVEN_BACK, Z, CASH):
        faults = [never] if work in (THREE, GIVEN_BACK) else [never, *SERIOUS.values()]
        for kind, fields in faults:
            bench = bench_for(family, work)
            if not has(bench, kind) or (kind == "spontaneous_z" and work is Z):
                continue
            bench.crash_at = point
            bench.endpoint.fault(kind, **{"after": 7, **fields})
            outcome = ended(bench, work)
            if fields is never[1]:
                assert outcome is not None
                assert outcome.outcome is not Result.UNKNOWN, (work, outcome)
