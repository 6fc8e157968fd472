"""What gates may say: their inputs, who is counted in their areas, and when the same card may enter again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.config.netfp import Wrong
from gateway.config.types import Configuration, GateStation, GroupOpening, PassbackScope

Path = tuple[str | int, ...]
INPUTS = ("passage_input", "exit_input", "exit_button_input", "staff_input", "alarm_input")


def check_gates(configuration: Configuration, boards: Mapping[str, Any], wrong: Wrong) -> None:
    """`boards`: the options of our own relay boards. Raises `ConfigurationError`."""
    gates = [(index, one) for index, one in enumerate(configuration.station) if isinstance(one, GateStation)]
    areas: dict[str, GateStation] = {}
    for index, gate in gates:
        path = ("station", index)
        _check_channels(gate, path, boards.get(gate.relay), wrong)
        if gate.group is GroupOpening.HELD and gate.passage_input is None:
            advice = "Name its passage_input, or leave group out"
            raise wrong((*path, "group"), "a gate without a passage sensor cannot be held open", advice)
        first = areas.setdefault(gate.area, gate)
        for key in ("capacity", "reset_hour"):
            if getattr(gate, key) != getattr(first, key):
                what = f"station {first.id!r} of the same area has {getattr(first, key)}"
                raise wrong((*path, key), what, "Give all gates of an area the same")
        out = [one for _, one in gates if one.area == gate.area and _sees_out(one)]
        if gate.capacity and not out:
            advice = "Name exit_input or exit_readers (or exit_button_input beside passage_input) at one of its gates"
            raise wrong((*path, "capacity"), "nobody is ever seen to leave this area", advice)


def _sees_out(gate: GateStation) -> bool:
    """With one sensor for both ways, who was let out by the button is seen by that; whom an exit reader lets out is
    counted with a sensor or without."""
    by_button = None not in (gate.exit_button_input, gate.passage_input)
    return gate.exit_input is not None or by_button or bool(gate.exit_readers)


def _check_channels(gate: GateStation, path: Path, board: Any, wrong: Wrong) -> None:
    """`board` has the options of one of our relay boards, or is None: of what is not ours only its hello tells."""
    seen: dict[int, str] = {}
    for key in INPUTS:
        channel: int | None = getattr(gate, key)
        if channel is None:
            continue
        if channel in seen:
            raise wrong((*path, key), f"input {channel} is {seen[channel]} already", "Give each its own input")
        seen[channel] = key
        if board is not None and channel >= board.inputs:
            what = f"board {gate.relay!r} has {board.inputs} inputs, counted from 0"
            raise wrong((*path, key), what, "Correct the input, or `inputs` of the board")


def check_passback(gate: GateStation, path: Path, wrong: Wrong) -> None:
    """Raises `ConfigurationError`."""
    if gate.anti_passback is not PassbackScope.GATE and not gate.anti_passback_s:
        advice = "Set anti_passback_s to the seconds that have to pass, or remove anti_passback"
        raise wrong((*path, "anti_passback"), "it does nothing without anti_passback_s", advice)
