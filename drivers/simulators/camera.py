"""A network camera: MJPEG over HTTP (multipart/x-mixed-replace) on loopback, with a code held up or not.

As a program (`python -m drivers.simulators.camera --port 0`) it is steered by JSON lines:
`{"do": "show", "text": "…"}`, `{"do": "hide"}`, `{"do": "present", "text": "…", "ms": 1500}`,
`{"do": "fault", "kind": "hang"}`; events are `shown` and `hidden`, with CLOCK_MONOTONIC nanoseconds.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.camera_pictures import jpeg, noisy, oversized, scene, with_code
from drivers.simulators.camera_server import StreamServer
from drivers.simulators.simulated import Act, Simulated, missing

BOUNDARY = "frame"
_HEAD = (
    f"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary={BOUNDARY}\r\n"
    "Cache-Control: no-store\r\n\r\n"
).encode()
_GARBAGE_BYTES = 20_000
_NOISE_FRAMES = 6


class Fault(StrEnum):
    """What the camera does wrong, until another fault is set; `garbage` and `drop` happen once."""

    NONE = "none"
    HANG = "hang"  # connections stay and new ones are taken, and nothing more is sent
    STALL = "stall"  # connections stay, and a frame stops in the middle
    HUGE = "huge"  # frames that say they are 65,000 x 65,000 pixels
    DARK = "dark"  # frames of a covered lens
    BROKEN = "broken"  # frames that are no JPEG
    REFUSE = "refuse"  # connections are cut, new ones refused
    GARBAGE = "garbage"  # random bytes in the middle of the stream, once
    DROP = "drop"  # connections are cut, once


class CameraSimulator:
    """The camera, usable in-process: `start`, `show`, `hide`, `present`, `fault`, `stop`; `url` to open.

    Frames are encoded when the picture changes and not when they are sent: a streaming camera costs little.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        size: tuple[int, int] = (640, 480),
        fps: float = 10.0,
        on_event: Callable[..., None] | None = None,
    ) -> None:
        self._port = port
        self._size = size
        self._every_s = 1 / fps
        self._on_event = on_event
        self._lock = threading.RLock()
        self._server: StreamServer | None = None
        self._thread: threading.Thread | None = None
        self._timer: threading.Timer | None = None
        self._empty: list[bytes] = []
        self._dark: list[bytes] = []
        self._frames: list[bytes] = []
        self._code_up = False
        self.state = Fault.NONE
        self.garbage_count = 0
        self.frames_sent = 0
        self.changed = threading.Event()
        """Set when a connection that waits has to look again."""

    @property
    def url(self) -> str:
        """Where the stream is; stable over faults, known after `start`."""
        return f"http://127.0.0.1:{self._port}/stream.mjpg"

    @property
    def running(self) -> bool:
        return self._server is not None

    def start(self) -> None:
        """Draw the scene and listen."""
        wall = scene(self._size)
        self._empty = self._frames = [jpeg(noisy(wall, seed)) for seed in range(_NOISE_FRAMES)]
        self._dark = [jpeg(noisy(wall // 255, seed)) for seed in range(2)]
        self._listen()

    def stop(self) -> None:
        """Cut the connections and end every thread."""
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            timer.join()
        self._deafen()

    # What stands in front of the camera -----------------------------------------------------------------

    def show(self, payload: str | bytes) -> None:
        """Hold up a QR code (level M; text goes as the densest mode it fits, bytes as they are)."""
        self.hold_up(self.draw(payload))

    def draw(self, payload: str | bytes) -> list[bytes]:
        """The frames of a code that is to be held up. Raises `ValueError` when it does not fit."""
        data = payload.encode() if isinstance(payload, str) else payload
        seen = with_code(scene(self._size), data)
        return [jpeg(noisy(seen, seed)) for seed in range(_NOISE_FRAMES // 2)]

    def hold_up(self, frames: list[bytes]) -> None:
        """Hold up a code that was drawn before: from the next frame on it is in the picture."""
        self._put(frames, "shown")

    def hide(self) -> None:
        """Take it away."""
        self._put(self._empty, "hidden")

    def present(self, payload: str | bytes, ms: int) -> None:
        """Hold up a code and take it away after `ms`; returns at once."""
        if ms <= 0:
            raise ValueError("ms is a time above 0")
        self.show(payload)
        with self._lock:
            self._timer = threading.Timer(ms / 1000, self.hide)
            self._timer.daemon = True
            self._timer.start()

    def _put(self, frames: list[bytes], event: str) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            news = frames is not self._frames
            self._frames = frames
        if news and self._on_event is not None:
            self._on_event(event, mono_ns=time.monotonic_ns())

    # What is wrong with it ------------------------------------------------------------------------------

    def fault(self, kind: str) -> None:
        """Set a fault, or `none` to heal."""
        fault = Fault(kind)
        match fault:
            case Fault.GARBAGE:
                self.garbage_count += 1
            case Fault.DROP:
                if self._server is not None:
                    self._server.cut()
            case Fault.REFUSE:
                self.state = fault
                self._deafen()
            case Fault.NONE | Fault.HANG | Fault.STALL | Fault.HUGE | Fault.DARK | Fault.BROKEN:
                self.state = fault
                self._listen()
        self._wake()

    def frame(self, number: int) -> bytes:
        """The frame to send now, as JPEG."""
        match self.state:
            case Fault.DARK:
                frames = self._dark
            case Fault.BROKEN:
                return bytes(range(256)) * 40
            case Fault.HUGE:
                return oversized(self._empty[0])
            case _:
                frames = self._frames
        return frames[number % len(frames)]

    def stream(self, send: Callable[[bytes], Any]) -> None:
        """One connection's life: the answer's head, then frames at the camera's rate until it is cut."""
        garbage_seen, number, due = self.garbage_count, 0, time.monotonic()
        head_sent = False
        while self.running:
            if self.state is Fault.HANG:
                self.changed.wait(0.5)
                due = time.monotonic()
                continue
            if not head_sent:
                send(_HEAD)
                head_sent = True
            if garbage_seen != self.garbage_count:
                garbage_seen = self.garbage_count
                send(bytes((i * i + 7 * i) & 0xFF for i in range(_GARBAGE_BYTES)))
            frame = self.frame(number)
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame)}\r\n\r\n"
            if self._stalled():
                send(head.encode() + frame[: len(frame) // 2])
                while self._stalled():
                    self.changed.wait(0.5)
                return
            send(head.encode() + frame + b"\r\n")
            number += 1
            self.frames_sent += 1
            due += self._every_s
            if (left := due - time.monotonic()) > 0:
                self.changed.wait(left)

    def _stalled(self) -> bool:
        return self.running and self.state is Fault.STALL

    # Network --------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        self.changed.set()
        self.changed.clear()

    def _listen(self) -> None:
        with self._lock:
            if self._server is not None:
                return
            self._server = StreamServer(self._port, self.stream)
            self._port = self._server.server_port
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
            self._thread.start()

    def _deafen(self) -> None:
        with self._lock:
            server, self._server = self._server, None
            thread, self._thread = self._thread, None
        if server is None or thread is None:
            return
        server.shutdown()
        thread.join()
        self._wake()
        server.cut()
        server.server_close()


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A network camera, to which two passes are held up in turn. Raises `CannotSimulate` without OpenCV or segno."""
    camera = CameraSimulator()
    try:
        camera.start()
        first, second = camera.draw("PASS-42"), camera.draw("PASS-43")
    except ImportError as error:
        raise missing(error) from error
    try:
        acts = (
            Act("a pass is held up", lambda: camera.hold_up(first), reads=True),
            Act("it is taken away", camera.hide),
            Act("another pass is held up", lambda: camera.hold_up(second), reads=True),
            Act("it is taken away", camera.hide),
        )
        yield Simulated(
            {"source": camera.url},
            acts,
            lambda: camera.fault(Fault.REFUSE),
            lambda: camera.fault(Fault.NONE),
            settle_s=0.7,
        )
    finally:
        camera.stop()


def main() -> None:
    """Run as a program until stdin ends."""
    import os

    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    import cv2

    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(description="A simulated network camera on loopback")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--fps", type=float, default=10.0)
    options = parser.parse_args()
    camera = CameraSimulator(options.port, fps=options.fps, on_event=control.emit)
    camera.start()
    try:
        control.serve(
            {"url": camera.url},
            {
                "show": lambda text: camera.show(str(text)),
                "hide": camera.hide,
                "present": lambda text, ms: camera.present(str(text), int(ms)),
                "fault": lambda kind: camera.fault(str(kind)),
            },
        )
    finally:
        camera.stop()


if __name__ == "__main__":
    main()
