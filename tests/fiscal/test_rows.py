"""Table `fiscal` through time: rows of an older program, of a damaged file, and of a copy that was put back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.fiscal.rows import open_rows, row_of
from gateway.ledger import schema
from gateway.ledger.ledger import Ledger
from gateway.ledger.state import take_over
from gateway.model.device import Health
from gateway.model.errors import NotReady
from gateway.model.fiscal import Baseline, PrintResult, WorkPoint
from gateway.stations.answers import KEEP_MS, Tidy
from tests.fiscal.conftest import Asker, House, health, receipt
from tests.ledger.test_migrations import file_of
from tests.support.clock import FakeClock
from tests.support.place import Place


async def test_rows_of_an_older_program_are_understood(tmp_path: Path) -> None:
    ledger = Ledger(file_of(7, tmp_path), "museum-1", FakeClock())
    ledger.start()
    printed = row_of(ledger.query, "a1a1a1a1a1a1a1a1")
    assert printed is not None
    assert (printed.result, printed.number, printed.baseline) == (PrintResult.PRINTED, "0000042", Baseline("0000041"))
    interrupted, waiting = open_rows(ledger.query)
    assert (interrupted.point, interrupted.baseline, interrupted.work) == (WorkPoint.PAYING, Baseline('00"41'), None)
    assert (waiting.key, waiting.point, waiting.device) == ("c3c3c3c3c3c3c3c3", WorkPoint.RECORDED, "")
    await ledger.stop()


async def test_what_an_older_program_left_in_doubt_is_for_a_person_and_blocks_no_printer(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    file_of(7, tmp_path / "state")
    db = sqlite3.connect(tmp_path / "state" / "ledger.db")
    db.execute("UPDATE meta SET value='gw-test' WHERE key='gateway'")
    for stream in ("receipt", "audit"):
        db.execute(f"DELETE FROM {stream}")
    db.execute("UPDATE stream SET acked=0, checked=0")
    db.commit()
    db.close()
    place = Place(tmp_path / "state").start()
    house = House(place)
    if place.ledger.number != 1:
        pytest.fail("the file was not taken as it is")
    await house.own()
    assert [(one.key, one.result) for one in house.asker.heard] == [
        ("b2b2b2b2b2b2b2b2", PrintResult.UNKNOWN),
        ("c3c3c3c3c3c3c3c3", PrintResult.CANCELLED),
    ]
    assert "smartplace till settle b2b2" in house.asker.heard[0].advice
    house.printers.check("p-1")
    house.printers.on_change(health("p-1"))
    await house.printers.settle("p-1")
    assert house.outputs.settled == []
    outcome = await house.printers.settle_by_hand("b2b2b2b2b2b2b2b2", "0000042", "Ilze")
    assert outcome.result is PrintResult.PRINTED
    await house.stop()


async def test_what_is_in_doubt_is_never_tidied_away(house: House) -> None:
    house.outputs.print_script.append("paying")
    await house.do(receipt("k1"))
    await house.printers.settle_by_hand("k1", "42", "Ilze")
    house.outputs.print_script.append("paying")
    await house.do(receipt("k2"))
    house.place.clock.advance(KEEP_MS / 1000 + 1)
    await house.place.ledger.commit([], [Tidy()])
    assert row_of(house.place.ledger.query, "k1") is None
    assert house.row("k2").work == receipt("k2")


async def test_in_a_copy_what_waited_may_have_been_printed_since(house: House, tmp_path: Path) -> None:
    """The file is copied while a receipt waits for its printer: nothing of it counts as never sent or never paid."""
    await house.begin(receipt("k1"))
    old = house.place.ledger._db
    new = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    schema.prepare(new, tmp_path / "new.db")
    assert take_over(new, old, copy=True) == ()
    rows = open_rows(lambda sql, parameters: new.execute(sql, parameters).fetchall())
    assert [(row.key, row.point, row.work) for row in rows] == [("k1", WorkPoint.CLOSING, receipt("k1"))]
    new.close()


async def test_a_salvaged_row_of_an_older_schema_has_a_bare_number(house: House) -> None:
    await house.begin(receipt("k1"))
    house.place.ledger._db.execute("UPDATE fiscal SET baseline='0000041'")
    assert house.row("k1").baseline == Baseline("0000041")


async def test_a_device_that_is_no_fiscal_one_is_left_alone(house: House) -> None:
    house.printers.on_change(health("reader-1"))
    house.printers.on_change(health("reader-1", Health.LOST))
    assert house.printers.description("reader-1") is None
    house.outputs.ready = False
    with pytest.raises(NotReady):
        house.printers.check("reader-1")
    assert isinstance(house.asker, Asker)
