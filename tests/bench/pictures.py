"""Pictures with a QR code as cameras at stations see them: made by chance, the same at every run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]
    Chance = np.random.Generator

SIZE = (1280, 720)
SEED = 20260529


class Picture(NamedTuple):
    kind: str
    grey: Grey
    payload: bytes


def pictures(each: int) -> list[Picture]:
    """So many of each kind, on a busy wall, with a sensor's noise."""
    import numpy as np

    from drivers.simulators.camera_pictures import scene

    wall = scene(SIZE)
    chance = np.random.default_rng(SEED)
    made = []
    for kind, make in KINDS.items():
        for number in range(each):
            payload = chance.bytes(40) if kind == "binary" else f"https://city.example/p/{kind}-{number:04}".encode()
            made.append(Picture(kind, make(wall, payload, chance, number / max(1, each - 1)), payload))
    return made


def _plain(wall: Grey, payload: bytes, chance: Chance, hard: float) -> Grey:
    return _seen(_held(wall, _code(payload, 260 - int(60 * hard)), chance), chance)


def _small(wall: Grey, payload: bytes, chance: Chance, hard: float) -> Grey:
    return _seen(_held(wall, _code(payload, 110 - int(50 * hard)), chance), chance)


def _blurred(wall: Grey, payload: bytes, chance: Chance, hard: float) -> Grey:
    return _seen(_held(wall, _code(payload, 240), chance), chance, blur=1.2 + 2.4 * hard)


def _rotated(wall: Grey, payload: bytes, chance: Chance, hard: float) -> Grey:
    return _seen(_held(wall, _code(payload, 200), chance, angle=float(chance.uniform(5, 355))), chance)


def _dark(wall: Grey, payload: bytes, chance: Chance, hard: float) -> Grey:
    return _seen(_held(wall, _code(payload, 250), chance), chance, gain=0.3 - 0.22 * hard, noise=6)


def _slanted(wall: Grey, payload: bytes, chance: Chance, hard: float) -> Grey:
    return _seen(_held(wall, _code(payload, 240), chance, slant=0.08 + 0.17 * hard), chance)


def _inverted(wall: Grey, payload: bytes, chance: Chance, hard: float) -> Grey:
    return _seen(_held(wall, 255 - _code(payload, 220 - int(80 * hard)), chance), chance)


def _glare(wall: Grey, payload: bytes, chance: Chance, hard: float) -> Grey:
    """A telephone's screen with a lamp mirrored in it."""
    import cv2
    import numpy as np

    held = _held(wall, _code(payload, 260), chance, offset=False)
    spot = np.zeros(held.shape, np.float32)
    at = (SIZE[0] // 2 + int(chance.integers(-90, 90)), SIZE[1] // 2 + int(chance.integers(-90, 90)))
    cv2.circle(spot, at, 10 + int(35 * hard), 255, -1)
    lit = held.astype(np.float32) * 0.8 + cv2.GaussianBlur(spot, (0, 0), 8)
    return _seen(np.clip(lit, 0, 255).astype(np.uint8), chance, blur=0.8)


KINDS: dict[str, Callable[[Grey, bytes, Chance, float], Grey]] = {
    "plain": _plain,
    "small": _small,
    "blurred": _blurred,
    "rotated": _rotated,
    "dark": _dark,
    "slanted": _slanted,
    "inverted": _inverted,
    "glare": _glare,
    "binary": _plain,
}
"""The last argument goes from 0 to 1: from easy to hard."""


def _code(payload: bytes, pixels: int) -> Grey:
    import cv2
    import numpy as np
    import segno

    made = segno.make(payload, error="m", micro=False, boost_error=False, mode="byte")
    modules = np.pad(np.array([list(row) for row in made.matrix], dtype=np.uint8), 4)
    drawn = np.kron(255 - 255 * modules, np.ones((8, 8), np.uint8)).astype(np.uint8)
    return cv2.resize(drawn, (pixels, pixels), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _held(
    wall: Grey, code: Grey, chance: Chance, *, angle: float = 0.0, slant: float = 0.0, offset: bool = True
) -> Grey:
    """The code before the wall: turned by `angle` degrees, its right side nearer by `slant` of its height."""
    import cv2
    import numpy as np

    side = len(code)
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    there = corners - side / 2
    there[1] += (-side * slant * 0.3, side * slant)
    there[2] += (-side * slant * 0.3, -side * slant)
    turn = np.deg2rad(angle)
    there = there @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], np.float32)
    there += np.array(SIZE, np.float32) / 2 + (chance.uniform(-120, 120, 2) if offset else 0)
    matrix = cv2.getPerspectiveTransform(corners, there.astype(np.float32))
    drawn = cv2.warpPerspective(code, matrix, SIZE)
    where = cv2.warpPerspective(np.full_like(code, 255), matrix, SIZE)
    return np.where(where > 127, drawn, wall).astype(np.uint8)


def _seen(held: Grey, chance: Chance, *, blur: float = 0.0, gain: float = 1.0, noise: float = 4.0) -> Grey:
    """By a lens and a sensor."""
    import cv2
    import numpy as np

    sharp = cv2.GaussianBlur(held, (0, 0), blur) if blur else held
    return np.clip(sharp * gain + chance.normal(0, noise, held.shape), 0, 255).astype(np.uint8)
