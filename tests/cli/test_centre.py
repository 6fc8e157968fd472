"""`smartplace centre`: the store read without a daemon, on both databases; and a worker run by it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.centre.sign import SigningKey, build_bundle
from gateway.centre.store import Store
from gateway.model.bodies import SecurityBody
from gateway.model.entry import EntryKind, Stream
from gateway.wire.bundle import BundleKind, read_manifest
from gateway.wire.messages import State
from tests.centre.boxes import NEXT, NOON_MS, Box, guessed
from tests.centre.chains import CITY, EPOCH, GATEWAY, Chain, chain_of
from tests.cli.conftest import ARGV, environment, said, smartplace
from tests.support.broker import mosquitto
from tests.support.clock import FakeClock
from tests.support.postgres import PASSWORD, postgres

NO_BATTERY = "no-battery"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def flags(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Options that name a store with three gateways: nine entries of one with a gap, three each of the others, one
    online."""
    folder = tmp_path_factory.mktemp("centre")
    if request.param == "sqlite":
        fill(Store(folder / "centre.db", FakeClock()))
        (folder / "centre.json").write_text(json.dumps({"city": CITY, "store": "centre.db"}))
        yield ["--config", str(folder / "centre.json")]
        return
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    with postgres() as server, server.database() as socket:
        url = server.tcp(socket)
        fill(Store(url, FakeClock(), secret))
        yield ["--store", url, "--password-file", str(secret)]


@pytest.fixture
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty store of the kind that the test's parameter names."""
    if request.param == "sqlite":
        yield str(tmp_path / "centre.db")
        return
    with postgres() as server, server.database() as url:
        yield url


def fill(store: Store) -> None:
    entries = chain_of(9)
    store.open()
    store.take(entries[:3] + entries[6:])
    store.take(chain_of(3, "school-1", stream=Stream.AUDIT))
    box = Box(NO_BATTERY)
    early, lost = box.record(guessed(60)), box.record(guessed(5, boot=NEXT))
    store.take([early, box.anchor(3660, NOON_MS), lost])
    given = {"online": True, "session": "s1", "epoch": EPOCH, "version": "0.1.0"}
    store.hear([(GATEWAY, msgspec.convert(given, State)), ("school-1", State(False, "s9", EPOCH))])
    bundle = build_bundle(BundleKind.BLOCKS, 7, CITY, "*", b"{}", SigningKey(b"12345678", bytes(32)), created_ms=1)
    store.put_bundles([(read_manifest(bundle.manifest), bundle)])
    store.hear([("gw-reached", msgspec.convert({**given, "bundles": {"blocks": 7}}, State))])
    store.close()


def told(*arguments: str) -> dict[str, Any]:
    done = smartplace("centre", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document.pop("schema") == 1
    return dict(document)


def test_gateways(flags: list[str]) -> None:
    _, here, away = told("gateways", *flags)["gateways"]
    assert (here["gateway"], here["online"], here["born_ms"]) == (GATEWAY, True, FakeClock().wall_ms())
    assert here["state"] == {"online": True, "session": "s1", "epoch": EPOCH, "version": "0.1.0"}
    assert (away["gateway"], away["online"], away["born_ms"]) == ("school-1", False, None)
    shown = smartplace("centre", "gateways", *flags).stdout.splitlines()
    assert shown[2].split()[:4] == [GATEWAY, "online", "2026-11-23", "09:00:00"]


def test_events_by_gateway_stream_kind_and_number(flags: list[str]) -> None:
    assert len(told("events", *flags)["events"]) == 12
    few = ("--gateway", GATEWAY, "--stream", "receipt", "--kind", "receipt", "--limit", "2")
    rows = told("events", *few, *flags)["events"]
    assert [(row["id"], row["body"]) for row in rows] == [
        (f"{GATEWAY}/{EPOCH}/receipt/8", {"n": 8}),
        (f"{GATEWAY}/{EPOCH}/receipt/9", {"n": 9}),
    ]
    first = told("events", *few, "--after", "0", *flags)["events"]
    following = told("events", *few, "--after", str(first[-1]["arrival"]), *flags)["events"]
    assert [row["body"]["n"] for row in (*first, *following)] == [1, 2, 3, 7]
    assert told("events", *few, "--after", str(rows[-1]["arrival"]), *flags)["events"] == []
    assert said(smartplace("centre", "events", *few, *flags)) == ["the newest 2 are shown: --limit, --after"]
    assert told("events", "--stream", "telemetry", *flags)["events"] == []
    shown = smartplace("centre", "events", "--gateway", "school-1", *flags).stdout.splitlines()
    assert len(shown) == 4


@pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)
def test_security_events_are_found_by_what_they_say(where: str) -> None:
    store = Store(where, FakeClock())
    store.open()
    kinds = {"quota_fenced": 2, "quota_brought": 1, "foreign_origin": 3}
    words = [word for word, count in kinds.items() for _ in range(count)]
    bodies = [msgspec.json.encode(SecurityBody(what=word, source="a test", count=1)) for word in words]
    chain = Chain(stream=Stream.AUDIT)
    store.take([chain.add(body, EntryKind.SECURITY) for body in (*bodies, b"[]")])
    store.close()
    for word, count in kinds.items():
        rows = told("events", "--what", word, "--store", where)["events"]
        assert [row["body"]["what"] for row in rows] == [word] * count
    shown = smartplace("centre", "events", "--what", "quota_brought", "--store", where).stdout.splitlines()
    assert (len(shown), "security quota_brought  " in shown[1]) == (2, True)
    done = smartplace("centre", "events", "--what", "quota_brought", "--kind", "receipt", "--store", where)
    assert (done.returncode, done.stdout) == (2, "")


def test_events_by_time(flags: list[str]) -> None:
    # Entry n is of 09:00 UTC and n ms.
    since = ("--gateway", GATEWAY, "--since", "2026-11-23T09:00:00.002")
    rows = told("events", *since, "--until", "2026-11-23T11:00:00.008+02:00", *flags)["events"]
    assert [str(row["id"]).rpartition("/")[2] for row in rows] == ["2", "3", "7"]
    assert told("events", "--since", "2026-11-24", *flags)["events"] == []
    assert smartplace("centre", "events", "--since", "yesterday", *flags).returncode == 2


def test_events_are_told_by_when_they_were(flags: list[str]) -> None:
    """One is of 1970 and dated by its boot's anchor, an hour after it; one nobody can date."""
    of = ("--gateway", NO_BATTERY, "--stream", "receipt")
    rows = told("events", *of, *flags)
    assert [(row["utc_ms"], row["wall_ms"], row["quality"]) for row in rows["events"]] == [
        (NOON_MS - 3600_000, 7_000, "guess"),
        (None, 7_000, "guess"),
    ]
    assert rows["undated"] == 0
    _, dated, unknown = smartplace("centre", "events", *of, *flags).stdout.splitlines()
    assert "receipt  2026-11-23 11:00:00  " in dated
    assert "receipt  1970-01-01 00:00:07 (guess)  " in unknown


def test_events_by_time_leave_out_what_nobody_can_date_and_say_so(flags: list[str]) -> None:
    window = ("--gateway", NO_BATTERY, "--since", "2026-11-23T11:00", "--until", "2026-11-23T12:00")
    rows = told("events", *window, *flags)
    assert ([row["utc_ms"] for row in rows["events"]], rows["undated"]) == ([NOON_MS - 3600_000], 1)
    rows = told("events", *window, "--undated", *flags)
    assert ([row["utc_ms"] for row in rows["events"]], rows["undated"]) == ([NOON_MS - 3600_000, None], 0)
    done = smartplace("centre", "events", *window, *flags)
    assert len(done.stdout.splitlines()) == 2
    assert said(done) == ["left out, because nobody can know when they happened: 1. --undated shows them too"]
    assert told("events", "--since", "1970-01-01", "--until", "1970-01-02", *flags)["events"] == []


def test_unreached(flags: list[str]) -> None:
    of = {"kind": "blocks", "newest": 7, "told": 0}
    assert told("unreached", *flags)["unreached"] == [
        {"gateway": GATEWAY, "online": True, **of},
        {"gateway": "school-1", "online": False, **of},
    ]
    shown = smartplace("centre", "unreached", *flags).stdout.splitlines()
    assert [line.split() for line in shown[1:]] == [
        [GATEWAY, "online", "blocks", "7", "-"],
        ["school-1", "offline", "blocks", "7", "-"],
    ]


def test_gaps(flags: list[str]) -> None:
    (gap,) = told("gaps", *flags)["gaps"]
    assert gap == {"gateway": GATEWAY, "epoch": EPOCH, "stream": "receipt", "first": 4, "last": 6}
    assert told("gaps", "--gateway", "school-1", *flags)["gaps"] == []
    assert smartplace("centre", "gaps", *flags).stdout.splitlines()[1].split()[-3:] == ["4", "6", "3"]


@pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)
def test_alarms(where: str) -> None:
    clock = FakeClock()
    store = Store(where, clock)
    store.open()
    for gateway, what in ((GATEWAY, "hand-over refused"), ("school-1", "behind"), (GATEWAY, "hand-over refused")):
        store.alarm(gateway, what, "no checkpoint")
        clock.advance(60)
    store.close()
    at = FakeClock().wall_ms()
    behind, refused = told("alarms", "--store", where)["alarms"]
    assert (behind["gateway"], behind["what"], behind["count"]) == ("school-1", "behind", 1)
    assert refused == {
        "gateway": GATEWAY, "what": "hand-over refused", "detail": "no checkpoint",
        "count": 2, "first_ms": at, "last_ms": at + 120_000,
    }  # fmt: skip
    assert told("alarms", "--gateway", "school-1", "--store", where)["alarms"] == [behind]
    done = smartplace("centre", "alarms", "--limit", "1", "--store", where)
    head, row = done.stdout.splitlines()
    assert head.split() == ["last", "first", "times", "gateway", "alarm", "detail"]
    assert row.startswith("2026-11-23 09:02:00  2026-11-23 09:00:00  2 ")
    assert row.endswith(f"{GATEWAY}  hand-over refused  no checkpoint")
    assert said(done) == ["the newest 1 are shown: --limit"]


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["--store", "/nowhere/centre.db"], 4, "/nowhere/centre.db: there is no store here"),
        (["--config", "/nowhere/centre.json"], 9, "/nowhere/centre.json"),
        (["--store", "postgresql://centre@127.0.0.1:1/city"], 1, "PostgreSQL"),
        (["--store", "postgresql://centre:hidden1@127.0.0.1:1/city"], 9, "no place in the URL"),
        (["--store", "mysql://h/d"], 9, "store"),
    ],
)
def test_a_store_that_cannot_be_read_is_one_line(arguments: list[str], code: int, why: str) -> None:
    done = smartplace("centre", "gaps", *arguments)
    assert done.returncode == code
    (line,) = said(done)
    assert line.startswith("error: ")
    assert why in line
    assert "hidden1" not in done.stderr


def test_a_worker_with_a_zone_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "centre.json").write_text(json.dumps({"city": CITY, "store": "x.db", "zone": "Europe/Jelgava"}))
    done = smartplace("centre", "run", "--config", tmp_path / "centre.json")
    assert (done.returncode, done.stdout) == (9, "")
    (line,) = said(done)
    assert "no such zone: 'Europe/Jelgava'" in line
    assert line.endswith("Write a zone such as Europe/Riga or Europe/Vilnius")
    assert not (tmp_path / "x.db").exists()


def test_a_worker_is_run_by_it(tmp_path: Path) -> None:
    with mosquitto() as broker:
        settings = {"city": CITY, "store": "centre.db", "port": broker.port, "tls": False}
        (tmp_path / "centre.json").write_text(json.dumps(settings))
        argv = [*ARGV, "centre", "run", "--config", str(tmp_path / "centre.json")]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["ready"]["connected"]
            process.stdin.write('{"do": "leases"}\n')
            process.stdin.flush()
            assert {lease["worker"] for lease in json.loads(process.stdout.readline())["ok"]} == {"centre"}
            process.stdin.close()
            assert process.wait(30) == 0
