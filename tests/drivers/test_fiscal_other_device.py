"""Behind the same name there is another device by now (another port, family or printer in its options): what was begun
on the first one is never settled by the counters, or by the open receipt, of the second."""

from __future__ import annotations

import copy

import msgspec
import pytest

from drivers.contract.printer import Baseline, Print, PrintPoint, Result, Settle, Work
from drivers.driver import GatewayGone
from drivers.fiscal.ending import Ending
from drivers.fiscal.said import Identity
from drivers.fiscal.same import other_device
from tests.drivers.fiscal_bench import CASH, FAMILIES, SALE, Bench, Z

family = pytest.mark.parametrize("family", FAMILIES)
POINTS = (PrintPoint.INTENT, PrintPoint.OPENED, PrintPoint.PAYING, PrintPoint.CLOSING)
MORE = {PrintPoint.OPENED: "sell", PrintPoint.PAYING: "pay", PrintPoint.CLOSING: "close"}


def stopped_at(family: str, point: PrintPoint) -> Bench:
    """A gateway that went away when this point was stored."""
    bench = Bench(family)
    bench.crash_at = point
    with pytest.raises(GatewayGone):
        bench.do(SALE)
    assert bench.points[-1] is point
    return bench


def twin(bench: Bench, family: str, **numbers: str) -> Bench:
    """Another printer of this family, whose memory says all that the first one's says, with an open receipt like it."""
    other = Bench(family)
    other.device.memory = copy.deepcopy(bench.device.memory)
    other.device.paper.documents[:] = bench.device.documents
    model = other.device.model
    told = {"serial": model.serial[:2] + "999999", "fiscal_memory": "99999999", **numbers}
    other.device.model = msgspec.structs.replace(model, **told)
    other.restart()
    return other


@family
@pytest.mark.parametrize("point", POINTS)
def test_a_twin_of_the_device_is_not_touched(family: str, point: PrintPoint) -> None:
    bench = stopped_at(family, point)
    for now in FAMILIES:
        other = twin(bench, now)
        before, seen = copy.deepcopy(other.device.memory), len(other.endpoint.executed)
        outcome = other.works.settle(Settle(SALE, point, bench.baseline))
        assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "other_device")
        assert bench.device.model.serial in outcome.reason
        assert other.endpoint.executed[seen:] == []
        assert (other.device.memory, other.device.documents) == (before, bench.device.documents)


@family
def test_the_right_device_settles_it_when_it_is_back(family: str) -> None:
    bench = stopped_at(family, PrintPoint.CLOSING)
    other = twin(bench, "datecs-v2")
    assert other.works.settle(Settle(SALE, PrintPoint.CLOSING, bench.baseline)).code == "other_device"
    bench.restart()
    assert bench.settle(SALE).outcome is Result.PRINTED
    assert bench.printed(SALE) == 1


@family
@pytest.mark.parametrize("work", [Z, CASH], ids=["z", "cash"])
def test_reports_and_cash_as_well(family: str, work: Work) -> None:
    bench = Bench(family)
    bench.endpoint.fault("silence", on="z" if work is Z else "cash")
    assert bench.do(work).outcome is Result.UNKNOWN
    other = twin(bench, family)
    assert other.works.settle(Settle(work, PrintPoint.INTENT, bench.baseline)).code == "other_device"
    told = other.works.settle(Settle(work, PrintPoint.CLOSED, bench.baseline))
    assert (told.outcome, told.z_number) == (Result.PRINTED, ""), "the number is that of another device's report"


@family
def test_after_closed_was_stored_it_is_printed_whatever_stands_there_now(family: str) -> None:
    bench = Bench(family)
    bench.do(SALE)
    for now in FAMILIES:
        other = twin(bench, now)
        cannot = Print(SALE.key, SALE.items, SALE.tenders, SALE.total_cents, sale_number="no number of this family")
        for work in (SALE, cannot):
            outcome = other.works.settle(Settle(work, PrintPoint.CLOSED, bench.baseline))
            told = (outcome.outcome, outcome.number, outcome.device_time, outcome.code)
            assert told == (Result.PRINTED, "", "", "number_not_read")
            assert outcome.fiscal_memory == bench.device.model.fiscal_memory, "a refund has to name it"


@family
def test_another_fiscal_memory_in_the_same_device_is_another_device(family: str) -> None:
    bench = stopped_at(family, PrintPoint.CLOSING)
    other = twin(bench, family, serial=bench.device.model.serial)
    assert other.works.settle(Settle(SALE, PrintPoint.CLOSING, bench.baseline)).code == "other_device"


# As a value ------------------------------------------------------------------------------------------------

SAID, SAYS = Baseline(serial="DT1", fiscal_memory="01"), Identity("FP", serial="DT1", fiscal_memory="01")
NOTHING = Identity("FP")


def code(before: Baseline, here: Identity, *, line_kept: bool = False) -> str:
    outcome = other_device(Ending("k", before), here, line_kept=line_kept)
    return "" if outcome is None else outcome.code


def test_one_number_that_is_the_same_is_enough_and_one_that_is_not_is_too_much() -> None:
    replace = msgspec.structs.replace
    assert code(SAID, SAYS) == ""
    assert code(replace(SAID, fiscal_memory=""), SAYS) == "", "a work of a program that did not keep it yet"
    assert code(SAID, replace(SAYS, serial="")) == ""
    assert code(SAID, replace(SAYS, serial="DT2")) == "other_device"
    assert code(SAID, replace(SAYS, fiscal_memory="02")) == "other_device"
    assert code(replace(SAID, serial=""), replace(SAYS, fiscal_memory="")) == "device_not_told"


def test_a_device_that_does_not_say_which_it_is_may_be_any() -> None:
    assert code(SAID, NOTHING, line_kept=True) == "device_not_told"
    assert code(Baseline(), SAYS, line_kept=True) == "device_not_told"
    assert code(Baseline(), NOTHING) == "device_not_told", "the options may name another port by now"
    assert code(Baseline(), NOTHING, line_kept=True) == "", "the port that it was begun on was opened again"
