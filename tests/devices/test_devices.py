"""Well-behaved drivers: what they say arrives, what is asked of them is answered."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from drivers.simulators.sip2 import PatronRecord, Sip2Server
from drivers.simulators.wedge import FocusedProgram
from gateway.config.types import DeviceSection
from gateway.model.device import Health
from gateway.model.errors import DeadlineMissed, InputRefused, LedgerError, NotFound, NotReady
from gateway.model.fiscal import (
    Baseline,
    Payment,
    PrinterStatus,
    PrintOutcome,
    PrintResult,
    ReceiptWork,
    SaleLine,
    Tender,
    WorkPoint,
    WorkStep,
)
from gateway.model.library import LibraryWord
from gateway.model.reading import AccessCardReading, CardReading, InputReading
from tests.devices.conftest import Start, gone, section
from tests.devices.drivers_for_tests import RAW
from tests.fiscal.machine import COMMAND

JOB = ReceiptWork(
    key="till-1/0001",
    items=(SaleLine("Bread", "A", 150, 2000, 30), SaleLine("Milk", "A", 120)),
    tenders=(Tender(Payment.CASH, 500),),
    total_cents=390,
)


async def test_a_card_arrives_as_a_reading_with_the_drivers_stamp(start: Start) -> None:
    before = time.monotonic_ns()
    place = await start(section("reader", {"every_s": 0.1, "count": 1}))
    await place.until(lambda: len(place.readings) == 1)
    match place.readings[0]:
        case CardReading(device="dev-reader", uid=uid, ndef=b"", mono_ns=stamp):
            assert uid.hex() == "04aabbcc"
            assert before < stamp < time.monotonic_ns()
        case other:
            raise AssertionError(other)


async def test_a_device_is_starting_then_ready_and_says_what_it_is(start: Start) -> None:
    place = await start(section("reader"))
    assert place.of("dev-reader").health is Health.STARTING
    await place.ready("dev-reader")
    health = place.of("dev-reader")
    assert health.detail == {"model": "reader for tests"}
    assert health.alive_age_ms is not None
    assert health.restarts == 0
    assert place.told("dev-reader") == [Health.STARTING, Health.READY]


async def test_a_device_that_works_may_want_somebody_to_see_to_something(start: Start) -> None:
    place = await start(section("reader", {"every_s": 0.05, "count": 0, "worries": 2}))
    await place.until(lambda: place.of("dev-reader").code == "battery_low")
    health = place.of("dev-reader")
    assert (health.health, health.advice) == (Health.READY, "Change its battery")
    assert health.detail == {"hall": "2.10 V"}
    assert place.told("dev-reader") == [Health.STARTING, Health.READY, Health.READY]


async def test_an_edge_of_an_input_arrives(start: Start) -> None:
    place = await start(section("relay"))
    await place.until(lambda: len(place.readings) == 1)
    match place.readings[0]:
        case InputReading(device="dev-relay", channel=3, on=True):
            pass
        case other:
            raise AssertionError(other)


async def test_a_reader_that_is_a_relay_too_is_read_and_asked(start: Start) -> None:
    place = await start(section("door"))
    await place.until(lambda: len(place.readings) == 2)
    card, edge = place.readings
    assert isinstance(card, AccessCardReading)
    assert (card.device, card.bits, card.number) == ("dev-door", 24, b"\x0c\x87\x07")
    assert isinstance(edge, InputReading)
    before = time.monotonic_ns()
    await place.ready("dev-door")
    assert before < await place.devices.pulse("dev-door", 0, 500) < time.monotonic_ns()
    with pytest.raises(InputRefused, match="it is no printer"):
        await place.devices.printer_status("dev-door")


async def test_a_device_that_works_and_needs_a_look_is_ready_with_a_problem_until_it_is_over(start: Start) -> None:
    place = await start(section("door"))
    await place.ready("dev-door")
    await place.devices.pulse("dev-door", 0, 500)
    await place.until(lambda: place.of("dev-door").code == "tamper")
    troubled = place.of("dev-door")
    assert (troubled.health, troubled.cause, troubled.advice) == (Health.READY, "its housing was opened", "Look at it")
    assert not troubled.needs_help
    await place.devices.pulse("dev-door", 0, 500)
    await place.until(lambda: place.of("dev-door").code == "")
    assert place.told("dev-door")[-3:] == [Health.READY] * 3
    assert place.of("dev-door").detail == {"model": "door for tests"}


async def test_a_pulse_tells_when_it_had_begun(start: Start) -> None:
    place = await start(section("relay"))
    await place.ready("dev-relay")
    before = time.monotonic_ns()
    assert before < await place.devices.pulse("dev-relay", 0, 500) < time.monotonic_ns()


async def test_outputs_are_read_back(start: Start) -> None:
    place = await start(section("relay"))
    await place.ready("dev-relay")
    assert await place.devices.read_outputs("dev-relay") == (True, False)


async def test_calls_do_not_count_as_a_flood(start: Start) -> None:
    place = await start(section("relay"))
    await place.ready("dev-relay")
    began = time.monotonic()
    for _ in range(1000):
        await place.devices.pulse("dev-relay", 0, 500)
    # Slowed to 200 lines a second, these would take more than three seconds.
    assert time.monotonic() - began < 2.5


async def test_a_call_that_the_driver_refuses_has_done_nothing(start: Start) -> None:
    place = await start(section("relay"))
    await place.ready("dev-relay")
    with pytest.raises(InputRefused, match="there is no output 7") as refused:
        await place.devices.pulse("dev-relay", 7, 500)
    assert refused.value.code == "no_output"
    assert refused.value.advice == "Use 0 or 1"
    assert place.of("dev-relay").health is Health.READY


async def test_a_call_in_which_the_device_was_lost_is_not_known(start: Start) -> None:
    place = await start(section("relay"))
    await place.ready("dev-relay")
    with pytest.raises(DeadlineMissed, match="not known") as missed:
        await place.devices.pulse("dev-relay", 8, 500)
    assert missed.value.code == "device_lost"
    await place.ready("dev-relay")


async def test_a_call_ends_by_its_deadline(start: Start) -> None:
    place = await start(section("relay"))
    await place.ready("dev-relay")
    began = time.monotonic()
    with pytest.raises(DeadlineMissed) as missed:
        await place.devices.pulse("dev-relay", 9, 500, deadline_ms=300)
    assert missed.value.code == "timed_out"
    assert 0.25 < time.monotonic() - began < 2


async def test_a_driver_that_is_killed_during_a_call_leaves_it_unknown(start: Start) -> None:
    place = await start(section("relay"))
    await place.ready("dev-relay")
    call = asyncio.ensure_future(place.devices.pulse("dev-relay", 9, 500, deadline_ms=30_000))
    await asyncio.sleep(0)
    place.devices.kill("dev-relay")
    with pytest.raises(DeadlineMissed) as missed:
        await call
    assert missed.value.code == "driver_died"


async def test_a_device_that_is_not_ready_refuses_at_once(start: Start) -> None:
    place = await start(section("relay"))
    with pytest.raises(NotReady, match="dev-relay"):
        await place.devices.pulse("dev-relay", 0, 500)


async def test_only_a_relay_takes_pulses(start: Start) -> None:
    place = await start(section("reader"))
    await place.ready("dev-reader")
    with pytest.raises(InputRefused, match="no relay"):
        await place.devices.pulse("dev-reader", 0, 500)
    with pytest.raises(NotFound):
        await place.devices.pulse("dev-other", 0, 500)


async def test_a_receipt_is_printed_with_every_step_stored_before_the_driver_goes_on(start: Start) -> None:
    place = await start(section("printer"))
    await place.ready("dev-printer")
    taken: list[WorkStep] = []
    let_go = asyncio.Event()

    async def store(step: WorkStep) -> None:
        taken.append(step)
        await let_go.wait()

    printing = asyncio.ensure_future(place.devices.do_work("dev-printer", JOB, store, 20_000))
    await place.until(lambda: len(taken) == 1)
    done, _ = await asyncio.wait({printing}, timeout=0.3)
    assert not done
    assert len(taken) == 1
    let_go.set()
    assert await printing == PrintOutcome(JOB.key, PrintResult.PRINTED, "42", 390, 110)
    assert [step.point for step in taken] == ["intent", "opened", "paying", "closing", "closed"]
    assert taken[0] == WorkStep(JOB.key, WorkPoint.INTENT, Baseline("41"))


async def test_a_step_that_cannot_be_stored_stops_the_receipt_for_good(start: Start) -> None:
    place = await start(section("printer"))
    await place.ready("dev-printer")
    pid = place.pid("dev-printer")
    taken: list[str] = []

    async def store(step: WorkStep) -> None:
        taken.append(step.point)
        if step.point == "paying":
            raise LedgerError("the disk is full")

    with pytest.raises(DeadlineMissed) as missed:
        await place.devices.do_work("dev-printer", JOB, store, 20_000)
    assert missed.value.code == "not_stored"
    assert isinstance(missed.value.__cause__, LedgerError)
    # The driver waits for a word that will never come: it is replaced, and nothing more was asked to be stored.
    await place.until(lambda: gone(pid))
    await place.ready("dev-printer")
    assert taken == ["intent", "opened", "paying"]


async def test_a_step_stored_after_the_deadline_does_not_let_the_driver_go_on(start: Start) -> None:
    place = await start(section("printer"))
    await place.ready("dev-printer")
    pid = place.pid("dev-printer")
    taken: list[str] = []
    let_go, stored = asyncio.Event(), asyncio.Event()

    async def store(step: WorkStep) -> None:
        taken.append(step.point)
        await let_go.wait()
        stored.set()

    with pytest.raises(DeadlineMissed) as missed:
        await place.devices.do_work("dev-printer", JOB, store, 300)
    assert missed.value.code == "timed_out"
    let_go.set()
    await asyncio.wait_for(stored.wait(), 5)
    await place.until(lambda: gone(pid))
    await place.ready("dev-printer")
    assert taken == ["intent"]


async def test_a_receipt_too_long_for_one_message_is_refused_before_anything_is_sent(start: Start) -> None:
    place = await start(section("printer"))
    await place.ready("dev-printer")
    line = SaleLine("Ā" * 600, "A", 150)
    long = ReceiptWork("till-1/2", (line,) * 512, (Tender(Payment.CASH, 76800),), 76800)

    async def store(step: WorkStep) -> None:
        raise AssertionError(step)

    with pytest.raises(InputRefused):
        await place.devices.do_work("dev-printer", long, store, 5000)
    assert place.of("dev-printer").health is Health.READY


async def test_a_printer_says_how_it_is(start: Start) -> None:
    place = await start(section("printer"))
    await place.ready("dev-printer")
    assert await place.devices.printer_status("dev-printer") == PrinterStatus(True, True, False, "41")


async def test_a_driver_gets_nothing_of_the_environment_that_it_does_not_need(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTPLACE_SECRET", "do not tell")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/smartplace.service")
    place = await start(section("prints_secrets_of_environment"))
    await place.ready("dev-prints-secrets-of-environment")
    detail = place.of("dev-prints-secrets-of-environment").detail
    told = set(detail)
    # LC_CTYPE is Python's own doing (PEP 538).
    pythons = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}
    assert told <= {"PATH", "LANG", "HOME", "CREDENTIALS_DIRECTORY", "TZ"} | pythons
    assert {"PATH", "CREDENTIALS_DIRECTORY"} <= told
    assert detail["TZ"] == "Europe/Riga"


def test_every_misbehaving_program_is_used_by_a_test() -> None:
    from pathlib import Path

    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in RAW if f'"{name}"' not in text] == []


async def test_a_library_is_asked_through_its_own_driver(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = Sip2Server()
    server.patrons["L-1"] = PatronRecord(flags="Y")
    server.start()
    place = await start(DeviceSection(id="library-1", driver="sip2", options={"port": server.port, "answer_ms": 300}))
    try:
        await place.ready("library-1")
        assert await place.devices.library_card("library-1", b"L-1") is LibraryWord.BARRED
        with pytest.raises(InputRefused, match="no library card"):
            await place.devices.library_card("library-1", b"L\xff")
        server.fault = "hang"
        with pytest.raises(DeadlineMissed):
            await place.devices.library_card("library-1", b"L-1")
        with pytest.raises(NotReady):
            await place.devices.library_card("library-1", b"L-1")
    finally:
        server.stop()
    assert "L-1" not in caplog.text


async def test_a_code_is_typed_through_the_wedges_own_driver(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = FocusedProgram(tmp_path / "focus")
    program.plug()
    options = {"port": str(tmp_path / "focus"), "key_ms": 1}
    place = await start(DeviceSection(id="keys-1", driver="wedge", options=options))
    try:
        await place.ready("keys-1")
        await place.devices.type_text("keys-1", b"L-1")
        await place.until(lambda: program.lines == ["L-1"])
        for text in (b"L-1; rm", b"L-1\xff"):
            with pytest.raises(InputRefused):
                await place.devices.type_text("keys-1", text)
    finally:
        program.unplug()
    assert "L-1" not in caplog.text


WITH_H = msgspec.structs.replace(JOB, items=(*JOB.items, SaleLine("Wine", "H", 500)))


async def test_a_driver_says_of_a_work_what_it_would_refuse_also_while_it_prints(start: Start) -> None:
    place = await start(section("printer"))
    await place.ready("dev-printer")
    assert await place.devices.check_work("dev-printer", JOB) is None
    held, go_on = asyncio.Event(), asyncio.Event()

    async def store(_step: WorkStep) -> None:
        held.set()
        await go_on.wait()

    printing = asyncio.ensure_future(place.devices.do_work("dev-printer", JOB, store, 60_000))
    await held.wait()
    said = await place.devices.check_work("dev-printer", WITH_H, 20_000)
    assert said == PrintOutcome(
        WITH_H.key,
        PrintResult.REFUSED,
        reason="it has no H",
        advice="Take another",
        code="bad_vat",
        where="items[2].vat",
    )
    go_on.set()
    assert (await printing).result is PrintResult.PRINTED


async def test_what_a_driver_says_by_itself_is_no_life_of_its_device(start: Start) -> None:
    place = await start(section("printer"))
    await place.ready("dev-printer")

    def age_ms() -> int:
        return place.of("dev-printer").alive_age_ms or 0

    grew = []
    for _ in range(3):  # the device may show life of its own just then
        await place.until(lambda: age_ms() > 100)
        before = age_ms()
        await place.devices.check_work("dev-printer", JOB)
        grew.append(age_ms() >= before)
    assert any(grew)
    await place.until(lambda: age_ms() > 100)
    before = age_ms()
    await place.devices.printer_status("dev-printer")
    assert age_ms() < before


async def test_a_work_that_the_contract_cannot_say_is_refused_before_anybody_is_asked(start: Start) -> None:
    place = await start(section("printer"))
    await place.ready("dev-printer")
    with pytest.raises(InputRefused, match=r"items"):
        await place.devices.check_work("dev-printer", msgspec.structs.replace(JOB, items=JOB.items * 257))


async def test_a_driver_that_does_not_know_the_question_has_nothing_against_it(start: Start) -> None:
    place = await start(DeviceSection(id="p-1", driver="test_fiscal", command=COMMAND, options={"memory": "/nowhere"}))
    await place.ready("p-1")
    assert await place.devices.check_work("p-1", WITH_H) is None
