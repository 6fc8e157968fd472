"""The four chains that a tap goes through, each with its level, cause and advice: a technician's first question."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from gateway.api.answers import ChainName, ChainState, Level
from gateway.api.parts import ApiParts, LedgerStatus
from gateway.model.device import DeviceHealth, Health
from gateway.model.shown import Show
from gateway.sync.bundles_expiry import Counts
from gateway.sync.sync import SyncStatus

BACKLOG_WARN = 1_000
"""Entries on their way to the centre; more are worth a look even while the connection stands."""

_READ = frozenset((Show.ACCEPTED, Show.REFUSED, Show.OPEN))
_IDENTIFIED = frozenset((Show.ACCEPTED, Show.OPEN))
_DECIDED = frozenset((Show.OPEN, Show.QUOTE))
_RECORDED = frozenset((Show.ACCEPTED, Show.OPEN, Show.RECORDED, Show.PRINTED))


def of(parts: ApiParts) -> tuple[ChainState, ...]:
    """All four, in the order of a tap."""
    health, sync = parts.device_health(), parts.sync_status()
    return (
        _read(health, _last(parts, _READ)),
        _identify(sync, _last(parts, _IDENTIFIED)),
        _decide(sync, _last(parts, _DECIDED)),
        _record(parts.ledger_status(), sync, _last(parts, _RECORDED)),
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


def _expiry(sync: SyncStatus, kind: str, effect: str) -> tuple[Level, str, str, str]:
    """Level, code, cause and advice of what counts only for its grace, or no more."""
    for state in sync.content.in_force:
        if state.kind == kind and state.counts is Counts.ENDED:
            advice = "Connect the gateway to the centre, and publish a newer one there"
            return Level.FAIL, f"{kind}_ended", f"{kind} {state.number} has expired: {effect}", advice
        if state.kind == kind and state.counts is Counts.GRACE:
            until = datetime.fromtimestamp(state.ends_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
            cause = f"{kind} {state.number} has expired and counts until {until}, because the centre is not reached"
            return Level.WARN, f"{kind}_grace", cause, f"Connect the gateway to the centre before that; then {effect}"
    return Level.OK, "ok", "", ""


def _identify(sync: SyncStatus, last_ms: int | None) -> ChainState:
    level, code, cause, advice = _expiry(sync, "registry", "every card is unknown")
    if level is not Level.OK:
        return ChainState(chain=ChainName.IDENTIFY, level=level, code=code, cause=cause, advice=advice, last_ms=last_ms)
    if sync.bundles.get("registry", 0):
        return ChainState(chain=ChainName.IDENTIFY, level=Level.OK, code="ok", last_ms=last_ms)
    return ChainState(
        chain=ChainName.IDENTIFY,
        level=Level.FAIL,
        code="no_registry",
        cause="no registry of holders has come yet: every card is unknown",
        advice="Connect the gateway to the centre once, and publish a registry there",
        last_ms=last_ms,
    )


def _decide(sync: SyncStatus, last_ms: int | None) -> ChainState:
    level, code, cause, advice = _expiry(sync, "rules", "everything is at its list price")
    if level is not Level.OK:
        return ChainState(chain=ChainName.DECIDE, level=level, code=code, cause=cause, advice=advice, last_ms=last_ms)
    if sync.bundles.get("rules", 0):
        return ChainState(chain=ChainName.DECIDE, level=Level.OK, code="ok", last_ms=last_ms)
    return ChainState(
        chain=ChainName.DECIDE,
        level=Level.WARN,
        code="no_rules",
        cause="no rules have come yet: everything is at its list price",
        advice="Connect the gateway to the centre once, and publish rules there",
        last_ms=last_ms,
    )


def _record(ledger: LedgerStatus, sync: SyncStatus, last_ms: int | None) -> ChainState:
    level, code, cause, advice = Level.OK, "ok", "", ""
    owed = sum(sync.backlog.values())
    if ledger.problem:
        level, code, cause, advice = Level.FAIL, "ledger", ledger.problem, ledger.advice
    elif not sync.connected:
        level, code = Level.WARN, "offline"
        cause = f"not connected to the centre ({sync.problem or 'no reason known'}); {owed} entries wait"
        advice = "Entries are recorded here and sent later; check the network and [sync] in the configuration"
    elif owed > BACKLOG_WARN:
        level, code = Level.WARN, "backlog"
        cause, advice = f"{owed} entries wait for the centre", "It should fall by itself; if it does not, ask the city"
    return ChainState(chain=ChainName.RECORD, level=level, code=code, cause=cause, advice=advice, last_ms=last_ms)
