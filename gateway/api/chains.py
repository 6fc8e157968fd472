"""The four chains that a tap goes through, each with its level, cause and advice: a technician's first question."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from gateway.api.answers import ChainName, ChainState, Concern, ConcernCode, Level
from gateway.api.parts import ApiParts, LedgerStatus
from gateway.model.device import DeviceHealth, Health
from gateway.model.shown import Show
from gateway.sync.bundles_expiry import BundleState, Counts
from gateway.sync.status import SyncStatus

BACKLOG_WARN = 1_000
"""Entries on their way to the centre; more are worth a look even while the connection stands."""

LAST_MS = 253_402_300_799_000
"""The end of the year 9999: a grace may be longer than people's calendars."""

_READ = frozenset((Show.ACCEPTED, Show.REFUSED, Show.OPEN))
_IDENTIFIED = frozenset((Show.ACCEPTED, Show.OPEN))
_DECIDED = frozenset((Show.OPEN, Show.QUOTE))
_RECORDED = frozenset((Show.ACCEPTED, Show.OPEN, Show.RECORDED, Show.PRINTED))


def of(parts: ApiParts, concerns: Iterable[Concern] = ()) -> tuple[ChainState, ...]:
    """All four, in the order of a tap. `concerns`: what has to be seen to at fiscal printers."""
    health, sync = parts.device_health(), parts.sync_status()
    return (
        _read(health, _last(parts, _READ)),
        _identify(sync, _last(parts, _IDENTIFIED)),
        _decide(sync, parts.handed_over(), _last(parts, _DECIDED)),
        _record(parts.ledger_status(), sync, concerns, _last(parts, _RECORDED)),
    )


def _last(parts: ApiParts, shows: frozenset[Show]) -> int | None:
    return max((event.at_ms for event in parts.board.after(0) if event.show in shows), default=None)


def _read(devices: Iterable[DeviceHealth], last_ms: int | None) -> ChainState:
    bad = [device for device in devices if device.health is not Health.READY]
    if not bad:
        return ChainState(chain=ChainName.READ, level=Level.OK, code="ok", last_ms=last_ms)
    # A device that only starts is told after one that is really gone.
    worst = min(bad, key=lambda device: device.health is Health.STARTING)
    starting = worst.health is Health.STARTING
    return ChainState(
        chain=ChainName.READ,
        level=Level.WARN if starting else Level.FAIL,
        code="device_starting" if starting else "device_not_ready",
        cause=f"{worst.device} is {worst.health}" + (f": {worst.cause}" if worst.cause else ""),
        advice=worst.advice,
        last_ms=last_ms,
    )


def _expired(sync: SyncStatus, kind: str) -> BundleState | None:
    """The bundle of this kind when it has expired: it counts only for its grace, or no more."""
    return next((s for s in sync.content.in_force if s.kind == kind and s.counts is not Counts.YES), None)


def _identify(sync: SyncStatus, last_ms: int | None) -> ChainState:
    level, code, cause, advice = Level.OK, "ok", "", ""
    expired = _expired(sync, "registry")
    if not sync.bundles.get("registry", 0):
        level, code, cause = Level.FAIL, "no_registry", "no registry of holders has come yet: every card is unknown"
        advice = "Connect the gateway to the centre once, and publish a registry there"
    elif expired is not None and expired.counts is Counts.GRACE:
        level, code, cause = Level.WARN, "registry_grace", _grace(expired)
        advice = "Connect the gateway to the centre before that; then every card is unknown"
    elif expired is not None:
        level, code, cause = Level.FAIL, "registry_ended", "the registry has expired: every card is unknown"
        advice = "Connect the gateway to the centre, and publish a newer one there"
    return ChainState(chain=ChainName.IDENTIFY, level=level, code=code, cause=cause, advice=advice, last_ms=last_ms)


def _decide(sync: SyncStatus, handed_over: bool, last_ms: int | None) -> ChainState:
    level, code, cause, advice = Level.OK, "ok", "", ""
    expired = _expired(sync, "rules")
    if not sync.bundles.get("rules", 0):
        level, code, cause = Level.WARN, "no_rules", "no rules have come yet: everything is at its list price"
        advice = "Connect the gateway to the centre once, and publish rules there"
    elif expired is not None and expired.counts is Counts.GRACE:
        level, code, cause = Level.WARN, "rules_grace", _grace(expired)
        advice = "Connect the gateway to the centre before that; then everything is at its list price"
    elif expired is not None:
        level, code, cause = Level.FAIL, "rules_ended", "the rules have expired: everything is at its list price"
        advice = "Connect the gateway to the centre, and publish newer ones there"
    elif handed_over:
        level, code = Level.WARN, "handed_over"
        cause = "this gateway has handed over what it held of quotas: it gives nothing that needs one"
        advice = "When 0 wait for the centre, stop it and bring the file to the new box; to keep it: docs/quotas.md"
    return ChainState(chain=ChainName.DECIDE, level=level, code=code, cause=cause, advice=advice, last_ms=last_ms)


def _grace(state: BundleState) -> str:
    until = datetime.fromtimestamp(min(state.ends_ms, LAST_MS) / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{state.kind} {state.number} has expired and counts until {until}, because the centre is not reached"


def _record(ledger: LedgerStatus, sync: SyncStatus, concerns: Iterable[Concern], last_ms: int | None) -> ChainState:
    level, code, cause, advice = Level.OK, "ok", "", ""
    owed = sum(sync.backlog.values())
    waiting = f"{owed} {'entry waits' if owed == 1 else 'entries wait'}"
    if ledger.problem:
        level, code, cause, advice = Level.FAIL, "ledger", ledger.problem, ledger.advice
    elif (concern := next((one for one in concerns if one.code is not ConcernCode.AWAY), None)) is not None:
        # A person has to come, where a connection comes back by itself; an absent device stands in the first chain.
        level, code = Level.WARN, concern.code.value
        cause = f"{concern.device}: {concern.cause}" if concern.device else concern.cause
        # What is to be looked at is long, and stands with the device.
        advice = concern.advice if concern.code is not ConcernCode.IN_DOUBT else "See: smartplace till doubts"
    elif not sync.connected:
        level, code = Level.WARN, "offline"
        cause = f"not connected to the centre ({sync.problem or 'no reason known'}); {waiting}"
        advice = "Entries are recorded here and sent later; check the network and [sync] in the configuration"
    elif sync.problem:
        level, code, cause = Level.WARN, "sync", f"connected to the centre, but {sync.problem}; {waiting}"
        advice = "Nothing is lost; look at the broker's limits and its log"
    elif owed > BACKLOG_WARN:
        level, code = Level.WARN, "backlog"
        cause, advice = f"{owed} entries wait for the centre", "It should fall by itself; if it does not, ask the city"
    return ChainState(chain=ChainName.RECORD, level=level, code=code, cause=cause, advice=advice, last_ms=last_ms)
