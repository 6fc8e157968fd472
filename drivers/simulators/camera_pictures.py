"""What a simulated camera sees: a wall, with a code held up or not, as JPEG frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def scene(size: tuple[int, int]) -> NDArray[np.uint8]:
    """A somewhat busy grey wall: soft patches and some hard edges, always the same."""
    import cv2
    import numpy as np

    width, height = size
    rng = np.random.default_rng(7)
    patches = rng.integers(70, 150, (height // 60, width // 60), dtype=np.uint8)
    scene = cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    for _ in range(40):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        far = (x + int(rng.integers(8, 120)), y + int(rng.integers(8, 60)))
        cv2.rectangle(scene, (x, y), far, int(rng.integers(40, 210)), int(rng.integers(1, 4)))
    return scene


def noisy(scene: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    import numpy as np

    noise = np.random.default_rng(seed).normal(0, 2.5, scene.shape)
    return np.clip(scene + noise, 0, 255).astype(np.uint8)


def jpeg(grey: NDArray[np.uint8]) -> bytes:
    """As a camera sends it: in colour, though there is none."""
    import cv2

    good, jpeg = cv2.imencode(".jpg", cv2.merge([grey, grey, grey]), [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not good:
        raise RuntimeError("OpenCV could not encode a frame")
    return jpeg.tobytes()


def with_code(scene: NDArray[np.uint8], payload: bytes) -> NDArray[np.uint8]:
    """The scene with a QR code on white paper in the middle. Raises `ValueError` when it does not fit."""
    import numpy as np
    import segno

    if not payload:
        raise ValueError("a code needs at least one byte")
    try:
        # Left alone, segno takes some bytes for Kanji; text keeps the smaller alphanumeric code.
        mode = None if payload.isascii() else "byte"
        code = segno.make(payload, error="m", micro=False, boost_error=False, mode=mode)
    except segno.DataOverflowError as error:
        raise ValueError(f"{len(payload)} bytes do not fit into a QR code of level M") from error
    modules = np.pad(np.array([list(row) for row in code.matrix], dtype=np.uint8), 4)
    scale = min(8, int(0.9 * min(scene.shape)) // len(modules))
    if scale < 2:
        raise ValueError(f"{len(payload)} bytes are too fine for a picture of this size")
    paper = np.kron(225 - 200 * modules, np.ones((scale, scale), np.uint8)).astype(np.uint8)
    top, left = ((whole - len(paper)) // 2 for whole in scene.shape)
    scene[top : top + len(paper), left : left + len(paper)] = paper
    return scene


def oversized(frame: bytes) -> bytes:
    """A JPEG whose header says that it has 65,000 x 65,000 pixels (ITU-T T.81, B.2.2: frame header)."""
    at = frame.index(b"\xff\xc0") + 5
    return frame[:at] + (65_000).to_bytes(2, "big") * 2 + frame[at + 4 :]
