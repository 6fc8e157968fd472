"""`smartplace centre lots` as an officer runs it, on both databases, beside a centre that leases."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from gateway.centre.people_tables import holders
from gateway.centre.store import Said, Store
from gateway.cli.main import cli
from gateway.wire.quota import Cell, Grant, Hello, LeaseId, QuotaSaid, Request
from gateway.wire.quota import Said as QuotaMessage
from tests.cli.conftest import said, smartplace
from tests.quota.world import BOUGHT, BUDGET, RIDES, publish
from tests.support.clock import FakeClock

ID = "till-7/1234"
LATER = ("--expires", "2126-12-31", "--zone", "Europe/Riga")
RIGA = ZoneInfo("Europe/Riga")
END = int(datetime(2127, 1, 1, tzinfo=RIGA).timestamp()) * 1000
"""The first moment after the last day."""
NEEDS = ("--key", "bought", "--units", "10", "--as", "Anna")


@pytest.fixture
def centre(where: str) -> Iterator[Store]:
    """Open in this process."""
    store = opened(where)
    yield store
    store.close()


def opened(where: str) -> Store:
    """Rules are published that have a prepaid quota `bought`, and h-1 and h-2 are holders; h-3 was one."""
    store = Store(where, FakeClock(), zone="Europe/Riga")
    store.open()
    publish(store, 1, RIDES, BUDGET, BOUGHT)
    rows = [("h-1", 0), ("h-2", 0), ("h-3", 5)]
    with store.database.begin() as db:
        person = {"entitlements": "", "changed_ms": 1}
        db.execute(holders.insert(), [{"holder": holder, "ended_ms": ended, **person} for holder, ended in rows])
    return store


def run(where: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return smartplace("centre", *arguments, "--store", where)


def tried(where: str, *arguments: str | Path) -> Result:
    """In this process: a dozen of their own would take a slow machine half a minute."""
    return CliRunner().invoke(cli, ["centre", *map(str, arguments), "--store", where])


def did(where: str, *arguments: str | Path) -> dict[str, Any]:
    done = run(where, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document.pop("schema") == 1
    return document


def lots(where: str, *arguments: str) -> list[dict[str, Any]]:
    return list(did(where, "lots", "list", *arguments)["lots"])


class Gateway:
    """Speaks to the centre as one does, by the messages of the wire."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name, self._number = store, name, 0
        self.say(Hello(nonce=name.encode().hex().ljust(16, "0")))

    def say(self, *messages: QuotaMessage) -> list[Any]:
        group = Said(quotas=[(self._name, QuotaSaid(self._name, messages))])
        return [told for _, told in self._store.settle(group).answers]

    def lease(self, key: str, period: str, holder: str = "", want: int = 1) -> Grant:
        self._number += 1
        asked = Request(LeaseId(1, self._number), Cell(key, period, holder), want)
        (grant,) = self.say(asked)
        assert isinstance(grant, Grant), grant
        return grant


@pytest.mark.timeout(120)
def test_a_lot_is_sold_once_however_often_it_is_said(centre: Store, where: str) -> None:
    sale = ("lots", "add", "--holder", "h-1", *NEEDS, *LATER, "--id", ID)
    first, second = did(where, *sale), did(where, *sale)
    assert (first["id"], first["new"], second) == (ID, True, {"id": ID, "new": False, "operation": 0})
    (lot,) = lots(where)
    assert lot.pop("sold_ms") > 0
    assert lot == {
        "holder": "h-1", "key": "bought", "id": ID, "units": 10, "granted": 0, "freed": 0, "fenced": 0, "left": 10,
        "expires_ms": END,
    }  # fmt: skip
    for other in (("--units", "11"), ("--expires", "2126-12-30")):
        done = run(where, *sale, *other)
        assert (done.returncode, done.stdout) == (5, "")
        assert said(done) == [
            f"error: lot {ID} of bought is there with other units or another end. Give it a name of its own"
        ]
    (lot,) = lots(where)
    assert lot["units"] == 10
    log = did(where, "holders", "log")["log"]
    assert [(row["officer"], row["verb"], row["what"], row["holder"]) for row in log] == [
        ("Anna", "sell", "lot sold", "h-1")
    ]


@pytest.mark.timeout(120)
def test_what_was_sold_is_leased_and_the_list_tells_what_is_left(centre: Store, where: str) -> None:
    box = Gateway(centre, "gw-bus")
    done = run(where, "lots", "add", "--holder", "h-1", *NEEDS, "--expires", "never")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[0-9a-f]{32}\n", done.stdout)
    assert said(done) == ["kept"]
    assert run(where, "lots", "add", "--holder", "h-2", *NEEDS, *LATER).returncode == 0
    assert box.lease("bought", "ever", "h-1", want=3).units == 3
    mine = {row["holder"]: row for row in lots(where)}
    assert (mine["h-1"]["granted"], mine["h-1"]["left"], mine["h-1"]["expires_ms"]) == (3, 7, 0)
    assert (mine["h-2"]["granted"], mine["h-2"]["left"], mine["h-2"]["expires_ms"]) == (0, 10, END)
    assert [row["holder"] for row in lots(where, "--holder", "h-2")] == ["h-2"]
    assert len(lots(where, "--limit", "1")) == 1
    shown = run(where, "lots", "list", "--holder", "h-1").stdout.splitlines()
    assert shown[0].split() == ["holder", "quota", "id", "units", "out", "fenced", "left", "expires", "sold"]
    assert re.fullmatch(r"h-1 +bought +[0-9a-f]{32} +10 +3 +0 +7 +never +\S+ \S+", shown[1])


def test_what_cannot_be_used_by_anybody_is_not_sold(centre: Store, where: str) -> None:
    def sale(holder: str = "h-1", key: str = "bought", expires: str = "2126-12-31T00:00Z", **more: str) -> list[str]:
        given = {"holder": holder, "key": key, "units": "1", "expires": expires, "as": "Anna", **more}
        return ["lots", "add", *(part for name, value in given.items() for part in (f"--{name}", value))]

    for arguments, code, told in (
        (sale(key="nothing"), 5, "no published rule has a prepaid quota nothing. Prepaid are: bought"),
        (sale(key="rides"), 5, "no published rule has a prepaid quota rides"),  # it has a limit: none is sold
        (sale(holder="h-9"), 4, "there is no such holder"),
        (sale(holder="h-3"), 5, "the holder has ended"),
        (sale(expires="2026-01-01T00:00Z"), 5, "it has expired already"),
        (sale(expires="0"), 2, "Invalid value for --expires: '0' is an end that is none"),
        (sale(expires="2126-12-31"), 2, "a day or time without a zone. Say which: --zone Europe/Riga"),
        (
            sale(expires="31.05.2127"),
            2,
            "Invalid value for --expires: '31.05.2127' is a time that is none. Such as 2026",
        ),
        (sale(key="Bought"), 2, "--key"),
        (sale(units="0"), 2, "--units"),
        (sale(id="x" * 65), 2, "--id"),
        (sale(**{"as": ""}), 5, "--as"),
    ):
        done = tried(where, *arguments)
        assert (done.exit_code, done.stdout) == (code, ""), (arguments, done)
        assert told in done.stderr, (arguments, done.stderr)
    assert lots(where) == []


def test_without_rules_and_holders_a_lot_is_kept_and_that_is_said(where: str) -> None:
    store = Store(where, FakeClock())
    store.open()
    store.close()
    done = run(where, "lots", "add", "--holder", "anybody", *NEEDS, *LATER)
    assert done.returncode == 0
    assert said(done) == [
        "no rules are published: that one names this quota as prepaid was not checked",
        "the store has no holders: that they are some was not checked",
        "kept",
    ]
    assert [row["holder"] for row in lots(where)] == ["anybody"]


FILE = """holder,key,units,expires,id
h-1,bought,10,2126-12-31,a-1
h-1,bought,20,never,a-2
h-2,bought,5,2126-12-31T12:00+02:00,a-1
"""


@pytest.mark.timeout(120)
def test_a_file_of_sales_is_taken_whole_and_again_for_nothing(centre: Store, where: str, tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text(FILE)
    file.chmod(0o600)
    take = ("lots", "import", file, "--as", "kiosk", "--zone", "Europe/Riga")
    done = did(where, *take)
    assert (done["changes"], done["lots"]) == ({"lot sold": 3}, 3)
    assert [(row["holder"], row["id"], row["units"], row["expires_ms"]) for row in lots(where)] == [
        ("h-1", "a-1", 10, END),
        ("h-1", "a-2", 20, 0),
        ("h-2", "a-1", 5, END - 12 * 3_600_000),
    ]
    assert did(where, *take)["operation"] == 0
    file.write_text(FILE + "h-1,bought,1,never,a-3\n")
    assert did(where, *take)["changes"] == {"lot sold": 1}


BAD = [
    ("h-1,bought,1,,a-4", 9, "row 3: wrong, unknown or missing: "),
    ("h-1,bought,1,never,", 9, "row 3: wrong, unknown or missing: "),
    ("h-1,bought,0,never,a-4", 9, "row 3: wrong, unknown or missing: units"),
    ("h-1,bought,1.5,never,a-4", 9, "row 3: wrong, unknown or missing: units"),
    (f"h-1,bought,{2**53 + 1},never,a-4", 9, "row 3: wrong, unknown or missing: units"),
    ("h-1,bought,1,2026-13-01,a-4", 9, "row 3: a time that is none"),
    ("h-1,bought,1,2020-01-01T00:00Z,a-4", 9, "row 3: it has expired already"),
    ("h-1,rides,1,never,a-4", 9, "row 3: no published rule has a prepaid quota rides"),
    ("h-1,bought,1", 9, "row 3: has not as many fields"),
    ("h-9,bought,1,never,a-4", 4, "row 3: there is no such holder"),
    ("h-3,bought,1,never,a-4", 5, "row 3: the holder has ended"),
    ("h-2,bought,2,never,a-1", 5, "row 3: lot a-1 of bought is there with other units"),
]


def test_a_file_with_a_bad_row_sells_nothing_and_the_row_is_told(centre: Store, where: str, tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.touch(0o600)
    for row, code, told in BAD:
        file.write_text(f"holder,key,units,expires,id\nh-2,bought,1,never,a-1\n{row}\n")
        file.chmod(0o644)
        done = tried(where, "lots", "import", file, "--as", "kiosk")
        assert (done.exit_code, done.stdout) == (code, ""), (row, done)
        assert told in done.stderr, (row, done.stderr)
        assert "chmod" not in done.stderr, "it has no ids of cards"
        if "wrong, unknown" in told:
            assert done.stderr.endswith(". See docs/centre.md, What holders have bought\n"), done.stderr
    assert lots(where) == []
