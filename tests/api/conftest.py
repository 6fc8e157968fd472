"""A place with a desk, a gate and a till on a real ledger, served by the real API on free ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.api.api import Api
from gateway.api.parts import ApiParts, GatewayNames, LedgerStatus
from gateway.config.types import ApiSection, DeskStation, GateStation, TillStation
from gateway.identity.identify import Identity
from gateway.identity.keys import Keys
from gateway.identity.registry import Cache
from gateway.ledger.checkpoint import load_signer
from gateway.ledger.forget import forget
from gateway.ledger.ledger import Ledger
from gateway.model.counter import CardDebited
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import Stream
from gateway.model.errors import NotReady
from gateway.model.fiscal import Baseline, PrinterDescription, PrinterStatus, PrintOutcome, Work, WorkPoint, WorkStep
from gateway.model.gate_bodies import InsideWhy
from gateway.model.identification import CredentialKind
from gateway.model.reading import CodeReading
from gateway.quota.quotas import Quotas
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.stations.benefits import Benefits, Profile
from gateway.stations.board import Board
from gateway.stations.desk import Desk
from gateway.stations.gate import Gate
from gateway.stations.services import Outputs, Services
from gateway.stations.services import Station as AnyStation
from gateway.stations.till import Till
from gateway.sync.bundles import Bundles
from gateway.sync.status import SyncStatus
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder
from gateway.wire.credentials import barcode, digest
from tests.api.browser import Page, chromium
from tests.api.page_looks import LANDSCAPE
from tests.rules.builders import document, percent, rule
from tests.support.clock import FakeClock
from tests.support.programs import require_program
from tests.sync.ends import TRUSTED

CARD_KEY = bytes(range(32))
BARCODE = b"2900001234567"
"""The library card of a pupil who chose Russian."""
POS_ORIGIN = "https://pos.example"
JSON = {"Content-Type": "application/json"}


class NoDevices:
    """Outputs of a place whose devices are all unplugged: every call says that nothing was done."""

    async def pulse(self, device: str, channel: int, ms: int, deadline_ms: int = 1500) -> int:
        raise NotReady("unplugged", where=device)

    async def check_work(self, device: str, work: Work, deadline_ms: int = 1000) -> PrintOutcome | None:
        raise NotReady("unplugged", where=device)

    async def do_work(
        self, device: str, work: Work, on_step: Callable[[WorkStep], Awaitable[None]], deadline_ms: int
    ) -> PrintOutcome:
        raise NotReady("unplugged", where=device)

    async def settle(
        self,
        device: str,
        work: Work,
        point: WorkPoint,
        baseline: Baseline,
        on_step: Callable[[WorkStep], Awaitable[None]],
        deadline_ms: int,
    ) -> PrintOutcome:
        raise NotReady("unplugged", where=device)

    async def printer_status(self, device: str, deadline_ms: int = 3000) -> PrinterStatus:
        raise NotReady("unplugged", where=device)

    async def describe(self, device: str, deadline_ms: int = 3000) -> PrinterDescription:
        raise NotReady("unplugged", where=device)

    async def debit_card(
        self, device: str, uid: bytes, quota: str, units: int, name: bytes, deadline_ms: int = 1500
    ) -> CardDebited:
        raise NotReady("unplugged", where=device)

    def is_ready(self, device: str) -> bool:
        return False


class Place:
    """The parts of a place, and its API. What tests change is public."""

    def __init__(self, folder: Path, clock: FakeClock | None = None, outputs: Outputs | None = None) -> None:
        self.clock = clock or FakeClock()
        self.outputs = outputs or NoDevices()
        self.socket_path = folder / "smartplace.sock"
        self.ledger = Ledger(folder / "ledger.db", "gw-test", self.clock)
        self.cache = Cache(folder / "cache.db")
        self.board = Board(self.clock)
        self.benefits = Benefits(
            self.clock, Profile(time_zone="Europe/Riga", merchant_groups=("shop",), languages=("lv", "en"))
        )
        self.devices = [
            DeviceHealth(
                "reader-1", "nfc", Health.READY, alive_age_ms=250, pid=4711, detail={"serial": "SN-123", "fw": "1.6"}
            ),
            DeviceHealth("relay-1", "relay", Health.READY, alive_age_ms=90),
        ]
        self.sync = SyncStatus(True, "5", {"receipt": 0}, 3.5, {"rules": 7, "registry": 4})
        self.ledger_problem = ""
        self.killed: list[str] = []
        self.security: list[tuple[str, str, int]] = []
        self.stations: dict[str, AnyStation] = {}
        self.api: Api | None = None

    async def start(self, *, technicians: frozenset[int] | None = None, port: int = 0) -> None:
        self.ledger.start()
        self.cache.start()
        content = RegistryContent(
            key_id="k1",
            holders=(RegistryHolder("h-77", ("pupil",), "ru"),),
            credentials=(
                RegistryCredential(
                    CredentialKind.BARCODE,
                    digest(CARD_KEY, CredentialKind.BARCODE, barcode(BARCODE) or b"").hex(),
                    "h-77",
                ),
            ),
        )
        self.cache.stage_registry(4, content, "k1")
        self.cache.use_registry(4)
        self.bundles = Bundles(
            self.ledger, self.cache, TRUSTED, ("jelgava", "gw-test", "k1"), self.clock, lambda _rules: None
        )
        self.bundles.start()
        self.signer = load_signer(self.ledger.path.with_name("ledger.key"), self.ledger.disk)
        self.quotas = Quotas(self.ledger, self.clock, "gw-test")
        await self.quotas.start()
        pupils = rule("pupils", who={"any_of_groups": ["pupil"]}, give=percent(2500))
        self.benefits.use(compile_rules(load(document(pupils)), 7), 0)
        identity = Identity(Keys(CARD_KEY, "k1", None, None, {}), self.cache, self.ledger.query)
        services = self.services = Services(self.ledger, identity, self.benefits, self.outputs, self.board, self.clock)
        stations: list[AnyStation] = [
            Desk(DeskStation(id="desk-1", readers=("reader-1",)), services),
            Gate(GateStation(id="gate-1", readers=("reader-1",), relay="relay-1"), services),
            Till(TillStation(id="till-1", readers=("reader-1",)), services),
        ]
        for station in stations:
            await station.start()
        self.stations = {station.id: station for station in stations}
        await self.serve(technicians=technicians, port=port)

    async def serve(self, *, technicians: frozenset[int] | None = None, port: int = 0) -> None:
        """A new API over the same parts, as after a restart of the daemon."""
        section = ApiSection(port=port, origins=(POS_ORIGIN,))
        self.api = Api(section, self.socket_path, self.parts(), technicians=technicians)
        await self.api.start()

    def parts(self) -> ApiParts:
        return ApiParts(
            gateway=GatewayNames("gw-test", "jelgava", "shop-1", "9.8.7"),
            languages=("lv", "en"),
            board=self.board,
            stations=self.stations,
            device_health=lambda: self.devices,
            sync_status=lambda: self.sync,
            ledger_status=self.ledger_status,
            kill_device=self.killed.append,
            bundles=self.bundles,
            clock=self.clock,
            started_ns=self.clock.mono_ns(),
            on_security=lambda what, source, count: self.security.append((what, source, count)),
            handed_over=lambda: self.quotas.handed_over,
            hand_over=lambda: self.quotas.hand_over(self.signer),
            bring=lambda word: self.quotas.bring(word),
            printers=self.services.printers,
            set_inside=lambda area, persons: self.services.inside.set(area, persons, InsideWhy.STAFF),
            forget=lambda holder: forget(self.ledger, self.ledger.path.with_name("cache.db"), holder),
        )

    def ledger_status(self) -> LedgerStatus:
        return LedgerStatus(
            epoch=self.ledger.epoch,
            last={stream.value: self.ledger.last(stream) for stream in Stream},
            acked={stream.value: self.ledger.acked(stream) for stream in Stream},
            commits=self.ledger.commits,
            problem=self.ledger_problem,
        )

    @property
    def url(self) -> str:
        assert self.api is not None
        return f"http://127.0.0.1:{self.api.port}"

    async def stop(self) -> None:
        if self.api is not None:
            await self.api.stop()
        for station in self.stations.values():
            await station.stop()
        await self.ledger.stop()
        self.cache.stop()

    async def tap(self, station: str = "till-1") -> None:
        """The pupil shows the library card."""
        await self.stations[station].on_reading(CodeReading("reader-1", self.clock.mono_ns(), "code128", BARCODE))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def http(place: Place) -> AsyncIterator[aiohttp.ClientSession]:
    """A program on the same machine."""
    async with aiohttp.ClientSession(place.url, timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


@pytest.fixture
async def unix(place: Place) -> AsyncIterator[aiohttp.ClientSession]:
    """A technician on the unix socket."""
    connector = aiohttp.UnixConnector(str(place.socket_path))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
        yield session


@pytest.fixture(scope="session")
def devtools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = require_program("chromium", "chromium")
    with chromium(program, tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def page(devtools: str) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession() as session, session.ws_connect(devtools, max_msg_size=0) as socket:
        tab = Page(socket)
        await tab.open(*LANDSCAPE)
        yield tab
        await tab.close()


def receipt(cents: int = 1000, **fields: Any) -> dict[str, Any]:
    """A receipt with one book."""
    line = {"id": "1", "text": "Book", "category": "books", "unit_cents": cents, **fields}
    return {"receipt": {"lines": [line]}}


async def within(seconds: float, until: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not until():
        assert asyncio.get_running_loop().time() < deadline, "it did not come to hold in time"
        await asyncio.sleep(0.01)
