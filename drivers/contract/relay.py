"""What a relay board with inputs does and reports: pulses that end by themselves, edges of inputs."""

from __future__ import annotations

import msgspec


class Pulse(msgspec.Struct, frozen=True, tag="pulse", tag_field="call"):
    """Close output `channel` (from 0) for `ms` milliseconds. The board itself ends the pulse, so that a
    killed gateway or a pulled cable never leaves a gate open. Answered by `Pulsed`."""

    channel: int
    ms: int


class Pulsed(msgspec.Struct, frozen=True, tag="pulsed", tag_field="result"):
    """The board echoed the command: the pulse began not later than `mono_ns`."""

    mono_ns: int


class ReadOutputs(msgspec.Struct, frozen=True, tag="read_outputs", tag_field="call"):
    """Read back the outputs. Answered by `Outputs`."""


class Outputs(msgspec.Struct, frozen=True, tag="outputs", tag_field="result"):
    """State of every output, channel 0 first."""

    closed: tuple[bool, ...]


class InputEdge(msgspec.Struct, frozen=True, tag="input", tag_field="reading"):
    """Input `channel` (from 0) went active (`on`) or idle: a passage sensor, a button."""

    channel: int
    on: bool


class InputStates(msgspec.Struct, frozen=True, tag="inputs", tag_field="reading"):
    """What every input is, channel 0 first: sent whenever the board becomes ready, and no edge. For contacts whose
    state counts, such as a fire alarm's."""

    on: tuple[bool, ...]


RelayCall = Pulse | ReadOutputs
RelayResult = Pulsed | Outputs
RelayReading = InputEdge | InputStates
