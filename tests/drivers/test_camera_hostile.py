"""What a camera or somebody in front of it may send on purpose, and what never leaves the driver."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera.decode import decode_image
from drivers.camera.driver import MAX_CODES
from drivers.contract.core import Alive, DeviceState, Reading
from drivers.contract.reader import Code
from drivers.simulators.camera import CameraSimulator
from drivers.simulators.camera_pictures import jpeg, with_code
from tests.drivers.test_camera import driver, read_again

LOST, READY = DeviceState.LOST, DeviceState.READY


@pytest.fixture
def camera() -> Iterator[CameraSimulator]:
    camera = CameraSimulator()
    camera.start()
    yield camera
    camera.stop()


def test_a_payload_of_more_than_2_kb_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    camera = CameraSimulator(size=(1280, 720))
    camera.start()
    try:
        with driver(camera.url) as process:
            process.expect_state(READY)
            camera.show(random.Random(5).randbytes(2100))
            process.nothing(Reading, 2)
            read_again(camera, process, "PASS-42")
    finally:
        camera.stop()
    assert capfd.readouterr().err.count("a qr code of 2100 bytes is refused") == 1


def sheet(count: int) -> NDArray[np.uint8]:
    """So many different codes beside each other."""
    each = [with_code(np.full((90, 90), 225, np.uint8), f"{number:03}".encode()) for number in range(count)]
    rows = [np.hstack(each[row : row + 6]) for row in range(0, count, 6)]
    return np.vstack(rows)


def test_a_sheet_of_codes_is_nobodys_pass(camera: CameraSimulator, capfd: pytest.CaptureFixture[str]) -> None:
    crowd = sheet(24)
    assert len(decode_image(crowd)) > MAX_CODES
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.hold_up([jpeg(crowd)])
        process.nothing(Reading, 1)
        camera.hold_up([jpeg(sheet(12))])
        assert {process.expect_reading(Code).data for _ in range(12)} == {b"%03d" % number for number in range(12)}
    assert capfd.readouterr().err.count("24 codes in one picture: none is reported") == 1


def test_what_a_terminal_would_obey_is_bytes_like_any_other(
    camera: CameraSimulator, capfd: pytest.CaptureFixture[str]
) -> None:
    payload = b'\x1b]0;owned\x07\x1b[2J\r\n\0{"t":"stop"}\n' + bytes(range(256))
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.show(payload)
        assert process.expect_reading(Code) == Code("qr", payload)
        assert process.garbage == []
    assert "owned" not in capfd.readouterr().err


def test_a_picture_that_stops_in_the_middle_is_silence(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.fault("stall")
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert problem.code == "silent"
        camera.fault("none")
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")


def test_a_picture_of_four_thousand_million_pixels_takes_no_memory(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.fault("huge")
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert problem.code == "no_picture"
        status = Path(f"/proc/{process.process.pid}/status").read_text()
        peak_kb = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
        assert peak_kb < 300_000
        camera.fault("none")
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")


def test_no_picture_leaves_the_driver(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        for text in ("PASS-42", "PASS-43"):
            read_again(camera, process, text)
        # All that it has written anywhere, its lines to the gateway included (proc(5), io); one frame is 40 kB.
        counts = Path(f"/proc/{process.process.pid}/io").read_text().splitlines()
        written = int(next(line for line in counts if line.startswith("wchar:")).split()[1])
        assert 0 < written < 5_000
        assert len(camera.frame(0)) > 20_000


def test_garbage_in_the_stream_is_survived(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.fault("garbage")
        process.expect_state(LOST)  # where the next frame begins is not known any more
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")


def test_frames_that_are_no_pictures_are_no_camera(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.fault("broken")
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert problem.code == "no_picture"
        process.nothing(Alive, 2.5)  # it would come with `ready`; meanwhile frames did come
        camera.fault("none")
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")


def test_a_password_in_the_source_is_never_told(camera: CameraSimulator, capfd: pytest.CaptureFixture[str]) -> None:
    with driver(camera.url.replace("http://", "http://admin:hunter2@")) as process:
        process.expect_state(READY)
        camera.fault("refuse")
        process.expect_state(LOST)
        camera.fault("hang")
        process.expect_state(LOST)
        camera.fault("none")
        process.expect_state(READY)
        told = repr(process.heard)
    assert "http://127.0.0.1 " in told
    output = capfd.readouterr()
    for secret in ("hunter2", "admin", "stream.mjpg"):
        assert secret not in told + output.out + output.err


def test_a_camera_that_answers_with_a_playlist_leads_nowhere() -> None:
    """A playlist would make FFmpeg fetch what it names: files of the gateway, other hosts."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nelsewhere.ts\n#EXT-X-ENDLIST\n"
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with driver(f"http://127.0.0.1:{server.server_port}/live.m3u8") as process:
            process.expect_state(LOST)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert set(asked) == {"/live.m3u8"}
