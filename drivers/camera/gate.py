"""Which pictures are worth a look for codes: not those without any contrast, and seldom those where nothing moves."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from drivers.camera.decode import Grey

BLOCK = 8
"""Pixels a side of the blocks whose mean brightness is compared: a sensor's noise is an eighth of itself there, and
a code held up, however small, covers many."""

MOVED = 5
"""Levels of brightness (of 255) that one block has to change by. Noise of 20 levels a pixel stays below."""

FLAT = 4
"""A picture whose blocks differ by less holds no code: a covered lens, an empty wall in the dark."""

AWAKE_S = 3.0
"""So long after a movement every picture is looked at: a lens that comes into focus, or a hand that comes to rest,
changes a code from unreadable to readable and hardly changes a block."""


class Worth(Enum):
    """What a picture is worth."""

    LOOK = auto()
    EMPTY = auto()
    """No look: there is no code in it, which is to be taken as seen."""
    REST = auto()
    """No look: it is as the last one, whatever was seen there."""


class Gate:
    """Says of each picture whether to look. Guarantee: where there is contrast, a look comes at the latest `rest_ms`
    after the last one, whatever is seen; with 0 it always comes."""

    def __init__(self, rest_ms: int) -> None:
        self._rest_ns = rest_ms * 1_000_000
        self._seen: NDArray[np.int16] | None = None
        self._moved_ns = 0
        self._looked_ns = 0

    def worth(self, grey: Grey, now_ns: int) -> Worth:
        """Whether to look for codes in this picture. Compared is with the last picture that was looked at."""
        if self._rest_ns == 0:
            return Worth.LOOK
        blocks = _blocks(grey)
        before = self._seen
        if before is None or before.shape != blocks.shape or abs(blocks - before).max() >= MOVED:
            self._moved_ns = now_ns
        elif now_ns - self._moved_ns > AWAKE_S * 1e9 and now_ns - self._looked_ns < self._rest_ns:
            return Worth.REST
        self._seen, self._looked_ns = blocks, now_ns
        return Worth.LOOK if blocks.max() - blocks.min() >= FLAT else Worth.EMPTY


def _blocks(grey: Grey) -> NDArray[np.int16]:
    import cv2
    import numpy as np

    height, width = grey.shape
    size = (max(1, width // BLOCK), max(1, height // BLOCK))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.int16)
