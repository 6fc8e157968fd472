"""The camera driver: looks for codes in a camera's picture and reports each once while it is in sight."""

from __future__ import annotations

import hashlib
import time

from drivers.camera.decode import decode_image
from drivers.camera.errors import Trouble, problem
from drivers.camera.opencv import load
from drivers.camera.options import Options, Symbology
from drivers.camera.sight import Debounce, Pace
from drivers.camera.source import FrameSource
from drivers.contract.core import Kind
from drivers.contract.reader import Code
from drivers.driver import DeviceError, Driver, Port

MAX_CODE_BYTES = 2048
"""A longer payload is refused: no pass and no label is that long."""


class CameraDriver(Driver[Options]):
    """One camera. Frames live in memory until the next one and are stored nowhere."""

    name = "camera"
    kind = Kind.READER
    options_type = Options

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._source = FrameSource()
        self._formats: tuple[Symbology, ...] = ()
        # Outlives a reopened camera: what was in sight before is no news after.
        self._debounce: Debounce[bytes] = Debounce()
        self._pace = Pace(1.0)
        self._picture_by_ns = 0
        self._timeout_ns = 0

    def open(self, options: Options) -> dict[str, str]:
        """Connect and see one real picture."""
        try:
            load(options.timeout_ms)
        except ImportError as error:
            raise DeviceError(problem(Trouble.NOT_INSTALLED, missing=error.name or "OpenCV")) from error
        self._formats = options.formats
        self._debounce.gone_ms = options.gone_ms
        self._pace = Pace(options.max_fps)
        self._timeout_ns = options.timeout_ms * 1_000_000
        detail = self._source.open(options.source, options.timeout_ms)
        self._picture_by_ns = time.monotonic_ns() + self._timeout_ns
        return detail

    def poll(self) -> float:
        """Take one frame off the stream, which waits for it; look for codes when it is time to."""
        source = self._source
        source.next_frame()
        came_ns = time.monotonic_ns()
        if self._pace.due(came_ns):
            if (grey := source.grey()) is not None:
                self.alive()
                self._picture_by_ns = came_ns + self._timeout_ns
                self._report(decode_image(grey, self._formats), came_ns)
            elif came_ns > self._picture_by_ns:
                raise source.no_picture()
            self._pace.looked(came_ns, time.monotonic_ns())
        return source.frame_pause_s

    def close(self) -> None:
        """Let go of the camera."""
        self._source.close()

    def _report(self, codes: list[tuple[Symbology, bytes]], came_ns: int) -> None:
        # By digest: no payload is kept after its frame.
        by_digest = {
            hashlib.sha256(f"{symbology}:".encode() + data).digest(): (symbology, data) for symbology, data in codes
        }
        for digest in self._debounce.look(came_ns, by_digest):
            symbology, data = by_digest[digest]
            if len(data) > MAX_CODE_BYTES:
                self.log(f"a {symbology} code of {len(data)} bytes is refused: at most {MAX_CODE_BYTES}")
            else:
                self.reading(Code(symbology.value, data), came_ns)
