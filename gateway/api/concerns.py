"""What has to be seen to at fiscal printers, for as long as it is so: by the journal, the fiscal day and the device's
own word. Of now, so that it is there again after a restart, and over as soon as it is settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.api.answers import Concern, ConcernCode, InDoubt, Level
from gateway.api.parts import ApiParts
from gateway.fiscal import words
from gateway.fiscal.printers import DeviceDay
from gateway.fiscal.rows import WorkRow
from gateway.model.device import DeviceHealth, Health
from gateway.model.fiscal import CashWork, ReceiptWork
from gateway.stations.till import Till

GONE = frozenset({Health.LOST, Health.FAILED})
_AT_THE_DEVICE = {
    code.value: code
    for code in (
        ConcernCode.WAITS_FOR_HAND,
        ConcernCode.PAPER_OUT,
        ConcernCode.COVER_OPEN,
        ConcernCode.TAKES_NO_RECEIPT,
    )
}
"""What a driver tells of a device that works and prints nothing now (docs/drivers/fiscal.md)."""


def in_doubt(row: WorkRow) -> InDoubt:
    """A work in doubt as people are told."""
    said = row.said
    return InDoubt(
        key=row.key,
        station=row.owner,
        device=row.device,
        kind=row.kind,
        point=row.point.value,
        began_ms=row.began_ms,
        number_before=row.baseline.number,
        total_cents=_cents(row),
        code=said.code if said is not None else "",
        reason=said.reason if said is not None else "",
        advice=words.advice_on(row),
        settle=words.settle(row),
    )


def _cents(row: WorkRow) -> int | None:
    match row.work:
        case ReceiptWork(total_cents=cents) | CashWork(cents=cents):
            return cents
        case _:
            return None


def of(parts: ApiParts, health: Iterable[DeviceHealth]) -> tuple[Concern, ...]:
    """All of a place, each till's the most pressing first."""
    printers = parts.printers
    if printers is None:
        return ()
    days = {day.device: day for day in printers.days()}
    doubts = printers.doubts()
    stands = {device.device: device for device in health}
    tills = [(till.id, till.printer) for till in parts.stations.values() if isinstance(till, Till) and till.printer]
    of_tills = {device for _, device in tills}
    known = of_tills | set(days)
    found: list[Concern] = []
    for station, device in (*tills, *(("", device) for device in days if device not in of_tills)):
        found += _at_the_device(station, device, stands.get(device))
        day = days.get(device)
        if day is not None and day.z_overdue:
            found.append(_overdue(station, day))
        found += _doubtful(station, device, [row for row in doubts if row.device == device])
        if day is not None and day.z_due and not day.z_overdue:
            found.append(
                Concern(
                    station=station,
                    device=device,
                    code=ConcernCode.Z_DUE,
                    level=Level.WARN,
                    cause=f"the last Z report is {day.hours or 0:.0f} hours of selling ago",
                    advice=words.Z_DUE,
                )
            )
    # Of a printer that is there no longer, or was never named: it keeps nothing from printing.
    for row in doubts:
        if row.device not in known:
            station = row.owner if row.owner in parts.stations else ""
            found += _doubtful(station, row.device, [row], Level.WARN)
    return tuple(found)


def _at_the_device(station: str, device: str, health: DeviceHealth | None) -> Iterable[Concern]:
    if health is None:
        return
    code = ConcernCode.AWAY if health.health in GONE else None
    if health.health is Health.READY:
        code = _AT_THE_DEVICE.get(health.code)
    if code is not None:
        cause, advice = health.cause or f"it is {health.health}", health.advice
        yield Concern(station=station, device=device, code=code, level=Level.FAIL, cause=cause, advice=advice)


def _overdue(station: str, day: DeviceDay) -> Concern:
    error = words.z_overdue(day.device, day.hours or 0.0)
    return Concern(
        station=station,
        device=day.device,
        code=ConcernCode.Z_OVERDUE,
        level=Level.FAIL,
        cause=error.what,
        advice=error.advice,
    )


def _doubtful(station: str, device: str, rows: Sequence[WorkRow], level: Level = Level.FAIL) -> Iterable[Concern]:
    if not rows:
        return
    error = words.in_doubt(rows[0])
    yield Concern(
        station=station,
        device=device,
        code=ConcernCode.IN_DOUBT,
        level=level,
        cause=error.what,
        advice=error.advice,
        doubt=in_doubt(rows[0]),
        more=len(rows) - 1,
    )
