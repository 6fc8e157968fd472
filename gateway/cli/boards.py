"""Checks of relay boards for `smartplace doctor`: whether a gate asks its board for what the board's driver takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.cli.finding import Check, Level
from gateway.config.load import Loaded, driver_options
from gateway.config.types import GateStation

SLOW_INPUT_MS = 200
"""Somebody who walks fast stands in a light barrier's beam not much longer."""


def board_checks(loaded: Loaded) -> Iterator[Check]:
    """One for each gate at a relay board. Nothing is asked of the board: the daemon has its port."""
    options = driver_options("relay")
    boards = {
        device.id: msgspec.convert(device.options, options)
        for device in loaded.configuration.device
        if device.driver == "relay" and not device.command
    }
    for station in loaded.configuration.station:
        if isinstance(station, GateStation) and station.relay in boards:
            yield _gate(station, boards[station.relay])


def _gate(gate: GateStation, board: Any) -> Check:
    name = f"gate {gate.id} at {gate.relay}"
    if gate.pulse_ms > board.longest_pulse_ms:
        cause = f"pulse_ms is {gate.pulse_ms}, and the driver refuses more than {board.longest_pulse_ms}"
        return Check(name, Level.FAIL, cause, "Correct pulse_ms of the station, or longest_pulse_ms of the device")
    if gate.passage_input is not None and gate.passage_s > board.watch_s:
        cause = f"a passage is awaited for {gate.passage_s:g} s, and inputs are looked at often for {board.watch_s} s"
        return Check(name, Level.WARN, cause, "Set watch_s of the device to at least passage_s of the station")
    if gate.passage_input is not None and board.input_ms > SLOW_INPUT_MS:
        cause = f"between two looks at the passage sensor lie {board.input_ms} ms: somebody who walks fast is missed"
        return Check(name, Level.WARN, cause, "Set input_ms of the device to 50")
    return Check(name, Level.PASS, f"output {gate.output} for {gate.pulse_ms} ms, which the board's driver takes")
