"""Gateways and a centre with their real files, and between them a bag of messages that a test delivers as it likes:
later, twice, in any order, or never."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import select

from gateway.centre import lots
from gateway.centre.link import Delivery
from gateway.centre.lots import NEVER, Sale
from gateway.centre.quota_tables import quota_beyond, quota_cells, quota_leases
from gateway.centre.sorting import sort
from gateway.centre.store import Store
from gateway.ledger.backup import back_up, restore
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.decision import QuotaUnit, Use
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict
from gateway.quota.keeping import Asking, Closing
from gateway.quota.quotas import Quotas
from gateway.quota.tending import Keeping
from gateway.rules.compiled import Counted
from gateway.rules.periods import period_of
from gateway.rules.purse import Asked
from gateway.wire.quota import Key, QuotaSaid, QuotaTold, Want
from gateway.wire.topics import Topics
from tests.rules.builders import document, rule
from tests.support import authority
from tests.support.authority import ALL, CITY
from tests.support.clock import FakeClock

T = TypeVar("T")

RIDES = {"key": "rides", "unit": "units", "limit": 5, "period": "month"}
BUDGET = {"key": "budget", "unit": "cents", "limit": 12, "period": "ever", "per": "all"}
TRUSTED = {"key": "trusted", "unit": "units", "limit": 3, "period": "month", "grace_units": 2}
ON_CARD = {"key": "on-card", "unit": "units", "source": "card", "period": "ever"}
BOUGHT = {"key": "bought", "unit": "units", "source": "prepaid", "period": "ever"}


def rules(*quotas: dict[str, Any]) -> bytes:
    """A rule document with these quotas."""
    return document(*(rule(quota["key"], who={"any_of_groups": ["c1"]}, quota=[quota]) for quota in quotas))


def ask(quota: dict[str, Any], day: date) -> Asked:
    """What the rules ask about this quota on this day."""
    unit, holder = QuotaUnit(quota["unit"]), quota.get("per", "holder") == "holder"
    counted = Counted(quota["key"], unit, quota.get("limit", 0), quota["period"], holder, cut=False)
    return Asked(quota["key"], unit, period_of(counted, day), holder, quota.get("grace_units", 0))


def make_store(path: Path, clock: FakeClock, *quotas: dict[str, Any]) -> Store:
    """A centre's store with rules published that have these quotas."""
    store = Store(path, clock, zone="Europe/Riga")
    store.open()
    publish(store, 1, *quotas)
    return store


def publish(store: Store, number: int, *quotas: dict[str, Any], target: str = "*") -> None:
    authority.publish(store, rules(*quotas), number, target)


def sell(store: Store, holder: str, lot: str, units: int, expires_ms: int = 0, key: str = "bought") -> bool:
    """A lot of a prepaid quota, sold as a desk does. False: it was there."""
    sale = Sale(holder, key, units, expires_ms or NEVER, lot)
    return bool(lots.sell(store.database, [("", sale)], "kiosk", FakeClock().wall_ms()).done.operation)


class Box:
    """One gateway: a real ledger, the real quotas. Synchronous: each call runs the loop until it is done."""

    def __init__(self, name: str, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.name, self.folder, self.clock = name, folder, FakeClock()
        self.keeping = Keeping(warm_units=2, often=2)
        self._loop = loop
        self._start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def _start(self) -> None:
        async def start() -> None:
            self.ledger = Ledger(self.folder / "ledger.db", self.name, self.clock)
            self.ledger.start()
            self.quotas = Quotas(self.ledger, self.clock, self.name, self.keeping)
            await self.quotas.start()

        self.run(start())

    def stop(self) -> None:
        self.run(self.ledger.stop())

    def restart(self) -> None:
        self.stop()
        self._start()

    def cut(self, to: Path) -> None:
        """The power goes: what is on the card at this moment is all that there is afterwards."""
        self.run(self.ledger.commit([], []))
        shutil.copytree(self.folder, to)
        self.stop()
        self.folder = to
        self.clock.boot = f"{int(self.clock.boot, 16) + 1:032x}"
        self._start()

    def back_up(self, target: Path) -> None:
        back_up(self.ledger.names, target, self.ledger.disk)

    def restore(self, copy: Path) -> None:
        """The card is lost; a backup of it is put on another one."""
        self.stop()
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        names, disk = self.ledger.names, self.ledger.disk
        restore(names, self.name, copy, self.clock.stamp(), disk)
        self._start()

    def replace(self, folder: Path) -> None:
        """Another box with an empty card takes this one's place and name."""
        self.stop()
        self.folder = folder
        self._start()

    # What a station does -----------------------------------------------------------------------------------

    def today(self) -> date:
        return datetime.fromtimestamp(self.clock.wall_ms() / 1000, UTC).date()

    def asked(self, quota: dict[str, Any]) -> Asked:
        return ask(quota, self.today())

    def cell(self, quota: dict[str, Any], holder: str) -> Key:
        asked = self.asked(quota)
        return Key(asked.key, asked.period.name, holder if asked.holder else "")

    def commit(self, *effects: Effect, kind: EntryKind = EntryKind.RECEIPT) -> str:
        """An entry with these effects; its name. Raises `Conflict`."""
        entry = NewEntry(Stream.RECEIPT, kind, b"{}")
        (stored,) = self.run(self.ledger.commit([entry], effects))
        return f"{stored.epoch}/{stored.stream}/{stored.seq}"

    def serve(self, quota: dict[str, Any], holder: str, units: int = 1) -> str | None:
        """Give it, if it is left here; the entry's name."""
        asked = self.asked(quota)
        (left,) = self.quotas.left(holder, [asked], self.clock.stamp())
        if (left.left if left.known else left.grace) < units:
            return None
        use = Use(asked.key, asked.period.name, units, asked.holder, grace=not left.known)
        return self.commit(self.quotas.spend(holder, [use], [asked]))

    def use(self, quota: dict[str, Any], units: int = 1) -> Use:
        asked = self.asked(quota)
        return Use(asked.key, asked.period.name, units, asked.holder)

    def want(self, quota: dict[str, Any], holder: str, units: int = 1) -> None:
        """Put a request into the ledger, as `prepare` does before it waits."""
        try:
            self.run(self.ledger.commit([], [Asking(self.cell(quota, holder), units, Want.NEED)]))
        except Conflict:
            return

    def close(self, number: int) -> None:
        self.run(self.ledger.commit([], [Closing(number)]))

    def take(self, payload: bytes) -> None:
        self.run(self.quotas.take(payload))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.ledger.query(sql)

    def say(self, greet: bool = False) -> list[bytes]:
        """What it owes now, each in a message of its own."""
        owed = self.quotas.owed(greet=greet)
        return [msgspec.json.encode(QuotaSaid(self.name, (said,))) for said in owed.values()]


class World:
    """A centre, its gateways, and the messages between them."""

    def __init__(
        self, folder: Path, names: Sequence[str], *quotas: dict[str, Any], template: Path | None = None
    ) -> None:
        self.folder, self.clock = folder, FakeClock()
        self.loop = asyncio.new_event_loop()
        if template is not None:
            shutil.copy(template, folder / "centre.db")
            self.store = Store(folder / "centre.db", self.clock, zone="Europe/Riga")
            self.store.open()
        else:
            self.store = make_store(folder / "centre.db", self.clock, *quotas)
        self.boxes = [Box(name, folder / name, self.loop) for name in names]
        self.up: list[tuple[str, bytes]] = []
        self.down: list[tuple[str, bytes]] = []
        self._folders = 0

    def stop(self) -> None:
        for box in self.boxes:
            box.stop()
        self.store.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def fresh(self) -> Path:
        self._folders += 1
        return self.folder / f"folder-{self._folders}"

    def box(self, name: str) -> Box:
        return next(box for box in self.boxes if box.name == name)

    def to_centre(self, gateway: str, payload: bytes) -> None:
        """One message through the centre's real way in; its answers go into the bag."""
        delivery = Delivery(Topics(CITY, gateway).quota, payload, retained=False, mid=1, connection=1)
        self._told(self.store.settle(sort(CITY, [delivery], ALL)).answers)

    def recalls(self) -> None:
        self._told(self.store.recalls(ALL))

    def _told(self, answers: Sequence[tuple[str, Any]]) -> None:
        self.down += [(gateway, msgspec.json.encode(QuotaTold(gateway, (told,)))) for gateway, told in answers]

    def talk(self, *boxes: Box, greet: bool = False) -> None:
        """A line without faults, until nobody has anything to say."""
        for _ in range(50):
            for box in boxes or self.boxes:
                self.up += [(box.name, payload) for payload in box.say(greet)]
            self.recalls()
            greet = False
            if not self.up and not self.down:
                return
            up, self.up = self.up, []
            for gateway, payload in up:
                self.to_centre(gateway, payload)
            down, self.down = self.down, []
            for gateway, payload in down:
                self.box(gateway).take(payload)
            for box in boxes or self.boxes:
                box.run(box.quotas.tend())
        raise AssertionError(f"they never stop talking: {self.up[:3]}")

    # What the centre knows ---------------------------------------------------------------------------------

    def out(self) -> dict[Key, int]:
        """Cell → granted and not freed."""
        return {Key(r.key, r.period, r.subject): r.granted - r.freed for r in self._rows(quota_cells)}

    def leases(self) -> list[Any]:
        return self._rows(quota_leases)

    def beyond(self) -> list[Any]:
        return self._rows(quota_beyond)

    def _rows(self, table: Any) -> list[Any]:
        with self.store.database.begin() as db:
            return list(db.execute(select(table)).all())

    def alarms(self) -> Counter[str]:
        from gateway.centre.tables import alarms

        return Counter({row.what: row.count for row in self._rows(alarms)})


def drained(world: World, close: Callable[[Box], None]) -> None:
    """Everybody closes everything, over a line without faults."""
    world.talk(greet=True)
    for box in world.boxes:
        close(box)
    world.talk()
