"""The camera driver as the gateway runs it, against the simulated network camera over loopback HTTP."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from drivers.camera.decode import grey_image
from drivers.camera.gate import AWAKE_S
from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reading, Reopen
from drivers.contract.reader import Code
from drivers.simulators.camera import CameraSimulator
from drivers.simulators.camera_pictures import jpeg
from tests.support.driver_process import DriverProcess
from tests.support.programs import require_library

LOST, READY = DeviceState.LOST, DeviceState.READY


@pytest.fixture
def camera() -> Iterator[CameraSimulator]:
    camera = CameraSimulator()
    camera.start()
    yield camera
    camera.stop()


def driver(source: str, **options: object) -> DriverProcess:
    return DriverProcess("drivers.camera", {"source": source, "timeout_ms": 1000, "gone_ms": 600, **options})


def read_again(camera: CameraSimulator, process: DriverProcess, payload: str) -> None:
    """The proof that the driver is well: it reads a code now."""
    camera.show(payload)
    assert process.expect_reading(Code) == Code("qr", payload.encode())


def test_says_hello_then_ready_with_the_picture_s_size_then_alive(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        hello = process.expect(Hello)
        assert (hello.driver, hello.kind) == ("camera", Kind.READER)
        assert process.expect_state(READY).detail == {"size": "640x480", "codec": "MJPG"}
        process.expect(Alive)
        process.expect(Alive)  # the second is of a frame and not of the opening
        assert process.stop() == 0


def test_no_code_is_no_reading(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        process.nothing(Reading, 2)


def test_a_code_is_read_once_while_it_is_in_sight(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.show("PASS-42")
        assert process.expect_reading(Code) == Code("qr", b"PASS-42")
        process.nothing(Reading, 2)


def test_a_code_is_read_again_after_it_was_taken_away(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")
        camera.hide()
        process.nothing(Reading, 1.5)
        read_again(camera, process, "PASS-42")


def test_another_code_is_read_at_once(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")
        read_again(camera, process, "PASS-43")


def test_a_code_taken_away_for_a_moment_is_no_news(camera: CameraSimulator) -> None:
    with driver(camera.url, gone_ms=5000) as process:
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")
        camera.hide()
        process.nothing(Reading, 0.5)
        camera.show("PASS-42")
        process.nothing(Reading, 1.5)


def test_a_binary_payload_arrives_byte_for_byte(camera: CameraSimulator) -> None:
    payload = random.Random(4).randbytes(100)
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.show(payload)
        assert process.expect_reading(Code) == Code("qr", payload)


def test_bars_of_a_library_card_are_read_on_a_telephone_in_its_dark_mode(camera: CameraSimulator) -> None:
    made = zxingcpp.create_barcode("4006381333931", zxingcpp.BarcodeFormat.EAN13)
    bars = np.array(zxingcpp.write_barcode_to_image(made, scale=3))
    screen = np.zeros((480, 640), np.uint8)
    screen[100 : 100 + bars.shape[0], 100 : 100 + bars.shape[1]] = 255 - bars
    with driver(camera.url, formats=["qr", "ean-13", "code-39"]) as process:
        process.expect_state(READY)
        camera.hold_up([jpeg(screen)])
        assert process.expect_reading(Code) == Code("ean-13", b"4006381333931")


def test_zbar_is_a_choice_and_its_absence_is_told(camera: CameraSimulator, tmp_path: Path) -> None:
    require_library("libzbar.so.0", "libzbar0")
    with driver(camera.url, decoder="zbar") as process:
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")
    (tmp_path / "pyzbar.py").write_text("raise ModuleNotFoundError('no', name='pyzbar')\n")
    argv = ["env", f"PYTHONPATH={tmp_path}", sys.executable, "-m", "drivers.camera"]
    with DriverProcess("drivers.camera", {"source": camera.url, "decoder": "zbar"}, argv) as process:
        problem = process.expect_state(LOST).problem
    assert problem is not None
    assert problem.code == "no_zbar"
    assert "libzbar0" in problem.advice


def test_a_picture_at_rest_is_looked_at_seldom_and_a_pass_is_seen_at_once(camera: CameraSimulator) -> None:
    """With a rest of two seconds a pass would be late by one on the average."""
    with driver(camera.url, rest_ms=2000) as process:
        process.expect_state(READY)
        process.nothing(Reading, AWAKE_S + 0.5)
        began = camera.frames_sent
        read_again(camera, process, "PASS-42")
        assert camera.frames_sent - began <= 8  # of ten in a second; the driver takes eight


def test_a_pass_that_was_gone_in_the_dark_is_news_again(camera: CameraSimulator) -> None:
    """Pictures that are not looked at, because there is nothing to see in them, are seen to be without the pass."""
    with driver(camera.url) as process:
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")
        camera.fault("dark")
        process.nothing(Reading, 1.2)
        camera.fault("none")
        assert process.expect_reading(Code) == Code("qr", b"PASS-42")


def test_a_dark_camera_is_alive_and_sees_nothing(camera: CameraSimulator) -> None:
    camera.fault("dark")
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.show("PASS-42")
        process.expect(Alive)
        process.expect(Alive)
        assert not [message for message in process.heard if isinstance(message, Reading)]
        camera.fault("none")
        assert process.expect_reading(Code) == Code("qr", b"PASS-42")


def test_a_hung_camera_is_lost_and_found_again(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.fault("hang")
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert problem.code == "silent"
        camera.fault("none")
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")


def test_a_cut_connection_is_lost_and_found_again(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        camera.fault("drop")
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert problem.code == "stream_ended"
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")


def test_a_code_still_in_sight_after_an_outage_is_no_news(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")
        camera.fault("refuse")
        process.expect_state(LOST)
        process.nothing(Reading, 1)  # longer than gone_ms
        camera.fault("none")
        process.expect_state(READY)
        process.nothing(Reading, 1.5)


def test_a_camera_that_is_switched_on_later_is_found(camera: CameraSimulator) -> None:
    camera.fault("refuse")
    with driver(camera.url) as process:
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert (problem.code, problem.cause) == (
            "not_opened",
            "http://127.0.0.1 could not be opened within 1000 ms",
        )
        assert "cable" in problem.advice
        camera.fault("none")
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")


def test_ends_with_the_stream_though_the_camera_hangs(camera: CameraSimulator) -> None:
    with driver(camera.url, timeout_ms=20_000) as process:
        process.expect_state(READY)
        camera.fault("hang")
        process.nothing(Reading, 0.5)
        process.close_stream()
        assert process.process.wait(5) == 0


def test_is_opened_again_on_request(camera: CameraSimulator) -> None:
    with driver(camera.url) as process:
        process.expect_state(READY)
        assert process.ask(Reopen()).body == msgspec.Raw(b'{"result":"done"}')
        process.expect_state(READY)


def test_each_rung_of_the_ladder_brings_a_camera_back(camera: CameraSimulator) -> None:
    """Opened again on request; then, with the camera hanging, killed and started anew."""
    with driver(camera.url) as process:
        process.expect_state(READY)
        process.ask(Reopen())
        process.expect_state(READY)
        read_again(camera, process, "PASS-42")
        camera.hide()
        camera.fault("hang")
        process.process.kill()
    with driver(camera.url) as process:
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert problem.code == "not_opened"
        camera.fault("none")
        process.expect_state(READY)
        read_again(camera, process, "PASS-43")


def test_a_name_that_stays_is_followed_to_wherever_the_camera_is_now(tmp_path: Path) -> None:
    """As udev does it with /dev/v4l/by-id: the link goes with the camera, and comes back with it at another place."""
    link = tmp_path / "usb-camera-index0"
    for number, text in enumerate(("PASS-42", "PASS-43")):
        video(tmp_path / f"video{number}.avi", "MJPG", text, frames=20)
    link.symlink_to(tmp_path / "video0.avi")
    with driver(str(link)) as process:
        process.expect_state(READY)
        assert process.expect_reading(Code) == Code("qr", b"PASS-42")
        link.unlink()
        problems = [process.expect_state(LOST).problem for _ in range(2)]
        assert [problem.code for problem in problems if problem is not None] == ["stream_ended", "not_opened"]
        link.symlink_to(tmp_path / "video1.avi")
        process.expect_state(READY)
        assert process.expect_reading(Code) == Code("qr", b"PASS-43")


def test_a_source_that_is_no_source_is_refused() -> None:
    with DriverProcess("drivers.camera", {"source": "concat:a|b"}) as process:
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert problem.code == "bad_options"
        assert "concat" not in problem.cause


@pytest.mark.parametrize("path", ["/dev/video-that-is-not", "/nowhere/visitor.avi"])
def test_a_missing_device_or_file_is_named(path: str) -> None:
    with driver(path) as process:
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert problem.code == "not_opened"
        assert path in problem.cause


@pytest.mark.parametrize(("suffix", "codec"), [("avi", "MJPG"), ("mp4", "mp4v")])
def test_a_video_file_is_read_like_a_camera(tmp_path: Path, suffix: str, codec: str) -> None:
    """Also the way without MJPEG, where OpenCV decodes every frame."""
    file = tmp_path / f"visitor.{suffix}"
    video(file, codec, "PASS-42", frames=60)
    with driver(str(file)) as process:
        process.expect_state(READY)
        assert process.expect_reading(Code) == Code("qr", b"PASS-42")
        problem = process.expect_state(LOST).problem
        assert problem is not None
        assert problem.code == "stream_ended"


def video(file: Path, codec: str, payload: str, frames: int) -> None:
    """A recording, 15 frames a second, of an empty wall and, after a quarter of it, a pass."""
    still = CameraSimulator()
    still.start()
    still.stop()
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*codec), 15, (640, 480))
    for number in range(frames):
        if number == frames // 4:
            still.show(payload)
        writer.write(cv2.cvtColor(_decoded(still.frame(number)), cv2.COLOR_GRAY2BGR))
    writer.release()


def _decoded(jpeg: bytes) -> NDArray[np.uint8]:
    grey = grey_image(jpeg)
    assert grey is not None
    return grey
