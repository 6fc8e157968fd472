"""The camera's code reader beside others, on the same generated pictures: how many codes are read, how many wrongly, in
which time. Each picture holds one QR code; wrong is a payload that is not its, byte for byte."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.context import Context
from tests.bench.frame import Row, compare, require
from tests.bench.pictures import Picture, pictures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from drivers.camera.decode import Decoder

Read = Callable[["NDArray[np.uint8]"], list[bytes]]
OURS = "zxing"
EACH, EACH_QUICK = 6, 1
TIMES, TIMES_QUICK = 3, 1


def run(context: Context) -> list[Row]:
    shown = pictures(EACH_QUICK if context.quick else EACH)
    times = TIMES_QUICK if context.quick else TIMES
    decoders = _decoders(context)
    seen = {name: [_look(read, picture, times) for picture in shown] for name, read in decoders.items()}
    easy = [look for look, picture in zip(seen[OURS], shown, strict=True) if picture.kind == "plain"]
    require(all(read for read, _, _ in easy), "not even the plain pictures are read")
    for name, looks in seen.items():
        missed = sorted({picture.kind for look, picture in zip(looks, shown, strict=True) if not look[0]})
        context.say(f"  {name}: not all read of: {', '.join(missed) or 'none'}")
    return [row for name in decoders for row in _rows(name, seen)]


def _rows(name: str, seen: Mapping[str, Sequence[tuple[bool, bool, float]]]) -> list[Row]:
    """Ours beside ZBar where that is installed, else beside OpenCV's; the others by themselves."""
    beside = next((other for other in ("zbar", "opencv") if other in seen), "") if name == OURS else ""
    ours, baseline = seen[name], seen.get(beside)
    rows = []
    for metric, unit, at, statistic in (
        ("read_percent", "%", 0, _percent),
        ("wrong", "pictures", 1, sum),
        ("ms", "ms", 2, statistics.median),
    ):
        other = None if baseline is None else [[float(look[at]) for look in baseline]]
        rows.append(
            compare("readers", f"qr_{metric}_{name}", unit, [[float(look[at]) for look in ours]], other, statistic)
        )
    return rows


def _percent(samples: Sequence[float]) -> float:
    return statistics.fmean(samples) * 100


def _look(read: Read, picture: Picture, times: int) -> tuple[bool, bool, float]:
    """Whether it was read, whether something else was, and the least milliseconds of a few looks."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        found = read(picture.grey)
        took.append((time.perf_counter() - began) * 1000)
    return picture.payload in found, any(one != picture.payload for one in found), min(took)


def _payloads(decode: Decoder, grey: NDArray[np.uint8]) -> list[bytes]:
    from drivers.camera.options import Symbology

    return [code.data for code in decode(grey, (Symbology.QR,))]


def _decoders(context: Context) -> dict[str, Read]:
    import cv2

    from drivers.camera.decode import decoder
    from drivers.camera.options import DecoderName

    cv2.setNumThreads(1)
    detector = cv2.QRCodeDetector()

    def opencv(grey: NDArray[np.uint8]) -> list[bytes]:
        try:
            text = detector.detectAndDecode(grey)[0]
        except (UnicodeDecodeError, cv2.error):  # its binding makes text of everything
            return []
        return [text.encode()] if text else []

    found: dict[str, Read] = {}
    for name in DecoderName:
        try:
            decode = decoder(name)
        except ImportError as error:
            context.say(f"  {name}: left out: {error.name} is not installed")
            continue
        found[name.value] = partial(_payloads, decode)
    return {**found, "opencv": opencv}
