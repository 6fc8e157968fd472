"""A box is replaced on purpose: what a technician types, from the old gateway to the new one, beside a real centre.

Every part is a process of its own: mosquitto, a worker of the centre, the old gateway, then the new one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.centre.query import Query
from gateway.centre.quota_seen import CellRow, cells
from gateway.centre.quota_tables import quota_leases
from gateway.centre.sign import build_bundle, load_key
from gateway.centre.store import Store
from gateway.cli.demo.watch import ask
from gateway.model.clock import SystemClock
from gateway.model.entry import EntryKind
from gateway.wire.bundle import BundleKind, Manifest
from tests.centre.chains import CITY
from tests.centre.programs import worker
from tests.centre.scripted import eventually
from tests.cli.conftest import Running, smartplace, write_keys
from tests.rules.builders import document, percent, rule
from tests.support.broker import mosquitto

NAME = "museum-1"
CAMPAIGN = {"key": "campaign", "unit": "cents", "limit": 1000, "period": "ever", "per": "all"}
RULES = document(rule("spring", give=percent(2000), quota=[CAMPAIGN]))
"""A fifth off for everybody, as long as the campaign has money."""
BOOK = {"receipt": {"lines": [{"id": "1", "text": "Book", "category": "books", "unit_cents": 1000}]}}
CONFIG = """\
[gateway]
id = "museum-1"
city = "jelgava"
place = "shop"
state = "state"
clock = "vouched"

[keys]
card = "keys/card.hex"
card_id = "k1"
bundles = ["keys/bundles.pub"]

[sync]
host = "127.0.0.1"
port = {port}
tls = false

[api]
port = 0

[[station]]
kind = "till"
id = "till-1"
"""


class Box:
    """A gateway that runs, with a folder of its own."""

    def __init__(self, config: Path, process: Running) -> None:
        self.process = process
        self._config = config
        found = re.search(r"ready: http://127.0.0.1:([0-9]+)/", process.err)
        assert found is not None, process.err
        self._port = int(found[1])

    def quote(self) -> Any:
        """A book's price with the campaign: when rules are in force and the centre has leased some of it."""
        return eventually(lambda: told if (told := self._post("quotes", BOOK)).get("discount_cents") == 200 else None)

    def sell(self) -> None:
        self._post("receipts", {"quote": self.quote()["quote"], "fiscal_number": "LV-1"}, "sale-1")

    def types(self, *arguments: str | Path) -> str:
        done = smartplace(*arguments, "--config", self._config)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def doctor(self) -> str:
        """What is said of the daemon."""
        checks = json.loads(smartplace("doctor", "--json", "--config", self._config).stdout)["checks"]
        return next(str(check["cause"]) for check in checks if check["check"] == "daemon")

    def is_drained(self) -> bool:
        return " 0 wait for the centre" in self.types("status")

    def _post(self, path: str, body: object, key: str = "") -> Any:
        return ask(self._port, "POST", f"/v1/stations/till-1/{path}", body, key)[1]


@contextmanager
def box(folder: Path, port: int, keys: Path) -> Iterator[Box]:
    """A gateway with these keys, until it is stopped properly; at first its state folder is empty."""
    shutil.copytree(keys, folder / "keys", dirs_exist_ok=True)
    config = folder / "gateway.toml"
    config.write_text(CONFIG.format(port=port), encoding="utf-8")
    with Running("run", "--config", config) as process:
        process.until("ready: http://")
        yield Box(config, process)
        process.process.terminate()
        assert process.end() == 0, process.err


class Centre:
    """Its store, looked at from outside."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def publish(self, key: Path) -> None:
        signed = build_bundle(BundleKind.RULES, 1, CITY, "*", RULES, load_key(key), created_ms=1)
        store = Store(self.path, SystemClock())
        store.open()
        store.put_bundles([(msgspec.json.decode(signed.manifest, type=Manifest), signed)])
        store.close()

    def campaign(self) -> CellRow:
        store = Store(self.path, SystemClock())
        store.open()
        with store.database.begin() as db:
            (cell,) = cells(db, None, "campaign", 9)
        store.close()
        return cell

    def leases(self) -> list[Any]:
        store = Store(self.path, SystemClock())
        store.open()
        with store.database.begin() as db:
            rows = list(db.execute(quota_leases.select()).all())
        store.close()
        return rows

    def out(self) -> int:
        return self.campaign().granted - self.campaign().freed

    def security(self) -> list[str]:
        rows = Query(self.path).events(NAME, kind=EntryKind.SECURITY)
        return [json.loads(bytes(row.body or b"{}"))["what"] for row in rows]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    write_keys(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def centre(tmp_path: Path, keys: Path) -> Centre:
    """With the rules published."""
    made = Centre(tmp_path / "centre.db")
    made.publish(keys / "bundles.key")
    return made


def nothing_is_wrong(centre: Centre) -> None:
    assert Query(centre.path).alarms() == []
    done = smartplace("centre", "reconcile", "campaign", "ever", "--store", centre.path)
    assert done.returncode == 0, done


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_as_the_page_has_it(tmp_path: Path, keys: Path, centre: Centre) -> None:
    word = tmp_path / "museum-1.handover"
    with mosquitto() as broker, worker(broker, str(centre.path), tmp_path):
        with box(tmp_path / "old", broker.port, keys) as old:
            old.sell()
            eventually(lambda: centre.campaign().used == 200)
            assert centre.out() > 200, "some of it is not used"
            old.types("quota", "hand-over", word, "--yes")
            assert "handed over what it held of quotas" in old.doctor()
            eventually(old.is_drained)
            old.types("quota", "hand-over", tmp_path / "again", "--yes")
            assert (tmp_path / "again").read_bytes() == word.read_bytes(), "also when the centre has closed it all"
        with box(tmp_path / "new", broker.port, keys) as new:
            new.types("quota", "bring", word)
            new.sell()
            eventually(lambda: centre.campaign().used == 400)
            eventually(new.is_drained)
        assert {"quota_handed_over", "quota_brought"} <= set(centre.security())
        nothing_is_wrong(centre)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_only_the_file_tells_the_centre_what_a_box_off_the_net_had_not_used(
    tmp_path: Path, keys: Path, centre: Centre
) -> None:
    word = tmp_path / "museum-1.handover"
    with mosquitto() as broker, worker(broker, str(centre.path), tmp_path):
        with box(tmp_path / "old", broker.port, keys) as old:
            old.sell()
            eventually(lambda: centre.campaign().used == 200)
        leased = centre.out()
        assert leased == 1000, "all that there is: what the new box gives must have come back"
        with box(tmp_path / "old", broker.port, keys) as old:
            eventually(old.is_drained)  # with the checkpoint that its stop had signed
            broker.kill()
            old.types("quota", "hand-over", word, "--yes")
        told = json.loads(word.read_bytes())
        assert [used - back for _, used, back in told["closed"]] == [200]
        broker.start()

        with box(tmp_path / "new", broker.port, keys) as new:
            eventually(lambda: [row.standing for row in centre.leases()] == ["fenced"])
            assert centre.out() == leased, "nobody knows what the old box did with it"
            shown = json.loads(new.types("quota", "bring", word, "--json"))
            assert (shown["leases"], shown["file"]) == (1, str(word))
            eventually(lambda: centre.out() == 200)
            new.types("quota", "bring", word)  # again, for nothing
            new.sell()
            eventually(lambda: centre.campaign().used == 400)
        nothing_is_wrong(centre)
