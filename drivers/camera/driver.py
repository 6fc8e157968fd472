"""The camera driver: looks for codes in a camera's picture and reports each once while it is in sight."""

from __future__ import annotations

import hashlib
import time

from drivers.camera.decode import MAX_CODE_BYTES, Decoder, Found, decode_image, decoder
from drivers.camera.errors import Trouble, problem
from drivers.camera.gate import Gate, Worth
from drivers.camera.opencv import load
from drivers.camera.options import DecoderName, Options, Symbology
from drivers.camera.sight import Debounce, Pace
from drivers.camera.source import FrameSource
from drivers.contract.core import Kind, Problem
from drivers.contract.reader import Code
from drivers.driver import DeviceError, Driver, Port

MAX_CODES = 16
"""More codes in one picture than this are no pass held up, but somebody's sheet of them: none is reported. It keeps
what a picture can make the gateway do in bounds, and what is remembered of it (`sight.CAPACITY`)."""


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
        self._gate = Gate(0)
        self._decode: Decoder = decode_image
        self._crowded = False
        self._picture_by_ns = 0
        self._timeout_ns = 0

    def open(self, options: Options) -> dict[str, str]:
        """Connect and see one real picture."""
        try:
            load(options.timeout_ms)
            self._decode = decoder(options.decoder)
        except ImportError as error:
            raise DeviceError(_not_installed(error, options.decoder)) from error
        self._formats = options.formats
        self._gate = Gate(options.rest_ms)
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
                match self._gate.worth(grey, came_ns):
                    case Worth.LOOK:
                        self._report(self._decode(grey, self._formats), came_ns)
                    case Worth.EMPTY:
                        self._report([], came_ns)
                    case Worth.REST:
                        pass
            elif came_ns > self._picture_by_ns:
                raise source.no_picture()
            self._pace.looked(came_ns, time.monotonic_ns())
        return source.frame_pause_s

    def close(self) -> None:
        """Let go of the camera."""
        self._source.close()

    def _report(self, codes: list[Found], came_ns: int) -> None:
        # By digest: no payload is kept after its frame.
        by_digest = {hashlib.sha256(f"{code.symbology}:".encode() + code.data).digest(): code for code in codes}
        if len(by_digest) > MAX_CODES:
            if not self._crowded:
                self.log(f"{len(by_digest)} codes in one picture: none is reported, at most {MAX_CODES} are")
            self._crowded = True
            return
        self._crowded = False
        for digest in self._debounce.look(came_ns, by_digest):
            symbology, data, _ = by_digest[digest]
            if len(data) > MAX_CODE_BYTES:
                self.log(f"a {symbology} code of {len(data)} bytes is refused: at most {MAX_CODE_BYTES}")
            else:
                self.reading(Code(symbology.value, data), came_ns)


def _not_installed(error: ImportError, name: DecoderName) -> Problem:
    missing = error.name or "OpenCV"
    trouble = Trouble.NO_ZBAR if name is DecoderName.ZBAR and "zbar" in missing else Trouble.NOT_INSTALLED
    return problem(trouble, missing=missing)
