"""When a receipt was printed whose end was found out later: out of the device's own journal, so that it can be given
back on paper without anybody reading its paper."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from drivers.contract.printer import DayReport, Outcome, Print, PrintPoint, Result, Reversal
from drivers.fiscal.moves import Ask, Event, Heard, Move
from drivers.fiscal.operations import ReadDocument
from drivers.fiscal.plan import Terms, plan
from drivers.fiscal.printed_at import LINES_BESIDE, printed_at
from drivers.fiscal.said import Document, Identity, Said
from drivers.simulators.fiscal_paper import Kind
from drivers.simulators.fiscal_v2 import V2
from drivers.simulators.fiscal_zfp import Zfp
from tests.drivers.fiscal_bench import BEFORE, FAMILIES, SALE, Bench
from tests.drivers.fiscal_values import HERE, SILENT, A, asked, example, walk

family = pytest.mark.parametrize("family", FAMILIES)
COMMANDS = {"datecs-v1": 119, "datecs-v1b": 125, "datecs-v2": 125, "tremol": 0x72}


def cut_after_the_close(family: str, *, before: Callable[[Bench], None] = lambda bench: None) -> tuple[Bench, Outcome]:
    """The device has closed it, its answer is lost and the line is dead; two hours later somebody puts that right."""
    bench = Bench(family)
    bench.endpoint.fault("silence", on="close")
    assert bench.do(SALE).outcome is Result.UNKNOWN
    bench.clock.advance(7200)
    bench.put_right()
    before(bench)
    bench.restart()
    return bench, bench.settle(SALE)


def back(outcome: Outcome) -> Print:
    named = Reversal(outcome.number, device_time=outcome.device_time, fiscal_memory=outcome.fiscal_memory)
    return Print("k-back", BEFORE.items, BEFORE.tenders, BEFORE.total_cents, reversal=named)


@family
def test_cut_after_the_close_settled_and_given_back_on_paper_without_a_person(family: str) -> None:
    bench, outcome = cut_after_the_close(family)
    (document,) = bench.device.documents
    assert (outcome.outcome, int(outcome.number)) == (Result.PRINTED, int(document.number))
    assert outcome.device_time == document.device_time
    assert outcome.fiscal_memory == bench.device.model.fiscal_memory
    bench.clock.advance(3 * 86400)
    assert bench.do(DayReport("z", z=True)).outcome is Result.PRINTED
    bench.do(BEFORE)
    returned = bench.do(back(outcome))
    assert returned.outcome is Result.PRINTED, returned
    assert bench.device.documents[-1].kind is Kind.REVERSAL


@family
def test_of_what_is_given_back_the_journal_tells_too(family: str) -> None:
    bench = Bench(family)
    sold = bench.do(BEFORE)
    bench.steps.clear()
    work = back(sold)
    bench.endpoint.fault("silence", on="close")
    assert bench.do(work).outcome is Result.UNKNOWN
    bench.clock.advance(7200)
    bench.put_right()
    bench.restart()
    outcome = bench.settle(work)
    assert (outcome.outcome, outcome.device_time) == (Result.PRINTED, bench.device.documents[-1].device_time)


@family
def test_power_cut_after_closed_was_stored(family: str) -> None:
    bench = Bench(family)
    bench.do(SALE)
    bench.clock.advance(7200)
    bench.restart()
    assert bench.points[-1] is PrintPoint.CLOSED
    assert bench.settle(SALE).device_time == bench.device.documents[0].device_time


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "tremol"])
def test_firmware_that_has_no_such_command_leaves_the_time_empty(family: str) -> None:
    def refuse(bench: Bench) -> None:
        for _ in range(4):
            bench.endpoint.fault("refuse", command=COMMANDS[family])

    bench, outcome = cut_after_the_close(family, before=refuse)
    assert (outcome.outcome, outcome.device_time) == (Result.PRINTED, "")
    assert bench.printed(SALE) == 1
    refused = bench.do(back(outcome))
    assert (refused.code, refused.where) == ("reversal_unclear", "reversal.device_time")


def test_older_firmware_of_tremol_tells_of_the_last_receipt_only() -> None:
    def older(bench: Bench) -> None:
        assert isinstance(bench.endpoint.wire, Zfp)
        bench.endpoint.wire.old = True

    bench, outcome = cut_after_the_close("tremol", before=older)
    assert outcome.device_time == bench.device.documents[0].device_time
    bench.do(BEFORE)
    assert told_of_sale(bench, outcome.number) == "", "the last one is another one by now"


@family
def test_other_documents_are_not_believed(family: str) -> None:
    bench = Bench(family)
    numbers = [bench.do(work).number for work in (SALE, BEFORE)]
    bench.endpoint.fault("refuse", on="pay")
    assert bench.do(msgspec.structs.replace(SALE, key="k-2")).outcome is Result.CANCELLED
    cancelled = bench.device.documents[-1].number
    assert told_of_sale(bench, numbers[0]) == bench.device.documents[0].device_time
    assert told_of_sale(bench, cancelled) == ""
    assert told_of_sale(bench, "999999") == told_of_sale(bench, "12345678901") == told_of_sale(bench, "") == ""
    given_back = back(bench.do(msgspec.structs.replace(BEFORE, key="k-3")))
    returned = bench.do(given_back)
    if family != "tremol":  # what stands in its code does not say which it was
        assert told_of_sale(bench, returned.number) == ""


def told_of_sale(bench: Bench, number: str) -> str:
    """What the device on this bench tells of SALE under this number."""
    wire = bench.works.wire
    work = plan(SALE, wire.dialect.family, Terms("cp1257", "ABC"))

    def answer(move: Move) -> Event:
        assert isinstance(move, Ask)
        return wire.ask(move)

    when, _ = walk(printed_at(work, wire.dialect, wire.identity, number), answer)
    return when


def test_summer_time_is_no_part_of_what_is_told() -> None:
    def summer(bench: Bench) -> None:
        assert isinstance(bench.endpoint.wire, V2)
        bench.endpoint.wire.summer = True

    bench, outcome = cut_after_the_close("datecs-v2", before=summer)
    assert outcome.device_time == bench.device.documents[0].device_time


# As a value ------------------------------------------------------------------------------------------------

RIGHT = Document("0000007", "2026-11-27T08:05:09", False, 1390, "02000600")


def told(*parts: Document | None, identity: Identity = HERE) -> str:
    left = list(parts)

    def answer(move: Move) -> Event:
        part = left.pop(0)
        return Heard(Said(frozenset(), "no" if part is None else "", value=part))

    when, _ = walk(printed_at(example(), A, identity, "0000007"), answer)
    return when


def test_what_is_told_of_this_very_receipt_is_believed() -> None:
    replace = msgspec.structs.replace
    assert told(RIGHT) == RIGHT.device_time
    assert told(Document("7", ended=False), Document(device_time="2026-11-27T08:05:09", ended=False), Document()) != ""
    for wrong in (
        replace(RIGHT, number="0000008"),
        replace(RIGHT, number=""),
        replace(RIGHT, reversal=True),
        replace(RIGHT, amount_cents=1391),
        replace(RIGHT, fiscal_memory="02000601"),
        replace(RIGHT, device_time=""),
    ):
        assert told(wrong) == ""
    assert told(replace(RIGHT, fiscal_memory="99"), identity=Identity("FP-2000")) != ""


def test_a_refusal_is_asked_about_once_more_and_a_lost_answer_is_not() -> None:
    assert told(None, RIGHT) == RIGHT.device_time
    assert told(None, None) == ""
    when, moves = walk(printed_at(example(), A, HERE, "7"), lambda move: SILENT)
    assert (when, asked(moves)) == ("", [ReadDocument("7")])


def test_a_record_that_does_not_end_is_not_read_for_ever() -> None:
    line = Heard(Said(frozenset(), value=Document(ended=False)))
    when, moves = walk(printed_at(example(), A, HERE, "7"), lambda move: line)
    assert (when, len(moves)) == ("", len(example().progress) + LINES_BESIDE)
