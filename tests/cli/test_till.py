"""`smartplace till` against the real API of a gateway: doubts, settling by hand, reports, cash."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import click
import msgspec
import pytest

from gateway.cli.client import Client
from gateway.cli.finding import Check, Level
from gateway.cli.printing_checks import printing_checks
from gateway.cli.till import cents_of
from gateway.config.types import TillStation
from gateway.model.device import DeviceHealth, Health
from gateway.model.fiscal import CashWork, PrintOutcome, PrintResult, ReportWork
from gateway.model.receipt import Line, Means, Receipt
from gateway.stations.refund_words import VoidRequest
from gateway.stations.till import Till
from gateway.stations.till_words import CommitRequest, QuoteAnswer, QuoteRequest
from tests.api.conftest import Place
from tests.cli.conftest import said, smartplace
from tests.support.clock import FakeClock
from tests.support.outputs import ScriptedOutputs


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    (tmp_path / "place").mkdir()
    clock = FakeClock()
    made = Place(tmp_path / "place", clock, ScriptedOutputs(clock.mono_ns))
    await made.start()
    del made.stations["till-1"]
    till = Till(TillStation(id="till-2", printer="fiscal-1"), made.services)
    await till.start()
    made.stations["till-2"] = till
    yield made
    await made.stop()


def outputs(place: Place) -> ScriptedOutputs:
    assert isinstance(place.outputs, ScriptedOutputs)
    return place.outputs


async def typed(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, while the gateway goes on."""
    return await asyncio.to_thread(smartplace, "till", *arguments, "--socket", place.socket_path)


async def doubt(place: Place) -> str:
    """A Z report of which it is not known whether it was printed; its key."""
    outputs(place).print_script.append("intent")
    done = await typed(place, "report", "z")
    assert done.returncode == 7
    (row,) = place.services.printers.doubts()
    return row.key


async def test_without_a_doubt_it_says_how_the_printers_stand(place: Place) -> None:
    done = await typed(place, "doubts")
    assert done.returncode == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["printer", "last", "Z", "day"],
        ["fiscal-1", "ready"],
    ]


async def test_a_doubt_is_told_with_what_to_look_at_and_what_to_type(place: Place) -> None:
    key = await doubt(place)
    done = await typed(place, "doubts")
    assert done.returncode == 8
    assert f"z {key} of till-2" in done.stdout
    assert f"smartplace till settle {key} --printed NUMBER --by NAME" in done.stdout
    assert f"smartplace till settle {key} --not-printed --by NAME" in done.stdout
    told = json.loads((await typed(place, "doubts", "--json")).stdout)
    assert [one["key"] for one in told["doubts"]] == [key]


async def test_it_is_settled_by_who_has_looked(place: Place) -> None:
    key = await doubt(place)
    done = await typed(place, "settle", key, "--printed", "0000042", "--time", "2026-11-27T10:02", "--by", "Ilze")
    assert (done.returncode, "with number 0000042" in done.stdout) == (0, True)
    again = await typed(place, "settle", key, "--not-printed", "--by", "Ilze")
    assert again.returncode == 5
    assert (await typed(place, "doubts")).returncode == 0
    missing = await typed(place, "settle", "feedbeef", "--not-printed", "--by", "Ilze")
    assert (missing.returncode, said(missing)[0].startswith("error: ")) == (4, True)


async def test_it_is_said_either_way_and_by_somebody(place: Place) -> None:
    key = await doubt(place)
    for wrong in ((), ("--printed", "1", "--not-printed")):
        assert (await typed(place, "settle", key, *wrong, "--by", "Ilze")).returncode == 2
    assert (await typed(place, "settle", key, "--not-printed")).returncode == 2
    time = ("--time", "2026-11-27T10:02")
    assert (await typed(place, "settle", key, "--not-printed", *time, "--by", "Ilze")).returncode == 2
    assert len(place.services.printers.doubts()) == 1


async def test_reports_and_cash_of_the_only_till(place: Place) -> None:
    done = await typed(place, "report", "x")
    assert (done.returncode, done.stdout) == (0, "printed, number 42\n")
    assert (await typed(place, "cash", "in", "20.50")).returncode == 0
    assert (await typed(place, "cash", "out", "5")).returncode == 0
    report, put, taken = outputs(place).jobs
    assert report == ReportWork(report.key)
    assert (put, taken) == (CashWork(put.key, 2050), CashWork(taken.key, -500))


async def test_a_z_report_is_told_by_its_number(place: Place) -> None:
    outputs(place).print_script.append(PrintOutcome("?", PrintResult.PRINTED, z_number="0117"))
    assert (await typed(place, "report", "z")).stdout == "printed, number 0117\n"


async def test_a_key_orders_once(place: Place) -> None:
    for _ in range(2):
        assert (await typed(place, "report", "z", "--key", "shift-7")).returncode == 0
    assert len(outputs(place).jobs) == 1


async def test_what_the_printer_refuses_is_1_and_a_printer_that_is_away_6(place: Place) -> None:
    outputs(place).print_script.append(PrintOutcome("?", PrintResult.REFUSED, reason="a receipt is open", code="open"))
    done = await typed(place, "report", "z")
    assert done.returncode == 1
    assert "a receipt is open" in said(done)[0]
    outputs(place).ready = False
    assert (await typed(place, "report", "z")).returncode == 6


async def test_of_several_tills_one_has_to_be_named(place: Place) -> None:
    other = Till(TillStation(id="till-3"), place.services)
    place.stations["till-3"] = other
    done = await typed(place, "report", "x")
    assert (done.returncode, "till-2, till-3" in said(done)[0]) == (4, True)
    assert (await typed(place, "report", "x", "--station", "till-2")).returncode == 0


@pytest.mark.parametrize(
    ("text", "cents"), [("20", 2000), ("20.5", 2050), ("0.05", 5), ("1,50", 150), ("1000000", 100_000_000)]
)
def test_an_amount_is_exact(text: str, cents: int) -> None:
    assert cents_of(text) == cents


@pytest.mark.parametrize("text", ["", "-5", "1.005", "1,500", "1,5.0", "0", "0.00", "1e3", "²", "1.", ".5", "1.-5"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        cents_of(text)


async def test_a_day_is_told_for_people_and_for_scripts(place: Place) -> None:
    till = place.stations["till-2"]
    assert isinstance(till, Till)
    lines = (Line("1", "Rope", "", 700), Line("2", "Book", "books", 300))
    quote = msgspec.json.decode(await till.quote(QuoteRequest(Receipt(lines, Means.CARD)), "q"), type=QuoteAnswer)
    await till.commit(CommitRequest(quote.quote, "F-1"), "r")
    await till.void(VoidRequest(key="r"), "v")
    done = await typed(place, "day")
    assert done.returncode == 0, done.stderr
    for told in ("till-2, 2026-11-23 (Europe/Riga)", "sold", "10.00", "Rope", "no category", "1 times"):
        assert told in done.stdout, told
    days = json.loads((await typed(place, "day", "--json", "--date", "2026-11-23")).stdout)["days"]
    assert [(one["station"], one["sold"]["count"], one["voided"]["due_cents"]) for one in days] == [("till-2", 1, 1000)]
    assert (await typed(place, "day", "--station", "nowhere")).returncode == 4
    assert (await typed(place, "day", "--date", "soon")).returncode == 5


async def test_the_status_lists_each_doubt_with_the_command_that_settles_it(place: Place) -> None:
    key = await doubt(place)
    place.clock.advance(720)
    arguments = ("status", "--socket", place.socket_path)
    done = await asyncio.to_thread(smartplace, *arguments)
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("in doubt on printers"))
    assert lines[at + 1].split() == ["z", key, "till-2", "fiscal-1", "-", "12", "min", "ago"]
    assert lines[at + 2].strip() == f"sudo smartplace till settle {key} (--printed NUMBER | --not-printed) --by NAME"
    told = json.loads((await asyncio.to_thread(smartplace, *arguments, "--json")).stdout)
    assert [(one["key"], one["station"], one["device"]) for one in told["doubts"]] == [(key, "till-2", "fiscal-1")]
    await typed(place, "settle", key, "--not-printed", "--by", "Ilze")
    assert key not in (await asyncio.to_thread(smartplace, *arguments)).stdout


async def test_the_status_says_which_printer_prints_nothing_now(place: Place) -> None:
    paper = DeviceHealth("fiscal-1", "fiscal", Health.READY, "paper_out", "it has no paper", "Put a roll in")
    place.devices.append(paper)
    done = await asyncio.to_thread(smartplace, "status", "--socket", place.socket_path)
    assert "  till-2  fiscal-1  fail  it has no paper. Put a roll in" in done.stdout.splitlines()


async def test_the_doctor_names_doubts_and_printers_that_print_nothing(place: Place) -> None:
    fiscal = DeviceHealth("fiscal-1", "fiscal", Health.READY)
    place.devices.append(fiscal)

    async def checks() -> list[Check]:
        return list(printing_checks(await asyncio.to_thread(Client(place.socket_path).get, "/v1/status")))

    assert await checks() == [Check("printing", Level.PASS, "1 fiscal printer, nothing is in doubt")]
    key = await doubt(place)
    (check,) = await checks()
    assert (check.name, check.level) == ("printing on fiscal-1 at till-2", Level.FAIL)
    assert key in check.cause
    assert f"smartplace till settle {key}" in check.advice
    await typed(place, "settle", key, "--not-printed", "--by", "Ilze")
    place.devices[-1] = DeviceHealth("fiscal-1", "fiscal", Health.LOST, "no_answer", "no answer", "Check its cable")
    assert await checks() == [Check("printing on fiscal-1 at till-2", Level.FAIL, "no answer", "Check its cable")]


def test_where_nothing_is_printed_the_doctor_says_nothing_of_it() -> None:
    assert list(printing_checks({"devices": [{"driver": "nfc"}]})) == []
