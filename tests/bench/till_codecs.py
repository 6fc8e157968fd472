"""Bench `till`, the codecs: a request encoded and the published answers found in a stream, of each kind of frame.
Beside it the sum over the bytes of each, as the least that checks them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial

from drivers.fiscal.datecs_v1 import FramingV1
from drivers.fiscal.datecs_v2 import FramingV2
from drivers.fiscal.frames import Answer, Framing
from drivers.fiscal.zfp import ZfpFraming
from tests.bench.context import Context
from tests.bench.frame import Row, compare, require
from tests.bench.machine import ROOT

ROUNDS, FRAMES, FRAMES_QUICK = 5, 20_000, 500
VECTORS = ROOT / "tests" / "data" / "fiscal-vectors.json"
FRAMINGS: dict[str, tuple[Framing, str, int, bytes]] = {
    "datecs_v1": (FramingV1(), "datecs-v1", 49, b"Coffee\tA2.50*2.000;-0.50"),
    "datecs_v2": (FramingV2(), "datecs-v2", 49, b"Coffee\t1\t2.50\t2.000\t4\t0.50\t0\t"),
    "tremol": (ZfpFraming(), "tremol-zfp", 0x31, b"Coffee                              ;A;2.50*2.000:-0.50"),
}
"""Framing, the vectors' word for it, and a sale."""


def codecs(context: Context) -> list[Row]:
    rows = []
    for name, (framing, family, command, sale) in FRAMINGS.items():
        answers = _answers(framing, family)
        number = FRAMES_QUICK if context.quick else FRAMES
        ours, least = [], []
        for _ in context.rounds(ROUNDS):
            request = framing.encode(framing.seq_first, command, sale)
            ours.append([_per_second(partial(_both, framing, command, sale, answers), number, len(answers))])
            least.append([_per_second(partial(_sums, [request, *answers]), number, len(answers))])
        rows.append(compare("till", f"codec_{name}_frames_per_s", "1/s", ours, least))
    return rows


def _sums(frames: list[bytes]) -> None:
    for frame in frames:
        sum(frame)


def _both(framing: Framing, command: int, sale: bytes, answers: list[bytes]) -> None:
    framing.encode(framing.seq_first, command, sale)
    parser = framing.parser()
    for answer in answers:
        parser.feed(answer)


def _per_second(work: Callable[[], object], frames: int, answers: int) -> float:
    """Frames (a request and its answers) in a second of this process's own time."""
    times = max(1, frames // (answers + 1))
    began = time.process_time_ns()
    for _ in range(times):
        work()
    return times * (answers + 1) / ((time.process_time_ns() - began) / 1e9)


def _answers(framing: Framing, family: str) -> list[bytes]:
    """Those of the published frames that are answers."""
    frames = [bytes.fromhex(one["bytes_hex"]) for one in json.loads(VECTORS.read_bytes()) if one["family"] == family]
    found = []
    for frame in frames:
        parser = framing.parser()
        events = [*parser.feed(frame), *parser.expire()]
        if len(events) == 1 and isinstance(events[0], Answer):
            found.append(frame)
    require(len(found) >= 1, f"no answer among the {len(frames)} frames of {family}")
    return found
