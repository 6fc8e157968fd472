"""Reports and movements of cash on a till's own fiscal printer: each once per key, with a stored answer. A Z report is
printed when somebody orders it, or by the configured hour; never otherwise."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, date, datetime, timedelta

import msgspec

from gateway.fiscal import checking
from gateway.fiscal.rows import FiscalBegun
from gateway.model.clock import ClockQuality
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import GatewayError, InputRefused
from gateway.model.fiscal import CashWork, PrintResult, ReportWork, Work
from gateway.model.till_bodies import FiscalWorkBody
from gateway.stations.answers import Asked, StoreAnswer, stored_answer
from gateway.stations.once import Once
from gateway.stations.report_words import CashRequest, ReportKind, ReportRequest, WorkAnswer
from gateway.stations.services import Services, new_entry
from gateway.stations.till_words import Fiscal

NOT_PRINTED = frozenset({PrintResult.REFUSED, PrintResult.CANCELLED})
LATE = timedelta(minutes=30)
"""A scheduled Z report whose printer is away, in doubt or refuses is tried each minute for so long. After that somebody
is told when it becomes due; a report in the middle of the night would end the wrong day."""


class Reports:
    """Of one till with a printer."""

    def __init__(self, station: str, device: str, services: Services, z_at: str = "") -> None:
        self._station = station
        self._device = device
        self._services = services
        self._z_at = z_at
        self._once = Once(services.ledger.query)

    async def report(self, request: ReportRequest, key: str) -> bytes:
        """A `WorkAnswer` as JSON. Raises `Conflict` (key reused, in progress), `NotReady` (nothing was recorded)."""
        asked = Asked.of("report", self._station, key, request)
        return await self._print(asked, ReportWork(_key(asked), request.kind is ReportKind.Z))

    async def cash(self, request: CashRequest, key: str) -> bytes:
        """A `WorkAnswer` as JSON. Raises `InputRefused` for nothing, else as `report`."""
        if not request.cents:
            raise InputRefused("nothing is moved - at `$.cents`", "Positive: in; negative: out", code="bad_request")
        asked = Asked.of("cash", self._station, key, request)
        return await self._print(asked, CashWork(_key(asked), request.cents))

    async def tick(self) -> None:
        """Each minute: print the scheduled Z report, once a day. While nobody vouches for the clock there is no hour.
        What fails is tried again the next minute, within `LATE`."""
        now = self._services.clock.stamp()
        if not self._z_at or now.quality is ClockQuality.GUESS:
            return
        zone, utc = self._services.benefits.zone, datetime.fromtimestamp(now.wall_ms / 1000, UTC)
        today = utc.astimezone(zone).date()
        for day in (today, today - timedelta(days=1)):
            # Held against each other in UTC: an hour that the clocks leave out in spring is the one after it then.
            at = datetime.fromisoformat(f"{day}T{self._z_at}").replace(tzinfo=zone).astimezone(UTC)
            if at <= utc < at + LATE:
                asked = self._attempt(day)
                try:
                    await self._print(asked, ReportWork(_key(asked), z=True), scheduled=True)
                except GatewayError as error:
                    self._services.printers.tell(self._device, "z_scheduled", str(error))

    def _attempt(self, day: date) -> Asked:
        """The order of this day: the first, or a new one while the printer refuses (no paper, a receipt is open)."""
        for number in itertools.count(1):
            asked = Asked.of("scheduled_z", self._station, f"{day}/{number}", ReportRequest(ReportKind.Z))
            before = stored_answer(self._services.ledger.query, asked)
            if before is None or msgspec.json.decode(before, type=WorkAnswer).fiscal.state not in NOT_PRINTED:
                return asked
        raise AssertionError("unreachable")

    async def stop(self) -> None:
        """What is still under way after `once.STOP_S` is settled at the next start."""
        await self._once.stop()

    async def _print(self, asked: Asked, work: Work, *, scheduled: bool = False) -> bytes:
        return await self._once.do(asked, lambda: self._do(asked, work, scheduled=scheduled))

    async def _do(self, asked: Asked, work: Work, *, scheduled: bool) -> bytes:
        printers = self._services.printers
        try:
            await printers.check_work(self._device, work)
        except InputRefused as refused:  # of a report there is nothing to refuse
            raise checking.at(refused, "$.cents") from refused
        begun = FiscalBegun(work, self._device, self._station, asked.key)
        first = StoreAnswer(asked, lambda _ids: msgspec.json.encode(WorkAnswer(work.key, Fiscal("recorded"))))
        body = FiscalWorkBody(station=self._station, device=self._device, work=work, scheduled=scheduled)
        entry = new_entry(Stream.RECEIPT, EntryKind.FISCAL_WORK, body)
        await self._services.ledger.commit([entry], [begun, first])
        await printers.run(begun)
        told = stored_answer(self._services.ledger.query, asked)
        return first.body if told is None else told


def _key(asked: Asked) -> str:
    """The same for the same question: 16 hex digits, as short as a quote's."""
    return hashlib.sha256(asked.key.encode()).hexdigest()[:16]
