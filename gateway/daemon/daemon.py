"""Wires the parts of the gateway together, starts them in order, stops them in the opposite one. Nothing else."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway import __version__
from gateway.api.api import Api
from gateway.api.netfp.files import NetfpFiles, read_files
from gateway.api.parts import ApiParts, GatewayNames
from gateway.api.record import ledger_status
from gateway.config.load import Loaded
from gateway.config.types import NetfpSection
from gateway.daemon.makers import make_station, make_sync, profile_of
from gateway.devices.devices import Devices
from gateway.housekeeping import Housekeeping
from gateway.identity.identify import Identity
from gateway.identity.issuers import Issuers
from gateway.identity.keys import read_keys, read_staff
from gateway.identity.registry import Cache
from gateway.ledger.checkpoint import load_signer
from gateway.ledger.files import Disk
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import FloodBody, MessageRefusedBody, SecurityBody, StartedBody
from gateway.model.body import Body
from gateway.model.clock import SystemClock
from gateway.model.device import DeviceHealth
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import ConfigurationError
from gateway.model.gate_bodies import InsideWhy
from gateway.notify import Notifier
from gateway.quota.quotas import Quotas
from gateway.rules import collector
from gateway.stations.benefits import Benefits
from gateway.stations.board import Board
from gateway.stations.deciding import Deciding
from gateway.stations.dispatch import Dispatch
from gateway.stations.services import Services, Station, new_entry
from gateway.stations.till_ends import Ends
from gateway.sync.bundles import Bundles, Pace, RulesInForce
from gateway.sync.configured import read_broker, read_trusted

if TYPE_CHECKING:
    from gateway.api.netfp.face import Face
    from gateway.ledger.forget import Forgotten

log = logging.getLogger("gateway")

Stop = Callable[[], Awaitable[None]]

SECURITY = frozenset({"foreign_host", "foreign_origin", "not_a_client", "not_allowed", "not_staff", "too_many_tokens"})
"""Refused callers that someone should look at; the others only sent something malformed."""
STOP_ORDER = (
    ("housekeeping",),
    ("api", "netfp", "devices"),
    ("dispatch",),
    ("printers",),
    ("sync",),
    ("ledger",),
    ("cache",),
    ("lock",),
)
"""Nobody is served any more, then what was under way is recorded, then it is sent, then the files are closed."""


class Daemon:
    """One gateway. `start` brings it up, `stop` undoes that; `failed` is set when it must end by itself."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._configuration = loaded.configuration
        self._running: dict[str, Stop] = {}
        self.ended = asyncio.Event()
        self.fault: BaseException | None = None

    # Life ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bring everything up. Raises a `GatewayError` before anything speaks to a device or to the network; then
        nothing of it is left running."""
        try:
            await self._bring_up()
        except BaseException:
            await self._take_down()
            raise

    async def stop(self) -> None:
        """Stop taking work, end the drivers, say goodbye, commit the rest. Well within 2 s.

        A part that cannot be stopped does not keep the others from it; its error is raised at the end.
        """
        Notifier().tell("STOPPING=1")
        if faults := await self._take_down():
            raise faults[0]

    async def _bring_up(self) -> None:
        configuration = self._configuration
        gateway = configuration.gateway
        keys, trusted, broker = read_keys(self._loaded), read_trusted(self._loaded), read_broker(self._loaded)
        staff = read_staff(self._loaded)
        netfp_files = read_files(self._loaded)
        state = self._loaded.state
        self._take_lock(state)
        self._clock = SystemClock(vouched=gateway.clock == "vouched")
        self._started_ns = self._clock.mono_ns()
        self._signer = load_signer(state / "ledger.key", Disk())
        self._ledger = Ledger(state / "ledger.db", gateway.id, self._clock, configuration.ledger, signer=self._signer)
        self._ledger.start()
        self._running["ledger"] = self._ledger.stop
        self._cache = Cache(state / "cache.db")
        self._cache.start()
        self._running["cache"] = _later(self._cache.stop)
        self._benefits = Benefits(self._clock, profile_of(gateway))
        issuers = Issuers(keys.issuers, keys.trust, gateway.city)
        self._bundles = Bundles(
            self._ledger,
            self._cache,
            trusted,
            (gateway.city, gateway.id, keys.card_id),
            self._clock,
            self._use_rules,
            on_trust=issuers.use,
            pace=Pace(jitter_s=configuration.sync.fetch_jitter_s),
        )
        self._bundles.start()
        self._board = Board(self._clock)
        self._devices = Devices(
            configuration.device,
            self._clock,
            gateway.time_zone,
            on_reading=lambda reading: self._dispatch.on_reading(reading),
            on_change=self._on_change,
            on_flood=self._on_flood,
        )
        identity = Identity(keys, self._cache, self._ledger.query, issuers)
        self._quotas = Quotas(self._ledger, self._clock, gateway.id)
        await self._quotas.start()
        deciding = Deciding(self._benefits, self._quotas, self._ledger.query, self._clock)
        parts = (self._ledger, identity, self._benefits, self._devices, self._board, self._clock)
        weak = {section.id: section.weak for section in configuration.station}
        self._services = Services(*parts, deciding, weak)
        stations = [
            make_station(section, self._services, self._devices, staff.get(section.id))
            for section in configuration.station
        ]
        self._dispatch = Dispatch(stations, self._services, self._fail)
        self._sync = make_sync(self._loaded, broker, self._ledger, self._bundles, self._quotas, self._clock, self._fail)
        self._api = Api(configuration.api, state / "api.sock", self._api_parts(stations))
        notifier = Notifier()
        self._housekeeping = Housekeeping(
            self._ledger, self._services, self._devices.health, notifier, configuration.sync.telemetry_s, self._fail
        )
        self._running["printers"] = self._services.printers.stop
        self._running["dispatch"] = self._dispatch.stop
        await self._dispatch.start()
        if configuration.netfp is not None:
            self._netfp = self._make_netfp(configuration.netfp, netfp_files)
            self._running["netfp"] = self._netfp.stop
            await self._netfp.start()
        await self._services.printers.start(Ends(self._services))
        self._running["api"] = self._api.stop
        await self._api.start()
        self._running["devices"] = self._devices.stop
        await self._devices.start()
        await self._sync.start()
        self._running["sync"] = self._sync.stop
        await self._housekeeping.start()
        self._running["housekeeping"] = self._housekeeping.stop
        unclean = () if self._ledger.was_clean else ("the last stop was not clean; the ledger was checked",)
        started = StartedBody(version=__version__, repaired=(*unclean, *self._ledger.repaired))
        for repaired in self._ledger.repaired:
            log.warning("%s", repaired)
        self._ledger.ride(new_entry(Stream.AUDIT, EntryKind.STARTED, started))
        collector.keep()
        notifier.tell("READY=1", f"STATUS=serving {len(stations)} stations")
        log.info("ready: http://%s:%d/", configuration.api.address, self._api.port)

    async def _take_down(self) -> list[BaseException]:
        """Stop what runs, in the order of `STOP_ORDER`. Returns what went wrong."""
        faults: list[BaseException] = []
        for names in STOP_ORDER:
            stops = [self._running.pop(name)() for name in names if name in self._running]
            for result in await asyncio.gather(*stops, return_exceptions=True):
                if isinstance(result, BaseException):
                    log.error("not stopped properly: %s", result)
                    faults.append(result)
        return faults

    def _fail(self, fault: BaseException) -> None:
        """A defect of ours: end loudly, so that systemd starts a fresh daemon, rather than run on half dead."""
        log.critical("a defect ends the gateway", exc_info=fault)
        self.fault = fault
        self.ended.set()

    def _take_lock(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(state / "gateway.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._running["lock"] = _later(lambda: os.close(lock))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            advice = "Stop the other gateway first: systemctl status smartplace-gateway"
            raise ConfigurationError("another gateway runs with this state folder", advice, where=str(state)) from error

    # Between the parts -----------------------------------------------------------------------------------

    def _use_rules(self, rules: RulesInForce) -> None:
        self._benefits.use(rules.rules, rules.expires_ms)
        collector.keep()

    def _on_change(self, health: DeviceHealth) -> None:
        self._dispatch.on_change(health)
        self._services.printers.on_change(health)

    def _on_flood(self, device: str, reason: str, count: int) -> None:
        minute_ms = self._clock.wall_ms() // 60_000 * 60_000
        body = FloodBody(source=device, reason=reason, minute_ms=minute_ms, count=count)
        self._ledger.ride(new_entry(Stream.IDENTIFICATION, EntryKind.FLOOD, body))

    def _on_security(self, what: str, source: str, count: int) -> None:
        if what in SECURITY:
            body: Body = SecurityBody(what=what, source=source, count=count)
            self._ledger.ride(new_entry(Stream.AUDIT, EntryKind.SECURITY, body))
        else:
            body = MessageRefusedBody(source=source, reason=what, count=count)
            self._ledger.ride(new_entry(Stream.AUDIT, EntryKind.MESSAGE_REFUSED, body))

    def _api_parts(self, stations: list[Station]) -> ApiParts:
        gateway = self._configuration.gateway
        return ApiParts(
            gateway=GatewayNames(gateway.id, gateway.city, gateway.place, __version__),
            languages=gateway.languages,
            board=self._board,
            stations={station.id: station for station in stations},
            device_health=self._devices.health,
            sync_status=lambda: self._sync.status,
            ledger_status=lambda: ledger_status(self._ledger),
            kill_device=self._devices.kill,
            bundles=self._bundles,
            forget=self._forget,
            handed_over=lambda: self._quotas.handed_over,
            hand_over=lambda: self._quotas.hand_over(self._signer),
            bring=self._quotas.bring,
            set_inside=lambda area, persons: self._services.inside.set(area, persons, InsideWhy.STAFF),
            printers=self._services.printers,
            clock=self._clock,
            started_ns=self._started_ns,
            on_security=self._on_security,
        )

    def _make_netfp(self, section: NetfpSection, files: NetfpFiles) -> Face:
        # Most places do without: not worth memory there.
        from gateway.api.netfp.face import Face, FaceParts

        configuration = self._configuration
        parts = FaceParts(
            ledger=self._ledger,
            printers=self._services.printers,
            devices=self._devices,
            clock=self._clock,
            zone=ZoneInfo(configuration.gateway.time_zone),
            fiscal=[device.id for device in configuration.device if device.driver == "fiscal"],
            on_security=self._on_security,
        )
        return Face(section, parts, files)

    async def _forget(self, holder: str) -> Forgotten:
        from gateway.ledger.forget import forget  # Asked for once in a while: not worth memory from the start.

        return await forget(self._ledger, self._loaded.state / "cache.db", holder)


def _later(stop: Callable[[], None]) -> Stop:
    """A part that stops at once, as one that is awaited."""

    async def stopped() -> None:
        stop()

    return stopped
