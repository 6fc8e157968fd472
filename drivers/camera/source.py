"""The camera as a stream of grey frames, on `cv2.VideoCapture`.

Where the stream is MJPEG, frames are taken as they came and only those that are looked at are decoded,
brightness only: a frame passed over costs next to nothing.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from drivers.camera.decode import grey_image
from drivers.camera.errors import Trouble, place_of, problem
from drivers.driver import DeviceError

if TYPE_CHECKING:
    import cv2

    from drivers.camera.decode import Grey

_RAW = -1
"""CAP_PROP_FORMAT: hand out the stream's own packets (OpenCV, VideoCaptureProperties)."""


class FrameSource:
    """One opened camera. `open`, then `next_frame` and `grey` in turn, then `close`."""

    def __init__(self) -> None:
        self._source = ""
        self._timeout_ms = 0
        self._capture: cv2.VideoCapture | None = None
        self._packets = False
        self.frame_pause_s = 0.0
        """Pause between frames that the caller has to make: a file comes as fast as it can be read."""

    def open(self, source: str, timeout_ms: int) -> dict[str, str]:
        """Connect and decode one frame. Returns what is known of the camera. Raises `DeviceError`.

        `timeout_ms` bounds the connecting and each wait for a frame.
        """
        import cv2

        self._source, self._timeout_ms = source, timeout_ms
        self._capture = capture = self._connect()
        if not capture.isOpened():
            raise self._error(Trouble.NOT_OPENED)
        codec = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("ascii", "replace")
        self._packets = codec == "MJPG" and not _is_device(self._source) and capture.set(cv2.CAP_PROP_FORMAT, _RAW)
        self.frame_pause_s = 0.0
        if os.path.isfile(self._source):
            self.frame_pause_s = 1 / min(max(capture.get(cv2.CAP_PROP_FPS), 1.0), 60.0)
        until = time.monotonic() + self._timeout_ms / 1000
        while True:
            self.next_frame()
            if (grey := self.grey()) is not None:
                height, width = grey.shape
                return {"size": f"{width}x{height}", "codec": codec.strip("\0 ")}
            if time.monotonic() >= until:
                raise self._error(Trouble.NO_PICTURE)

    def next_frame(self) -> None:
        """Wait for the next frame and take it off the stream. Raises `DeviceError` when none comes."""
        begin = time.monotonic()
        good = self._opened.grab()
        waited_ms = (time.monotonic() - begin) * 1000
        # Of a frame that stopped in the middle FFmpeg hands out the half when the time is over.
        if waited_ms >= (self._timeout_ms if good else 0.9 * self._timeout_ms):
            raise self._error(Trouble.SILENT)
        if not good:
            raise self._error(Trouble.STREAM_ENDED)

    def grey(self) -> Grey | None:
        """The brightness of the frame last taken, or nothing when it is no picture."""
        import cv2
        import numpy as np

        try:
            good, frame = self._opened.retrieve()
            if not good or frame is None:
                return None
            if self._packets:
                return grey_image(frame.reshape(-1).astype(np.uint8, copy=False))
            grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if frame.ndim == 3 else frame
            return grey.astype(np.uint8, copy=False)
        except cv2.error:  # a frame of an odd layout is no picture
            return None

    def close(self) -> None:
        """Let go of the camera; harmless when it is not open."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def no_picture(self) -> DeviceError:
        """To raise when frames keep coming and none is a picture."""
        return self._error(Trouble.NO_PICTURE)

    @property
    def _opened(self) -> cv2.VideoCapture:
        if self._capture is None:
            raise RuntimeError("a frame was asked for before the camera was opened")
        return self._capture

    def _connect(self) -> cv2.VideoCapture:
        import cv2

        if _is_device(self._source):
            return cv2.VideoCapture(self._source, cv2.CAP_V4L2)
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, self._timeout_ms]
        timeouts += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, self._timeout_ms]
        return cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, [*timeouts, cv2.CAP_PROP_N_THREADS, 1])

    def _error(self, trouble: Trouble) -> DeviceError:
        return DeviceError(problem(trouble, place=place_of(self._source), ms=self._timeout_ms))


def _is_device(source: str) -> bool:
    """Also of one that is unplugged; /dev may have files, too (/dev/shm)."""
    return source.startswith("/dev/") and not os.path.isfile(source)
